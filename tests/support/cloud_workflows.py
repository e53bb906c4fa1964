"""Small graphs that are deployed for the journeys in the cloud.

Copied beside the stack file and packed into the Lambda zip, so it may import
nothing but what the zip holds.
"""

import operator
import os
import time
from pathlib import Path
from typing import Annotated, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class Signatures(TypedDict, total=False):
    """Who signed, in the order of the nodes."""

    contract: str
    signed: Annotated[list[str], operator.add]


def lawyer(state: Signatures) -> Signatures:
    """Ask one person, and say what they said."""
    answer = interrupt({"asks": "lawyer", "contract": state["contract"]})
    return {"signed": [f"lawyer: {answer}"]}


def manager(state: Signatures) -> Signatures:
    """Ask another person in the same superstep."""
    answer = interrupt({"asks": "manager", "contract": state["contract"]})
    return {"signed": [f"manager: {answer}"]}


two_approvals = (
    StateGraph(Signatures)
    .add_node(lawyer)
    .add_node(manager)
    .add_edge(START, "lawyer")
    .add_edge(START, "manager")
    .add_edge("lawyer", END)
    .add_edge("manager", END)
    .compile(name="two_approvals")
)


class Counted(TypedDict, total=False):
    """``folder`` is where the test and the nodes leave each other signs."""

    folder: str
    count: Annotated[int, operator.add]


def begin(state: Counted) -> Counted:
    """Finish one superstep before the trouble starts."""
    return {"count": 1}


def die(state: Counted) -> Counted:
    """End the process without a word, every time."""
    _sign(state["folder"], "died")
    os._exit(41)


dying = (
    StateGraph(Counted)
    .add_node(begin)
    .add_node(die)
    .add_edge(START, "begin")
    .add_edge("begin", "die")
    .add_edge("die", END)
    .compile(name="dying")
)


def add_one(state: Counted) -> Counted:
    """Count. The first time, wait until the test opens the gate."""
    folder = state["folder"]
    count = state.get("count", 0)
    _sign(folder, f"count {count}")
    while count == 0 and not Path(folder, "gate").exists():
        time.sleep(0.01)
    return {"count": 1}


def again(state: Counted) -> Literal["add_one", "__end__"]:
    """Go on until ten."""
    return "add_one" if state["count"] < 10 else "__end__"


contested = (
    StateGraph(Counted)
    .add_node(add_one)
    .add_edge(START, "add_one")
    .add_conditional_edges("add_one", again, ["add_one", END])
    .compile(name="contested")
)


def _sign(folder: str, text: str) -> None:
    """Append a line that survives whatever happens next."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    file = os.open(Path(folder, "journal"), flags, 0o644)
    os.write(file, f"{text}\n".encode())
    os.close(file)
