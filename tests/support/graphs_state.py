"""Graphs that differ in what their state is, or in how their nodes run."""

import operator
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels import DeltaChannel, EphemeralValue
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.managed import RemainingSteps
from langgraph.types import Send
from pydantic import BaseModel

from graphs_case import Case, Runs, State


class Chat(TypedDict):
    """Messages, as agents keep them."""

    messages: Annotated[list[AnyMessage], add_messages]


class Typed(BaseModel):
    """A pydantic state."""

    number: int = 0
    seen: Annotated[list[str], operator.add] = []


@dataclass
class Plain:
    """A dataclass state."""

    number: int = 0
    seen: Annotated[list[str], operator.add] = field(default_factory=list)


class Asked(TypedDict):
    """What goes in."""

    question: str


class Answered(TypedDict):
    """What comes out."""

    answer: str


class Whole(Asked, Answered):
    """What is kept in between."""

    notes: Annotated[list[str], operator.add]
    passing: Annotated[str, EphemeralValue(str)]


class Counted(TypedDict):
    """A state that knows how many supersteps are left."""

    seen: Annotated[list[int], operator.add]
    remaining: RemainingSteps


def _extend(state: list[str] | None, writes: list[list[str]]) -> list[str]:
    return [*(state or []), *(each for write in writes for each in write)]


class Growing(TypedDict):
    """A list that is stored as what was added to it."""

    seen: Annotated[list[str], DeltaChannel(_extend)]


class Errand(TypedDict):
    """What a task of it is sent."""

    item: str


def messages(runs: Runs) -> Any:  # as all here: LangGraph's type of graph
    """A conversation of four turns in which one message is replaced."""

    def speak(state: Chat) -> dict[str, Any]:
        number = len(state["messages"])
        runs.append(f"speak {number}")
        said = AIMessage(f"turn {number}", id=f"m{number}")
        again = HumanMessage("rephrased", id="first")
        return {"messages": [said, again]}

    graph = StateGraph(Chat)
    graph.add_node("speak", speak)
    graph.add_edge(START, "speak")
    graph.add_conditional_edges(
        "speak",
        lambda state: "speak" if len(state["messages"]) < 5 else END,
        ["speak", END],
    )
    return graph.compile()


def pydantic_state(runs: Runs) -> Any:
    """A pydantic state, whose values are validated at every node."""

    def grow(state: Typed) -> dict[str, Any]:
        runs.append(f"grow {state.number}")
        return {"number": state.number + 1, "seen": [str(state.number)]}

    graph = StateGraph(Typed)
    graph.add_node("grow", grow)
    graph.add_edge(START, "grow")
    graph.add_conditional_edges(
        "grow", lambda state: "grow" if state.number < 3 else END, ["grow", END]
    )
    return graph.compile()


def dataclass_state(runs: Runs) -> Any:
    """A dataclass state, also as what ``Send`` carries."""

    def work(state: Plain) -> dict[str, Any]:
        runs.append(f"work {state.number}")
        return {"seen": [str(state.number)]}

    graph = StateGraph(Plain)
    graph.add_node("work", work)
    graph.add_conditional_edges(
        START, lambda state: [Send("work", Plain(n)) for n in range(3)], ["work"]
    )
    return graph.compile()


def schemas(runs: Runs) -> Any:
    """Another input than output, notes kept between, a value for one superstep."""

    def read(state: Asked) -> dict[str, Any]:
        runs.append("read")
        return {"notes": [state["question"]], "passing": "on"}

    def write(state: Whole) -> dict[str, Any]:
        runs.append("write")
        return {"notes": ["written"], "answer": f"{state['passing']}: {state['notes']}"}

    graph = StateGraph(Whole, input_schema=Asked, output_schema=Answered)
    graph.add_sequence([("read", read), ("write", write)])
    graph.add_edge(START, "read")
    return graph.compile()


def remaining_steps(runs: Runs) -> Any:
    """A graph that ends because its recursion limit comes near."""

    def step(state: Counted) -> dict[str, Any]:
        runs.append(f"step {state['remaining']}")
        return {"seen": [state["remaining"]]}

    graph = StateGraph(Counted)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges(
        "step", lambda state: "step" if state["remaining"] > 3 else END, ["step", END]
    )
    return graph.compile().with_config(recursion_limit=9)


def delta_channel(runs: Runs) -> Any:
    """A channel whose checkpoints hold only what was written."""

    def work(state: Errand) -> dict[str, Any]:
        runs.append(f"work {state['item']}")
        return {"seen": [state["item"]]}

    def last(state: Growing) -> dict[str, Any]:
        runs.append("last")
        return {"seen": [f"after {len(state['seen'])}"]}

    graph = StateGraph(Growing)
    graph.add_node("work", work, input_schema=Errand)
    graph.add_node("last", last)
    graph.add_conditional_edges(
        START,
        lambda state: [Send("work", {"item": str(n)}) for n in range(12)],
        ["work"],
    )
    graph.add_edge("work", "last")
    return graph.compile()


def functional(runs: Runs) -> Any:
    """The functional API: an entry point that calls tasks."""

    @task
    def measure(number: int) -> int:
        runs.append(f"measure {number}")
        return number * 10

    @entrypoint()
    def flow(numbers: list[int]) -> list[int]:
        runs.append("flow")
        futures = [measure(number) for number in numbers]
        return [future.result() for future in futures]

    return flow


def asynchronous(runs: Runs) -> Any:
    """Nodes without a synchronous form, and Sends to them."""

    async def first(state: State) -> State:
        runs.append("first")
        return {"seen": ["first"]}

    async def work(state: State) -> State:
        runs.append(f"work {state['item']}")
        return {"seen": [f"did {state['item']}"]}

    graph = StateGraph(State)
    graph.add_node("first", first)
    graph.add_node("work", work)
    graph.add_edge(START, "first")
    graph.add_conditional_edges(
        "first",
        lambda state: [Send("work", {"item": str(n)}) for n in range(3)],
        ["work"],
    )
    return graph.compile()


CASES = (
    Case("messages", messages, {"messages": [HumanMessage("hello", id="first")]}),
    Case("pydantic state", pydantic_state, {"number": 0}),
    Case("dataclass state", dataclass_state, {"number": 9}),
    Case("input and output schemas", schemas, {"question": "why"}),
    Case("remaining steps", remaining_steps),
    Case("delta channel", delta_channel),
    Case("functional", functional, [1, 2, 3]),
    Case("asynchronous nodes", asynchronous),
)
