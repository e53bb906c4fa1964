"""Count without end, until a budget stops it: ``{}``."""

from typing import TypedDict

from langgraph.graph import START, StateGraph


class Count(TypedDict, total=False):
    count: int


def add_one(state: Count) -> Count:
    return {"count": state.get("count", 0) + 1}


graph = (
    StateGraph(Count)
    .add_node(add_one)
    .add_edge(START, "add_one")
    .add_edge("add_one", "add_one")
    .compile(name="loop_forever")
)
