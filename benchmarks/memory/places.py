"""Where a saver keeps its checkpoints, and what can be counted there."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from langgraph.pregel import Pregel

from benchmarks.memory.workloads import Builder

Graph = Pregel[Any, Any, Any, Any]
"""A compiled graph. Any: each workload has a state of its own."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What a saver has asked of its store so far.

    A call is one HTTP request to AWS, one transaction of a database, one file
    of pages, or one call of a saver that is only memory.
    """

    writes: int = 0
    reads: int = 0
    sent_bytes: int | None = None
    """Bodies of requests, or the write-ahead log of a server. None: no wire."""
    received_bytes: int | None = None

    def __sub__(self, other: "Calls") -> "Calls":
        return Calls(
            self.writes - other.writes,
            self.reads - other.reads,
            _difference(self.sent_bytes, other.sent_bytes),
            _difference(self.received_bytes, other.received_bytes),
        )


class Place(Protocol):
    """An open store with a saver on it."""

    def attach(self, builder: Builder) -> Graph:
        """Return the compiled graph with a saver as a fresh process has it.

        Raises:
            NothingSurvives: the store is that process's own memory.
        """
        ...

    def stored_bytes(self) -> int:
        """Return what is stored now. Its own calls are not counted."""
        ...

    def calls(self) -> Calls:
        """Return what was asked of the store until now."""
        ...


@dataclass(frozen=True, slots=True)
class Contender:
    """A saver under a name, on a store that is empty each time it is opened."""

    name: str
    open: Callable[[], AbstractContextManager[Place]]
    is_ours: bool = False
    leaves_out: bool = False
    """Leaves out the writes of lone tasks (``PagedSaver.bind``)."""
    is_aws: bool = False
    missing: str = ""
    """Why it cannot be run here; empty: it can."""


class NothingSurvives(Exception):
    """A fresh process finds nothing of what this saver kept."""


def _difference(now: int | None, then: int | None) -> int | None:
    return None if now is None else now - (then or 0)
