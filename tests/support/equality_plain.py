"""What can be seen of a run, and a plain run of LangGraph to see it of.

Both runs are looked at with LangGraph's own ``get_state``: at every stop, what
is next and what is asked; at the end, every channel.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError
from langgraph.types import Command, StateSnapshot
from pydantic_core import to_json

from analemma.kernelspace.program import Graph, only_asynchronous
from graphs_case import Case, Runs

MOST_STOPS = 100
PLAIN: RunnableConfig = {"configurable": {"thread_id": "plain"}}


@dataclass(frozen=True)
class Stop:
    """Where a run waits for people: what is next, and what they are asked."""

    next: tuple[str, ...]
    questions: tuple[str, ...]

    @classmethod
    def of(cls, state: StateSnapshot) -> "Stop":
        """Return what a state says; the questions as sorted JSON."""
        asked = (as_json(each.value) for each in state.interrupts)
        return cls(tuple(sorted(state.next)), tuple(sorted(asked)))


@dataclass(frozen=True)
class Seen:
    """What can be seen of a run from outside. Any: a graph's own values.

    ``steps`` are the numbers of its checkpoints. ``output`` is what the last
    ``invoke`` returned, None if it raised. ``failure`` is the error that it ended
    with, as one line, or empty. ``runs`` is how often each node ran.
    """

    values: Any
    channels: Mapping[str, Any]
    steps: tuple[int, ...]
    next: tuple[str, ...]
    stops: tuple[Stop, ...]
    failure: str = ""
    output: Any = None
    runs: Mapping[str, int] = field(default_factory=dict)


def as_json(value: object) -> str:
    """Return a question as an approval shows it, keys in order."""
    shown = json.loads(to_json(value, fallback=repr))
    return json.dumps(shown, sort_keys=True)


def one_line(error: BaseException) -> str:
    """Return an error as a failed run names it."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def called(failure: str) -> str:
    """Return a failure as ``one_line`` does, also what LangGraph kept as a ``repr``."""
    as_repr = re.fullmatch(r"(\w+)\((['\"])(.*)\2\)", failure)
    return failure if as_repr is None else f"{as_repr[1]}: {as_repr[3]}"


def plainly(case: Case, runs: Runs) -> Seen:
    """Invoke the graph on LangGraph's own saver, answering what it asks."""
    graph = case.build(runs).copy({"checkpointer": InMemorySaver()})
    given, stops, failure = case.value, [], ""
    result: Any = None
    for _ in range(MOST_STOPS):
        try:
            result = _invoke(graph, given)
        except Exception as error:  # noqa: BLE001  # whatever the graph raises
            result, failure = None, one_line(error)
            break
        state = graph.get_state(PLAIN)
        if not state.next:
            break
        stops.append(Stop.of(state))
        answers = {each.id: case.answer(each.value) for each in state.interrupts}
        given = Command(resume=answers) if answers else None
    else:
        raise AssertionError("the graph asks for ever")
    seen = seen_of(graph, PLAIN, stops, failure)
    return replace(seen, output=result, runs=Counter(runs))


def _invoke(graph: Graph, given: Any) -> Any:  # as LangGraph's
    if only_asynchronous(graph):
        return asyncio.run(graph.ainvoke(given, PLAIN))
    return graph.invoke(given, PLAIN)


def seen_of(
    graph: Graph, config: RunnableConfig, stops: list[Stop], failure: str
) -> Seen:
    """Look at a run that has come to its end."""
    saver: Any = graph.checkpointer  # a saver, or how to come by one
    head = saver.get_tuple(config)
    try:
        state = graph.get_state(config)
    except InvalidUpdateError:  # what the last superstep failed for
        state = graph.get_state(head.config)
    return Seen(
        values=state.values,
        channels=dict(head.checkpoint["channel_values"]),
        steps=_steps(graph, config),
        next=tuple(sorted(state.next)),
        stops=tuple(stops),
        failure=failure,
    )


def _steps(graph: Graph, config: RunnableConfig) -> tuple[int, ...]:
    saver: Any = graph.checkpointer
    found = (each.metadata for each in saver.list(config))
    return tuple(sorted(each.get("step", -2) for each in found))


def check(seen: Seen, plain: Seen) -> None:
    """Hold what was seen of a run against what was seen of a plain one."""
    assert seen.failure == plain.failure
    assert seen.stops == plain.stops
    assert seen.next == plain.next
    assert seen.runs == plain.runs
    assert seen.values == plain.values
    assert seen.channels == plain.channels
    assert seen.steps == plain.steps
    assert seen.output == plain.output
