"""A graph's own recursion limit, kept over slices as one invoke keeps it."""

from pathlib import Path
from typing import Any

import pytest
from langgraph.errors import GraphRecursionError
from langgraph.graph import START, StateGraph

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.langgraph_compat import DEFAULT_RECURSION_LIMIT
from analemma.kernelspace.scheduler.recursion import RecursionLimit
from analemma.records.transition import Done, Failed
from graphs_case import Runs, State, noting
from kernel_desk import open_desk, program

SLICES = pytest.mark.parametrize("supersteps", [1, 2, 3, None])


def endless(runs: Runs, limit: int) -> Any:
    graph = StateGraph(State)
    graph.add_node("step", noting(runs, "step"))
    graph.add_edge(START, "step")
    graph.add_edge("step", "step")
    return graph.compile().with_config(recursion_limit=limit)


@SLICES
def test_an_endless_graph_fails_at_its_limit_however_it_is_sliced(
    tmp_path: Path, supersteps: int | None
) -> None:
    plain_runs: Runs = []
    with pytest.raises(GraphRecursionError):
        endless(plain_runs, 6).invoke({"seen": []})
    runs: Runs = []
    workflow = program(endless(runs, 6))
    with open_desk(tmp_path / "home", slice_supersteps=supersteps) as desk:
        run = desk.admit(workflow, {"seen": []})

        transition = desk.drive(workflow, run.run_id)

        failure = desk.record(run.run_id).failure
    assert isinstance(transition, Failed)
    assert failure is not None
    assert "Recursion limit of 6 reached" in failure.cause
    assert runs == plain_runs


def test_resuming_at_the_limit_runs_nothing_more(tmp_path: Path) -> None:
    runs: Runs = []
    workflow = program(endless(runs, 4))
    with open_desk(tmp_path / "home") as desk:
        run = desk.admit(workflow, {"seen": []})
        desk.drive(workflow, run.run_id)
        before = list(runs)

        reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)

        assert isinstance(desk.drive(workflow, run.run_id), Failed)
    assert runs == before


@SLICES
def test_a_graph_that_ends_with_its_last_step_fails_as_plainly_and_resumes_to_done(
    tmp_path: Path, supersteps: int | None
) -> None:
    """LangGraph counts before it sees that nothing is left to do."""
    runs: Runs = []
    graph = StateGraph(State)
    graph.add_sequence([(name, noting(runs, name)) for name in "abc"])
    graph.add_edge(START, "a")
    limited = graph.compile().with_config(recursion_limit=3)
    with pytest.raises(GraphRecursionError):
        limited.invoke({"seen": []})
    runs.clear()
    workflow = program(limited)
    with open_desk(tmp_path / "home", slice_supersteps=supersteps) as desk:
        run = desk.admit(workflow, {"seen": []})

        assert isinstance(desk.drive(workflow, run.run_id), Failed)
        reopen(desk.machine, owner=LOCAL_OWNER, run_id=run.run_id)
        assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert runs == ["a", "b", "c"]


def test_a_nested_graph_without_a_limit_keeps_langgraphs_own() -> None:
    assert RecursionLimit.of(None) == DEFAULT_RECURSION_LIMIT
    assert -1 + RecursionLimit.of(None) + 1 > 10**8  # the root: its budget stops it


def test_a_nested_endless_graph_fails_instead_of_running_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "analemma.kernelspace.scheduler.recursion.DEFAULT_RECURSION_LIMIT", 20
    )
    runs: Runs = []
    nested = StateGraph(State)
    nested.add_node("step", noting(runs, "step"))
    nested.add_edge(START, "step")
    nested.add_edge("step", "step")
    graph = StateGraph(State)
    graph.add_node("nested", nested.compile())
    graph.add_edge(START, "nested")
    workflow = program(graph)
    with open_desk(tmp_path / "home") as desk:
        run = desk.admit(workflow, {"seen": []})

        transition = desk.drive(workflow, run.run_id)

        failure = desk.record(run.run_id).failure
    assert isinstance(transition, Failed)
    assert failure is not None
    assert failure.node == "nested"
    assert "GraphRecursionError" in failure.cause
    assert len(runs) == 20
