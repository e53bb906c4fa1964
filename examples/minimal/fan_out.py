"""Square the numbers below ``count``, each in a task of its own: ``{"count": 50}``."""

import operator
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send


class Squares(TypedDict, total=False):
    count: int
    squares: Annotated[list[int], operator.add]
    total: int


class Number(TypedDict):
    number: int


def scatter(state: Squares) -> list[Send]:
    return [Send("square", Number(number=n)) for n in range(state["count"])]


def square(state: Number) -> Squares:
    return {"squares": [state["number"] ** 2]}


def add_up(state: Squares) -> Squares:
    return {"total": sum(state["squares"])}


graph = (
    StateGraph(Squares)
    .add_node("square", square, input_schema=Number)
    .add_node(add_up)
    .add_conditional_edges(START, scatter, ["square"])
    .add_edge("square", "add_up")
    .add_edge("add_up", END)
    .compile(name="fan_out")
)
