"""A desk to drive runs at: a machine on a home of its own, and short verbs.

Every slice loads nothing from the one before: the machine is the only thing
they share, as two processes share a home.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph

from analemma.hardware.local.home import LocalHome
from analemma.hardware.ports import ModelProvider, SystemClock
from analemma.hardware.providers.scripted import ScriptedProvider
from analemma.ids import LOCAL_OWNER, RandomIds, WorkflowDigest
from analemma.kernelspace.admission import admit
from analemma.kernelspace.interrupts.approvals import Answer, ApprovalDesk
from analemma.kernelspace.machine import Machine, ScriptedAnswer
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.orchestrator import drive
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.program import Program, only_asynchronous
from analemma.kernelspace.scheduler.boundary import output_of
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.approval import ApprovalRecord
from analemma.records.budget import Budget
from analemma.records.envelope import SliceEvent, WorkerEvent
from analemma.records.policy import (
    FanOutPolicy,
    KernelPolicy,
    RetryPolicy,
    SlicePolicy,
)
from analemma.records.run import RunRecord, WorkflowRef
from analemma.records.transition import Transition


def program(graph: Any, name: str = "test", **options: Any) -> Program:
    """Wrap a graph, compiled or not, as a program."""
    if isinstance(graph, StateGraph):
        graph = graph.compile()
    return Program(
        name=name,
        digest=WorkflowDigest("d" * 64),
        graph=graph,
        asynchronous=only_asynchronous(graph),
        recursion_limit=(graph.config or {}).get("recursion_limit"),
        **options,
    )


def policy(
    *,
    slice_supersteps: int | None = None,
    fan_out_tasks: int = 8,
    batch_size: int = 10,
    budget: Budget | None = None,
    renew_after_slices: int = 1000,
) -> KernelPolicy:
    """Return a policy with what a test cares about."""
    return KernelPolicy(
        budget=budget or Budget(supersteps=1000),
        slices=SlicePolicy(
            supersteps=slice_supersteps, renew_after_slices=renew_after_slices
        ),
        fan_out=FanOutPolicy(min_tasks=fan_out_tasks, batch_size=batch_size),
        retry=RetryPolicy(max_attempts=2),
    )


def no_model(scripted: ScriptedAnswer | None) -> ModelProvider:
    """Return the script, as on a machine without keys."""
    return ScriptedProvider([] if scripted is None else scripted)


@dataclass
class Desk:
    """A machine, and what a test does at it."""

    machine: Machine
    slept: list[float] = field(default_factory=list)

    def with_policy(self, **options: Any) -> "Desk":
        """Return a desk on the same home with another policy."""
        return Desk(replace(self.machine, policy=policy(**options)))

    def admit(self, workflow: Program, value: Any, **options: Any) -> RunRecord:
        """Admit a run."""
        return admit(
            self.machine,
            owner=LOCAL_OWNER,
            workflow=WorkflowRef(name=workflow.name, target="test:graph"),
            value=value,
            **options,
        ).record

    def slice(self, workflow: Program, run_id: str, execution: str = "") -> Transition:
        """Run one slice."""
        event = SliceEvent(run_id=run_id, owner=LOCAL_OWNER, execution=execution)
        return run_slice(self.machine, workflow, event)

    def drive(
        self,
        workflow: Program,
        run_id: str,
        workers: Callable[[WorkerEvent], None] | None = None,
    ) -> Transition:
        """Drive the run until it rests, its workers in this thread."""
        work = workers or (lambda event: run_worker(self.machine, workflow, event))
        return drive(
            self.machine,
            owner=LOCAL_OWNER,
            run_id=run_id,
            run_slice=lambda event: run_slice(self.machine, workflow, event),
            workers=InThisThread(work),
            sleep=self.slept.append,
        )

    def record(self, run_id: str) -> RunRecord:
        """Return the run's record."""
        return ProcessTable(self.machine.records).get(LOCAL_OWNER, run_id).record

    def output(self, workflow: Program, run_id: str) -> Any:
        """Return what the run's state says its output is."""
        saver = self.saver("reader")
        graph = workflow.graph.copy({"checkpointer": saver})
        config: RunnableConfig = {"configurable": {"thread_id": run_id}}
        return output_of(graph, saver, config)

    def saver(self, writer: str) -> PagedSaver:
        """Return a saver of its own on this machine."""
        return PagedSaver(
            self.machine.records,
            self.machine.pages(LOCAL_OWNER),
            owner=LOCAL_OWNER,
            writer=writer,
            serde=self.machine.serde,
        )

    def approvals(self, run_id: str) -> list[ApprovalRecord]:
        """Return every approval of the run."""
        return list(ApprovalDesk(self.machine.records, LOCAL_OWNER).of_run(run_id))

    def answer(self, approval: ApprovalRecord, answer: Answer) -> ApprovalRecord:
        """Answer an approval."""
        return ApprovalDesk(self.machine.records, LOCAL_OWNER).answer(
            approval.run_id, approval.approval_id, answer, self.machine.clock.now()
        )


@dataclass
class InThisThread:
    """A worker pool without workers."""

    work: Callable[[WorkerEvent], None]

    def run(self, events: Sequence[WorkerEvent], max_concurrency: int) -> None:
        """Execute every batch, one after the other."""
        for event in events:
            self.work(event)


@contextmanager
def open_desk(home: Path, **options: Any) -> Iterator[Desk]:
    """Open a desk on a home."""
    with LocalHome.open(home) as opened:
        yield Desk(
            Machine(
                records=opened.records,
                pages=opened.pages,
                clock=SystemClock(),
                ids=RandomIds(),
                policy=policy(**options),
                model=no_model,
            )
        )
