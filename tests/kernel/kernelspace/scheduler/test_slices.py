"""Slices: where they stop, what they say, and what a later one finds."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from analemma.errors import (
    LeaseLost,
    ProviderThrottled,
    RunNotFound,
    StoreUnavailable,
)
from analemma.hardware.ports import Record, RecordStore
from analemma.ids import LOCAL_OWNER, PageId
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.memory.log import entries
from analemma.models import ModelRequest, current_model
from analemma.records.budget import Budget
from analemma.records.run import RunStatus
from analemma.records.transition import (
    Continue,
    Done,
    Failed,
    Renew,
    Sleep,
    Terminated,
    TerminationReason,
)
from kernel_desk import Desk, program
from kernel_graphs import State, counting, scattering


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
    started, durable = len(runs), finished_tasks(desk, run.run_id)
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
    # Exactly what no record said was finished ran once more, and nothing else.
    assert len(runs) == started + 3 - durable


def finished_tasks(desk: Desk, run_id: str) -> int:
    """Return how many tasks the newest superstep has a finished record of."""
    *_, newest = entries(
        desk.machine.records, desk.machine.pages(LOCAL_OWNER), LOCAL_OWNER, run_id
    )
    return sum(write.finished for write in newest.writes)


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
    assert isinstance(first, Sleep)
    assert 7 <= first.seconds <= 6.2 + desk.machine.policy.backoff.base_seconds + 1
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    (second,) = desk.slept
    assert 7 <= second <= 6.2 + 2 * desk.machine.policy.backoff.base_seconds + 1


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


def test_a_model_call_is_refused_once_its_budget_is_too_small_for_it(
    desk: Desk,
) -> None:
    def call(state: State) -> State:
        request = ModelRequest(prompt="a b c", max_tokens=2)
        return {"seen": [current_model().ask(request).text]}

    def again(state: State) -> str:
        return "call" if len(state["seen"]) < 4 else END

    graph = StateGraph(State)
    graph.add_node("call", call)
    graph.add_edge(START, "call")
    graph.add_conditional_edges("call", again, ["call", END])
    workflow = program(graph, scripted_answer=lambda request: "one two")
    run = desk.admit(workflow, {"seen": []}, budget=Budget(tokens=14))

    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Terminated)
    assert transition.reason is TerminationReason.TOKENS
    assert desk.record(run.run_id).used.tokens == 10
    page = desk.machine.pages(LOCAL_OWNER).get(PageId(transition.ref))
    assert json.loads(page)["refusal"] == {
        "scope": "the run",
        "reason": "tokens",
        "limit": 14,
        "spent": 10,
        "reserved": 0,
        "unknown": 0,
        "wanted": 5,
        "since": "",
    }


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


@pytest.mark.parametrize("after", range(9))
def test_a_store_that_goes_away_is_reported_and_the_run_goes_on_later(
    desk: Desk, after: int
) -> None:
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


def test_a_task_that_outlives_every_slice_is_reported_by_its_name(desk: Desk) -> None:
    workflow = program(counting([], killed_at=2))
    run = desk.admit(workflow, {"target": 5, "seen": []})

    for _ in range(desk.machine.policy.retry.max_attempts + 1):
        with pytest.raises(KeyboardInterrupt):  # what a test has for a dying process
            desk.slice(workflow, run.run_id, execution="execution-1")
    transition = desk.slice(workflow, run.run_id, execution="execution-1")

    assert isinstance(transition, Failed)
    failure = desk.record(run.run_id).failure
    assert failure is not None
    assert failure.node == "step"
    assert "3 slices ended without a word while step ran" in failure.cause


def test_whoever_resumes_a_run_whose_slices_died_gets_all_tries_again(
    desk: Desk,
) -> None:
    workflow = program(counting([], killed_at=2))
    run = desk.admit(workflow, {"target": 5, "seen": []})
    for _ in range(desk.machine.policy.retry.max_attempts + 1):
        with pytest.raises(KeyboardInterrupt):
            desk.slice(workflow, run.run_id, execution="execution-1")
    assert isinstance(desk.slice(workflow, run.run_id, "execution-1"), Failed)

    reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
    mended = program(counting([]))

    assert isinstance(desk.slice(mended, run.run_id, "execution-2"), Done)


def test_a_slice_expects_the_longest_superstep_of_those_before_it(desk: Desk) -> None:
    workflow = program(counting([]))
    desk = desk.with_policy(slice_supersteps=1)
    run = desk.admit(workflow, {"target": 5, "seen": []})

    desk.slice(workflow, run.run_id)
    first = desk.record(run.run_id).longest_superstep_seconds
    desk.slice(workflow, run.run_id)

    assert 0 < first <= desk.record(run.run_id).longest_superstep_seconds
