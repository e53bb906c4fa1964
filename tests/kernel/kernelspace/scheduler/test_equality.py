"""A run equals a plain invoke, whatever the graph and however it is cut."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

import graphs_flow
import graphs_nesting
import graphs_state
import graphs_waiting
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.interrupts.approvals import Answer
from analemma.kernelspace.orchestrator import drive
from analemma.kernelspace.program import only_asynchronous
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.approval import ApprovalRecord, ApprovalStatus
from analemma.records.transition import AwaitApproval, Done, Transition
from graphs_case import Case, Runs
from kernel_desk import InThisThread, open_desk, program

CASES = (
    *graphs_flow.CASES,
    *graphs_nesting.CASES,
    *graphs_waiting.CASES,
    *graphs_state.CASES,
)
CUTS = {
    "one superstep": {"slice_supersteps": 1},
    "two supersteps": {"slice_supersteps": 2},
    "uncut": {},
    "fanned out": {"fan_out_tasks": 2, "batch_size": 1},
    "fanned out, one superstep": {
        "slice_supersteps": 1,
        "fan_out_tasks": 2,
        "batch_size": 1,
    },
}
MOST_QUESTIONS = 10


def plainly(case: Case, runs: Runs) -> Any:
    """Return what a plain invoke gives, its questions answered."""
    graph = case.build(runs).copy({"checkpointer": InMemorySaver()})
    config = {"configurable": {"thread_id": "plain"}}
    given = case.value
    for _ in range(MOST_QUESTIONS):
        result = invoke(graph, given, config)
        state = graph.get_state(config)
        if not state.next:
            return result
        answers = {each.id: case.answer(each.value) for each in state.interrupts}
        given = Command(resume=answers) if answers else None
    raise AssertionError("the graph asks for ever")


def invoke(graph: Any, given: Any, config: Any) -> Any:
    if only_asynchronous(graph):
        return asyncio.run(graph.ainvoke(given, config))
    return graph.invoke(given, config)


class Sliced:
    """A run of which every slice and every batch opens the home anew."""

    def __init__(self, home: Path, case: Case, runs: Runs, cut: dict[str, int]):
        self.case = case
        self.transitions: list[Transition] = []
        self._at = lambda: open_desk(home, **({"fan_out_tasks": 999} | cut))
        self._program = lambda: program(case.build(runs))
        with self._at() as desk:
            self.run_id = desk.admit(self._program(), case.value).run_id

    def run(self) -> Any:
        """Drive to the end, answering what is asked; return the output."""
        for _ in range(MOST_QUESTIONS):
            rest = self._drive()
            with self._at() as desk:
                if not isinstance(rest, AwaitApproval):
                    assert isinstance(rest, Done), desk.record(self.run_id).failure
                    return desk.output(self._program(), self.run_id)
                for approval in desk.approvals(self.run_id):
                    if approval.status is ApprovalStatus.OPEN:
                        desk.answer(approval, self._answer(approval))
        raise AssertionError("the run asks for ever")

    def _drive(self) -> Transition:
        with self._at() as desk:
            return drive(
                desk.machine,
                owner=LOCAL_OWNER,
                run_id=self.run_id,
                run_slice=self._slice,
                workers=InThisThread(self._work),
                sleep=lambda seconds: None,
            )

    def _slice(self, event: Any) -> Transition:
        with self._at() as desk:
            transition = run_slice(desk.machine, self._program(), event)
        self.transitions.append(transition)
        return transition

    def _work(self, event: Any) -> None:
        with self._at() as desk:
            run_worker(desk.machine, self._program(), event)

    def _answer(self, approval: ApprovalRecord) -> Answer:
        if self.case.approves_breakpoints:
            return Answer(approved=True, by="tester")
        said = self.case.answer(approval.question)
        return Answer(approved=True, by="tester", edited=True, edit=said)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_output_and_node_runs_equal_a_plain_invoke(
    case: Case, cut: str, tmp_path: Path
) -> None:
    plain_runs: Runs = []
    plain = plainly(case, plain_runs)
    runs: Runs = []
    sliced = Sliced(tmp_path / "home", case, runs, CUTS[cut])

    output = sliced.run()

    assert output == plain
    assert Counter(runs) == Counter(plain_runs)
