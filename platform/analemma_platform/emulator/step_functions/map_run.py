"""Distributed Map: every item is a child execution of its own.

Children may fail without harm up to the tolerated share; the first failure
beyond it aborts the children that still run and fails the Map. The children's
outputs become one array, and that array is held to 256 KiB even when
``ResultPath`` discards it.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from analemma_platform.emulator import seams
from analemma_platform.emulator.step_functions.crew import work_through
from analemma_platform.emulator.step_functions.definition import MapState, StateGraph
from analemma_platform.emulator.step_functions.execution import (
    Execution,
    Flow,
    Machine,
    Status,
    new_record,
)
from analemma_platform.emulator.step_functions.failures import (
    StateFailed,
    require_size,
)
from analemma_platform.emulator.step_functions.item_reader import (
    child_input,
    items_in_input,
    items_in_store,
)
from analemma_platform.emulator.step_functions.json_values import Json, compact

_COUNTS = (
    "pending",
    "running",
    "succeeded",
    "failed",
    "timedOut",
    "aborted",
    "total",
    "resultsWritten",
    "failuresNotRedrivable",
    "pendingRedrive",
)
_OUTCOMES = {
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.TIMED_OUT: "timedOut",
    Status.ABORTED: "aborted",
}

RunChild = Callable[[Execution, StateGraph], None]
"""Walks a child execution to its end and records it."""


def perform(state: MapState, effective: Json, flow: Flow, run_child: RunChild) -> Json:
    """Run ``state`` and return its children's outputs, in the items' order.

    A child that failed, within what is tolerated, has null in its place.

    Raises:
        StateFailed: no items could be read, or too many children failed.
        ExecutionStopped: the execution ended; every child ended with it.
    """
    items: list[Json] | None = None
    if state.item_reader is None:
        items = items_in_input(state, effective, flow.context)
    flow.trail.add("MapStateStarted", length=len(items or ()))
    run = MapRun(state, flow)
    flow.trail.add("MapRunStarted", mapRunArn=run.arn)
    forget = flow.cancellation.subscribe(run.abort)
    try:
        if state.item_reader is not None:
            items = items_in_store(state.item_reader, effective, flow.context)
        inputs = [
            child_input(state, index, item, effective, flow.context)
            for index, item in enumerate(items or ())
        ]
        results = run.over(inputs, run_child)
        flow.cancellation.check()
        require_size(results, flow.execution.machine.name)
    except StateFailed as failure:
        flow.cancellation.check()
        run.close("FAILED")
        flow.trail.add("MapRunFailed", error=failure.error, cause=failure.cause)
        flow.trail.add("MapStateFailed", error=failure.error, cause=failure.cause)
        raise
    finally:
        forget()
    run.close("SUCCEEDED")
    flow.trail.add("MapRunSucceeded")
    flow.trail.add("MapStateSucceeded")
    return results


@dataclass(slots=True)
class _Tolerance:
    """How many failed items a Map run bears."""

    count: int | None
    percentage: float | None
    total: int = 0

    def exceeded_by(self, failed: int) -> bool:
        """Say whether ``failed`` items are too many; without limits, one is."""
        if not failed:
            return False
        limits = []
        if self.count is not None:
            limits.append(failed > self.count)
        if self.percentage is not None:
            limits.append(failed * 100 > self.percentage * self.total)
        return any(limits) if limits else True


@dataclass(slots=True)
class _Children:
    """The child executions that run now."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    running: set[Execution] = field(default_factory=set)
    closed: bool = False


class MapRun:
    """One Map run and ministack's record of it."""

    def __init__(self, state: MapState, flow: Flow) -> None:
        parent = flow.execution
        _, _, _, region, account, _, name = parent.machine.arn.split(":")[:7]
        label = state.label or str(uuid.uuid4())
        where = f"arn:aws:states:{region}:{account}"
        self.arn = f"{where}:mapRun:{name}/{label}:{uuid.uuid4()}"
        self._machine = Machine(
            f"{where}:stateMachine:{name}/{label}",
            f"{name}/{label}",
            parent.machine.role_arn,
            parent.machine.definition,
        )
        self._execution_prefix = f"{where}:execution:{name}/{label}"
        self._graph = state.processor
        self._tolerance = _Tolerance(
            state.tolerated_failure_count, state.tolerated_failure_percentage
        )
        self._children = _Children()
        self._record: seams.Record = {
            "mapRunArn": self.arn,
            "executionArn": parent.arn,
            "status": "RUNNING",
            "startDate": seams.now_iso(),
            "maxConcurrency": state.max_concurrency,
            "toleratedFailurePercentage": state.tolerated_failure_percentage or 0.0,
            "toleratedFailureCount": state.tolerated_failure_count or 0,
            "itemCounts": dict.fromkeys(_COUNTS, 0),
            "executionCounts": dict.fromkeys(_COUNTS, 0),
            "redriveCount": 0,
            "_stateMachineArn": self._machine.arn,
        }
        seams.map_runs()[self.arn] = self._record

    def over(self, inputs: list[Json], run_child: RunChild) -> list[Json]:
        """Run a child for each input; return their outputs.

        Raises:
            StateFailed: ``States.ExceedToleratedFailureThreshold``.
        """
        self._tolerance.total = len(inputs)
        with self._children.lock:
            self._count(total=len(inputs), pending=len(inputs))
        results: list[Json] = [None] * len(inputs)

        def work(index: int) -> None:
            child = self._begin(inputs[index])
            if child is None:
                return
            run_child(child, self._graph)
            if child.status is Status.SUCCEEDED:
                results[index] = child.result
            self._finish(child)

        work_through(len(inputs), int(self._record["maxConcurrency"]), work)
        if self._tolerance.exceeded_by(self._record["itemCounts"]["failed"]):
            raise StateFailed(
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            )
        return results

    def abort(self) -> None:
        """End every child, because the parent execution has ended."""
        self._stop_children()
        self.close("ABORTED")

    def close(self, status: str) -> None:
        """Record how the run ended; the first word counts."""
        if self._record["status"] == "RUNNING":
            self._record.update(status=status, stopDate=seams.now_iso())

    def _begin(self, given: Json) -> Execution | None:
        """Start a child, or count it as aborted when the run is over."""
        with self._children.lock:
            if self._children.closed:
                self._count(pending=-1, aborted=1)
                return None
            arn = f"{self._execution_prefix}:{uuid.uuid4()}"
            machine = self._machine
            record = new_record(
                arn, machine.arn, machine.role_arn, compact(given), mapRunArn=self.arn
            )
            child = Execution(record, machine)
            seams.executions()[arn] = record
            self._children.running.add(child)
            self._count(pending=-1, running=1)
            return child

    def _finish(self, child: Execution) -> None:
        with self._children.lock:
            self._children.running.discard(child)
            self._count(**{"running": -1, _OUTCOMES[child.status]: 1})
            failed = self._record["itemCounts"]["failed"]
        if self._tolerance.exceeded_by(failed):
            self._stop_children()

    def _stop_children(self) -> None:
        with self._children.lock:
            self._children.closed = True
            running = list(self._children.running)
        for child in running:
            child.end(Status.ABORTED, None, None)

    def _count(self, **changes: int) -> None:
        for name, change in changes.items():
            self._record["itemCounts"][name] += change
            self._record["executionCounts"][name] += change
