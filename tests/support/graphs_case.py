"""A graph to be run two ways, and the parts that such graphs are made of.

A case builds its graph anew for every slice, as a fresh process would, and
notes every run of every node in a list that it is given.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

Runs = list[str]
Answer = Callable[[Any], Any]
"""What a person says to a question. Any: both are the graph's own JSON."""


class State(TypedDict, total=False):
    """What most of the graphs share. ``seen`` grows, ``count`` is replaced."""

    count: int
    item: str
    seen: Annotated[list[str], operator.add]


class Seen(TypedDict):
    """The part of the state that parallel graphs can all write."""

    seen: Annotated[list[str], operator.add]


Node = Any
"""A node. Any: LangGraph takes a union of protocols that no Callable meets."""


def nobody(question: object) -> object:
    """Refuse to answer: this graph was not expected to ask."""
    raise AssertionError(f"nobody was expected to be asked {question!r}")


@dataclass(frozen=True)
class Case:
    """One graph. ``build`` compiles it; Any, because graphs differ in state."""

    name: str
    build: Callable[[Runs], Any]
    value: Any = field(default_factory=lambda: {"seen": []})
    answer: Answer = nobody
    approves_breakpoints: bool = False

    def __str__(self) -> str:
        return self.name


def noting(runs: Runs, name: str) -> Node:
    """Return a node that notes its run and appends its name."""

    def node(state: State) -> State:
        runs.append(name)
        return {"seen": [name]}

    return node


def working(runs: Runs, name: str = "work") -> Node:
    """Return a node for ``Send``: it notes and appends the item it was sent."""

    def node(state: State) -> State:
        runs.append(f"{name} {state['item']}")
        return {"seen": [f"did {state['item']}"]}

    return node
