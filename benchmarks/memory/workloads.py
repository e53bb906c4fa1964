"""The graphs: what the state is, and what one superstep changes of it."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from benchmarks.memory.contents import MESSAGE_BYTES, Contents
from benchmarks.memory.turns import Turns

Builder = StateGraph[Any, Any, Any, Any]
"""A graph to compile. Any: each workload has a state of its own."""

DOCUMENTS = 5000
DOCUMENTS_REWRITTEN = 50
BLOB_BYTES = 5_000_000
REGION_BYTES = 50_000
CHANNELS = 20
TASKS = 4


class Texts(TypedDict):
    """A growing list of plain strings."""

    messages: Annotated[list[str], operator.add]


class Messages(TypedDict):
    """A growing list of LangChain messages, under LangGraph's own reducer."""

    messages: Annotated[list[AnyMessage], add_messages]


class Documents(TypedDict):
    """One large dict, overwritten whole as LangGraph's channels are."""

    documents: dict[str, str]


class Blob(TypedDict):
    """One large value of bytes."""

    blob: bytes


@dataclass(frozen=True, slots=True)
class Workload:
    """A graph, its input, and the turns that its nodes take.

    Any: the state is of the workload's own type.
    """

    name: str
    builder: Builder
    first: dict[str, Any]
    turns: list[Turns]
    nothing: dict[str, Any] = field(default_factory=dict)
    """An input that changes nothing, to go on with a run that has ended."""

    def allow(self, supersteps: int, cap_seconds: float | None = None) -> None:
        """Let every node run so often in the next invocation."""
        for turns in self.turns:
            turns.allow(supersteps, cap_seconds)


def looping(
    builder: Builder, work: dict[str, Callable[[Any], dict[str, Any]]]
) -> list[Turns]:
    """Add nodes that each run until their turns are used, all side by side."""
    return [_loop(builder, name, change) for name, change in work.items()]


def _loop(
    builder: Builder, name: str, change: Callable[[Any], dict[str, Any]]
) -> Turns:
    turns = Turns()

    def node(state: Any) -> dict[str, Any]:
        turns.take()
        return change(state)

    def again(_: Any) -> str:
        return name if turns.left > 0 else END

    again.__name__ = f"again_{name}"  # LangGraph takes each name once.
    builder.add_node(name, node)
    builder.add_conditional_edges(START, again, [name, END])
    builder.add_conditional_edges(name, again, [name, END])
    return turns


def texts() -> Workload:
    """Append one string of random letters a superstep."""
    return _appending("str", Texts, Contents().letters)


def english() -> Workload:
    """Append one English-like string a superstep."""
    return _appending("str, English", Texts, Contents().english)


def messages() -> Workload:
    """Append one AIMessage of random letters a superstep."""
    contents = Contents()
    return _appending(
        "AIMessage",
        Messages,
        lambda: AIMessage(contents.letters(), id=contents.identifier()),
    )


def _appending(name: str, state: type, make: Callable[[], Any]) -> Workload:
    builder: Builder = StateGraph(state)
    turns = looping(builder, {"append": lambda _: {"messages": [make()]}})
    return Workload(name, builder, {"messages": []}, turns, {"messages": []})


def channels() -> Workload:
    """Hold 20 channels of 1 KB, of which a superstep changes one."""
    contents = Contents()
    names = [f"channel_{number:02d}" for number in range(CHANNELS)]
    # A TypedDict whose keys are computed is more than a type checker can read.
    state = TypedDict("Channels", dict.fromkeys(names, str))  # type: ignore[misc]
    builder: Builder = StateGraph(state)
    turns = looping(
        builder,
        {"change": lambda _: {names[contents.below(CHANNELS)]: contents.letters()}},
    )
    first = {name: contents.letters() for name in names}
    return Workload("20 channels, 1 changes", builder, first, turns)


def documents() -> Workload:
    """Hold a dict of 5,000 documents of 1 KB, of which a superstep rewrites 50."""
    contents = Contents()
    keys = [f"document-{number:05d}" for number in range(DOCUMENTS)]

    def rewrite(state: Documents) -> dict[str, Any]:
        changed = {
            keys[contents.below(DOCUMENTS)]: contents.letters()
            for _ in range(DOCUMENTS_REWRITTEN)
        }
        return {"documents": {**state["documents"], **changed}}

    builder: Builder = StateGraph(Documents)
    turns = looping(builder, {"rewrite": rewrite})
    first = {"documents": {key: contents.letters() for key in keys}}
    return Workload("dict of 5,000 x 1 KB, 50 keys", builder, first, turns)


def blob() -> Workload:
    """Hold 5 MB of bytes, of which a superstep rewrites one region of 50 KB."""
    contents = Contents()

    def rewrite(state: Blob) -> dict[str, Any]:
        old, start = state["blob"], contents.below(BLOB_BYTES - REGION_BYTES)
        region = contents.octets(REGION_BYTES)
        return {"blob": old[:start] + region + old[start + REGION_BYTES :]}

    builder: Builder = StateGraph(Blob)
    turns = looping(builder, {"rewrite": rewrite})
    first = {"blob": contents.octets(BLOB_BYTES)}
    return Workload("5 MB of bytes, 50 KB region", builder, first, turns)


def parallel() -> Workload:
    """Run 4 tasks a superstep; each appends one string of 1 KB."""
    builder: Builder = StateGraph(Texts)
    sources = [Contents(seed) for seed in range(TASKS)]
    turns = looping(
        builder,
        {
            f"append_{number}": _appender(contents)
            for number, contents in enumerate(sources)
        },
    )
    return Workload(f"{TASKS} tasks a superstep", builder, {"messages": []}, turns)


def _appender(contents: Contents) -> Callable[[Any], dict[str, Any]]:
    return lambda _: {"messages": [contents.letters(MESSAGE_BYTES)]}
