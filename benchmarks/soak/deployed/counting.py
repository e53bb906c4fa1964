"""The soaked agent: counts, and asks a person at some counts.

Packed into the Lambda zip, so it imports nothing but what the zip holds.
"""

import operator
from typing import Annotated, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class Count(TypedDict):
    """How far it is, how far it is to go, where it asks, what was answered."""

    target: int
    asks_at: list[int]
    count: int
    answers: Annotated[list[str], operator.add]


def step(state: Count) -> dict[str, object]:
    """Count one up; ask first, where a person is to be asked."""
    count = state["count"] + 1
    if count not in state["asks_at"]:
        return {"count": count}
    answer = interrupt({"count": count})
    return {"count": count, "answers": [f"{count}: {answer}"]}


def again(state: Count) -> Literal["step", "__end__"]:
    """Go on until the target is reached."""
    return "step" if state["count"] < state["target"] else "__end__"


graph = (
    StateGraph(Count)
    .add_node(step)
    .add_edge(START, "step")
    .add_conditional_edges("step", again, ["step", END])
    .compile(name="counting")
)
