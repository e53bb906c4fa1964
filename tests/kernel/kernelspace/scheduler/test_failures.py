"""What goes wrong in a graph, and what the run says about it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.errors import InvalidUpdateError, NodeError
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send

from analemma.errors import (
    LeaseLost,
    ProviderThrottled,
    ProviderUnavailable,
    StoreUnavailable,
)
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.orchestrator import drive
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.envelope import SliceEvent, WorkerEvent
from analemma.records.run import Failure, RunStatus
from analemma.records.transition import Done, Failed, Transition
from graphs_case import Runs, State, noting
from kernel_desk import Desk, InThisThread, open_desk, program


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path / "home", fan_out_tasks=2, batch_size=1) as opened:
        yield opened


def failure_of(desk: Desk, run_id: str) -> Failure:
    record = desk.record(run_id)
    assert record.status is RunStatus.FAILED
    assert record.failure is not None
    return record.failure


def scattering(work: Any, count: int = 3) -> StateGraph[Any]:
    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_conditional_edges(
        START,
        lambda state: [Send("work", {"item": str(n)}) for n in range(count)],
        ["work"],
    )
    return graph


def test_writes_that_do_not_fit_together_fail_the_run_as_plainly(desk: Desk) -> None:
    class Single(TypedDict, total=False):
        value: int

    graph = StateGraph(Single)
    for name in "ab":
        graph.add_node(name, lambda state: {"value": 1})
        graph.add_edge(START, name)
    with pytest.raises(InvalidUpdateError):
        graph.compile().invoke({})
    workflow = program(graph)
    run = desk.admit(workflow, {})

    assert isinstance(desk.drive(workflow, run.run_id), Failed)

    cause = failure_of(desk, run.run_id).cause
    assert cause.startswith("InvalidUpdateError: At key 'value': Can receive only")
    reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
    assert isinstance(desk.drive(workflow, run.run_id), Failed)


def test_a_reducer_that_raises_fails_the_run_and_runs_no_task_again(
    desk: Desk,
) -> None:
    mended: list[bool] = []

    def reduce(old: list[str], new: list[str]) -> list[str]:
        if new == ["b"] and not mended:
            raise ArithmeticError("b does not add up")
        return old + new

    class Reduced(TypedDict, total=False):
        seen: Annotated[list[str], reduce]

    runs: Runs = []
    graph = StateGraph(Reduced)
    for name in "abc":
        graph.add_node(name, noting(runs, name), input_schema=Reduced)
        graph.add_edge(START, name)
    workflow = program(graph)
    run = desk.admit(workflow, {"seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), Failed)
    assert failure_of(desk, run.run_id).cause == "ArithmeticError: b does not add up"
    mended.append(True)
    reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert desk.output(workflow, run.run_id) == {"seen": ["a", "b", "c"]}
    assert sorted(runs) == ["a", "b", "c"]


def test_a_value_that_cannot_be_stored_fails_the_run(desk: Desk) -> None:
    graph = StateGraph(State)
    graph.add_node("node", lambda state: {"item": lambda: None})
    graph.add_edge(START, "node")
    workflow = program(graph)
    run = desk.admit(workflow, {"seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), Failed)

    assert "msgpack serializable" in failure_of(desk, run.run_id).cause


def test_an_input_that_says_nothing_fails_the_run_before_its_first_step(
    desk: Desk,
) -> None:
    graph = StateGraph(State)
    graph.add_node("node", lambda state: {"seen": ["ran"]})
    graph.add_edge(START, "node")
    workflow = program(graph)
    run = desk.admit(workflow, None)

    assert isinstance(desk.drive(workflow, run.run_id), Failed)

    assert failure_of(desk, run.run_id).cause.startswith("EmptyInputError")
    assert desk.record(run.run_id).used.supersteps == 0


def test_a_cause_is_cut_to_what_a_record_holds(desk: Desk) -> None:
    def fail(state: State) -> State:
        raise ValueError("x" * 100_000)

    graph = StateGraph(State)
    graph.add_node("fail", fail)
    graph.add_edge(START, "fail")
    workflow = program(graph)
    run = desk.admit(workflow, {"seen": []})

    desk.drive(workflow, run.run_id)

    assert len(failure_of(desk, run.run_id).cause) == 2000


def test_a_throttled_worker_makes_the_run_sleep_and_only_its_task_run_again(
    desk: Desk,
) -> None:
    runs: Runs = []

    def work(state: State) -> State:
        runs.append(state["item"])
        if state["item"] == "1" and runs.count("1") < 3:
            raise ProviderThrottled("429", retry_after_seconds=1)
        return {"seen": [state["item"]]}

    workflow = program(scattering(work))
    run = desk.admit(workflow, {"seen": []})

    transition = desk.drive(workflow, run.run_id, workers=giving_up(desk, workflow))

    assert isinstance(transition, Done)
    assert desk.output(workflow, run.run_id)["seen"] == ["0", "1", "2"]
    assert sorted(runs) == ["0", "1", "1", "1", "2"]
    backoff = desk.machine.policy.backoff
    bounds = [backoff.base_seconds, backoff.base_seconds * backoff.backoff_rate]
    assert len(desk.slept) == 2
    assert all(1 <= s <= most for s, most in zip(desk.slept, bounds, strict=True))


def test_workers_that_are_throttled_for_ever_fail_the_run(desk: Desk) -> None:
    def work(state: State) -> State:
        raise ProviderUnavailable("503")

    workflow = program(scattering(work))
    run = desk.admit(workflow, {"seen": []})

    transition = desk.drive(workflow, run.run_id, workers=giving_up(desk, workflow))

    assert isinstance(transition, Failed)
    failure = failure_of(desk, run.run_id)
    assert failure.node == "work"
    assert failure.cause == "ProviderUnavailable('503') (and 2 more failed)"
    assert len(desk.slept) == desk.machine.policy.tasks.max_attempts - 1


def test_one_task_that_fails_for_good_fails_the_run_at_once(desk: Desk) -> None:
    def work(state: State) -> State:
        if state["item"] == "2":
            raise ValueError("never")
        raise ProviderThrottled("429")

    workflow = program(scattering(work))
    run = desk.admit(workflow, {"seen": []})

    transition = desk.drive(workflow, run.run_id, workers=giving_up(desk, workflow))

    assert isinstance(transition, Failed)
    assert desk.slept == []


def giving_up(desk: Desk, workflow: Any) -> Any:
    """Run each batch once; a pool reports no failure, the records do."""

    def work(event: WorkerEvent) -> None:
        with suppress(ProviderThrottled, ProviderUnavailable):
            run_worker(desk.machine, workflow, event)

    return work


def test_a_graph_that_stops_for_a_reason_nobody_stored_fails_and_can_go_on(
    desk: Desk,
) -> None:
    """A breakpoint of a nested graph; a loaded target with one is refused."""
    runs: Runs = []
    nested = StateGraph(State)
    nested.add_sequence([(name, noting(runs, name)) for name in ("n1", "n2")])
    nested.add_edge(START, "n1")
    graph = StateGraph(State)
    graph.add_node("nested", nested.compile(interrupt_before=["n2"]))
    graph.add_edge(START, "nested")
    workflow = program(graph)
    run = desk.admit(workflow, {"seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), Failed)
    assert "stored no reason" in failure_of(desk, run.run_id).cause
    reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert runs == ["n1", "n2"]


def test_an_error_handler_after_a_fan_out_gets_the_error_as_text(desk: Desk) -> None:
    """LangGraph stores an error as its ``repr``; so it is after any resumption."""
    handled: list[object] = []

    def fail(state: State) -> State:
        raise ValueError(f"{state['item']} cannot")

    def mend(state: State, error: NodeError) -> Command[Any]:
        handled.append(error.error)
        return Command(update={"seen": ["mended"]})

    graph = StateGraph(State)
    graph.add_node("fail", fail, error_handler=mend)
    graph.add_conditional_edges(
        START,
        lambda state: [Send("fail", {"item": str(n)}) for n in range(2)],
        ["fail"],
    )
    workflow = program(graph)
    run = desk.admit(workflow, {"seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert sorted(map(str, handled)) == [
        "ValueError('0 cannot')",
        "ValueError('1 cannot')",
    ]


@pytest.mark.parametrize(
    ("error", "tries"), [(LeaseLost("overtaken"), 1), (StoreUnavailable("gone"), 3)]
)
def test_who_lost_the_lease_does_not_come_back(
    desk: Desk, error: Exception, tries: int
) -> None:
    asked: list[SliceEvent] = []

    def run_slice(event: SliceEvent) -> Transition:
        asked.append(event)
        raise error

    with pytest.raises(type(error)):
        drive(
            desk.machine,
            owner=LOCAL_OWNER,
            run_id="run-1",
            run_slice=run_slice,
            workers=InThisThread(lambda event: None),
            sleep=desk.slept.append,
        )

    assert len(asked) == tries
    assert len(desk.slept) == tries - 1
