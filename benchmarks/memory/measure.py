"""Run one workload on one saver and write down what it cost."""

import time
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig

from benchmarks.memory.places import Calls, Graph, Place
from benchmarks.memory.workloads import Workload

THREAD = "run-00000000000000000000000001"


@dataclass(frozen=True, slots=True)
class Cost:
    """What ``supersteps`` supersteps cost.

    LangGraph's own first superstep, ``__start__``, and the input checkpoint are
    in the cost and not in the number, unless the run was opened before: then
    ``before_bytes`` were stored already and are not in ``stored_bytes``.
    """

    supersteps: int
    stored_bytes: int
    calls: Calls
    seconds: float
    before_bytes: int = 0

    @property
    def bytes_each(self) -> float:
        """Stored bytes a superstep."""
        return self.stored_bytes / self.supersteps

    @property
    def writes_each(self) -> float:
        """Write calls a superstep."""
        return self.calls.writes / self.supersteps

    @property
    def milliseconds_each(self) -> float:
        """Milliseconds a superstep."""
        return 1000 * self.seconds / self.supersteps


def whole_run(
    place: Place, workload: Workload, supersteps: int, cap_seconds: float | None
) -> Cost:
    """Measure a run from its input to its end, on an empty store.

    Raises:
        CapReached: it took too long.
    """
    graph = place.attach(workload.builder)
    workload.allow(supersteps, cap_seconds)
    before = place.calls()
    seconds = drive(graph, workload.first, supersteps)
    calls = place.calls() - before
    return Cost(supersteps, place.stored_bytes(), calls, seconds)


def later_supersteps(
    place: Place, workload: Workload, supersteps: int, cap_seconds: float | None
) -> Cost:
    """Measure supersteps of a run whose input is stored already.

    Raises:
        CapReached: it took too long.
    """
    graph = place.attach(workload.builder)
    workload.allow(0)
    drive(graph, workload.first, 0)
    stored, calls = place.stored_bytes(), place.calls()
    workload.allow(supersteps, cap_seconds)
    seconds = drive(graph, workload.nothing, supersteps)
    return Cost(
        supersteps,
        place.stored_bytes() - stored,
        place.calls() - calls,
        seconds,
        before_bytes=stored,
    )


def drive(graph: Graph, state: dict[str, Any], supersteps: int) -> float:
    """Invoke the graph, each superstep durable when it returns; return seconds.

    Any: the input of a workload's graph.
    """
    began = time.perf_counter()
    graph.invoke(state, config(supersteps), durability="sync")
    return time.perf_counter() - began


def config(supersteps: int = 0) -> RunnableConfig:
    """Return the config of the one run that each store holds."""
    return {
        "configurable": {"thread_id": THREAD},
        "recursion_limit": supersteps + 10,
    }
