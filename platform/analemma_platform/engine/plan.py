"""What a deployment will do, does and did: steps, and what they change.

A step's changes are texts made for reading. Secrets are already replaced in
them; nothing downstream can print what it never got.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from analemma_platform.engine.urns import Urn
from analemma_platform.engine.values import Properties, Value

HIDDEN_SECRET = "[secret]"  # noqa: S105 - what stands in a secret's place


class Op(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    SAME = "same"
    READ = "read"
    REFRESH = "refresh"


class Phase(StrEnum):
    """Where a step stands."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Change:
    """One changed property: its path, and both values as text."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Step:
    """One resource's part of a deployment."""

    op: Op
    urn: Urn
    type: str
    name: str
    changed: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class StepEvent:
    """News of a running step; ``seconds`` since it started."""

    step: Step
    phase: Phase
    seconds: float


OnStep = Callable[[StepEvent], None]
"""Takes news of steps, from several threads at once; must not raise."""


def ignore_step(event: StepEvent) -> None:
    """Take no interest in a step."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``up`` would do now. ``notes`` are remarks for the reader."""

    stack: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> Mapping[Op, int]:
        """How many steps of each kind."""
        return Counter(step.op for step in self.steps)

    @property
    def changes_nothing(self) -> bool:
        """Whether every resource is as the program wants it."""
        return all(step.op in (Op.SAME, Op.READ) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Result(Plan):
    """What a deployment did, and the stack's outputs after it."""

    seconds: float = 0.0
    outputs: Properties = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()

    def shown_outputs(self) -> Properties:
        """Return the outputs with ``[secret]`` in the place of every secret."""
        return hide_secrets(self.outputs, self.secret_outputs)


def hide_secrets(properties: Mapping[str, Value], names: frozenset[str]) -> Properties:
    """Return ``properties`` with those in ``names`` hidden."""
    return {
        name: HIDDEN_SECRET if name in names else value
        for name, value in properties.items()
    }
