"""A slice before the admission gate: a run that waits for its turn loses nothing."""

from dataclasses import replace
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.interrupts.approvals import Answer
from analemma.kernelspace.orchestrator import drive
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.records.concurrency_policy import AdmissionPolicy
from analemma.records.run import RunStatus
from analemma.records.transition import AwaitApproval, Done, Renew, Sleep
from kernel_desk import Desk, InThisThread, program

Runs = list[str]


def limited(desk: Desk, **policy: Any) -> Desk:
    """Return the desk where one run of an owner runs at a time."""
    allowed = AdmissionPolicy(max_running_per_owner=1, poll_seconds=5)
    changed = desk.machine.policy.model_copy(update={"admission": allowed, **policy})
    return Desk(replace(desk.machine, policy=changed))


def two_steps(runs: Runs) -> Any:
    def note(name: str) -> Any:
        def node(state: dict[str, int]) -> dict[str, int]:
            runs.append(name)
            return {"count": state["count"] + 1}

        return node

    graph = StateGraph(dict)
    graph.add_node("a", note("a"))
    graph.add_node("b", note("b"))
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    return program(graph)


def begin(desk: Desk, workflow: Any, run_id: str) -> None:
    """Run a slice of one superstep, so that the run runs and has not ended."""
    slices = desk.machine.policy.slices.model_copy(update={"supersteps": 1})
    short = desk.machine.policy.model_copy(update={"slices": slices})
    Desk(replace(desk.machine, policy=short)).slice(workflow, run_id)
    assert desk.record(run_id).status is RunStatus.RUNNING


@pytest.fixture
def one(desk: Desk) -> Desk:
    return limited(desk)


def test_a_run_that_waits_sleeps_and_uses_nothing_of_its_budget(one: Desk) -> None:
    runs: Runs = []
    workflow = two_steps(runs)
    holder, waiting = (one.admit(workflow, {"count": 0}) for _ in range(2))
    begin(one, workflow, holder.run_id)

    for _ in range(50):
        sleep = one.slice(workflow, waiting.run_id)
        assert isinstance(sleep, Sleep)
        assert 1 <= sleep.seconds <= 5
    record = one.record(waiting.run_id)
    assert record.status is RunStatus.QUEUED
    assert record.transition == sleep
    assert record.used == waiting.used
    assert record.slices == 0

    assert isinstance(one.drive(workflow, holder.run_id), Done)
    assert isinstance(one.drive(workflow, waiting.run_id), Done)
    assert runs == ["a", "b"] * 2


def test_the_embedded_orchestrator_obeys_and_the_run_begins_in_its_turn(
    one: Desk,
) -> None:
    runs: Runs = []
    workflow = two_steps(runs)
    holder, waiting = (one.admit(workflow, {"count": 0}) for _ in range(2))
    begin(one, workflow, holder.run_id)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            one.drive(workflow, holder.run_id)

    rest = drive(
        one.machine,
        owner=LOCAL_OWNER,
        run_id=waiting.run_id,
        run_slice=lambda event: run_slice(one.machine, workflow, event),
        workers=InThisThread(lambda event: None),
        sleep=sleep,
    )

    assert isinstance(rest, Done)
    assert len(slept) == 3


def test_a_run_that_waits_for_people_makes_room_and_comes_back(one: Desk) -> None:
    def ask(state: dict[str, int]) -> dict[str, int]:
        return {"count": interrupt("how many?")}

    graph = StateGraph(dict)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    asking = program(graph)
    runs: Runs = []
    other = two_steps(runs)
    waiting = one.admit(asking, {"count": 0})
    assert isinstance(one.drive(asking, waiting.run_id), AwaitApproval)
    assert isinstance(one.drive(other, one.admit(other, {"count": 0}).run_id), Done)

    (approval,) = one.approvals(waiting.run_id)
    one.answer(approval, Answer(approved=True, by="ann"))
    assert isinstance(one.drive(asking, waiting.run_id), Done)


def test_a_run_that_waits_renews_its_execution_and_still_waits(desk: Desk) -> None:
    slices = desk.machine.policy.slices
    one = limited(
        desk,
        slices=slices.model_copy(update={"supersteps": 1, "renew_after_slices": 3}),
    )
    workflow = two_steps([])
    holder, waiting = (one.admit(workflow, {"count": 0}) for _ in range(2))
    one.slice(workflow, holder.run_id, "execution-of-the-holder")

    said = [one.slice(workflow, waiting.run_id, "first") for _ in range(5)]
    assert [type(each) for each in said] == [Sleep] * 3 + [Renew] * 2
    assert one.record(waiting.run_id).status is RunStatus.QUEUED
    assert isinstance(one.slice(workflow, waiting.run_id, "second"), Sleep)
    assert one.record(waiting.run_id).execution_slices == 1


def test_a_run_that_was_answered_renews_and_still_has_to_wait(desk: Desk) -> None:
    def ask(state: dict[str, int]) -> dict[str, int]:
        return {"count": interrupt("how many?")}

    graph = StateGraph(dict)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    asking = program(graph)
    slices = desk.machine.policy.slices
    one = limited(desk, slices=slices.model_copy(update={"renew_after_slices": 1}))
    waiting = one.admit(asking, {"count": 0})
    assert isinstance(one.slice(asking, waiting.run_id, "first"), AwaitApproval)
    other = two_steps([])
    holder = one.admit(other, {"count": 0})
    begin(one, other, holder.run_id)
    (approval,) = one.approvals(waiting.run_id)
    one.answer(approval, Answer(approved=True, by="ann"))

    assert isinstance(one.slice(asking, waiting.run_id, "first"), Renew)
    assert isinstance(one.slice(asking, waiting.run_id, "second"), Sleep)
