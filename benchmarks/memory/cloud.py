"""DynamoDB and S3 in this process, by moto, and the bytes that stand there.

What travels is counted by hooks of botocore (``analemma.hardware.aws.traffic``),
attempt by attempt; what is stored is read by clients that nobody counts. moto is
not safe among threads, and LangGraph saves on some: one request at a time.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from moto import mock_aws

from analemma.hardware.aws.clients import AwsClients, AwsSettings
from analemma.hardware.aws.traffic import Traffic
from benchmarks.memory.places import Calls

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
NAME = "checkpoints"
# Worth nothing anywhere; moto asks for none.
_KEY_ID, _KEY = "benchmark", "benchmark"

_READS = {
    "GetItem",
    "BatchGetItem",
    "Query",
    "Scan",
    "GetObject",
    "HeadObject",
    "ListObjectsV2",
}


class CloudClients:
    """Clients that all rows share: making them takes a third of a second."""

    def __init__(self) -> None:
        settings = AwsSettings(REGION, access_key_id=_KEY_ID, secret_access_key=_KEY)
        self.traffic = Traffic()
        watched, unwatched = AwsClients(settings, self.traffic), AwsClients(settings)
        self.dynamodb: DynamoDBClient = watched.dynamodb()
        self.s3: S3Client = watched.s3()
        self._turn = threading.Lock()
        self._queue(self.dynamodb)
        self._queue(self.s3)
        self.unwatched_dynamodb: DynamoDBClient = unwatched.dynamodb()
        self.unwatched_s3: S3Client = unwatched.s3()
        # For a saver that makes its clients itself.
        self.session = Session(
            region_name=REGION, aws_access_key_id=_KEY_ID, aws_secret_access_key=_KEY
        )

    def watch(self, client: "BaseClient") -> None:
        """Count what a client sends that a saver has made from ``session``."""
        self.traffic.attach(client)
        self._queue(client)

    def _queue(self, client: "BaseClient") -> None:
        # botocore says "response-received" for what failed, too.
        client.meta.events.register_first("before-send", self._enter)
        client.meta.events.register_last("response-received", self._leave)

    def _enter(self, **_: object) -> None:
        self._turn.acquire()

    def _leave(self, **_: object) -> None:
        self._turn.release()


class Cloud:
    """One table and one bucket."""

    def __init__(
        self, clients: CloudClients, partition: str, sort: str, name: str = NAME
    ) -> None:
        """Make both, of one name; ``partition`` and ``sort`` are the table's keys."""
        self.clients = clients
        self.name = name
        clients.unwatched_dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": partition, "KeyType": "HASH"},
                {"AttributeName": sort, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": partition, "AttributeType": "S"},
                {"AttributeName": sort, "AttributeType": "S"},
            ],
        )
        clients.unwatched_s3.create_bucket(Bucket=name)

    def calls(self) -> Calls:
        """Return what was sent and received until now."""
        writes = reads = sent = received = 0
        for (_, operation), count in self.clients.traffic.counts().items():
            if operation in _READS:
                reads += count.calls
            else:
                writes += count.calls
            sent += count.request_bytes
            received += count.response_bytes
        return Calls(writes, reads, sent, received)

    def stored_bytes(self) -> int:
        """Return the size of all items and of all objects."""
        return self._item_bytes() + self._object_bytes()

    def _item_bytes(self) -> int:
        client = self.clients.unwatched_dynamodb
        pages = client.get_paginator("scan").paginate(TableName=self.name)
        return sum(item_bytes(item) for page in pages for item in page["Items"])

    def _object_bytes(self) -> int:
        client = self.clients.unwatched_s3
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return sum(
            stored["Size"] for page in pages for stored in page.get("Contents", ())
        )


@contextmanager
def cloud(clients: CloudClients, partition: str, sort: str) -> Iterator[Cloud]:
    """Run moto; forget everything after."""
    with mock_aws():
        yield Cloud(clients, partition, sort)


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return the size of an item as DynamoDB bills it, names included.

    Any: an attribute is ``{type: value}``, and the type says what value is.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(each) for name, each in item.items())


def _value_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    if kind == "S":
        return len(value.encode())
    if kind == "B":
        return len(value)
    if kind == "N":
        digits = len(Decimal(value).normalize().as_tuple().digits)
        return (digits + 1) // 2 + 1
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "L":
        return 3 + sum(1 + _value_bytes(each) for each in value)
    if kind == "M":
        return 3 + item_bytes(value) + len(value)
    raise ValueError(f"no saver here writes attributes of type {kind}")
