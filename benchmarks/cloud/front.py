"""What stands before the emulated AWS and counts: an HTTP server that hands on.

It counts requests as they arrive, whoever sends them: the SDK's retries are
requests too, and so is a refused write. That is what AWS bills.

Of DynamoDB the size of a request is not what is billed, the size of the item
is. It is worked out here from what is written and read, by DynamoDB's published
rules, and of an update the larger of the item before and after.
"""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.cloud.items import Items

HOST = "127.0.0.1"
_TIMEOUT_SECONDS = 120.0
_HOPS = {"connection", "expect", "transfer-encoding", "keep-alive", "host"}
_TARGETS = {"AWSStepFunctions": "sfn", "secretsmanager": "secrets-manager"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as it is billed.

    ``billed_request_bytes`` and ``billed_response_bytes`` are the item's of
    DynamoDB and the body's of everything else. ``key`` is the access key that
    signed it: functions and people have different ones.
    """

    key: str
    service: str
    operation: str
    status: int
    billed_request_bytes: int
    billed_response_bytes: int

    @property
    def name(self) -> str:
        """The operation with its service, as logs and tables show it."""
        return f"{self.service}.{self.operation}"


class Front:
    """Forwards to an endpoint and remembers every call. Safe among threads."""

    def __init__(self, behind: str) -> None:
        self._behind = urlsplit(behind).netloc
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._items = Items()
        self._server = _Server(self)

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def calls(self) -> list[Call]:
        """Return the calls since it was last emptied."""
        with self._lock:
            return list(self._calls)

    def forget(self) -> None:
        """Forget the calls; what is known of items stays."""
        with self._lock:
            self._calls.clear()

    @contextmanager
    def serving(self) -> Iterator["Front"]:
        """Serve in threads of this process until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection to the endpoint; it opens with the first request."""
        return http.client.HTTPConnection(self._behind, timeout=_TIMEOUT_SECONDS)

    def forward(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Ask the endpoint, remember the call, return its answer."""
        passed = {k: v for k, v in headers.items() if k not in _HOPS}
        passed["Host"] = self._behind
        passed["Content-Length"] = str(len(body))
        connection.request(method, path, body, passed)
        answer = connection.getresponse()
        content = answer.read()
        self._remember(method, path, headers, body, answer.status, content)
        return answer.status, answer.getheaders(), content

    def _remember(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        status: int,
        content: bytes,
    ) -> None:
        service, operation = named(method, path, headers)
        sent, received = len(body), len(content)
        if service == "dynamodb":
            with self._lock:
                sent, received = self._items.billed(
                    operation, _json(body), _json(content)
                )
        call = Call(_key(headers), service, operation, status, sent, received)
        with self._lock:
            self._calls.append(call)


def named(method: str, path: str, headers: Mapping[str, str]) -> tuple[str, str]:
    """Return service and operation of a request, as botocore names them."""
    target = headers.get("x-amz-target", "")
    if target:
        prefix, _, operation = target.rpartition(".")
        service = prefix.partition("_")[0]
        return _TARGETS.get(service, service.lower()), operation
    if _signed_for(headers) != "s3":
        return _signed_for(headers) or "unknown", f"{method} {urlsplit(path).path}"
    return "s3", _s3_operation(method, path)


def _s3_operation(method: str, path: str) -> str:
    parts = urlsplit(path)
    query = parse_qs(parts.query, keep_blank_values=True)
    of_object = "/" in parts.path.strip("/")
    if not of_object:
        listing = "list-type" in query
        return "ListObjectsV2" if listing else f"{method} bucket {parts.query}"
    return {
        "PUT": "PutObject",
        "GET": "GetObject",
        "HEAD": "HeadObject",
        "DELETE": "DeleteObject",
    }.get(method, f"{method} object {parts.query}")


def _credential(headers: Mapping[str, str]) -> list[str]:
    """Return the parts of the credential: key, date, region, service, end."""
    _, _, rest = headers.get("authorization", "").partition("Credential=")
    return rest.partition(",")[0].split("/")


def _key(headers: Mapping[str, str]) -> str:
    return _credential(headers)[0]


def _signed_for(headers: Mapping[str, str]) -> str:
    parts = _credential(headers)
    return parts[3] if len(parts) > 3 else ""


def _json(body: bytes) -> dict[str, Any]:
    # Any: a request of DynamoDB is JSON.
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, front: Front) -> None:
        super().__init__((HOST, 0), _Handler)
        self.front = front


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Nagle would hold back the last piece of an answer for 40 ms.
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Open a connection for each connection."""
        super().setup()
        self._onward = self.server.front.connection()

    def finish(self) -> None:
        """Close it with that one."""
        self._onward.close()
        super().finish()

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        try:
            status, answered, content = self.server.front.forward(
                self._onward, self.command, self.path, headers, body
            )
        except (OSError, http.client.HTTPException):
            self._onward.close()  # The next request opens it anew.
            self.close_connection = True
            self.send_error(502)
            return
        self.send_response_only(status)
        length = len(content)
        for name, value in answered:
            if name.lower() == "content-length":
                length = int(value)  # Of HEAD, what GET would send.
            elif name.lower() not in _HOPS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers of the transfer
        return b"".join(pieces)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the calls are remembered."""
