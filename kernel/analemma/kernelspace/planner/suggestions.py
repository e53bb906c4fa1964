"""Hold a model's suggestions against the workflow: what cannot be true is refused.

A suggestion is checked by itself, so that one that breaks a rule takes no other
with it. A cut is kept as advice and changes no figure: the kernel cuts slices by
their time.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analemma.kernelspace.planner.assumptions import (
    LAMBDA_SECONDS,
    Assumptions,
    Range,
)
from analemma.kernelspace.planner.shape import Shape
from analemma.kernelspace.planner.walk import supersteps_once, whole_schedule

MOST_TASKS = 10_000
MOST_BYTES = 256 * 1024 * 1024
_SHOWN_CHARACTERS = 200

What = Literal["seconds", "bytes", "tasks", "passes"]


class Figure(BaseModel):
    """A suggestion about one node: seconds or bytes a task, tasks, passes."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    node: str
    what: What
    lower: float = Field(ge=0, allow_inf_nan=False)
    expected: float = Field(ge=0, allow_inf_nan=False)
    upper: float = Field(ge=0, allow_inf_nan=False)
    why: str = ""


class Cut(BaseModel):
    """A suggestion to begin a slice before the superstep of these nodes."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    before: tuple[str, ...] = Field(min_length=1)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A suggestion that the plan rests on, or keeps, in words."""

    suggestion: str
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A suggestion that breaks a rule, in words, and the rule."""

    suggestion: str
    reason: str


class Breaks(Exception):
    """A suggestion breaks a rule; the message says which."""


class Judge:
    """Holds suggestions against the workflow, and keeps those that hold."""

    def __init__(self, shape: Shape, assumptions: Assumptions, limit: int) -> None:
        found = whole_schedule(shape)
        self.assumptions = assumptions
        self._shape = shape
        self._limit = limit
        self._reached = set(found.order)
        self._loops = {loop.name for loop in found.loops}
        self._steps = supersteps_once(shape)
        self._cuts: set[frozenset[str]] = set()

    def take(self, kind: str, suggestion: Any) -> Taken:
        """Keep a suggestion.

        Raises:
            Breaks: it breaks a rule.
        """
        try:
            if kind == "figures":
                return self._figure(Figure.model_validate(suggestion))
            if kind == "cuts":
                return self._cut(Cut.model_validate(suggestion))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the whole"
            raise Breaks(f"{shown(where)}: {first['msg']}") from None
        raise Breaks("neither a figure nor a cut")

    def _figure(self, figure: Figure) -> Taken:
        self._check_node(figure.node)
        try:
            found = Range(
                lower=figure.lower, expected=figure.expected, upper=figure.upper
            )
        except ValidationError:
            raise Breaks("not lower <= expected <= upper") from None
        self._check_figure(figure)
        field = _FIELDS[figure.what]
        known: Mapping[str, Range] = getattr(self.assumptions, field)
        if figure.node in known:
            raise Breaks(f"{figure.what} of {figure.node!r} are said already")
        # Any: which field it is, the table says.
        change: dict[str, Any] = {field: {**known, figure.node: found}}
        self.assumptions = replace(self.assumptions, **change)
        return Taken(
            f"{figure.what} of {figure.node}: {found}",
            shown(figure.why),
        )

    def _check_node(self, name: str) -> None:
        if name not in self._shape.names:
            raise Breaks(f"the workflow has no node {shown(name)!r}")
        if name not in self._reached:
            raise Breaks(f"nothing that is known leads to node {name!r}")

    def _check_figure(self, figure: Figure) -> None:
        lower, upper, node = figure.lower, figure.upper, figure.node
        seconds = min(LAMBDA_SECONDS, self.assumptions.timeout_seconds)
        match figure.what:
            case "seconds":
                _refuse(upper > seconds, f"longer than a Lambda may live ({seconds} s)")
            case "bytes":
                _refuse(upper > MOST_BYTES, f"more than {MOST_BYTES:,} bytes")
            case "tasks":
                _refuse(
                    node not in self._shape.sent,
                    f"no Send is seen that leads to {node!r}",
                )
                outside = not 1 <= lower <= upper <= MOST_TASKS
                _refuse(outside, f"a fan-out has 1 to {MOST_TASKS:,} tasks")
            case "passes":
                _refuse(node not in self._loops, f"no loop begins at {node!r}")
                outside = not 1 <= lower <= upper <= self._limit
                _refuse(outside, f"a loop has 1 to {self._limit:,} passes here")

    def _cut(self, cut: Cut) -> Taken:
        wanted = frozenset(cut.before)
        for name in cut.before:
            self._check_node(name)
        if wanted == set(self._steps[0]):
            raise Breaks("nothing stands before the first superstep")
        if wanted in self._cuts:
            raise Breaks("said already")
        for step in self._steps:
            beside = sorted(set(step) - wanted)
            if wanted == set(step):
                break
            if wanted < set(step):
                raise Breaks("inside a superstep: beside it runs " + ", ".join(beside))
        else:
            raise Breaks("these nodes are not of one superstep")
        self._cuts.add(wanted)
        return Taken("cut before " + ", ".join(sorted(wanted)), shown(cut.why))


def _refuse(broken: bool, reason: str) -> None:
    if broken:
        raise Breaks(reason)


_FIELDS: Mapping[What, str] = {
    "seconds": "seconds_of",
    "bytes": "task_bytes_of",
    "tasks": "tasks_of",
    "passes": "passes_of",
}


def shown(value: Any) -> str:
    """Return a stranger's text for reading: short, and without control characters."""
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=True)
    text = "".join(each if each.isprintable() else " " for each in value)
    if len(text) > _SHOWN_CHARACTERS:
        text = text[:_SHOWN_CHARACTERS] + "…"
    return " ".join(text.split())
