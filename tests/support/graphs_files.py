"""Graphs as the files that people hand to ``analemma run``."""

from pathlib import Path

COUNT = '''
"""Count to the target."""
from typing import TypedDict
from langgraph.graph import END, START, StateGraph

class State(TypedDict, total=False):
    target: int
    count: int
    long: str

def step(state):
    if state.get("count", 0) == 13:
        raise ValueError("thirteen [is] unlucky")
    return {"count": state.get("count", 0) + 1}

graph = (
    StateGraph(State).add_node(step).add_edge(START, "step")
    .add_conditional_edges(
        "step", lambda s: "step" if s["count"] < s["target"] else END, ["step", END]
    ).compile()
)
'''

ASK = '''
"""Ask a person, and keep what was said."""
from typing import Any, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    price: int
    said: Any

def ask(state):
    return {"said": interrupt({"pay [all]": state["price"]})}

graph = StateGraph(State).add_node(ask).add_edge(START, "ask").compile()
'''

SLOW = '''
"""Two slow steps around a scatter of slow tasks."""
import operator, time
from typing import Annotated, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import Send

class State(TypedDict, total=False):
    item: int
    seen: Annotated[list[int], operator.add]

def first(state):
    time.sleep(0.4)

def scatter(state):
    return [Send("work", {"item": n}) for n in range(10)]

def work(state):
    time.sleep(0.2)
    return {"seen": [state["item"]]}

def last(state):
    time.sleep(0.4)

graph = (
    StateGraph(State).add_node(first).add_node(work).add_node(last)
    .add_edge(START, "first").add_conditional_edges("first", scatter, ["work"])
    .add_edge("work", "last").compile()
)
'''


TYPED = '''
"""A state of values that are no JSON."""
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypedDict
from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph
from pydantic import BaseModel

class Colour(Enum):
    RED = "red"

class Model(BaseModel):
    x: int

@dataclass
class Data:
    y: int

class State(TypedDict, total=False):
    values: Any

def make(state):
    made = [Model(x=1), Data(2), Colour.RED, b"\\xff\\x00", math.inf, AIMessage("hi")]
    return {"values": made}

def use(state):
    assert isinstance(state["values"][1], Data)

graph = (
    StateGraph(State).add_node(make).add_node(use)
    .add_edge(START, "make").add_edge("make", "use").compile()
)
'''


def target(folder: Path, name: str, text: str) -> str:
    """Write a graph's file; return the target that names it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(text)
    return f"{folder / name}.py:graph"
