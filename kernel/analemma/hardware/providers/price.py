"""What a model call costs, in integer micro-dollars, rounded up.

Prices are configuration: vendors change them, and a budget must not rest on a
table that was true when this file was written.
"""

from dataclasses import dataclass

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


FREE = ModelPrice(0, 0)
"""The price of a model that costs nothing."""
