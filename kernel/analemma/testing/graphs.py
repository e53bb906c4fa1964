"""Graphs that use what LangGraph checkpoints, each with what it did written down.

A graph is built anew for every run of it, with a list of its own in which its
nodes note that they ran: equal results with unequal notes are a finding too.
"""
# ruff: noqa: ARG001 - a node takes the state, whether it looks at it or not

import operator
from collections.abc import Callable
from typing import Annotated, Protocol, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from analemma.testing.program import Builder

Notes = list[str]
Builders = Callable[[Notes], Builder]


class Logged(TypedDict):
    """A state that only grows."""

    log: Annotated[list[str], operator.add]


class Item(TypedDict):
    """What a ``Send`` gives its task."""

    item: int


class Node(Protocol):
    """A node. LangGraph knows it by the name of its parameter."""

    def __call__(self, state: Logged) -> dict[str, list[str]]:
        """Return what is added to the log."""
        ...


def noting(name: str, notes: Notes) -> Node:
    """Return a node that notes its run and logs its name."""

    def node(state: Logged) -> dict[str, list[str]]:
        notes.append(name)
        return {"log": [name]}

    return node


def chain(notes: Notes) -> Builder:
    """Return three nodes, one after the other."""
    builder = StateGraph(Logged)
    names = ("one", "two", "three")
    builder.add_sequence([(name, noting(name, notes)) for name in names])
    builder.add_edge(START, "one")
    return builder


def parallel(notes: Notes) -> Builder:
    """Return 12 Sends beside a plain branch, then a join."""

    def work(state: Item) -> dict[str, list[str]]:
        notes.append(f"work {state['item']}")
        return {"log": [f"work {state['item']}"]}

    def spread(state: Logged) -> list[Send | str]:
        return [*(Send("work", {"item": item}) for item in range(12)), "beside"]

    builder = StateGraph(Logged)
    builder.add_node("plan", noting("plan", notes))
    builder.add_node("work", work, input_schema=Item)
    builder.add_node("beside", noting("beside", notes))
    builder.add_node("join", noting("join", notes))
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", spread, ["work", "beside"])
    builder.add_edge(["work", "beside"], "join")
    return builder


def commanding(notes: Notes) -> Builder:
    """Return a node whose ``Command`` updates, sends a task and goes on."""

    def steer(state: Logged) -> Command[str]:
        notes.append("steer")
        items = (Send("work", {"item": item}) for item in (7, 3))
        goto: list[Send | str] = [*items, "finish"]
        return Command(update={"log": ["steered"]}, goto=goto)

    def work(state: Item) -> dict[str, list[str]]:
        notes.append(f"work {state['item']}")
        return {"log": [f"work {state['item']}"]}

    builder = StateGraph(Logged)
    builder.add_node("steer", steer, destinations=("work", "finish"))
    builder.add_node("work", work, input_schema=Item)
    builder.add_node("finish", noting("finish", notes))
    builder.add_edge(START, "steer")
    return builder


def asking(notes: Notes) -> Builder:
    """Return a node that asks twice beside one that asks once, then a last one."""

    def twice(state: Logged) -> dict[str, list[str]]:
        notes.append("twice")
        first = interrupt("first?")
        return {"log": [first, interrupt(f"second, after {first}?")]}

    def once(state: Logged) -> dict[str, list[str]]:
        notes.append("once")
        return {"log": [interrupt("only?")]}

    builder = StateGraph(Logged)
    builder.add_node("twice", twice)
    builder.add_node("once", once)
    builder.add_node("last", noting("last", notes))
    builder.add_edge(START, "twice")
    builder.add_edge(START, "once")
    builder.add_edge(["twice", "once"], "last")
    return builder


def nesting(notes: Notes) -> Builder:
    """Return a graph with a subgraph that asks between two nodes of its own."""

    def approve(state: Logged) -> dict[str, list[str]]:
        notes.append("approve")
        return {"log": [interrupt("may I?")]}

    inner = StateGraph(Logged)
    inner.add_node("consider", noting("consider", notes))
    inner.add_node("approve", approve)
    inner.add_edge(START, "consider")
    inner.add_edge("consider", "approve")
    builder = StateGraph(Logged)
    builder.add_node("before", noting("before", notes))
    builder.add_node("inner", inner.compile())
    builder.add_node("after", noting("after", notes))
    builder.add_edge(START, "before")
    builder.add_edge("before", "inner")
    builder.add_edge("inner", "after")
    builder.add_edge("after", END)
    return builder


def failing(notes: Notes) -> Builder:
    """Return a node that fails the first time, between two that do not."""

    def shaky(state: Logged) -> dict[str, list[str]]:
        notes.append("shaky")
        if notes.count("shaky") == 1:
            raise ValueError("the node fails at first")
        return {"log": ["shaky"]}

    builder = StateGraph(Logged)
    builder.add_node("steady", noting("steady", notes))
    builder.add_node("shaky", shaky)
    builder.add_node("last", noting("last", notes))
    builder.add_edge(START, "steady")
    builder.add_edge("steady", "shaky")
    builder.add_edge("shaky", "last")
    return builder


def failing_branch(notes: Notes) -> Builder:
    """Return a node whose branch fails the first time, and a last node.

    It fails after the node has written: LangGraph hands the saver an attempt of
    these writes and an error.
    """

    def choose(state: Logged) -> str:
        notes.append("choose")
        if notes.count("choose") == 1:
            raise ValueError("the branch fails at first")
        return "last"

    builder = StateGraph(Logged)
    builder.add_node("shaky", noting("shaky", notes))
    builder.add_node("last", noting("last", notes))
    builder.add_edge(START, "shaky")
    builder.add_conditional_edges("shaky", choose, ["last"])
    return builder
