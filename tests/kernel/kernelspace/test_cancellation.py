"""Cancel a run: nothing of it writes or starts any more, nothing done is lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from analemma.errors import RunFinished, RunNotFound
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.cancellation import cancel
from analemma.kernelspace.scheduler.fan_out import worker_events
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.run import RunStatus
from analemma.records.transition import AwaitApproval, Done, FanOut, Terminated
from kernel_desk import Desk, open_desk, program
from kernel_graphs import State, asking, counting, scattering


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path / "home") as opened:
        yield opened


def cancelled(desk: Desk, run_id: str) -> RunStatus:
    return cancel(desk.machine, owner=LOCAL_OWNER, run_id=run_id, by="ann").status


def test_slice_that_is_cancelled_inside_a_node_seals_nothing_more(desk: Desk) -> None:
    runs: list[str] = []

    def second(state: State) -> State:
        runs.append("second")
        if len(runs) == 2:
            cancelled(desk, run.run_id)
        return {"seen": ["second"]}

    def first(state: State) -> State:
        runs.append("first")
        return {"seen": ["first"]}

    graph: StateGraph[State, None, State, State] = StateGraph(State)
    graph.add_node("first", first)
    graph.add_node("second", second)
    graph.add_node("third", lambda state: {"seen": [f"third of {len(runs)}"]})
    graph.add_edge(START, "first")
    graph.add_edge("first", "second")
    graph.add_edge("second", "third")
    graph.add_edge("third", END)
    workflow = program(graph)
    run = desk.admit(workflow, {"target": 1, "seen": []})

    transition = desk.slice(workflow, run.run_id)

    assert isinstance(transition, Terminated)
    assert transition.reason == "cancelled"
    record = desk.record(run.run_id)
    assert record.status is RunStatus.TERMINATED
    assert desk.output(workflow, run.run_id)["seen"] == ["first"]
    # Slices of an execution that has not heard of it say the same and run nothing.
    assert desk.slice(workflow, run.run_id) == transition
    assert runs == ["first", "second"]

    reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)

    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert runs == ["first", "second", "second"]
    seen = desk.output(workflow, run.run_id)["seen"]
    assert seen == ["first", "second", "third of 3"]


def test_worker_of_a_cancelled_run_runs_nothing(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(scattering(runs))
    run = desk.admit(workflow, {"target": 30, "seen": []})
    transition = desk.slice(workflow, run.run_id)
    assert isinstance(transition, FanOut)
    first, *others = worker_events(desk.machine.pages(LOCAL_OWNER), transition.ref)
    run_worker(desk.machine, workflow, first)
    done = len(runs)

    cancelled(desk, run.run_id)
    for event in others:
        run_worker(desk.machine, workflow, event)

    assert len(runs) == done == 10
    reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert sorted(runs, key=int) == [str(n) for n in range(30)]


def test_run_that_waits_for_a_person_can_be_cancelled(desk: Desk) -> None:
    workflow = program(asking([]))
    run = desk.admit(workflow, {"target": 1, "seen": []})
    assert isinstance(desk.slice(workflow, run.run_id), AwaitApproval)

    assert cancelled(desk, run.run_id) is RunStatus.TERMINATED
    assert isinstance(desk.slice(workflow, run.run_id), Terminated)


def test_run_that_has_not_begun_can_be_cancelled_and_begun_later(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(counting(runs))
    run = desk.admit(workflow, {"target": 2, "seen": []})

    cancelled(desk, run.run_id)

    assert isinstance(desk.slice(workflow, run.run_id), Terminated)
    assert runs == []
    reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
    assert isinstance(desk.drive(workflow, run.run_id), Done)


def test_cancelling_twice_is_cancelling_once(desk: Desk) -> None:
    workflow = program(counting([]))
    run = desk.admit(workflow, {"target": 2, "seen": []})

    cancelled(desk, run.run_id)
    record = desk.record(run.run_id)
    cancelled(desk, run.run_id)

    assert desk.record(run.run_id) == record


def test_run_that_is_done_stays_done(desk: Desk) -> None:
    workflow: Any = program(counting([]))
    run = desk.admit(workflow, {"target": 2, "seen": []})
    desk.drive(workflow, run.run_id)

    with pytest.raises(RunFinished, match="nothing is left to cancel"):
        cancelled(desk, run.run_id)
    assert desk.record(run.run_id).status is RunStatus.DONE


def test_unknown_run_is_named(desk: Desk) -> None:
    with pytest.raises(RunNotFound, match="run-nowhere"):
        cancelled(desk, "run-nowhere")
