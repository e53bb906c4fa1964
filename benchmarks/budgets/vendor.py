"""A model provider on loopback that knows what it billed: generateContent of Gemini.

``together`` is how many calls must be waiting before the first is answered; then
all are answered as they come. So parallel calls are parallel, whatever the machine
does. Nothing waits longer than ``_PATIENCE_SECONDS``: then the figures are wrong, and
the benchmark says so.
"""

import json
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from analemma.hardware.providers.price import ModelPrice

MODEL = "loopback-1"
PRICE = ModelPrice(300_000, 2_500_000)

_PATIENCE_SECONDS = 60.0


@dataclass
class Vendor:
    """Answers with ``answer_tokens`` tokens, and reads one for every four bytes.

    None: another number for every prompt, at most what the request allows.
    """

    together: int = 1
    answer_tokens: int | None = None
    calls: int = 0
    tokens: int = 0
    micro_usd: int = 0
    most_at_once: int = 0
    url: str = ""
    _waiting: int = 0
    _turn: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def serving(self) -> Iterator["Vendor"]:
        """Serve until the block ends."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, body: bytes) -> dict[str, object]:
        """Bill a call, and return what the API returns for it."""
        request = json.loads(body)
        prompt = request["contents"][0]["parts"][0]["text"]
        cap = request["generationConfig"]["maxOutputTokens"]
        read = len(prompt.encode()) // 4 + 1
        written = self.answer_tokens
        if written is None:
            written = zlib.crc32(prompt.encode()) % (cap + 1)
        written = min(written, cap)
        thoughts = written // 3
        with self._turn:
            self.calls += 1
            self.tokens += read + written
            self.micro_usd += PRICE.micro_usd(read, written)
            self._waiting += 1
            self.most_at_once = max(self.most_at_once, self._waiting)
            self._turn.notify_all()
            self._turn.wait_for(
                lambda: self.most_at_once >= self.together, _PATIENCE_SECONDS
            )
            self._waiting -= 1
        return {
            "candidates": [
                {
                    "content": {"role": "model", "parts": [{"text": "answer"}]},
                    "finishReason": "STOP",
                }
            ],
            "usageMetadata": {
                "promptTokenCount": read,
                "candidatesTokenCount": written - thoughts,
                "thoughtsTokenCount": thoughts,
            },
            "modelVersion": MODEL,
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = json.dumps(vendor.answer(self.rfile.read(length))).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
