"""Budgets: what a run may use, and what it has used.

All integers: micro-dollars and whole tokens, so that sums are exact. A limit of
None is no limit.
"""

from collections.abc import Iterator
from typing import ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_serializer,
    model_validator,
)

from analemma.records.transition import TerminationReason

_Limit = Field(default=None, ge=1)

_LIMITED = (
    TerminationReason.SUPERSTEPS,
    TerminationReason.SECONDS,
    TerminationReason.TOKENS,
    TerminationReason.MICRO_USD,
)


class Amount(BaseModel):
    """So much of each thing that a budget limits; a vector, added by parts.

    Time in whole milliseconds here, so that sums are exact. As JSON, a list of the
    four: a counter may hold thousands.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    supersteps: int = 0
    milliseconds: int = 0
    tokens: int = 0
    micro_usd: int = 0

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        if isinstance(value, list) and len(value) == len(cls.model_fields):
            return dict(zip(cls.model_fields, value, strict=True))
        return value

    @model_serializer
    def _as_list(self) -> list[int]:
        return [self.supersteps, self.milliseconds, self.tokens, self.micro_usd]

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            supersteps=self.supersteps + other.supersteps,
            milliseconds=self.milliseconds + other.milliseconds,
            tokens=self.tokens + other.tokens,
            micro_usd=self.micro_usd + other.micro_usd,
        )

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(
            supersteps=self.supersteps - other.supersteps,
            milliseconds=self.milliseconds - other.milliseconds,
            tokens=self.tokens - other.tokens,
            micro_usd=self.micro_usd - other.micro_usd,
        )

    def __bool__(self) -> bool:
        return self != NOTHING

    def at_least(self, other: "Amount") -> "Amount":
        """Return the larger of the two, part by part."""
        return Amount(
            supersteps=max(self.supersteps, other.supersteps),
            milliseconds=max(self.milliseconds, other.milliseconds),
            tokens=max(self.tokens, other.tokens),
            micro_usd=max(self.micro_usd, other.micro_usd),
        )

    def of(self, reason: TerminationReason) -> int:
        """Return the part that a limit of this name is about, time in milliseconds."""
        name = "milliseconds" if reason is TerminationReason.SECONDS else reason.value
        return int(getattr(self, name))


NOTHING = Amount()


class Budget(BaseModel):
    """The limits of one run, or of what runs share."""

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

    def limits(self) -> Iterator[tuple[TerminationReason, int]]:
        """Yield the limits that are set, each with what it is called."""
        for reason in _LIMITED:
            limit = getattr(self, reason.value)
            if limit is not None:
                yield reason, limit

    def only(self, *reasons: TerminationReason) -> "Budget":
        """Return a budget with these limits of this one and no other."""
        return Budget.model_validate(
            {name.value: limit for name, limit in self.limits() if name in reasons}
        )

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
