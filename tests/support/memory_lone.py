"""Small graphs whose supersteps have one task or several."""

import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send


class Noted(TypedDict):
    log: Annotated[list[str], operator.add]


def note(name: str) -> Any:
    """Return a node that notes its name."""
    # Any: LangGraph's type of a node wants the name of its argument as well.
    return lambda state: {"log": [name]}


def chain() -> StateGraph[Any]:
    """Return a graph of three nodes in a row."""
    graph = StateGraph(Noted)
    graph.add_sequence([(name, note(name)) for name in ("a", "b", "c")])
    graph.add_edge(START, "a")
    return graph


def forked() -> StateGraph[Any]:
    """Return a graph that forks into two nodes and joins them again."""
    graph = StateGraph(Noted)
    for name in ("a", "left", "right", "join"):
        graph.add_node(name, note(name))
    graph.add_edge(START, "a")
    graph.add_edge("a", "left")
    graph.add_edge("a", "right")
    graph.add_edge(["left", "right"], "join")
    return graph


def sending(count: int, *, beside: bool = False) -> StateGraph[Any]:
    """Return a graph that sends so many tasks, beside a node or not."""

    def spread(state: Noted) -> list[Any]:
        sends: list[Any] = [Send("work", {"log": [str(n)]}) for n in range(count)]
        return [*sends, "side"] if beside else sends

    graph = StateGraph(Noted)
    for name in ("a", "work", "side"):
        graph.add_node(name, note(name))
    graph.add_edge(START, "a")
    graph.add_conditional_edges("a", spread, ["work", "side"])
    return graph


def choosing(*chosen: str) -> StateGraph[Any]:
    """Return a graph whose conditional edge leads to these nodes."""
    graph = StateGraph(Noted)
    for name in ("a", "left", "right"):
        graph.add_node(name, note(name))
    graph.add_edge(START, "a")
    graph.add_conditional_edges("a", lambda _: [*chosen], ["left", "right", END])
    return graph


def commanding() -> StateGraph[Any]:
    """Return a graph whose node commands another and sends a task."""
    graph = StateGraph(Noted)
    graph.add_node(
        "a",
        lambda state: Command(
            update={"log": ["a"]}, goto=["left", Send("right", {"log": []})]
        ),
        destinations=("left", "right"),
    )
    graph.add_node("left", note("left"))
    graph.add_node("right", note("right"))
    graph.add_edge(START, "a")
    return graph


GRAPHS: dict[str, Callable[[], StateGraph[Any]]] = {
    "chain": chain,
    "fork": forked,
    "one send": lambda: sending(1),
    "two sends": lambda: sending(2),
    "a send beside a node": lambda: sending(1, beside=True),
    "no send": lambda: sending(0),
    "one way": lambda: choosing("left"),
    "both ways": lambda: choosing("left", "right"),
    "the end": lambda: choosing(END),
    "command": commanding,
}
"""Graphs by what is special about them."""
