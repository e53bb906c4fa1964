"""DynamoDB and S3 in this process, by moto, behind our own clients.

moto's DynamoDB is not safe among threads, while DynamoDB is: ``Turnstile`` lets
one request through at a time, so that threads can be tested against it.
"""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from moto import mock_aws
from moto.s3.models import s3_backends

from analemma.hardware.aws.clients import AwsClients, AwsSettings
from analemma.hardware.aws.traffic import Traffic

if TYPE_CHECKING:
    from botocore.client import BaseClient

REGION = "us-east-1"
_ACCOUNT = "123456789012"  # moto's only one.


def settings(endpoint_url: str | None = None, attempts: int = 4) -> AwsSettings:
    """Return settings with credentials that are worth nothing anywhere."""
    return AwsSettings(
        region=REGION,
        endpoint_url=endpoint_url,
        access_key_id="testing",
        secret_access_key="testing",
        attempts=attempts,
    )


class EmulatedAws:
    """Clients that moto answers, and what was sent by them.

    Making clients takes a third of a second, so tests share these and take a
    table or a bucket of their own.
    """

    def __init__(self) -> None:
        clients = AwsClients(settings())
        self.dynamodb = clients.dynamodb()
        self.s3 = clients.s3()
        self.traffic = Traffic()
        self.traffic.attach(self.dynamodb)
        self.traffic.attach(self.s3)
        self._numbers = itertools.count()

    def new_table(self) -> str:
        """Create an empty table for records and return its name."""
        name = f"analemma-test-records-{next(self._numbers)}"
        self.dynamodb.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    def new_bucket(self, *, versions: bool = False) -> str:
        """Create an empty bucket and return its name."""
        name = f"analemma-test-pages-{next(self._numbers)}"
        self.s3.create_bucket(Bucket=name)
        if versions:
            self.s3.put_bucket_versioning(
                Bucket=name, VersioningConfiguration={"Status": "Enabled"}
            )
        return name

    def age_object(self, bucket: str, key: str, by: timedelta) -> None:
        """Make every version of an object look as if it had been stored before."""
        for stored in s3_backends[_ACCOUNT]["aws"].buckets[bucket].keys.getlist(key):
            stored.last_modified -= by


@contextmanager
def emulated_aws() -> Iterator[EmulatedAws]:
    """Run moto; forget everything after."""
    with mock_aws():
        yield EmulatedAws()


class Turnstile:
    """Lets one request of a client through at a time."""

    def __init__(self, client: "BaseClient") -> None:
        self._lock = threading.Lock()
        client.meta.events.register_first("before-send", self._enter)
        client.meta.events.register_last("response-received", self._leave)

    def _enter(self, **_: object) -> None:
        self._lock.acquire()

    def _leave(self, **_: object) -> None:
        self._lock.release()
