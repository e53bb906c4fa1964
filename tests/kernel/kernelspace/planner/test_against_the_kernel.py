"""What a plan says of calls is what the kernel does, on emulated DynamoDB and S3.

Calls of DynamoDB may be off by a tenth or by three: the kernel changes, and a plan
is an estimate. Slices, workers, state transitions and calls of S3 are exact.
"""

import json
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, interrupt

from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.hardware.aws.traffic import Counts as Sent
from analemma.hardware.ports import SystemClock
from analemma.ids import LOCAL_OWNER, Owner, RandomIds, WorkflowDigest
from analemma.kernelspace.admission import admit
from analemma.kernelspace.interrupts.approvals import Answer, ApprovalDesk
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.planner.assumptions import Assumptions, Bound, Range
from analemma.kernelspace.planner.plan import plan
from analemma.kernelspace.planner.shape import shape_of
from analemma.kernelspace.planner.slicing import WORKER_THREADS, Counts
from analemma.kernelspace.program import Program
from analemma.kernelspace.scheduler import fan_out
from analemma.kernelspace.scheduler.fan_out import worker_events
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.envelope import SliceEvent
from analemma.records.policy import KernelPolicy, SlicePolicy
from analemma.records.run import WorkflowRef
from kernel_desk import no_model
from stores_aws import EmulatedAws, Turnstile, emulated_aws

ROOT = Path(__file__).parents[4]


class State(TypedDict, total=False):
    count: int
    target: int
    seen: Annotated[list[str], operator.add]


def step(state: State) -> State:
    return {"count": state.get("count", 0) + 1, "seen": ["x" * 100]}


def work(state: State) -> State:
    return {"seen": ["y" * 100]}


def end(state: State) -> State:
    return {"count": 1}


def ask(state: State) -> State:
    return {"seen": [str(interrupt("go on?"))]}


def more(state: State) -> str:
    return "step" if state["count"] < state["target"] else END


def scatter(state: State) -> list[Send]:
    return [Send("work", {}) for _ in range(state["target"])]


LOOP = (
    StateGraph(State)
    .add_node(step)
    .add_edge(START, "step")
    .add_conditional_edges("step", more, ["step", END])
)
SCATTER = (
    StateGraph(State)
    .add_node(work)
    .add_node(end)
    .add_conditional_edges(START, scatter, ["work"])
    .add_edge("work", "end")
)
PARALLEL = (
    StateGraph(State)
    .add_node("a", work)
    .add_node("b", work)
    .add_node("c", work)
    .add_node(end)
    .add_edge(START, "a")
    .add_edge(START, "b")
    .add_edge(START, "c")
    .add_edge(["a", "b", "c"], "end")
)
ASK = StateGraph(State).add_node(ask).add_edge(START, "ask").add_edge("ask", END)

CASES = {
    "loop": (LOOP, 20, KernelPolicy()),
    "loop by slices of 5": (LOOP, 20, KernelPolicy(slices=SlicePolicy(supersteps=5))),
    "fan-out of 25": (SCATTER, 25, KernelPolicy()),
    "5 sent tasks in the slice": (SCATTER, 5, KernelPolicy()),
    "parallel branches": (PARALLEL, 1, KernelPolicy()),
    "a question": (ASK, 1, KernelPolicy()),
}

_MAP = {"fan_out", "await_approval"}


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        Turnstile(emulated.dynamodb)
        Turnstile(emulated.s3)
        yield emulated


class Drive:
    """A run that this test drives as Step Functions would, and what it cost."""

    def __init__(self, aws: EmulatedAws, program: Program, policy: KernelPolicy):
        table, bucket = aws.new_table(), aws.new_bucket()
        self.machine = Machine(
            records=DynamoRecordStore(aws.dynamodb, table),
            pages=lambda owner: S3PageStore(aws.s3, bucket, Owner(owner)),
            clock=SystemClock(),
            ids=RandomIds(),
            policy=policy,
            model=no_model,
        )
        self.program = program
        self.aws = aws
        self.slices = self.workers = self.transitions = 0

    def run(self, target: int) -> Sent:
        before = self.aws.traffic.counts()
        run_id = admit(
            self.machine,
            owner=LOCAL_OWNER,
            workflow=WorkflowRef(name="w", target="w:graph"),
            value={"target": target},
        ).record.run_id
        joins: str | None = None
        while True:
            said = run_slice(
                self.machine,
                self.program,
                SliceEvent(
                    run_id=run_id, owner=LOCAL_OWNER, execution="e", joins=joins
                ),
            )
            joins = None
            self.slices += 1
            self.transitions += 2 + (said.kind in _MAP) + (said.kind == "done")
            if said.kind == "fan_out":
                joins = said.ref
                for event in worker_events(self.machine.pages(LOCAL_OWNER), said.ref):
                    run_worker(self.machine, self.program, event)
                    self.workers += 1
                    self.transitions += 1
            elif said.kind == "await_approval":
                self.answer(run_id)
            elif said.kind != "continue":
                break
        assert said.kind == "done"
        after = self.aws.traffic.counts()
        return {
            key: count - before[key] if key in before else count
            for key, count in after.items()
        }

    def answer(self, run_id: str) -> None:
        desk = ApprovalDesk(self.machine.records, LOCAL_OWNER)
        (waiting,) = desk.of_run(run_id)
        desk.park(run_id, waiting.approval_id, "token")
        desk.answer(
            run_id,
            waiting.approval_id,
            Answer(approved=True, by="a person"),
            self.machine.clock.now(),
        )
        self.transitions += 1


def planned(program: Program, target: int, policy: KernelPolicy) -> Counts:
    assumed = Assumptions(
        seconds=Range.parse("0"),
        tasks=Range.parse(str(target)),
        passes=Range.parse(str(target)),
        task_bytes=Range.parse("120"),
    )
    return plan(shape_of(program), policy, assumed).estimates[Bound.EXPECTED].counts


def near(wanted: int, seen: int) -> None:
    slack = max(3, seen / 10)
    assert seen - slack <= wanted <= seen + slack


@pytest.mark.parametrize("name", CASES)
def test_counts_of_a_plan_are_those_of_the_kernel(aws: EmulatedAws, name: str) -> None:
    graph, target, policy = CASES[name]
    program = Program("w", WorkflowDigest("d" * 64), graph.compile())
    drive = Drive(aws, program, policy)

    sent = drive.run(target)
    counts = planned(program, target, policy)

    assert counts.slices == drive.slices
    assert counts.workers == drive.workers
    assert counts.transitions == drive.transitions
    calls = {operation: count.calls for (_, operation), count in sent.items()}
    assert counts.s3_puts == calls["PutObject"]
    # Nothing here reads what the map of approvals would.
    assert counts.s3_gets - counts.approvals == calls["GetObject"]
    near(counts.dynamodb_writes, calls["UpdateItem"])
    near(counts.dynamodb_reads, calls["GetItem"] + calls["Query"])


def test_a_plan_of_the_priced_run_is_what_was_counted_in_the_deployed_stack() -> None:
    priced = json.loads((ROOT / "benchmarks/cost/expected.json").read_text("utf-8"))
    counted = priced["systems"]["Analemma"]
    calls = counted["requests"].items()
    program = Program("w", WorkflowDigest("d" * 64), LOOP.compile())
    assumed = Assumptions(
        passes=Range.parse(str(priced["supersteps"])), task_bytes=Range.parse("1000")
    )

    made = plan(shape_of(program), KernelPolicy(), assumed)
    counts = made.estimates[Bound.EXPECTED].counts

    assert counts.transitions == counted["transitions"]
    assert counts.s3_puts == sum(n for name, n in calls if "PutObject" in name)
    assert counts.dynamodb_writes == sum(n for name, n in calls if "Update" in name)
    assert counts.write_units == pytest.approx(counted["write_units"], rel=0.05)
    assert counts.read_units == pytest.approx(counted["read_units"], rel=0.1)


def test_threads_of_a_worker_are_those_of_the_kernel() -> None:
    assert WORKER_THREADS == fan_out._THREADS
