"""What a model call costs, in integer micro-dollars, rounded up.

Prices are configuration: vendors change them, and a budget must not rest on a
table that was true when this file was written.
"""

from dataclasses import dataclass

from analemma.hardware.ports.models import ModelRequest, ModelUsage

FRAMING_TOKENS = 256
"""Roles, turns, begin and end: about ten tokens with either vendor, amply rounded."""

_TOKENS_PER_MTOK = 1_000_000


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """Micro-dollars for a million tokens (3 USD a million is 3_000_000)."""

    input_micro_usd_per_mtok: int
    output_micro_usd_per_mtok: int

    def micro_usd(self, input_tokens: int, output_tokens: int) -> int:
        """Return the cost of one call; any fraction counts as a whole one."""
        exact = (
            input_tokens * self.input_micro_usd_per_mtok
            + output_tokens * self.output_micro_usd_per_mtok
        )
        return -(-exact // _TOKENS_PER_MTOK)


def most(request: ModelRequest, price: ModelPrice, longest_answer: int) -> ModelUsage:
    """Return the most that a call can cost.

    Input: a token of a byte-level vocabulary (Claude's, Gemini's) covers at least
    one byte of UTF-8, so there are at most as many tokens as bytes, and
    ``FRAMING_TOKENS`` for what the vendor puts around the texts. Output: the cap
    that the request carries, else ``longest_answer``.
    """
    read = len((request.system + request.prompt).encode("utf-8", "surrogatepass"))
    read += FRAMING_TOKENS
    written = answer_cap(request, longest_answer)
    return ModelUsage(read, written, price.micro_usd(read, written))


def answer_cap(request: ModelRequest, longest_answer: int) -> int:
    """Return how many tokens the answer may have at most."""
    return longest_answer if request.max_tokens is None else request.max_tokens


FREE = ModelPrice(0, 0)
"""The price of a model that costs nothing."""
