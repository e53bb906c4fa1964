"""Graphs that use what LangGraph checkpoints, and ways to run them in slices."""

import contextlib
import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphDrained, NodeError
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import RunControl
from langgraph.types import Command, Send, StateSnapshot, interrupt

from memory_backends import RUN

Savers = Callable[[], BaseCheckpointSaver[int]]


class Journey(TypedDict):
    log: Annotated[list[str], operator.add]
    rounds: int
    answers: Annotated[list[str], operator.add]


class Errand(TypedDict):
    item: int


class OneSuperstep(RunControl):
    """Lets the root graph run one superstep."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = 0

    @property
    def drain_requested(self) -> bool:
        if var_child_runnable_config.get() is not None:
            return False
        self._asked += 1
        if self._asked > 1:
            self.request_drain("one superstep is enough")
        return super().drain_requested


def plan(state: Journey) -> dict[str, Any]:
    return {"log": [f"plan {state['rounds']}"], "rounds": state["rounds"] + 1}


def spread(state: Journey) -> list[Any]:
    return [*(Send("work", {"item": item}) for item in range(3)), "side"]


def work(state: Errand) -> dict[str, Any]:
    return {"log": [f"work {state['item']}"]}


def side(state: Journey) -> Command[Any]:
    return Command(update={"log": ["side"]}, goto=Send("late", {"item": 9}))


def late(state: Errand) -> dict[str, Any]:
    return {"log": [f"late {state['item']}"]}


def join(state: Journey) -> dict[str, Any]:
    return {"log": ["join"]}


def again(state: Journey) -> str:
    return "plan" if state["rounds"] < 2 else "inner"


def consider(state: Journey) -> dict[str, Any]:
    return {"log": ["consider"]}


def approve(state: Journey) -> dict[str, Any]:
    return {"answers": [interrupt({"approve": state["log"][-1]})]}


def ask_twice(state: Journey) -> dict[str, Any]:
    first = interrupt("first?")
    second = interrupt(f"second, after {first}?")
    return {"answers": [f"{first} and {second}"]}


def fail(state: Journey) -> dict[str, Any]:
    raise ValueError("as always")


def mend(state: Journey, error: NodeError) -> Command[Any]:
    return Command(update={"log": [f"mended {error.node}"]}, goto="finish")


def finish(state: Journey) -> dict[str, Any]:
    return {"log": ["finish"]}


ANSWERS = ("yes", "one", "two")


def journey() -> StateGraph[Any, Any, Any, Any]:
    """Return a graph with a loop, Sends, a Command, a subgraph that asks, a
    node that asks twice and a node whose error is handled.
    """
    inner = StateGraph(Journey)
    inner.add_sequence([consider, approve])
    inner.add_edge(START, "consider")
    graph = StateGraph(Journey)
    graph.add_node(plan)
    graph.add_node("work", work, input_schema=Errand)
    graph.add_node("late", late, input_schema=Errand)
    graph.add_node(side)
    graph.add_node(join)
    graph.add_node("inner", inner.compile())
    graph.add_node(ask_twice)
    graph.add_node(fail, error_handler=mend)
    graph.add_node(finish)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", spread, ["work", "side"])
    graph.add_edge("work", "join")
    graph.add_conditional_edges("join", again, ["plan", "inner"])
    graph.add_edge("inner", "ask_twice")
    graph.add_edge("ask_twice", "fail")
    graph.add_edge("finish", END)
    return graph


FRESH: Journey = {"log": [], "rounds": 0, "answers": []}
CONFIG: RunnableConfig = {"configurable": {"thread_id": RUN}}


def run_whole(savers: Savers) -> dict[str, Any]:
    """Run the journey with one saver and no slices, answering as asked."""
    graph = journey().compile(checkpointer=savers())
    given: Any = FRESH
    for answer in (*ANSWERS, None):
        result = graph.invoke(given, CONFIG, durability="sync")
        given = Command(resume=answer)
    return dict(result)


def run_in_slices(savers: Savers) -> dict[str, Any]:
    """Run the journey a superstep at a time, each with a graph and a saver of
    its own; return the final values.
    """
    answers = iter(ANSWERS)
    given: Any = FRESH
    while True:
        graph = journey().compile(checkpointer=savers())
        with contextlib.suppress(GraphDrained):
            graph.invoke(given, CONFIG, durability="sync", control=OneSuperstep())
        state = journey().compile(checkpointer=savers()).get_state(CONFIG)
        if not state.next:
            return dict(state.values)
        given = Command(resume=next(answers)) if state.interrupts else None


def history(saver: BaseCheckpointSaver[int]) -> list[dict[str, Any]]:
    """Return a run's history without the ids that differ from run to run."""
    graph = journey().compile(checkpointer=saver)
    return [_told(state) for state in graph.get_state_history(CONFIG)]


def _told(state: StateSnapshot) -> dict[str, Any]:
    metadata = state.metadata or {}
    return {
        "values": state.values,
        "next": state.next,
        "step": metadata.get("step"),
        "source": metadata.get("source"),
        "tasks": [
            (task.name, task.path, repr(task.error), _asked(task), task.result)
            for task in state.tasks
        ],
    }


def _asked(task: Any) -> list[Any]:
    # Any: a PregelTask, which LangGraph exports under no public name.
    return [interrupt.value for interrupt in task.interrupts]


def appending(times: int, element: Callable[[int], object]) -> StateGraph[Any]:
    """Return a graph that appends ``element(n)`` to a list, once a superstep."""

    class Grown(TypedDict):
        items: Annotated[list[Any], operator.add]
        done: int

    def grow(state: Grown) -> dict[str, Any]:
        return {"items": [element(state["done"])], "done": state["done"] + 1}

    graph = StateGraph(Grown)
    graph.add_node(grow)
    graph.add_edge(START, "grow")
    graph.add_conditional_edges(
        "grow", lambda state: "grow" if state["done"] < times else END, ["grow", END]
    )
    return graph


def limits(times: int) -> RunnableConfig:
    """Return a config that lets a graph run ``times`` supersteps and some."""
    return {**CONFIG, "recursion_limit": times + 10}


WIDTH = 12
"""How many tasks one round of ``fanning`` has."""


def _extend(state: list[Any], writes: list[list[Any]]) -> list[Any]:
    return [*state, *(item for write in writes for item in write)]


class Gathered(TypedDict):
    items: Annotated[list[Any], DeltaChannel(_extend, snapshot_frequency=3)]
    rounds: int


def fanning(rounds: int) -> StateGraph[Any]:
    """Return a graph that fans out ``rounds`` times into a ``DeltaChannel``."""

    def work(state: dict[str, int]) -> dict[str, Any]:
        return {"items": [state["item"]]}

    def turn(state: Gathered) -> dict[str, Any]:
        return {"rounds": state["rounds"] + 1}

    def spread(state: Gathered) -> Any:
        first = 100 * state["rounds"]
        return [Send("work", {"item": first + n}) for n in range(WIDTH)]

    graph = StateGraph(Gathered)
    graph.add_node("turn", turn)
    graph.add_node("work", work)  # type: ignore[type-var]  # takes what Send gives
    graph.add_node("check", lambda state: {})
    graph.add_edge(START, "turn")
    graph.add_conditional_edges("turn", spread, ["work"])
    graph.add_edge("work", "check")
    graph.add_conditional_edges(
        "check", lambda s: "turn" if s["rounds"] < rounds else END, ["turn", END]
    )
    return graph


def fanned(rounds: int) -> list[int]:
    """Return what the channel holds after so many rounds."""
    return [100 * (turn + 1) + n for turn in range(rounds) for n in range(WIDTH)]
