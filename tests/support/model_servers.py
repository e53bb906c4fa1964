"""Model vendors on loopback, at the level of their HTTP protocols.

A vendor here checks a request as the real one would (path, key, version,
required fields) and answers in its JSON, so that the vendors' own clients are
under test. The model behind both repeats what it was asked, system first, up to
the token limit; a token is a word. ``instead`` makes one answer something else.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

MODEL = "echo-1"
KEY = "key-that-must-never-be-shown-8472"

Json = dict[str, Any]
"""A JSON object; Any because the vendors' schemas are theirs to type."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: Json


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as it goes over the wire."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Hang:
    """In place of a reply: say nothing until the server ends."""


class Drop:
    """In place of a reply: close the connection."""


class Vendor(Protocol):
    """One vendor's side of its protocol."""

    def answer(self, received: Received) -> Reply:
        """Return what the vendor answers to this request."""
        ...

    def refusal(
        self, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return an error in the vendor's JSON."""
        ...

    def refused_content(self) -> Reply:
        """Return the answer to a request whose content the vendor refuses."""
        ...


def reply(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Reply:
    """Return ``body`` as a JSON reply."""
    return Reply(
        status,
        json.dumps(body).encode(),
        {"content-type": "application/json", **(headers or {})},
    )


class Gemini:
    """generateContent of the Gemini Developer API, versions v1 and v1beta."""

    def answer(self, received: Received) -> Reply:
        """Repeat the request's texts; see the module."""
        if received.headers.get("x-goog-api-key") != KEY:
            return self.refusal(400, "API key not valid. Please pass a valid API key.")
        paths = [f"/{v}/models/{MODEL}:generateContent" for v in ("v1", "v1beta")]
        if received.path not in paths:
            return self.refusal(404, f"{received.path} is not found")
        if not received.body.get("contents"):
            return self.refusal(400, "contents is not specified")
        system = received.body.get("systemInstruction", {}).get("parts", [])
        asked = system + received.body["contents"][0]["parts"]
        words = " ".join(part["text"] for part in asked).split()
        limit = received.body.get("generationConfig", {}).get("maxOutputTokens", 8192)
        return reply(
            {
                "candidates": [
                    {
                        "content": {
                            "role": "model",
                            "parts": [{"text": " ".join(words[:limit])}],
                        },
                        "finishReason": "STOP" if len(words) <= limit else "MAX_TOKENS",
                    }
                ],
                "usageMetadata": {
                    "promptTokenCount": len(words),
                    "candidatesTokenCount": min(len(words), limit),
                    "totalTokenCount": len(words) + min(len(words), limit),
                },
                "modelVersion": f"{MODEL}-001",
            }
        )

    def refusal(
        self, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return an error as ``google.rpc.Status`` in JSON."""
        error = {"code": status, "message": message, "status": "AS_GOOGLE_SAYS"}
        return reply({"error": error}, status, headers)

    def refused_content(self) -> Reply:
        """Return a blocked prompt."""
        return reply({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})


class Anthropic:
    """The Messages API, any version."""

    def answer(self, received: Received) -> Reply:
        """Repeat the request's texts; see the module."""
        # The client of 2.12 sends the key as a bearer token; older ones did not.
        if f"Bearer {KEY}" != received.headers.get("authorization"):
            return self.refusal(401, "invalid authentication")
        if received.path != "/v1/messages" or "anthropic-version" not in (
            received.headers
        ):
            return self.refusal(404, f"{received.path} is not found")
        body = received.body
        if body.get("model") != MODEL:
            return self.refusal(404, f"model: {body.get('model')}")
        if not body.get("messages") or "max_tokens" not in body:
            return self.refusal(400, "messages and max_tokens are required")
        words = f"{body.get('system', '')} {body['messages'][0]['content']}".split()
        limit = body["max_tokens"]
        stop = "end_turn" if len(words) <= limit else "max_tokens"
        return reply(
            self.message(" ".join(words[:limit]), stop, len(words), limit=limit)
        )

    def message(self, text: str, stop: str, read: int, limit: int = 10**6) -> Json:
        """Return a message object of the API."""
        return {
            "id": "msg_01",
            "type": "message",
            "role": "assistant",
            "model": f"{MODEL}-20260101",
            "content": [{"type": "text", "text": text}],
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {
                "input_tokens": read,
                "output_tokens": min(len(text.split()), limit),
            },
        }

    def refusal(
        self, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return an error object of the API."""
        error = {"type": "as_anthropic_says", "message": message}
        return reply({"type": "error", "error": error}, status, headers)

    def refused_content(self) -> Reply:
        """Return a message that a classifier stopped."""
        return reply(self.message("", "refusal", 3))


class ModelServer:
    """A vendor's service on loopback. Every attempt is kept in ``received``."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.received: list[Received] = []
        self._instead: list[Reply | Hang | Drop] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._http.block_on_close = False

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def instead(self, *replies: Reply | Hang | Drop) -> None:
        """Give the next requests these replies, and no answer of the model."""
        with self._lock:
            self._instead.extend(replies)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._http.shutdown()
            thread.join()
            self._http.server_close()

    def _next(self, received: Received) -> Reply | Hang | Drop:
        with self._lock:
            self.received.append(received)
            if self._instead:
                return self._instead.pop(0)
        return self.vendor.answer(received)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                outcome = server._next(
                    Received(
                        self.path,
                        {name.lower(): value for name, value in self.headers.items()},
                        json.loads(self.rfile.read(length)),
                    )
                )
                if isinstance(outcome, Reply):
                    self._send(outcome)
                    return
                if isinstance(outcome, Hang):
                    server._ended.wait(60)
                self.close_connection = True

            def _send(self, answer: Reply) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Keep the tests' output clean."""

        return Handler
