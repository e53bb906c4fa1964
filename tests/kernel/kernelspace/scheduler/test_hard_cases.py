"""Cases that a reviewer broke, each held by a test since."""

import operator
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, interrupt

from analemma.errors import ProviderThrottled
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.interrupts.approvals import Answer
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.models import ModelRequest, current_model
from analemma.records.envelope import SliceEvent
from analemma.records.run import RunStatus
from analemma.records.transition import (
    AwaitApproval,
    Continue,
    Done,
    Failed,
    FanOut,
    Sleep,
)
from kernel_desk import Desk, open_desk, program


class State(TypedDict, total=False):
    seen: Annotated[list[str], operator.add]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path / "home") as opened:
        yield opened


def one_node(work: Any) -> StateGraph:
    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    graph.add_edge("work", END)
    return graph


def scattering(work: Any, tasks: int) -> StateGraph:
    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_conditional_edges(
        START,
        lambda state: [Send("work", {"seen": [str(n)]}) for n in range(tasks)],
        ["work"],
    )
    graph.add_edge("work", END)
    return graph


def test_siblings_of_a_failed_task_finish_and_never_run_again(desk: Desk) -> None:
    runs: list[str] = []
    others = threading.Barrier(3, timeout=30)
    mended: list[bool] = []

    def work(state: State) -> State:
        (name,) = state["seen"]
        runs.append(name)
        if name == "0" and not mended:
            raise ValueError("first of all")
        if not mended and name in ("1", "2", "3"):
            others.wait()  # still at work when the first one fails
        return {"seen": [f"did {name}"]}

    workflow = program(scattering(work, 9))
    run = desk.admit(workflow, {"seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), Failed)
    assert sorted(runs) == [str(n) for n in range(9)]
    mended.append(True)
    reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
    assert isinstance(desk.drive(workflow, run.run_id), Done)

    assert sorted(runs) == sorted(["0", *(str(n) for n in range(9))])
    assert desk.output(workflow, run.run_id)["seen"] == [f"did {n}" for n in range(9)]


def test_a_throttled_task_does_not_speak_for_its_siblings(desk: Desk) -> None:
    throttled: list[bool] = []

    def work(state: State) -> State:
        if state["seen"] == ["0"] and len(throttled) < 2:
            throttled.append(True)
            raise ProviderThrottled("429", retry_after_seconds=1)
        return {"seen": state["seen"]}

    workflow = program(scattering(work, 12))
    run = desk.admit(workflow, {"seen": []})

    def worker(event: Any) -> None:
        try:
            run_worker(desk.machine, workflow, event)
        except ProviderThrottled:
            return  # the orchestrator gave the batch up

    assert isinstance(desk.drive(workflow, run.run_id, workers=worker), Done)
    assert len(desk.slept) == 2


@pytest.mark.parametrize("tasks", [1, 9])
def test_a_node_that_exits_the_process_fails_the_run(desk: Desk, tasks: int) -> None:
    def work(state: State) -> State:
        sys.exit(0)

    workflow = program(scattering(work, tasks))
    run = desk.admit(workflow, {"seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), Failed)
    failure = desk.record(run.run_id).failure
    assert failure is not None
    assert "sys.exit(0)" in failure.cause


def test_an_answer_is_kept_when_its_node_fails_before_it_takes_it(desk: Desk) -> None:
    answered: list[bool] = []
    answers: list[object] = []

    def work(state: State) -> State:
        if answered and len(desk.slept) == 0:
            raise ProviderThrottled("429", retry_after_seconds=1)
        answers.append(interrupt("go?"))
        return {"seen": ["went"]}

    workflow = program(one_node(work))
    run = desk.admit(workflow, {"seen": []})
    assert isinstance(desk.drive(workflow, run.run_id), AwaitApproval)
    (approval,) = desk.approvals(run.run_id)
    desk.answer(approval, Answer(approved=True, by="tester"))
    answered.append(True)

    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert len(desk.slept) == 1
    assert answers == [True]
    assert len(desk.approvals(run.run_id)) == 1


def test_model_calls_from_a_nodes_own_threads_are_metered(desk: Desk) -> None:
    def work(state: State) -> State:
        model = current_model()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: model.ask(ModelRequest(prompt="a b")), range(3)))
        return {"seen": ["asked"]}

    workflow = program(one_node(work), scripted_answer=lambda request: "one")
    run = desk.admit(workflow, {"seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert desk.record(run.run_id).used.tokens == 9


@pytest.mark.parametrize("text", ["no file \udcff.txt", "\x1b]0;title\x07\x1b[2J"])
def test_any_text_an_error_carries_is_told_as_one_printable_line(
    desk: Desk, text: str
) -> None:
    def work(state: State) -> State:
        raise FileNotFoundError(text)

    workflow = program(one_node(work))
    run = desk.admit(workflow, {"seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), Failed)
    failure = desk.record(run.run_id).failure
    assert failure is not None
    assert failure.sentence().isprintable()


def test_a_provider_that_asks_for_years_is_asked_again_after_a_day(desk: Desk) -> None:
    def work(state: State) -> State:
        raise ProviderThrottled("429", retry_after_seconds=99_999_999)

    workflow = program(one_node(work))
    run = desk.admit(workflow, {"seen": []})

    transition = desk.slice(workflow, run.run_id)

    assert isinstance(transition, Sleep)
    assert transition.seconds == 86_400


def test_of_two_slices_that_start_together_one_goes_on(desk: Desk) -> None:
    workflow = program(one_node(lambda state: {"seen": ["once"]}))
    run = desk.admit(workflow, {"seen": []})
    table = ProcessTable(desk.machine.records)
    event = SliceEvent(run_id=run.run_id, owner=LOCAL_OWNER)
    real_replace = ProcessTable.replace
    meddled: list[bool] = []

    def replace_after_the_other(self: Any, stored: Any, record: Any) -> Any:
        if not meddled:  # the other slice opened the run between our two steps
            meddled.append(True)
            other = table.get(LOCAL_OWNER, run.run_id)
            changed = other.record.model_copy(update={"slices": 1})
            real_replace(self, other, changed)
        return real_replace(self, stored, record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ProcessTable, "replace", replace_after_the_other)
        transition = run_slice(desk.machine, workflow, event)

    assert isinstance(transition, Done)
    assert desk.record(run.run_id).slices == 2


def test_time_of_slices_that_died_in_a_row_is_counted(desk: Desk) -> None:
    workflow = program(one_node(lambda state: {"seen": ["done"]}))
    desk = desk.with_policy(slice_supersteps=1)
    run = desk.admit(workflow, {"seen": []})
    assert isinstance(desk.slice(workflow, run.run_id), Continue)
    table = ProcessTable(desk.machine.records)
    for _ in range(2):  # as a slice leaves the record that dies 10 s into its work
        stored = table.get(LOCAL_OWNER, run.run_id)
        head = desk.saver("look").get_tuple({"configurable": {"thread_id": run.run_id}})
        assert head is not None
        sealed_at = datetime.fromisoformat(head.checkpoint["ts"])
        table.replace(
            stored,
            stored.record.model_copy(
                update={
                    "opened_at": sealed_at - timedelta(seconds=10),
                    "status": RunStatus.RUNNING,
                }
            ),
        )
        desk.slice(workflow, run.run_id)

    assert 20 <= desk.record(run.run_id).used.seconds < 22


def test_a_join_whose_answer_was_lost_counts_one_round(desk: Desk) -> None:
    workflow = program(scattering(lambda state: {"seen": state["seen"]}, 12))
    run = desk.admit(workflow, {"seen": []})
    first = desk.slice(workflow, run.run_id)
    assert isinstance(first, FanOut)
    event = SliceEvent(run_id=run.run_id, owner=LOCAL_OWNER, joins=first.ref)

    for _ in range(desk.machine.policy.fan_out.max_rounds + 1):
        assert isinstance(run_slice(desk.machine, workflow, event), FanOut)

    attempts = desk.record(run.run_id).attempts
    assert attempts is not None
    assert attempts.rounds == 1
