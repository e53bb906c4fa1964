"""One door to boto3, where every refusal is translated.

Requests are built from a program's JSON, so botocore's own models check them,
at the call; static request types would only be cast away.
"""

import base64
import datetime
import threading
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.values import Value
from analemma_platform.realisers.block import Block

Service: TypeAlias = Literal[
    "cloudwatch",
    "dynamodb",
    "iam",
    "kms",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "stepfunctions",
    "sts",
]
"""The AWS services the realisers use, by their boto3 names."""

Argument: TypeAlias = "Value | bytes | Mapping[str, Argument] | Sequence[Argument]"
"""What a request may hold."""

_MISSING = ("NotFound", "NoSuch", "DoesNotExist", "NotExist", "404")


class AwsRefused(ProviderFailure):
    """AWS answered with an error; ``code`` is its name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_missing(self) -> bool:
        """Whether the thing asked about does not exist."""
        return any(mark in self.code for mark in _MISSING)


class Aws:
    """Calls AWS at one endpoint, in one region. Safe to share among threads."""

    def __init__(
        self,
        endpoint: str,
        region: str,
        access_key: str = "test",
        secret_key: str = "test",  # noqa: S107 - an emulator knows no secrets
    ) -> None:
        self.region = region
        self._endpoint = endpoint
        self._session = boto3.Session(
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            region_name=region,
        )
        self._lock = threading.Lock()
        self._clients: dict[str, BaseClient] = {}

    def call(self, service: Service, operation: str, /, **request: Argument) -> Block:
        """Call ``operation``; a None argument is not sent.

        Raises:
            AwsRefused: AWS said no.
            ProviderFailure: the request was malformed, or nobody answered.
        """
        sent = {name: value for name, value in request.items() if value is not None}
        try:
            answer = getattr(self._client(service), operation)(**sent)
        except ClientError as error:
            raise _refused(service, operation, error) from error
        except BotoCoreError as error:
            raise ProviderFailure(f"{service}.{operation}: {error}") from error
        readable = _json(answer)
        return Block(readable if isinstance(readable, dict) else {}, operation)

    def find(
        self, service: Service, operation: str, /, **request: Argument
    ) -> Block | None:
        """Call ``operation``; None if what it asks about does not exist."""
        try:
            return self.call(service, operation, **request)
        except AwsRefused as error:
            if error.is_missing:
                return None
            raise

    def wait(self, service: Service, until: str, /, **request: Argument) -> None:
        """Wait until boto3's waiter ``until`` is content, for at most a minute.

        Raises:
            ProviderFailure: it was not, or the resource failed.
        """
        often: dict[str, float] = {"Delay": 0.05, "MaxAttempts": 1200}
        waiter = self._client(service).get_waiter(until)
        try:
            waiter.wait(**request, WaiterConfig=often)
        except WaiterError as error:
            raise ProviderFailure(f"{service}: waited for {until}: {error}") from error

    def _client(self, service: Service) -> BaseClient:
        with self._lock:  # Session.client() is not thread-safe, clients are
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,
                    endpoint_url=self._endpoint,
                    config=Config(
                        s3={"addressing_style": "path"},
                        retries={"mode": "standard", "max_attempts": 3},
                    ),
                )
            return self._clients[service]


def _refused(service: str, operation: str, error: ClientError) -> AwsRefused:
    details = error.response.get("Error", {})
    code = str(details.get("Code", "Unknown"))
    message = details.get("Message") or code
    return AwsRefused(code, f"{service}.{operation}: {code}: {message}")


def _json(value: object) -> Value:
    """Return an answer as JSON, bytes as base64; streams are left out."""
    match value:
        case dict():
            return {
                str(key): _json(inner)
                for key, inner in value.items()
                if key != "ResponseMetadata"
            }
        case list() | tuple():
            return [_json(inner) for inner in value]
        case datetime.datetime():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case bool() | int() | float() | str():
            return value
    return None
