"""Budgets: what a run may use, and what it has used.

All integers: micro-dollars and whole tokens, so that sums are exact. A limit of
None is no limit.
"""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from analemma.records.transition import TerminationReason

_Limit = Field(default=None, ge=1)


class Budget(BaseModel):
    """The limits of one run."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    supersteps: int | None = _Limit
    seconds: int | None = _Limit
    tokens: int | None = _Limit
    micro_usd: int | None = _Limit

    def exceeded_by(self, used: "Usage") -> TerminationReason | None:
        """Return the first limit that ``used`` has reached, or None.

        A limit counts as reached when nothing of it is left, so that the check
        comes before the step that would pass it.
        """
        pairs = (
            (self.supersteps, used.supersteps, TerminationReason.SUPERSTEPS),
            (self.seconds, used.seconds, TerminationReason.SECONDS),
            (self.tokens, used.tokens, TerminationReason.TOKENS),
            (self.micro_usd, used.micro_usd, TerminationReason.MICRO_USD),
        )
        for limit, amount, reason in pairs:
            if limit is not None and amount >= limit:
                return reason
        return None

    def with_changes(self, changes: "Budget") -> Self:
        """Return this budget with every limit that ``changes`` sets."""
        return self.model_copy(update=changes.model_dump(exclude_none=True))


class Usage(BaseModel):
    """What one run has used so far. ``seconds`` counts time inside slices."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    supersteps: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0.0)
    tokens: int = Field(default=0, ge=0)
    micro_usd: int = Field(default=0, ge=0)
