"""The measured graph: so many tasks in one superstep, then a join.

Packed into the Lambda zip, so it imports nothing but what the zip holds.
"""

import operator
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send


class Scatter(TypedDict):
    """How many tasks there are to be, and what they returned, in order."""

    tasks: int
    results: Annotated[list[int], operator.add]


def scatter(state: Scatter) -> list[Send]:
    """Send one task a number."""
    return [Send("work", {"tasks": number}) for number in range(state["tasks"])]


def work(state: Scatter) -> dict[str, list[int]]:
    """Return the square of the number that the task was sent."""
    return {"results": [state["tasks"] ** 2]}


graph = (
    StateGraph(Scatter)
    .add_node(work)
    .add_conditional_edges(START, scatter, ["work"])
    .add_edge("work", END)
    .compile(name="scattering")
)
