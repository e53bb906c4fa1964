"""One execution: ministack's record of it, and what may end it.

The record is a dict that ministack's own describe, list and history calls read,
so its keys are theirs. Whoever ends an execution first wins: the thread that
walks it, StopExecution, a time limit, or the Map run it is a child of.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from analemma_platform.emulator import seams
from analemma_platform.emulator.step_functions.cancellation import Cancellation
from analemma_platform.emulator.step_functions.definition import StateGraph
from analemma_platform.emulator.step_functions.history import History, Trail
from analemma_platform.emulator.step_functions.json_values import Json, parse

LIVE = "_execution"
"""Where a record keeps its ``Execution``; no call of ministack shows it."""


class Status(StrEnum):
    """How an execution stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


_LAST_EVENT = {
    Status.SUCCEEDED: "ExecutionSucceeded",
    Status.FAILED: "ExecutionFailed",
    Status.TIMED_OUT: "ExecutionTimedOut",
    Status.ABORTED: "ExecutionAborted",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """The state machine an execution keeps, whatever happens to it meanwhile."""

    arn: str
    name: str
    role_arn: str
    definition: str


class Execution:
    """A running or ended execution. Safe to share between threads."""

    def __init__(self, record: dict[str, seams.Foreign], machine: Machine) -> None:
        self.record = record
        self.machine = machine
        self.cancellation = Cancellation()
        self.history = History(record["events"])
        self._lock = threading.Lock()
        record[LIVE] = self

    @property
    def arn(self) -> str:
        """The ARN of the execution."""
        return str(self.record["executionArn"])

    @property
    def status(self) -> Status:
        """How the execution stands now."""
        return Status(self.record["status"])

    @property
    def result(self) -> Json:
        """The output of an execution that succeeded."""
        return parse(str(self.record["output"]))

    def succeed(self, output: str) -> bool:
        """End well with ``output``; False when it had ended already."""
        return self._end(
            Status.SUCCEEDED,
            {"output": output},
            {"output": output, "outputDetails": {"truncated": False}},
        )

    def end(self, status: Status, error: str | None, cause: str | None) -> bool:
        """End badly; False when it had ended already."""
        said = {"error": error, "cause": cause}
        details: dict[str, Json] = {k: v for k, v in said.items() if v is not None}
        return self._end(status, said, details)

    def _end(
        self,
        status: Status,
        facts: Mapping[str, str | None],
        details: Mapping[str, Json],
    ) -> bool:
        with self._lock:
            if self.status is not Status.RUNNING:
                return False
            self.history.close(_LAST_EVENT[status], details)
            self.record.update(facts, stopDate=seams.now_iso(), status=status.value)
        self.cancellation.cancel()
        if "mapRunArn" not in self.record:
            seams.emit_status_event(self.record)
        return True


def live(record: Mapping[str, seams.Foreign]) -> Execution | None:
    """Return the execution behind ``record``, if this interpreter runs it."""
    found = record.get(LIVE)
    return found if isinstance(found, Execution) else None


def new_record(
    arn: str, machine_arn: str, role_arn: str, text: str, **more: seams.Foreign
) -> dict[str, seams.Foreign]:
    """Return the record of an execution that starts now with input ``text``."""
    started = seams.now_iso()
    return {
        "executionArn": arn,
        "stateMachineArn": machine_arn,
        "name": arn.rsplit(":", 1)[-1],
        "status": Status.RUNNING.value,
        "startDate": started,
        "stopDate": None,
        "input": text,
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": {"included": True},
        "events": [
            {
                "id": 1,
                "type": "ExecutionStarted",
                "timestamp": started,
                "previousEventId": 0,
                "executionStartedEventDetails": {
                    "input": text,
                    "inputDetails": {"truncated": False},
                    "roleArn": role_arn,
                },
            }
        ],
        **more,
    }


@dataclass(slots=True)
class Flow:
    """One line of control through a graph of states.

    ``context`` is the context object (``$$``). A branch gets a flow of its own,
    with its own trail and, where siblings may be stopped, its own cancellation.
    """

    execution: Execution
    graph: StateGraph
    trail: Trail
    context: dict[str, Json]
    cancellation: Cancellation


def context_of(execution: Execution) -> dict[str, Json]:
    """Return the context object with which ``execution`` begins."""
    record, machine = execution.record, execution.machine
    return {
        "Execution": {
            "Id": execution.arn,
            "Input": parse(str(record["input"])),
            "Name": str(record["name"]),
            "RoleArn": machine.role_arn,
            "StartTime": str(record["startDate"]),
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": machine.arn, "Name": machine.name},
    }
