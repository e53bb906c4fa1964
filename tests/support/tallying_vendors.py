"""Vendors that remember what they billed, to hold ledgers against."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from model_servers import Anthropic, Gemini, Received, Reply, Vendor

_MTOK = 1_000_000


@dataclass
class Tallying:
    """A vendor, with the usage it reported and how many it served at once.

    Prices are micro-dollars a million tokens; a fraction counts as a whole one,
    call by call, as the bill of the run does.
    """

    vendor: Vendor
    input_price: int
    output_price: int
    calls: int = 0
    tokens: int = 0
    micro_usd: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, received: Received) -> Reply:
        """Answer as the vendor does, and remember what it reports."""
        reply = self.vendor.answer(received)
        if reply.status == 200:
            read, written = usage_of(reply)
            exact = read * self.input_price + written * self.output_price
            with self._lock:
                self.calls += 1
                self.tokens += read + written
                self.micro_usd += -(-exact // _MTOK)
        return reply

    def refusal(
        self, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return the vendor's error."""
        return self.vendor.refusal(status, message, headers)

    def refused_content(self) -> Reply:
        """Return the vendor's refusal."""
        return self.vendor.refused_content()


def usage_of(reply: Reply) -> tuple[int, int]:
    """Return the tokens read and written that a reply of either vendor reports."""
    body = json.loads(reply.body)
    if "usageMetadata" in body:
        usage = body["usageMetadata"]
        return usage["promptTokenCount"], usage["candidatesTokenCount"]
    return body["usage"]["input_tokens"], body["usage"]["output_tokens"]


VENDORS: dict[str, type[Gemini] | type[Anthropic]] = {
    "gemini": Gemini,
    "anthropic": Anthropic,
}
