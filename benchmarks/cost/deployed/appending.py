"""The measured agent: one message of 1 KB a superstep, so many times.

Packed into the Lambda zip, so it imports nothing but what the zip holds.
"""

import operator
import random
import string
from typing import Annotated, Literal, TypedDict

from langgraph.graph import END, START, StateGraph

MESSAGE_BYTES = 1000
_LETTERS = string.ascii_letters + string.digits


class Talk(TypedDict):
    """A growing list of messages, how many there are, how many it is to have."""

    turns: int
    turn: int
    messages: Annotated[list[str], operator.add]


def append(state: Talk) -> dict[str, object]:
    """Append the message of this turn: always the same, and hard to compress."""
    chosen = random.Random(state["turn"]).choices(_LETTERS, k=MESSAGE_BYTES)
    return {"messages": ["".join(chosen)], "turn": state["turn"] + 1}


def again(state: Talk) -> Literal["append", "__end__"]:
    """Go on until all turns are taken."""
    return "append" if state["turn"] < state["turns"] else "__end__"


def first(turns: int) -> Talk:
    """Return the input of a run of so many turns."""
    return {"turns": turns, "turn": 0, "messages": []}


builder = (
    StateGraph(Talk)
    .add_node(append)
    .add_edge(START, "append")
    .add_conditional_edges("append", again, ["append", END])
)
graph = builder.compile(name="appending")
