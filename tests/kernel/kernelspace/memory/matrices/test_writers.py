"""Fifty writers on one run: each superstep has one winner, the rest change nothing."""

import operator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.errors import GraphDrained
from langgraph.graph import END, START, StateGraph

from analemma.kernelspace.memory.fence import Fenced
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import verify
from memory_backends import OWNER, RUN, Backend
from memory_graphs import CONFIG, OneSuperstep

WRITERS = 50
SUPERSTEPS = 4
WAIT_SECONDS = 120


class Won(TypedDict):
    """Who took each superstep, as each of its two tasks knows it."""

    left: Annotated[list[str], operator.add]
    right: Annotated[list[str], operator.add]


Gates = dict[str, Barrier]
"""For each task, where its attempts wait for each other."""


def gates(writers: int) -> Gates:
    return {task: Barrier(writers) for task in ("left", "right")}


def contest(name: str, ready: Gates) -> StateGraph[Any, Any, Any, Any]:
    """Return a graph whose tasks wait until every writer has started the same one.

    By then every writer has read the same head, and none has recorded a task.
    """

    def left(state: Won) -> dict[str, Any]:
        ready["left"].wait(WAIT_SECONDS)
        return {"left": [f"{name} took superstep {len(state['left'])}"]}

    def right(state: Won) -> dict[str, Any]:
        ready["right"].wait(WAIT_SECONDS)
        return {"right": [f"{name} took superstep {len(state['right'])}"]}

    def on(state: Won) -> list[str]:
        return ["left", "right"] if len(state["left"]) < SUPERSTEPS else [END]

    graph = StateGraph(Won)
    graph.add_node("left", left)
    graph.add_node("right", right)
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_conditional_edges("left", on, ["left", "right", END])
    return graph


def advances(name: str, saver: PagedSaver, ready: Gates, given: Any) -> bool:
    """Try to take the next superstep; say whether this writer did."""
    graph = contest(name, ready)
    run = (
        saver.bind(graph.compile())
        if len(name) % 2
        else graph.compile(checkpointer=saver)
    )
    try:
        with suppress(GraphDrained):
            run.invoke(given, CONFIG, durability="sync", control=OneSuperstep())
        saver.raise_if_fenced(RUN)
    except Fenced:
        return False
    return True


def checkpoints(backend: Backend) -> int:
    return sum(1 for _ in backend.saver().list(CONFIG))


@pytest.mark.slow
def test_of_fifty_writers_one_takes_each_superstep(backend: Backend) -> None:
    assert advances("the first", backend.saver(), gates(1), {"left": [], "right": []})
    with ThreadPoolExecutor(WRITERS) as pool:
        for superstep in range(SUPERSTEPS):
            before = checkpoints(backend)
            ready = gates(WRITERS)
            names = [f"writer {number}" for number in range(WRITERS)]
            tries = pool.map(
                lambda name, ready=ready: advances(name, backend.saver(), ready, None),
                names,
            )
            (winner,) = [name for name, won in zip(names, tries, strict=True) if won]
            assert checkpoints(backend) == before + 1
            state = contest("reader", gates(1)).compile(checkpointer=backend.saver())
            values = state.get_state(CONFIG).values
            assert values["left"][-1] == f"{winner} took superstep {superstep}"
            assert values["right"] == values["left"]
    assert verify(backend.records, backend.pages, OWNER, RUN).ok
