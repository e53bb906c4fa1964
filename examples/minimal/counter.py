"""Count to ``target``, one superstep at a time: ``{"target": 10}``."""

from typing import Literal, TypedDict

from langgraph.graph import END, START, StateGraph


class Count(TypedDict, total=False):
    target: int
    count: int


def add_one(state: Count) -> Count:
    return {"count": state.get("count", 0) + 1}


def again(state: Count) -> Literal["add_one", "__end__"]:
    return "add_one" if state["count"] < state["target"] else "__end__"


graph = (
    StateGraph(Count)
    .add_node(add_one)
    .add_edge(START, "add_one")
    .add_conditional_edges("add_one", again, ["add_one", END])
    .compile(name="counter")
)
