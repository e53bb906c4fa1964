"""What a plan cannot read from a graph: how long, how many, how often.

Every figure is a range, so that a plan is one too. A range is written as one
number, or as ``lower:expected:upper``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator

from analemma.errors import InputInvalid

LAMBDA_SECONDS = 900
"""The longest that AWS lets a Lambda run."""


class Bound(StrEnum):
    """Which end of a range: few and short, as expected, many and long."""

    LOWER = "lower"
    EXPECTED = "expected"
    UPPER = "upper"


class Range(BaseModel):
    """Three figures in order, none negative. ``upper`` of None: no end is known."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False
    )

    lower: float
    expected: float
    upper: float | None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        upper = self.expected if self.upper is None else self.upper
        if not 0 <= self.lower <= self.expected <= upper:
            raise ValueError("give 0 <= lower <= expected <= upper")
        return self

    def at(self, bound: Bound, no_end: float = 0.0) -> float:
        """Return one end; ``no_end`` where the upper one is not known."""
        match bound:
            case Bound.LOWER:
                return self.lower
            case Bound.EXPECTED:
                return self.expected
            case Bound.UPPER:
                return no_end if self.upper is None else self.upper

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``5`` or ``1:5:20``.

        Raises:
            InputInvalid: it is neither, or not in order.
        """
        parts = text.split(":")
        try:
            numbers = [float(part) for part in parts]
            if len(numbers) == 1:
                numbers *= 3
            lower, expected, upper = numbers
            return cls(lower=lower, expected=expected, upper=upper)
        except ValueError:
            raise InputInvalid(
                f"{text!r}: give one number, or lower:expected:upper in order"
            ) from None

    def __str__(self) -> str:
        ends = [self.lower, self.expected, self.upper]
        if len(set(ends)) == 1:
            return f"{self.expected:,g}"
        return " / ".join("limit" if end is None else f"{end:,g}" for end in ends)


_SECONDS = Range(lower=0.05, expected=2, upper=30)
_TASKS = Range(lower=1, expected=10, upper=100)
_PASSES = Range(lower=1, expected=3, upper=None)
_TASK_BYTES = Range(lower=200, expected=1000, upper=4000)
_SLICE_SECONDS = Range(lower=0.1, expected=0.5, upper=3)
_SUPERSTEP_SECONDS = Range(lower=0.01, expected=0.03, upper=0.2)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The figures of one plan.

    ``seconds`` is of one task, ``tasks`` of one fan-out, ``passes`` how often a
    loop is gone through, ``task_bytes`` what a task writes. The mappings say it
    of single nodes; of a loop, its first node. ``slice_seconds`` is what a slice
    takes beside its tasks, ``superstep_seconds`` what a superstep does.
    """

    seconds: Range = _SECONDS
    tasks: Range = _TASKS
    passes: Range = _PASSES
    task_bytes: Range = _TASK_BYTES
    seconds_of: Mapping[str, Range] = field(default_factory=dict)
    tasks_of: Mapping[str, Range] = field(default_factory=dict)
    passes_of: Mapping[str, Range] = field(default_factory=dict)
    task_bytes_of: Mapping[str, Range] = field(default_factory=dict)
    slice_seconds: Range = _SLICE_SECONDS
    superstep_seconds: Range = _SUPERSTEP_SECONDS
    timeout_seconds: int = LAMBDA_SECONDS
    memory_mb: int = 1024

    def seconds_for(self, node: str, bound: Bound) -> float:
        """Return how long one task of the node takes."""
        return self.seconds_of.get(node, self.seconds).at(bound)

    def tasks_for(self, node: str, bound: Bound) -> int:
        """Return as how many tasks the node runs when it is sent to; at least one."""
        return max(1, round(self.tasks_of.get(node, self.tasks).at(bound)))

    def passes_for(self, loop: str, bound: Bound, limit: int) -> int:
        """Return how often a loop is gone through; at least once."""
        found = self.passes_of.get(loop, self.passes)
        return max(1, round(found.at(bound, limit)))

    def bytes_for(self, node: str, bound: Bound) -> int:
        """Return what one task of the node writes."""
        return round(self.task_bytes_of.get(node, self.task_bytes).at(bound))
