"""Slices: where they stop, what they say, and what a later one finds."""

import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, interrupt

from analemma.errors import (
    LeaseLost,
    ProviderThrottled,
    RunNotFound,
    StoreUnavailable,
)
from analemma.hardware.ports import Record, RecordStore
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.interrupts.approvals import Answer
from analemma.models import ModelRequest, current_model
from analemma.records.budget import Budget
from analemma.records.run import RunStatus
from analemma.records.transition import (
    AwaitApproval,
    Continue,
    Done,
    Failed,
    FanOut,
    Renew,
    Sleep,
    Terminated,
    TerminationReason,
)
from kernel_desk import Desk, open_desk, program


class State(TypedDict, total=False):
    target: int
    seen: Annotated[list[str], operator.add]


YES = Answer(approved=True, by="tester")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path / "home") as opened:
        yield opened


def counting(runs: list[str]) -> StateGraph:
    """A node that appends its number until ``target`` is reached."""

    def step(state: State) -> State:
        runs.append(str(len(state["seen"])))
        return {"seen": [str(len(state["seen"]))]}

    def again(state: State) -> str:
        return "step" if len(state["seen"]) < state["target"] else END

    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", again, ["step", END])
    return graph


def scattering(runs: list[str], fail: set[str] | None = None) -> StateGraph:
    def scatter(state: State) -> list[Send]:
        return [Send("work", {"seen": [str(n)]}) for n in range(state["target"])]

    def work(state: State) -> State:
        (name,) = state["seen"]
        runs.append(name)
        if fail and name in fail:
            raise ValueError(f"task {name} cannot")
        return {"seen": [f"did {name}"]}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_node("join", lambda state: {"seen": ["joined"]})
    graph.add_conditional_edges(START, scatter, ["work"])
    graph.add_edge("work", "join")
    graph.add_edge("join", END)
    return graph


def test_slice_stops_between_supersteps_when_its_limit_is_reached(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(counting(runs))
    desk = desk.with_policy(slice_supersteps=2)
    run = desk.admit(workflow, {"target": 5, "seen": []})

    transition = desk.slice(workflow, run.run_id)

    assert isinstance(transition, Continue)
    assert desk.record(run.run_id).used.supersteps == 2
    assert runs == ["0"]  # the first superstep of a state graph is __start__


@pytest.mark.parametrize("supersteps", [1, 2, 3, 7, None])
def test_result_and_node_runs_equal_a_plain_invoke_however_it_is_sliced(
    desk: Desk, supersteps: int | None
) -> None:
    plain_runs: list[str] = []
    plain = counting(plain_runs).compile().invoke({"target": 6, "seen": []})
    runs: list[str] = []
    workflow = program(counting(runs))
    desk = desk.with_policy(slice_supersteps=supersteps)
    run = desk.admit(workflow, {"target": 6, "seen": []})

    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Done)
    assert desk.output(workflow, run.run_id) == plain
    assert runs == plain_runs


def test_slice_of_an_ended_run_says_the_same_again_and_runs_nothing(
    desk: Desk,
) -> None:
    runs: list[str] = []
    workflow = program(counting(runs))
    run = desk.admit(workflow, {"target": 2, "seen": []})
    first = desk.drive(workflow, run.run_id)
    ended = desk.record(run.run_id)

    assert desk.slice(workflow, run.run_id) == first
    assert desk.record(run.run_id) == ended
    assert len(runs) == 2


def test_slice_of_an_unknown_run_is_rejected(desk: Desk) -> None:
    with pytest.raises(RunNotFound, match="run-nowhere"):
        desk.slice(program(counting([])), "run-nowhere")


def test_step_budget_terminates_and_names_itself(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(counting(runs))
    run = desk.admit(
        workflow, {"target": 10**6, "seen": []}, budget=Budget(supersteps=4)
    )

    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Terminated)
    assert transition.reason is TerminationReason.SUPERSTEPS
    assert desk.record(run.run_id).used.supersteps == 4


def test_larger_budget_goes_on_where_the_run_was_terminated(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(counting(runs))
    run = desk.admit(workflow, {"target": 6, "seen": []}, budget=Budget(supersteps=3))
    desk.drive(workflow, run.run_id)

    reopen(
        desk.machine,
        owner=LOCAL_OWNER,
        run_id=run.run_id,
        budget=Budget(supersteps=50),
    )
    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Done)
    assert runs == ["0", "1", "2", "3", "4", "5"]


def test_time_budget_counts_seconds_inside_slices(desk: Desk) -> None:
    workflow = program(counting([]))
    run = desk.admit(workflow, {"target": 10**6, "seen": []}, budget=Budget(seconds=1))

    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Terminated)
    assert transition.reason is TerminationReason.SECONDS
    assert desk.record(run.run_id).used.seconds >= 1


def test_a_node_that_raises_fails_the_run_and_names_node_attempt_and_cause(
    desk: Desk,
) -> None:
    workflow = program(scattering([], fail={"1"}))
    run = desk.admit(workflow, {"target": 2, "seen": []})

    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Failed)
    record = desk.record(run.run_id)
    assert record.status is RunStatus.FAILED
    assert record.failure is not None
    assert record.failure.sentence() == (
        "node 'work' failed at attempt 1: ValueError: task 1 cannot"
    )


def test_resumed_failure_runs_only_what_had_not_finished(desk: Desk) -> None:
    fail = {"1"}
    runs: list[str] = []
    workflow = program(scattering(runs, fail))
    run = desk.admit(workflow, {"target": 3, "seen": []})
    desk.drive(workflow, run.run_id)
    finished = [name for name in runs if name != "1"]
    fail.clear()

    reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Done)
    assert desk.output(workflow, run.run_id)["seen"] == [
        "did 0",
        "did 1",
        "did 2",
        "joined",
    ]
    again = runs[len(finished) + 1 :]
    assert set(again).isdisjoint(finished) or len(finished) < 2


def test_many_sends_leave_the_slice_and_join_in_task_order(desk: Desk) -> None:
    plain = scattering([]).compile().invoke({"target": 23, "seen": []})
    runs: list[str] = []
    workflow = program(scattering(runs))
    run = desk.admit(workflow, {"target": 23, "seen": []})

    first = desk.slice(workflow, run.run_id)
    assert isinstance(first, FanOut)
    assert first.batches == 3
    assert runs == []
    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Done)
    assert desk.output(workflow, run.run_id) == plain
    assert sorted(runs, key=int) == [str(n) for n in range(23)]


def test_a_failed_task_of_a_fan_out_fails_the_run_by_name(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(scattering(runs, fail={"7"}))
    run = desk.admit(workflow, {"target": 12, "seen": []})

    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Failed)
    failure = desk.record(run.run_id).failure
    assert failure is not None
    assert failure.node == "work"
    assert "task 7 cannot" in failure.cause


def test_workers_that_die_without_a_word_are_given_up_on(desk: Desk) -> None:
    workflow = program(scattering([]))
    run = desk.admit(workflow, {"target": 12, "seen": []})
    rounds: list[int] = []

    transition = desk.drive(
        workflow, run.run_id, workers=lambda event: rounds.append(event.batch)
    )

    assert isinstance(transition, Failed)
    assert len(rounds) == 2 * desk.machine.policy.fan_out.max_rounds
    failure = desk.record(run.run_id).failure
    assert failure is not None
    assert "12 tasks were still unfinished after 3 rounds" in failure.cause


def test_an_orchestrator_that_dies_does_not_speak_against_the_workers(
    desk: Desk,
) -> None:
    workflow = program(scattering([]))
    run = desk.admit(workflow, {"target": 12, "seen": []})

    for _ in range(desk.machine.policy.fan_out.max_rounds + 2):
        assert isinstance(desk.slice(workflow, run.run_id), FanOut)

    assert isinstance(desk.drive(workflow, run.run_id), Done)


def test_late_and_duplicate_workers_change_nothing(desk: Desk) -> None:
    from analemma.kernelspace.scheduler.fan_out import worker_events
    from analemma.kernelspace.scheduler.worker import run_worker

    runs: list[str] = []
    workflow = program(scattering(runs))
    run = desk.admit(workflow, {"target": 9, "seen": []})
    transition = desk.slice(workflow, run.run_id)
    assert isinstance(transition, FanOut)
    (event,) = worker_events(desk.machine.pages(LOCAL_OWNER), transition.ref)

    run_worker(desk.machine, workflow, event)
    run_worker(desk.machine, workflow, event)
    assert sorted(runs) == [str(n) for n in range(9)]
    desk.drive(workflow, run.run_id)
    ended = desk.output(workflow, run.run_id)
    run_worker(desk.machine, workflow, event)

    assert len(runs) == 9
    assert desk.output(workflow, run.run_id) == ended


def asking(answers: list[Any], questions: int = 1) -> StateGraph:
    def ask(state: State) -> State:
        for number in range(questions):
            answers.append(interrupt(f"question {number}"))
        return {"seen": [repr(answer) for answer in answers[-questions:]]}

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph


def test_an_interrupt_parks_the_run_until_somebody_answers(desk: Desk) -> None:
    answers: list[Any] = []
    workflow = program(asking(answers))
    run = desk.admit(workflow, {"seen": []})

    waiting = desk.drive(workflow, run.run_id)
    assert isinstance(waiting, AwaitApproval)
    assert desk.record(run.run_id).status is RunStatus.WAITING
    (approval,) = desk.approvals(run.run_id)
    assert approval.question == "question 0"
    assert desk.drive(workflow, run.run_id) == waiting  # still nobody answered
    assert answers == []

    desk.answer(approval, Answer(approved=True, by="t", edited=True, edit={"n": 1}))
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert answers == [{"n": 1}]


def test_two_questions_of_one_node_get_two_approvals(desk: Desk) -> None:
    answers: list[Any] = []
    workflow = program(asking(answers, questions=2))
    run = desk.admit(workflow, {"seen": []})

    desk.drive(workflow, run.run_id)
    (first,) = desk.approvals(run.run_id)
    desk.answer(first, Answer(approved=True, by="t", edited=True, edit="one"))
    assert isinstance(desk.drive(workflow, run.run_id), AwaitApproval)
    (second,) = [
        each
        for each in desk.approvals(run.run_id)
        if each.approval_id != first.approval_id
    ]
    assert second.question == "question 1"
    desk.answer(second, Answer(approved=False, by="t"))
    assert isinstance(desk.drive(workflow, run.run_id), Done)

    assert desk.output(workflow, run.run_id)["seen"] == ["'one'", "False"]


def test_a_static_breakpoint_waits_also_in_a_fresh_process(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(counting(runs).compile(interrupt_before=["step"]))
    desk = desk.with_policy(slice_supersteps=1)
    run = desk.admit(workflow, {"target": 1, "seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), AwaitApproval)
    assert isinstance(desk.drive(workflow, run.run_id), AwaitApproval)
    assert runs == []
    (approval,) = desk.approvals(run.run_id)
    desk.answer(approval, YES)
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert runs == ["0"]


def test_a_breakpoint_after_a_node_waits_once(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(counting(runs).compile(interrupt_after=["step"]))
    run = desk.admit(workflow, {"target": 2, "seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), AwaitApproval)
    assert runs == ["0"]
    (approval,) = desk.approvals(run.run_id)
    desk.answer(approval, YES)
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert runs == ["0", "1"]


def test_a_rejected_breakpoint_ends_the_run(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(counting(runs).compile(interrupt_before=["step"]))
    run = desk.admit(workflow, {"target": 1, "seen": []})
    desk.drive(workflow, run.run_id)
    (approval,) = desk.approvals(run.run_id)
    desk.answer(approval, Answer(approved=False, by="t"))

    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Terminated)
    assert transition.reason is TerminationReason.CANCELLED
    assert runs == []


def test_a_throttled_provider_makes_the_run_sleep_and_try_again(desk: Desk) -> None:
    tries: list[int] = []

    def call(state: State) -> State:
        tries.append(1)
        if len(tries) < 3:
            raise ProviderThrottled("429", retry_after_seconds=6.2)
        return {"seen": ["answered"]}

    graph = StateGraph(State)
    graph.add_node("call", call)
    graph.add_edge(START, "call")
    graph.add_edge("call", END)
    workflow = program(graph)
    run = desk.admit(workflow, {"seen": []})

    first = desk.slice(workflow, run.run_id)
    assert first == Sleep(run_id=run.run_id, owner=LOCAL_OWNER, seconds=7)
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert desk.slept == [7]


def test_a_provider_that_never_answers_fails_the_run_in_the_end(desk: Desk) -> None:
    def call(state: State) -> State:
        raise ProviderThrottled("429")

    graph = StateGraph(State)
    graph.add_node("call", call)
    graph.add_edge(START, "call")
    workflow = program(graph)
    run = desk.admit(workflow, {"seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), Failed)
    assert len(desk.slept) == desk.machine.policy.tasks.max_attempts - 1


def test_a_model_call_is_refused_once_nothing_of_its_budget_is_left(
    desk: Desk,
) -> None:
    def call(state: State) -> State:
        return {"seen": [current_model().ask(ModelRequest(prompt="a b c")).text]}

    def again(state: State) -> str:
        return "call" if len(state["seen"]) < 4 else END

    graph = StateGraph(State)
    graph.add_node("call", call)
    graph.add_edge(START, "call")
    graph.add_conditional_edges("call", again, ["call", END])
    workflow = program(graph, scripted_answer=lambda request: "one two")
    run = desk.admit(workflow, {"seen": []}, budget=Budget(tokens=10))

    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Terminated)
    assert transition.reason is TerminationReason.TOKENS
    assert desk.record(run.run_id).used.tokens == 10


def test_an_old_slice_that_wakes_up_late_changes_nothing(desk: Desk) -> None:
    """The old slice is overtaken inside a node, and may write nothing after."""
    runs: list[str] = []
    overtaken: list[bool] = []
    inner = program(counting(runs))

    def step(state: State) -> State:
        if not overtaken:
            overtaken.append(True)
            assert isinstance(desk.drive(inner, run.run_id), Done)
        return {"seen": ["late"]}

    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: END, ["step", END])
    slow = program(graph)
    run = desk.admit(slow, {"target": 3, "seen": []})

    with pytest.raises(LeaseLost):
        desk.slice(slow, run.run_id)

    assert desk.output(inner, run.run_id)["seen"] == ["0", "1", "2"]
    assert desk.record(run.run_id).status is RunStatus.DONE


def test_an_execution_renews_after_its_slices_and_a_new_one_goes_on(
    desk: Desk,
) -> None:
    workflow = program(counting([]))
    desk = desk.with_policy(slice_supersteps=1, renew_after_slices=2)
    run = desk.admit(workflow, {"target": 3, "seen": []})

    said = [desk.slice(workflow, run.run_id, "arn:one").kind for _ in range(4)]
    assert said == ["continue", "continue", "renew", "renew"]
    renewed = desk.record(run.run_id).transition
    assert renewed == Renew(run_id=run.run_id, owner=LOCAL_OWNER, generation=2)
    assert desk.slice(workflow, run.run_id, "arn:two").kind == "continue"
    assert desk.record(run.run_id).execution_slices == 1


class Failing:
    """A record store whose puts fail from the n-th on, as if it went away."""

    def __init__(self, store: RecordStore, after: int) -> None:
        self._store = store
        self._left = after

    def put(self, *args: Any, **kwargs: Any) -> int:
        self._left -= 1
        if self._left < 0:
            raise StoreUnavailable("gone")
        return self._store.put(*args, **kwargs)

    def get(self, partition: str, sort: str) -> Record | None:
        return self._store.get(partition, sort)

    def delete(self, partition: str, sort: str) -> None:
        self._store.delete(partition, sort)

    def query(self, *args: Any, **kwargs: Any) -> Iterator[Record]:
        return self._store.query(*args, **kwargs)


@pytest.mark.parametrize("after", range(13))
def test_a_store_that_goes_away_is_reported_and_the_run_goes_on_later(
    desk: Desk, after: int
) -> None:
    from dataclasses import replace

    plain_runs: list[str] = []
    plain = counting(plain_runs).compile().invoke({"target": 4, "seen": []})
    runs: list[str] = []
    workflow = program(counting(runs))
    run = desk.admit(workflow, {"target": 4, "seen": []})
    broken = Desk(replace(desk.machine, records=Failing(desk.machine.records, after)))

    with pytest.raises(StoreUnavailable):
        broken.slice(workflow, run.run_id)

    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert desk.output(workflow, run.run_id) == plain
    assert len(runs) <= len(plain_runs) + 1
