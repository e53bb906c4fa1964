"""AWS at the level of the wire: what a client is answered, attempt by attempt.

``Wire`` answers in place of a network, with the bytes that AWS would send, so
that botocore's own parser, retries and exceptions are under test. ``LostAnswer``
lets one attempt be applied and loses its answer.
"""

import io
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.client import BaseClient

Answer = Callable[[str], AWSResponse]
"""Makes an answer to the request at a URL, or raises what botocore would."""


class Wire:
    """Answers every attempt of a client, and counts the attempts."""

    def __init__(self, client: "BaseClient", answer: Answer) -> None:
        self.attempts = 0
        self._answer = answer
        # The stubs know only events whose handlers return nothing.
        client.meta.events.register("before-send", self._on_send)  # type: ignore[arg-type]

    def _on_send(self, request: "AWSPreparedRequest", **_: object) -> AWSResponse:
        self.attempts += 1
        return self._answer(request.url)


class LostAnswer:
    """Loses the answer to attempt ``number`` (from 1) of an operation.

    Registered last, so that whoever serves the request has done so by then.
    """

    def __init__(self, client: "BaseClient", operation: str, number: int = 1) -> None:
        self.attempts = 0
        self._number = number
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_last("before-send", self._on_send)
        self._event = f"before-send.{service}.{operation}"

    def _on_send(
        self, request: "AWSPreparedRequest", event_name: str, **_: object
    ) -> None:
        if event_name != self._event:
            return
        self.attempts += 1
        if self.attempts == self._number:
            raise ReadTimeoutError(endpoint_url=request.url)


def dynamo_error(status: int, code: str) -> Answer:
    """Answer as DynamoDB refuses: JSON, with the code in ``__type``."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no"}
    return _aws(status, json.dumps(body).encode(), "application/x-amz-json-1.0")


def dynamo_answer(body: object) -> Answer:
    """Answer as DynamoDB does when all is well."""
    return _aws(200, json.dumps(body).encode(), "application/x-amz-json-1.0")


def s3_error(status: int, code: str) -> Answer:
    """Answer as S3 refuses: XML."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    return _aws(status, body.encode(), "application/xml")


def bare(status: int) -> Answer:
    """Answer a status without a body, as S3 does to HEAD."""
    return _aws(status, b"", "text/plain")


def garbage(status: int = 200) -> Answer:
    """Answer as something that is not AWS, such as a proxy."""
    return _answer(status, b"<html>portal</html", "text/html")


def raising(error: Exception) -> Answer:
    """Answer nothing: botocore's HTTP layer raises ``error``."""

    def answer(_: str) -> AWSResponse:
        raise error

    return answer


def _aws(status: int, body: bytes, content_type: str) -> Answer:
    return _answer(status, body, content_type, {"x-amzn-requestid": "REQUEST"})


def _answer(
    status: int, body: bytes, content_type: str, more: dict[str, str] | None = None
) -> Answer:
    headers = HTTPHeaders()
    headers["content-type"] = content_type
    headers["content-length"] = str(len(body))
    for name, value in (more or {}).items():
        headers[name] = value

    def answer(url: str) -> AWSResponse:
        return AWSResponse(url, status, headers, _Stream(body))

    return answer


class _Stream(io.BytesIO):
    """What botocore expects of urllib3's response."""

    def stream(self, amount: int = 65536, **_: object) -> Iterator[bytes]:
        while part := self.read(amount):
            yield part
