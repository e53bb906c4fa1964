"""Which checkpoints count as followed by one task at most, asked of real graphs."""

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.pregel import Pregel
from langgraph.types import Command

from analemma.kernelspace.memory.lone import LoneTasks
from memory_backends import RUN, Backend, MemoryBackend
from memory_checkpoints import checkpoint_of
from memory_graphs import ANSWERS, CONFIG, FRESH, fanning, journey
from memory_lone import GRAPHS, Noted, chain, forked

LONE: dict[str, list[bool]] = {
    # Per checkpoint from the input on, whether one task at most follows it.
    "chain": [True, True, True, True, True],
    "fork": [True, True, False, True, True],
    "one send": [True, True, True, True],
    "two sends": [True, True, False, True],
    "a send beside a node": [True, True, False, True],
    "one way": [True, True, True, True],
    "both ways": [True, True, False, True],
    "command": [True, True, False, True],
}


def judged(backend: Backend, graph: Pregel[Any, Any, Any, Any]) -> list[Any]:
    """Return of each checkpoint its namespace, the judgement and its tasks."""
    judge = LoneTasks(graph)
    found = []
    for each in backend.saver().list({"configurable": {"thread_id": RUN}}):
        namespace = each.config["configurable"]["checkpoint_ns"]
        # Not the saver itself, which looks what stands there: a plain one.
        state = graph.get_state(each.config)
        found.append(
            (namespace, judge.follows(namespace, each.checkpoint), state.tasks)
        )
    return found


@pytest.mark.parametrize("name", GRAPHS)
def test_checkpoint_that_counts_as_lone_is_followed_by_one_task_at_most(
    memory: MemoryBackend, name: str
) -> None:
    graph = GRAPHS[name]().compile(checkpointer=memory.saver())
    graph.invoke({"log": []}, CONFIG, durability="sync")
    found = judged(memory, graph)
    assert all(len(tasks) <= 1 for _, lone, tasks in found if lone)
    if name in LONE:
        told = [lone or not tasks for _, lone, tasks in reversed(found)]
        assert told == LONE[name]


@pytest.mark.parametrize("make", [journey, lambda: fanning(3)], ids=["journey", "fan"])
def test_judgement_of_every_checkpoint_of_a_large_graph_is_safe(
    memory: MemoryBackend, make: Callable[[], Any]
) -> None:
    graph = make().compile(checkpointer=memory.saver())
    given: Any = FRESH if make is journey else {"items": [], "rounds": 0}
    for answer in (*ANSWERS, None):
        graph.invoke(given, CONFIG, durability="sync")
        given = Command(resume=answer)
        if make is not journey:
            break
    found = judged(memory, graph)
    assert all(len(tasks) <= 1 for _, lone, tasks in found if lone)
    assert {lone for _, lone, _ in found} == {True, False}


def test_subgraph_is_judged_by_its_own_nodes(memory: MemoryBackend) -> None:
    outer = StateGraph(Noted)
    outer.add_node("inner", forked().compile())
    outer.add_node("plain", chain().compile())
    outer.add_edge(START, "inner")
    outer.add_edge("inner", "plain")
    saver = memory.saver()
    graph = saver.bind(outer.compile())
    graph.invoke({"log": []}, CONFIG, durability="sync")
    judge = LoneTasks(outer.compile())
    told: dict[str, list[bool]] = {}
    for each in memory.saver().list({"configurable": {"thread_id": RUN}}):
        namespace = each.config["configurable"]["checkpoint_ns"]
        node = namespace.split(":")[0]
        told.setdefault(node, []).append(judge.follows(namespace, each.checkpoint))
    assert told["inner"].count(False) <= 2
    assert False in told["inner"][1:]
    assert told["plain"][1:].count(False) == 0
    assert not judge.follows("unknown:1", checkpoint_of(log=[]))
    finished = {sort for _, sort in memory.records.cells if "/w/" in sort}
    assert len(finished) == 2  # left and right
    assert all("/inner%3A" in sort for sort in finished)


def test_checkpoint_that_says_nothing_of_its_channels_is_not_lone() -> None:
    judge = LoneTasks(chain().compile())
    checkpoint = checkpoint_of(log=[])
    assert not judge.follows("", checkpoint)
    checkpoint["updated_channels"] = ["branch:to:b"]
    assert judge.follows("", checkpoint)
