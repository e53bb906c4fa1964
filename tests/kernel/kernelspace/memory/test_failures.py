"""Graphs whose tasks fail, are handled, are killed, and go on from a fresh saver."""

import operator
from collections.abc import Iterator
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.errors import NodeError
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from analemma.kernelspace.langgraph_compat import ERROR_SOURCE_NODE
from memory_backends import Backend, MemoryBackend
from memory_checkpoints import loaded
from memory_graphs import CONFIG


class State(TypedDict):
    log: Annotated[list[str], operator.add]


class Killed(BaseException):
    """What a test raises where a process would die."""


def test_failed_task_runs_again_and_its_half_is_not_counted(backend: Backend) -> None:
    trouble = iter([ValueError("the branch failed"), None])

    def choose(state: State) -> str:
        if error := next(trouble):
            raise error
        return END

    graph = StateGraph(State)
    graph.add_node("node", lambda state: {"log": ["once"]})
    graph.add_edge(START, "node")
    graph.add_conditional_edges("node", choose, [END])
    first = graph.compile(checkpointer=backend.saver())
    with pytest.raises(ValueError, match="the branch failed"):
        first.invoke({"log": []}, CONFIG, durability="sync")
    state = graph.compile(checkpointer=backend.saver()).get_state(CONFIG)
    assert state.next == ("node",)
    assert "the branch failed" in str(state.tasks[0].error)
    second = graph.compile(checkpointer=backend.saver())
    assert second.invoke(None, CONFIG, durability="sync") == {"log": ["once"]}


def test_finished_siblings_of_a_failed_task_do_not_run_again(
    backend: Backend,
) -> None:
    runs: list[str] = []
    trouble: Iterator[bool] = iter([True, False])

    def sibling(state: State) -> dict[str, Any]:
        runs.append("sibling")
        return {"log": ["sibling"]}

    def shaky(state: State) -> dict[str, Any]:
        runs.append("shaky")
        if next(trouble):
            raise ValueError("at first")
        return {"log": ["shaky"]}

    graph = StateGraph(State)
    graph.add_node("a_sibling", sibling)
    graph.add_node("shaky", shaky)
    graph.add_edge(START, "a_sibling")
    graph.add_edge(START, "shaky")
    # One thread: the sibling has finished when the other one fails.
    config: Any = {**CONFIG, "max_concurrency": 1}
    with pytest.raises(ValueError, match="at first"):
        graph.compile(checkpointer=backend.saver()).invoke(
            {"log": []}, config, durability="sync"
        )
    result = graph.compile(checkpointer=backend.saver()).invoke(
        None, config, durability="sync"
    )
    assert result == {"log": ["sibling", "shaky"]}
    assert runs == ["sibling", "shaky", "shaky"]


def test_error_handler_killed_midway_runs_again_and_the_failed_node_does_not(
    backend: Backend,
) -> None:
    runs: list[str] = []

    def node(state: State) -> dict[str, Any]:
        runs.append("node")
        raise ValueError("always")

    def handle(state: State, error: NodeError) -> Command[Any]:
        runs.append("handler")
        if runs.count("handler") == 1:
            raise Killed
        return Command(update={"log": [f"handled {error.node}"]}, goto=END)

    graph = StateGraph(State)
    graph.add_node("node", node, error_handler=handle)
    graph.add_edge(START, "node")
    with pytest.raises(Killed):
        graph.compile(checkpointer=backend.saver()).invoke(
            {"log": []}, CONFIG, durability="sync"
        )
    writes = loaded(backend.saver()).pending_writes or []
    assert ERROR_SOURCE_NODE in {channel for _, channel, _ in writes}
    result = graph.compile(checkpointer=backend.saver()).invoke(
        None, CONFIG, durability="sync"
    )
    assert result == {"log": ["handled node"]}
    assert runs == ["node", "handler", "handler"]


def test_answer_given_before_a_failure_is_not_asked_for_again(
    backend: Backend,
) -> None:
    trouble = iter([True, False])

    def ask(state: State) -> dict[str, Any]:
        answer = interrupt("may I?")
        if next(trouble):
            raise ValueError("after the answer")
        return {"log": [answer]}

    graph = StateGraph(State)
    graph.add_node(ask)
    graph.add_edge(START, "ask")
    graph.compile(checkpointer=backend.saver()).invoke(
        {"log": []}, CONFIG, durability="sync"
    )
    with pytest.raises(ValueError, match="after the answer"):
        graph.compile(checkpointer=backend.saver()).invoke(
            Command(resume="you may"), CONFIG, durability="sync"
        )
    state = graph.compile(checkpointer=backend.saver()).get_state(CONFIG)
    assert state.interrupts == ()
    result = graph.compile(checkpointer=backend.saver()).invoke(
        None, CONFIG, durability="sync"
    )
    assert result == {"log": ["you may"]}


def test_interrupts_of_parallel_tasks_are_answered_one_by_one(
    memory: MemoryBackend,
) -> None:
    graph = StateGraph(State)
    for name in ("left", "right"):
        graph.add_node(name, lambda state, name=name: {"log": [interrupt(name)]})
        graph.add_edge(START, name)
    graph.compile(checkpointer=memory.saver()).invoke(
        {"log": []}, CONFIG, durability="sync"
    )
    while True:
        compiled = graph.compile(checkpointer=memory.saver())
        waiting = compiled.get_state(CONFIG).interrupts
        if not waiting:
            break
        given = {waiting[-1].id: f"answer to {waiting[-1].value}"}
        compiled.invoke(Command(resume=given), CONFIG, durability="sync")
    state = graph.compile(checkpointer=memory.saver()).get_state(CONFIG)
    assert state.values["log"] == ["answer to left", "answer to right"]


def test_state_edited_in_the_past_makes_a_branch_and_keeps_the_trunk(
    backend: Backend,
) -> None:
    graph = StateGraph(State)
    graph.add_sequence(
        [
            ("one", lambda state: {"log": ["one"]}),
            ("two", lambda state: {"log": ["two"]}),
        ]
    )
    graph.add_edge(START, "one")
    compiled = graph.compile(checkpointer=backend.saver())
    compiled.invoke({"log": []}, CONFIG, durability="sync")
    trunk = [state.config for state in compiled.get_state_history(CONFIG)]
    then = next(
        state for state in compiled.get_state_history(CONFIG) if state.next == ("two",)
    )
    fresh = graph.compile(checkpointer=backend.saver())
    fork = fresh.update_state(then.config, {"log": ["edited"]})
    result = fresh.invoke(None, fork, durability="sync")
    assert result == {"log": ["one", "edited", "two"]}
    again = graph.compile(checkpointer=backend.saver())
    assert again.get_state(CONFIG).values == {"log": ["one", "edited", "two"]}
    assert again.get_state(trunk[0]).values == {"log": ["one", "two"]}
