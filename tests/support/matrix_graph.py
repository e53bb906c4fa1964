"""The run that the matrices cut: thirty supersteps with everything in them.

Every task has a name that no other task of the run has. It writes that name
into the state and, when it starts, into a file that outlives the process: what
the state knows is finished, and what the file counts is what really ran.
"""

import hashlib
import operator
import os
import random
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.pregel import Pregel
from langgraph.types import Command, Send, interrupt

from analemma.kernelspace.memory.namespaces import namespaces
from analemma.kernelspace.memory.saver import PagedSaver
from memory_backends import OWNER, RUN, Backend, config_of

ROUNDS = 6
SUPERSTEPS = 5 * ROUNDS
LARGE_BYTES = {0: 40_000, 4: 2 * 1024 * 1024}
"""By round: the size of a value that goes to the page store."""

CONFIG: RunnableConfig = {"configurable": {"thread_id": RUN}, "recursion_limit": 100}
INVOCATIONS = 8

Graph = Pregel[Any, Any, Any, Any]
"""A compiled graph. Any: state, context, input and output are its author's."""

Node = Any
"""A node's function. Any: LangGraph's own types of one are private."""


class State(TypedDict):
    """The root's state. ``names``, ``told`` and ``steps`` hold names of tasks."""

    round: int
    names: Annotated[list[str], operator.add]
    told: Annotated[list[str], operator.add]
    answers: Annotated[list[str], operator.add]
    large: bytes


class Errand(TypedDict):
    """What a ``Send`` hands to its task."""

    round: int
    item: int


class Inner(TypedDict):
    """The subgraph's state; the root sees ``told`` and ``answers``."""

    round: int
    steps: Annotated[list[str], operator.add]
    told: list[str]
    answers: list[str]


NAMED = ("names", "steps", "told")
"""The channels whose writes are names of tasks."""

FRESH: State = {"round": 0, "names": [], "told": [], "answers": [], "large": b""}


class TaskLog:
    """A file with one line for each start of a task, written in one write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def started(self, name: str) -> str:
        """Add a line; it stays when the process is killed."""
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, f"{name}\n".encode())
        os.close(file)
        return name

    def starts(self) -> Counter[str]:
        """Return how often each task started."""
        if not self.path.exists():
            return Counter()
        return Counter(self.path.read_text().splitlines())


def everything(log: TaskLog) -> StateGraph[Any, Any, Any, Any]:
    """Return the graph.

    Six rounds of five supersteps: a lone task; another one, or two ``Send``s
    beside a task that answers with a ``Command``; a join; what the round is
    about (large values, subgraphs, questions); a tail.
    """
    rounds = _Rounds(log)
    inner = StateGraph(Inner)
    inner.add_node("left", rounds.inner("left"))
    inner.add_node("right", rounds.inner("right"))
    inner.add_node("close", rounds.close)
    inner.add_edge(START, "left")
    inner.add_edge(START, "right")
    inner.add_edge(["left", "right"], "close")
    inner.add_edge("close", END)
    graph = StateGraph(State)
    graph.add_node("plan", rounds.lone("plan"))
    graph.add_node("work", rounds.work, input_schema=Errand)
    graph.add_node("side", rounds.side)
    graph.add_node("stroll", rounds.lone("stroll"))
    graph.add_node("join", rounds.lone("join"))
    graph.add_node("beside", rounds.lone("beside"))
    graph.add_node("large", rounds.large)
    graph.add_node("ask", rounds.ask)
    graph.add_node("inner", inner.compile())
    graph.add_node("tail", rounds.tail)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", spread, ["work", "side", "stroll"])
    graph.add_edge("stroll", "join")
    graph.add_edge("work", "join")
    graph.add_conditional_edges("join", about, ["large", "beside", "inner", "ask"])
    for name in ("large", "beside", "inner", "ask"):
        graph.add_edge(name, "tail")
    graph.add_conditional_edges("tail", again, ["plan", END])
    return graph


def spread(state: State) -> list[Any]:
    """Send two errands and let ``side`` run beside them; every other time, stroll."""
    if state["round"] in (1, 2, 4):
        return ["stroll"]
    sends = [Send("work", {"round": state["round"], "item": n}) for n in range(2)]
    return [*sends, "side"]


def about(state: State) -> list[str]:
    """Say what a round is about."""
    return [
        ["large"],
        ["inner"],
        ["ask", "beside"],
        ["inner", "beside"],
        ["large", "beside"],
        ["beside"],
    ][state["round"]]


def again(state: State) -> str:
    """Go on until the last round."""
    return "plan" if state["round"] < ROUNDS else END


class _Rounds:
    def __init__(self, log: TaskLog) -> None:
        self._log = log

    def lone(self, kind: str) -> Node:
        def run(state: State) -> dict[str, Any]:
            return {"names": [self._log.started(f"{kind} {state['round']}")]}

        return run

    def work(self, state: Errand) -> dict[str, Any]:
        name = f"work {state['round']}.{state['item']}"
        return {"names": [self._log.started(name)]}

    def side(self, state: State) -> Command[Any]:
        name = self._log.started(f"side {state['round']}")
        return Command(update={"names": [name]}, goto="join")

    def large(self, state: State) -> dict[str, Any]:
        name = self._log.started(f"large {state['round']}")
        return {"names": [name], "large": large_value(state["round"])}

    def ask(self, state: State) -> dict[str, Any]:
        name = self._log.started(f"ask {state['round']}")
        return {"answers": [interrupt(f"may {name}?")], "names": [name]}

    def inner(self, kind: str) -> Node:
        def run(state: Inner) -> dict[str, Any]:
            return {"steps": [self._log.started(f"{kind} {state['round']}")]}

        return run

    def close(self, state: Inner) -> dict[str, Any]:
        name = self._log.started(f"close {state['round']}")
        answers = [interrupt(f"may {name}?")] if state["round"] == 3 else []
        told = [*state["steps"], name]
        return {"steps": [name], "told": told, "answers": answers}

    def tail(self, state: State) -> dict[str, Any]:
        name = self._log.started(f"tail {state['round']}")
        return {"names": [name], "round": state["round"] + 1}


def large_value(number: int) -> bytes:
    """Return bytes that compress to nothing less, the same each time."""
    return random.Random(number).randbytes(LARGE_BYTES[number])


def finish(graph: Graph) -> dict[str, Any]:
    """Take a run from wherever it stands to its end, answering as asked."""
    for _ in range(INVOCATIONS):
        state = graph.get_state(CONFIG)
        given: Any = None
        if state.created_at is None:
            given = FRESH
        elif state.interrupts:
            given = Command(resume=f"yes to {state.interrupts[0].value}")
        elif not state.tasks:
            # Not ``next``: it leaves out tasks that are finished but not applied.
            return comparable(state.values)
        graph.invoke(given, CONFIG, durability="sync")
    raise AssertionError(f"the run has not ended after {INVOCATIONS} invocations")


def comparable(values: dict[str, Any]) -> dict[str, Any]:
    """Return final values as JSON can carry them: large bytes by their hash."""
    digest = hashlib.sha256(values["large"]).hexdigest()
    return {**values, "large": f"{len(values['large'])} bytes {digest}"}


def durably_finished(backend: Backend, run_id: str) -> set[str]:
    """Return the names of the tasks whose writes a fresh reader finds.

    In a checkpoint, or recorded for the next one.
    """
    saver: PagedSaver = backend.saver()
    names: set[str] = set()
    for namespace in namespaces(backend.records, OWNER, run_id):
        found = saver.get_tuple(config_of(namespace=namespace, run_id=run_id))
        if found is None:
            continue
        values = found.checkpoint["channel_values"]
        for channel in NAMED:
            names.update(values.get(channel, ()))
        for _, channel, value in found.pending_writes or ():
            if channel in NAMED:
                names.update(value)
    return names
