"""The run through the deployed state machine, counted twice.

The front counts what arrives. What the functions themselves say they sent
(``aws_calls`` of their log, counted by hooks of botocore) and what the starting
process says must add up to the same calls; else one of the two counters lies.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import admit
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.registry import WorkflowRegistry
from analemma.wiring import state_machine
from benchmarks.cloud.front import Call
from benchmarks.cloud.history import History, history
from benchmarks.cloud.stack import BenchStack
from benchmarks.cost.deployed.appending import first

WORKFLOW = "appending"
_PATIENCE_SECONDS = 300.0
_STARTED = "sfn.StartExecution"


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of ours asked of AWS.

    ``function_seconds`` is how long its slices took on this machine, and
    ``log_bytes`` what the functions logged: information, and in no sum.
    """

    calls: list[Call]
    history: History
    supersteps: int
    slices: int
    function_seconds: float
    log_bytes: int


class CountersDisagree(Exception):
    """The front and the functions' own counters say different things."""


def run(stack: BenchStack, supersteps: int) -> Run:
    """Start a run as ``analemma run`` does, and wait for its end.

    Raises:
        RuntimeError: it did not end well.
        CountersDisagree: the two counters do.
    """
    stack.watch_functions()
    stack.front.forget()
    machine = stack.machine
    workflow = WorkflowRegistry(machine.records, stack.settings.stack).get(WORKFLOW)
    run_id = admit(
        machine, owner=LOCAL_OWNER, workflow=workflow, value=first(supersteps)
    ).record.run_id
    state_machine(stack.settings).start(owner=LOCAL_OWNER, run_id=run_id, generation=1)
    arn = stack.execution_arn(run_id)
    status = stack.ended(arn, _PATIENCE_SECONDS)
    if status != "SUCCEEDED":
        raise RuntimeError(f"run {run_id} ended {status}")
    calls = stack.front.calls()
    logged = stack.logged("slice")
    _check(calls, [_said(stack), *_logged_calls(logged)])
    record = ProcessTable(stack.looking.records).get(LOCAL_OWNER, run_id).record
    return Run(
        calls=calls,
        history=history(stack.unwatched.states, arn),
        # LangGraph's ``__start__`` is a superstep of the kernel's, not of ours.
        supersteps=record.used.supersteps - 1,
        slices=record.slices,
        function_seconds=record.used.seconds,
        log_bytes=stack.log_bytes("slice"),
    )


def _said(stack: BenchStack) -> Counter[str]:
    return Counter(
        {
            f"{service}.{operation}": count.calls
            for (service, operation), count in stack.traffic.counts().items()
        }
    )


def _logged_calls(events: Iterable[dict[str, Any]]) -> Iterable[Counter[str]]:
    # Any: a line of the log.
    for event in events:
        if event["event"] == "invocation ended":
            yield Counter(
                {name: each["calls"] for name, each in event["aws_calls"].items()}
            )


def _check(calls: list[Call], said: Iterable[Counter[str]]) -> None:
    """Compare the two counts; the client that starts executions has no counter."""
    seen = Counter(call.name for call in calls if call.name != _STARTED)
    told = sum(said, Counter())
    if seen != told:
        raise CountersDisagree(
            f"the front saw {dict(seen - told)} more and {dict(told - seen)} less "
            "than the processes say they sent"
        )
