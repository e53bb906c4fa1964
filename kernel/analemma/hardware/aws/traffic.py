"""The one byte counter: calls and bytes that went to AWS, by operation.

It counts attempts, not calls of the program: a call that botocore sent three
times is three. Bytes are those of HTTP bodies, which is what grows with the
state; headers and TLS (about 1 to 2 KB a call) are left out.
"""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.client import BaseClient


Counts: TypeAlias = "dict[tuple[str, str], CallCount]"
"""By service and operation, as botocore names them."""


@dataclass(frozen=True, slots=True)
class CallCount:
    """What one operation has cost so far."""

    calls: int = 0
    request_bytes: int = 0
    response_bytes: int = 0

    def __add__(self, other: "CallCount") -> "CallCount":
        return CallCount(
            self.calls + other.calls,
            self.request_bytes + other.request_bytes,
            self.response_bytes + other.response_bytes,
        )

    def __sub__(self, other: "CallCount") -> "CallCount":
        return CallCount(
            self.calls - other.calls,
            self.request_bytes - other.request_bytes,
            self.response_bytes - other.response_bytes,
        )


class Traffic:
    """Counts what the clients it is attached to send and receive.

    Safe among threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counts = {}

    def attach(self, client: "BaseClient") -> None:
        """Count every attempt of ``client`` from now on; twice is once."""
        events = client.meta.events
        # First, so that an attempt which another handler answers counts too.
        events.register_first(
            "before-send", self._on_send, unique_id=f"traffic-sent-{id(self)}"
        )
        events.register(
            "response-received",
            self._on_response,
            unique_id=f"traffic-received-{id(self)}",
        )

    def counts(self) -> Counts:
        """Return the counts by service and operation.

        Both as botocore names them: ``("dynamodb", "UpdateItem")``,
        ``("s3", "PutObject")``, ``("sfn", "StartExecution")``.
        """
        with self._lock:
            return dict(self._counts)

    def _on_send(
        self, event_name: str, request: "AWSPreparedRequest", **_: object
    ) -> None:
        # A body with a trailing checksum goes out in chunks and may name no
        # Content-Length; this header says how long it is without the chunks' frames.
        sent = int(
            request.headers.get("X-Amz-Decoded-Content-Length")
            or request.headers.get("Content-Length")
            or 0
        )
        self._add(event_name, CallCount(calls=1, request_bytes=sent))

    def _on_response(
        self,
        event_name: str,
        # Any: botocore passes a plain dict of unlike values, and types it so.
        response_dict: dict[str, Any] | None = None,
        **_: object,
    ) -> None:
        if response_dict is None:  # No answer came.
            return
        body = response_dict["body"]
        if isinstance(body, bytes):
            received = len(body)
        else:  # A stream that nobody has read yet.
            received = int(response_dict["headers"].get("content-length", 0))
        self._add(event_name, CallCount(response_bytes=received))

    def _add(self, event_name: str, count: CallCount) -> None:
        _, service, operation = event_name.split(".")
        key = (service, operation)
        with self._lock:
            self._counts[key] = self._counts.get(key, CallCount()) + count
