"""A deployed stack of the embedded cloud, as tests use it.

What a person does goes through the ``analemma`` command, as a process of its
own. What a test only looks at is read here, through the kernel and boto3: a
command takes a second to start.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from analemma.entrypoints.cli.place import Place, open_place
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.interrupts.approvals import ApprovalDesk
from analemma.kernelspace.memory.log import entries, state_at
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.process_table import ProcessTable
from analemma.records.approval import ApprovalRecord
from analemma.records.run import RunRecord, RunStatus
from cloud_aws import Aws
from cloud_project import Project
from command_line import CommandLine, Ended

RESTS = (RunStatus.WAITING, RunStatus.DONE, RunStatus.FAILED, RunStatus.TERMINATED)
ENDS = RESTS[1:]
PATIENCE_SECONDS = 90.0

Seen = TypeVar("Seen")

# Any: boto3 makes up its clients' types, and JSON is whatever was printed.


@dataclass(frozen=True)
class CloudStack:
    """One deployed stack: commands against it, and its AWS."""

    name: str
    project: Project
    analemma: CommandLine
    place: Place
    aws: Aws

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the stack exports."""
        return self.aws.outputs

    @property
    def machine_arn(self) -> str:
        """The kernel's state machine."""
        return str(self.outputs["stateMachineArn"])

    def client(self, service: str) -> Any:
        """Return a boto3 client of the stack's AWS."""
        return self.aws.client(service)

    # -- what a person does

    def __call__(self, *arguments: str) -> Ended:
        """Run a command against this stack."""
        return self.analemma(*arguments, "--cloud", self.name)

    def start(self, workflow: str, value: object, *options: str) -> str:
        """Start a run by the command line; return its id."""
        ended = self("run", workflow, "--input", json.dumps(value), "--json", *options)
        assert ended.code == 0, ended.err
        return str(ended.document["run_id"])

    # -- what a test looks at

    def record(self, run_id: str) -> RunRecord:
        """Return the run's record."""
        table = ProcessTable(self.place.machine.records)
        return table.get(LOCAL_OWNER, run_id).record

    def rest(self, run_id: str, *statuses: RunStatus) -> RunRecord:
        """Wait until the run rests; it must be in one of ``statuses`` then."""
        wanted = statuses or (RunStatus.DONE,)
        # A wait that was just answered still says that it waits.
        resting = RESTS if RunStatus.WAITING in wanted else ENDS
        record = eventually(
            lambda: self.record(run_id), lambda seen: seen.status in resting, "at rest"
        )
        assert record.status in wanted, record.failure or record.transition
        return record

    def waits(self, run_id: str, approvals: int = 1) -> list[ApprovalRecord]:
        """Wait until so many approvals are parked; return them by node."""
        self.rest(run_id, RunStatus.WAITING)
        desk = ApprovalDesk(self.place.machine.records, LOCAL_OWNER)
        found = eventually(
            lambda: list(desk.of_run(run_id)),
            lambda all_: sum(each.task_token is not None for each in all_) >= approvals,
            f"{approvals} parked",
        )
        return sorted(found, key=lambda each: each.node)

    def values(self, run_id: str) -> dict[str, Any]:
        """Return the run's channel values."""
        machine = self.place.machine
        saver = PagedSaver(
            machine.records,
            machine.pages(LOCAL_OWNER),
            owner=LOCAL_OWNER,
            writer="reader",
            serde=machine.serde,
        )
        state = state_at(saver, run_id)
        assert state is not None, f"{run_id} has no checkpoint"
        values: dict[str, Any] = state.checkpoint["channel_values"]
        return {k: v for k, v in values.items() if not k.startswith(("__", "branch:"))}

    def finished_tasks(self, run_id: str) -> set[str]:
        """Return the ids of the tasks whose writes are durable."""
        return {
            write.task_id
            for entry in entries(
                self.place.machine.records,
                self.place.machine.pages(LOCAL_OWNER),
                LOCAL_OWNER,
                run_id,
            )
            for write in entry.writes
            if write.finished
        }

    def execution(self, run_id: str, generation: int = 1) -> dict[str, Any]:
        """Return the run's execution as Step Functions describes it at its end.

        The record is sealed before the state machine has read the transition.
        """
        arn = self.execution_arn(run_id, generation)
        return eventually(
            lambda: self.client("stepfunctions").describe_execution(executionArn=arn),
            lambda found: found["status"] != "RUNNING",
            "ended",
        )

    def execution_arn(self, run_id: str, generation: int = 1) -> str:
        """Return the ARN of the run's execution number ``generation``."""
        name = run_id if generation == 1 else f"{run_id}-{generation}"
        return f"{self.machine_arn.replace(':stateMachine:', ':execution:')}:{name}"

    def executions(self, run_id: str) -> list[str]:
        """Return the names of all executions of a run, sorted."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        return sorted(
            execution["name"]
            for page in pages.paginate(stateMachineArn=self.machine_arn)
            for execution in page["executions"]
            if execution["name"].startswith(run_id)
        )

    def log(self, noun: str) -> list[str]:
        """Return every log message of a kernel function, oldest first."""
        group = f"/aws/lambda/{self.outputs['functionNames'][noun]}"
        pages = self.client("logs").get_paginator("filter_log_events")
        return [
            event["message"]
            for page in pages.paginate(logGroupName=group)
            for event in page["events"]
        ]

    def events(self, run_id: str, *nouns: str) -> list[dict[str, Any]]:
        """Return what the functions logged about a run, as JSON."""
        lines = (
            line
            for noun in nouns or ("slice", "worker")
            for message in self.log(noun)
            for line in message.splitlines()
        )
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [each for each in found if each.get("run_id") == run_id]


@contextmanager
def deployed(project: Project, home: Path, stack: str) -> Iterator[CloudStack]:
    """Deploy a stack in a home of its own; stop its cloud at the end."""
    analemma = CommandLine.at(home)
    options = ("--stack", stack, "--project", str(project.root), "--json")
    try:
        ended = analemma("cloud", "up", *options)
        assert ended.code == 0, ended.err
        with open_place(home, stack) as place:
            yield CloudStack(stack, project, analemma, place, Aws.of(home, stack))
    finally:
        analemma("cloud", "stop")


def eventually(
    look: Callable[[], Seen], until: Callable[[Seen], bool], what: str
) -> Seen:
    """Look again and again until ``until`` holds of what is seen; return that."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        seen = look()
        if until(seen):
            return seen
        assert time.monotonic() < deadline, f"not yet {what}: {seen}"
        time.sleep(0.05)
