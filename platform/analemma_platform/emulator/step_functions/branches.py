"""Parallel states and inline Maps: several flows within one execution.

The first flow that fails stops its siblings and fails the state; the others'
events end where they stood.
"""

from collections.abc import Callable

from analemma_platform.emulator.step_functions.cancellation import Cancellation
from analemma_platform.emulator.step_functions.crew import work_through
from analemma_platform.emulator.step_functions.definition import (
    MapState,
    ParallelState,
    StateGraph,
)
from analemma_platform.emulator.step_functions.execution import Flow
from analemma_platform.emulator.step_functions.failures import (
    ExecutionStopped,
    StateFailed,
)
from analemma_platform.emulator.step_functions.item_reader import (
    child_input,
    items_in_input,
)
from analemma_platform.emulator.step_functions.json_values import Json

Walk = Callable[[Flow, Json], Json]
"""Walks a flow from its first state to its end; returns the output."""


def parallel(state: ParallelState, effective: Json, flow: Flow, walk: Walk) -> Json:
    """Run every branch on ``effective``; return their outputs in order.

    Raises:
        StateFailed: a branch failed.
        ExecutionStopped: the execution ended.
    """
    flow.trail.add("ParallelStateStarted")

    def branch(index: int, group: Cancellation) -> Json:
        return walk(_branch(flow, state.branches[index], group), effective)

    return _together("ParallelState", len(state.branches), 0, flow, branch)


def inline_map(
    state: MapState, name: str, effective: Json, flow: Flow, walk: Walk
) -> Json:
    """Run the processor on every item; return the outputs in order.

    Raises:
        StateFailed: an iteration failed.
        ExecutionStopped: the execution ended.
    """
    items = items_in_input(state, effective, flow.context)
    flow.trail.add("MapStateStarted", length=len(items))

    def iteration(index: int, group: Cancellation) -> Json:
        given = child_input(state, index, items[index], effective, flow.context)
        inner = _branch(flow, state.processor, group)
        inner.context["Map"] = {"Item": {"Index": index, "Value": items[index]}}
        inner.trail.add("MapIterationStarted", name=name, index=index)
        try:
            output = walk(inner, given)
        except StateFailed:
            inner.trail.add("MapIterationFailed", name=name, index=index)
            raise
        inner.trail.add("MapIterationSucceeded", name=name, index=index)
        return output

    return _together("MapState", len(items), state.max_concurrency, flow, iteration)


def _branch(flow: Flow, graph: StateGraph, group: Cancellation) -> Flow:
    return Flow(flow.execution, graph, flow.trail.branch(), dict(flow.context), group)


def _together(
    kind: str,
    count: int,
    limit: int,
    flow: Flow,
    work: Callable[[int, Cancellation], Json],
) -> Json:
    group = Cancellation()
    results: list[Json] = [None] * count
    failures: list[Exception] = []

    def run(index: int) -> None:
        try:
            group.check()
            results[index] = work(index, group)
        except ExecutionStopped:
            return
        except Exception as failure:  # noqa: BLE001 - raised again below
            failures.append(failure)
            group.cancel()

    forget = flow.cancellation.subscribe(group.cancel)
    try:
        work_through(count, limit, run)
    finally:
        forget()
    flow.cancellation.check()
    flow.trail.rejoin()
    if failures:
        failure = failures[0]
        if isinstance(failure, StateFailed):
            flow.trail.add(f"{kind}Failed", error=failure.error, cause=failure.cause)
        raise failure
    flow.trail.add(f"{kind}Succeeded")
    return results
