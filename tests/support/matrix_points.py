"""Where a run is cut, and what a fresh reader and a fresh writer find after that."""

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import verify
from matrix_graph import TaskLog, durably_finished, everything, finish
from matrix_kernel import KERNEL_RUN, finish_in_slices
from matrix_stores import Moment
from memory_backends import OWNER, RUN, Backend

TOO_SHORT = 8
"""So many runs without a call of some number, and no run has one."""

ASKING = ("ask 2", "close 3")
"""The tasks that interrupt: each starts once more for its answer."""


class Attach(StrEnum):
    """How a graph gets its saver: from ``bind``, from ``compile``, by the kernel."""

    BOUND = "bound"
    PLAIN = "plain"
    KERNEL = "kernel"

    @property
    def run_id(self) -> str:
        """The run's id: the kernel derives its own from a key."""
        return KERNEL_RUN if self is Attach.KERNEL else RUN


@dataclass(frozen=True, slots=True)
class Point:
    """Where a run is cut: before or after one of its store calls, from 1."""

    call: int
    moment: Moment


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run that was cut once and taken up by a fresh process.

    Attributes:
        struck: Whether there was such a call; else the run simply ended.
        finished: The tasks that a fresh reader found finished after the cut.
        starts_before: How often each task had started by then.
        starts: How often each task had started in the end.
        values: The final state.
        broken: What ``verify`` found first, after the cut and in the end.
    """

    struck: bool
    finished: list[str]
    starts_before: dict[str, int]
    starts: dict[str, int]
    values: dict[str, Any]  # Any: a graph's state
    broken: list[str]

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return the outcome for the way home."""
        return asdict(self)

    def check(self, expected: Mapping[str, Any]) -> None:
        """Hold the outcome against a plain run's final state."""
        assert not self.broken, self.broken
        assert self.values == expected
        for name in self.finished:
            assert self.starts[name] == self.starts_before[name], (
                f"{name!r} was finished and ran again"
            )
        for name, starts in self.starts.items():
            assert starts <= 2 + (name in ASKING), f"{name!r} ran {starts} times"

    @property
    def cut_tasks(self) -> set[str]:
        """The tasks that had started and were not finished when the run was cut."""
        return set(self.starts_before) - set(self.finished)


def at_each_call(
    outcome_of: Callable[[int], Outcome], stride: int, first: int
) -> Iterator[tuple[int, Outcome]]:
    """Cut runs at every ``stride``-th call, until runs have no such call.

    Runs differ a little in how many calls they make: tasks race. So, where no
    call is to be missed, one run that was too short for the cut proves nothing.
    """
    spare = TOO_SHORT if stride == 1 else 1
    for call in itertools.count(first, stride):
        outcome = outcome_of(call)
        yield call, outcome
        spare -= not outcome.struck
        if not spare:
            return


def to_the_end(attach: Attach, backend: Backend, log: TaskLog) -> dict[str, Any]:
    """Run from wherever the run stands to its end; return its final values."""
    if attach is Attach.KERNEL:
        return finish_in_slices(backend, log)
    saver, graph = saver_of(backend), everything(log)
    if attach is Attach.BOUND:
        return finish(saver.bind(graph.compile()))
    return finish(graph.compile(checkpointer=saver))


def saver_of(backend: Backend) -> PagedSaver:
    """Return a saver that no process before or after is."""
    return PagedSaver(
        backend.records, backend.pages, owner=OWNER, writer=f"writer-{uuid.uuid4()}"
    )


def plainly(log: TaskLog) -> dict[str, Any]:
    """Return the final values of a run on LangGraph's own saver, never cut."""
    values = finish(everything(log).compile(checkpointer=InMemorySaver()))
    for name, starts in log.starts().items():
        assert starts == 1 + (name in ASKING)
    return values


def aftermath(
    stores: Callable[[], AbstractContextManager[Backend]],
    attach: Attach,
    log: TaskLog,
    *,
    struck: bool,
) -> Outcome:
    """Read what a cut run left, run it to its end, and read again."""
    with stores() as backend:
        broken = list(findings(backend, attach.run_id))
        finished = sorted(durably_finished(backend, attach.run_id))
        starts_before = dict(log.starts())
    with stores() as backend:
        values = to_the_end(attach, backend, log)
        broken += findings(backend, attach.run_id)
    return Outcome(
        struck=struck,
        finished=finished,
        starts_before=starts_before,
        starts=dict(log.starts()),
        values=values,
        broken=broken,
    )


def findings(backend: Backend, run_id: str) -> Iterator[str]:
    """Yield what ``verify`` finds."""
    for found in verify(backend.records, backend.pages, OWNER, run_id).findings:
        yield str(found)
