"""Kill the process of a Lambda worker in the middle of an invocation.

A worker is first stopped, then looked at, and only then killed: what was
durable at the moment of its death is known exactly.
"""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.layout import run_partition
from cloud_stack import PATIENCE_SECONDS, RESTS, CloudStack, eventually

_TRIES = 3
"""The state machine repeats a task so often: more kills could bury the run."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A live worker process, as the embedded cloud lists it."""

    function: str
    pid: int
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Kill:
    """Invocations that were killed at one moment.

    ``started`` are the tasks they had begun; ``finished`` are all tasks of the
    run that were durable when they died.
    """

    started: frozenset[str]
    finished: frozenset[str]

    @property
    def in_flight(self) -> frozenset[str]:
        """The tasks that had begun and that have to begin again."""
        return self.started - self.finished


def workers(stack: CloudStack) -> list[Worker]:
    """Return the live workers of every function."""
    url = f"{stack.aws.endpoint}/_analemma/workers"
    with urllib.request.urlopen(url, timeout=30) as answer:
        found = json.load(answer)["workers"]
    return [Worker(each["function"], each["pid"], each["request_id"]) for each in found]


def kill_slice(stack: CloudStack, run_id: str) -> Kill:
    """Kill a slice of the run that has claimed it and has not sealed it."""
    return _kill(stack, run_id, "slice", lambda kill: True)


def kill_workers(stack: CloudStack, run_id: str) -> Kill:
    """Kill the fan-out workers of the run while tasks of it are in flight."""
    return _kill(stack, run_id, "worker", lambda kill: bool(kill.in_flight))


def _kill(
    stack: CloudStack, run_id: str, noun: str, serves: Callable[[Kill], bool]
) -> Kill:
    for _ in range(_TRIES):
        victims = _stopped(stack, run_id, stack.outputs["functionNames"][noun])
        finished = frozenset(stack.finished_tasks(run_id))
        for victim in victims:
            os.kill(victim.pid, signal.SIGKILL)
        logs = [_log_of(stack, noun, str(victim.request_id)) for victim in victims]
        cut_off = [log for log in logs if any("signal: killed" in line for line in log)]
        kill = Kill(frozenset().union(*map(_started, cut_off)), finished)
        if cut_off and serves(kill):
            return kill
    raise AssertionError(f"no {noun} was met in the middle of its work")


def _stopped(stack: CloudStack, run_id: str, function: str) -> list[Worker]:
    """Stop all busy workers once the run grew by what one of them wrote.

    Only those that were busy before it grew: one that is just starting imports,
    and has nothing to lose yet.
    """
    before: dict[Worker, int] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        record = stack.record(run_id)
        assert record.status not in RESTS, f"{function} cannot be met: {record}"
        written = _records_written(stack, run_id)
        grown = [
            each
            for each in workers(stack)
            if each.function == function
            and each.request_id is not None
            and written > before.setdefault(each, written)
        ]
        if stopped := [each for each in grown if _stop(stack, each)]:
            return stopped
    raise AssertionError(f"{function} was never busy with {run_id}")


def _stop(stack: CloudStack, worker: Worker) -> bool:
    """Stop the process; let it go on if its invocation is over already."""
    os.kill(worker.pid, signal.SIGSTOP)
    if worker in workers(stack):
        return True
    os.kill(worker.pid, signal.SIGCONT)
    return False


def _records_written(stack: CloudStack, run_id: str) -> int:
    found: Any = stack.client("dynamodb").query(
        TableName=stack.outputs["table"],
        KeyConditionExpression="pk = :run AND begins_with(sk, :log)",
        ExpressionAttributeValues={
            ":run": {"S": run_partition(LOCAL_OWNER, run_id)},
            ":log": {"S": "log/"},
        },
        Select="COUNT",
    )
    return int(found["Count"])


def _log_of(stack: CloudStack, noun: str, request_id: str) -> list[str]:
    """Return what an invocation logged, once it has ended."""
    messages = eventually(
        lambda: stack.log(noun),
        lambda found: any(
            each.startswith(f"END RequestId: {request_id}") for each in found
        ),
        f"ended: {request_id}",
    )
    return [
        line for each in messages for line in each.splitlines() if request_id in line
    ]


def _started(lines: list[str]) -> frozenset[str]:
    events = [json.loads(line) for line in lines if line.startswith("{")]
    return frozenset(
        each["task_id"] for each in events if each["event"] == "task started"
    )
