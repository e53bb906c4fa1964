"""A graph whose values go to the page store, vanish, and come back.

Every superstep writes some 9 KB that do not deflate. Which value that is says a
number: one below ``SHARED`` belongs to everybody, so runs share it and meet it
again after it was gone; one that ends in 50 is 200 KB and cut into chunks. Every
sixth step is followed by two tasks at once.
"""

import operator
import random
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

STEPS = 22
SUPERSTEPS = 25
"""Of one run: ``STEPS`` and three times two tasks at once."""

SHARED = 24

Choose = Callable[[int, bytes], int]
"""Given the step and the value there is, the number of the next value."""


class State(TypedDict, total=False):
    step: int
    value: bytes
    left: bytes
    right: bytes
    first: bytes
    table: dict[str, str]
    chosen: Annotated[list[int], operator.add]


FRESH: State = {"step": 0, "value": b"", "chosen": []}


def value_of(number: int) -> bytes:
    """Return the value that a number stands for."""
    size = 200_000 if number % 100 == 50 else 9_000 + number % 7
    return random.Random(number).randbytes(size)


def table_of(number: int) -> dict[str, str]:
    """Return a map too large for a record, so that its pages go into packs.

    One of its texts is cut; then the page that names the parts is in a pack.
    """
    texts = random.Random(number)
    table = {f"key {n}": texts.randbytes(600).hex() for n in range(200)}
    return {**table, "long": texts.randbytes(40_000).hex()}


def scripted(writer: int, run: int) -> Callable[[int], int]:
    """Return the numbers that a run writes if nobody wishes for others."""
    own = 1_000_000 * (writer + 1) + 10_000 * run

    def number(step: int) -> int:
        match step % 4:
            case 0:
                return (writer + run + step) % SHARED
            case 1:
                return own + step
            case 2:
                return own + step // 8  # one that was there before
            case _:
                return own + (50 if step == 7 else 100 + step)

    return number


def graph_of(
    choose: Choose,
) -> CompiledStateGraph[State, None, State, State]:
    """Return the graph; ``choose`` says what it writes."""

    def work(state: State) -> State:
        step = state["step"]
        number = choose(step, state["value"])
        update: State = {"step": step + 1, "value": value_of(number)}
        update["chosen"] = [number]
        if step == 1:
            update["first"] = value_of(number)
        if step in (8, 14):
            update["table"] = {**table_of(state["chosen"][0]), "step": str(step)}
        return update

    def left(state: State) -> State:
        return {"left": value_of(state["chosen"][-2])}

    def right(state: State) -> State:
        return {"right": value_of(state["chosen"][-1] + 1)}

    def onward(state: State) -> list[str]:
        if state["step"] >= STEPS:
            return [END]
        return ["left", "right"] if state["step"] % 6 == 0 else ["work"]

    graph = StateGraph(State)
    graph.add_node(work)
    graph.add_node(left)
    graph.add_node(right)
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", onward, ["work", "left", "right", END])
    graph.add_edge(["left", "right"], "work")
    return graph.compile()


def plain(chosen: list[int]) -> dict[str, Any]:
    """Return what the graph ends with when nothing is remembered."""
    return dict(
        graph_of(lambda step, _: chosen[step]).invoke(FRESH, config_of("plain"))
    )


def config_of(run_id: str) -> RunnableConfig:
    """Return the config of a run, with room for all of its supersteps."""
    return {
        "recursion_limit": SUPERSTEPS + 10,
        "configurable": {"thread_id": run_id},
    }
