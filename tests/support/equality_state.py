"""More graphs that differ in their state, and graphs that fail (``graphs_state``)."""

import operator
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, TypedDict
from uuid import UUID

from langgraph.channels import DeltaChannel, Topic
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.managed import IsLastStep
from langgraph.types import RetryPolicy, Send

from graphs_case import Case, Node, Runs, State, noting, working

LARGE_CHARACTERS = 300_000


class Private(TypedDict):
    """What one node leaves for the next, and no schema of the graph has."""

    secret: str


class Last(TypedDict):
    """A state that knows its last step."""

    seen: Annotated[list[str], operator.add]
    last: IsLastStep


class Posted(TypedDict, total=False):
    """Topics: of one superstep, and of all."""

    now: Annotated[list[str], Topic(str)]
    ever: Annotated[list[str], Topic(str, accumulate=True)]


class Kept(TypedDict, total=False):
    """Values of many kinds."""

    seen: Annotated[list[Any], operator.add]
    large: str


def _extend(state: list[str] | None, writes: Sequence[list[str]]) -> list[str]:
    return [*(state or []), *(each for write in writes for each in write)]


class Growing(TypedDict):
    """A list that is stored as what was added to it, and whole now and then."""

    seen: Annotated[list[str], DeltaChannel(_extend, snapshot_frequency=4)]
    count: int


def private_state(runs: Runs) -> Any:  # as all here: LangGraph's type of graph
    """A channel that only the schemas of two nodes have."""

    def hide(state: State) -> Private:
        runs.append("hide")
        return {"secret": "kept"}

    def seek(state: Private) -> State:
        runs.append("seek")
        return {"seen": [state["secret"]]}

    graph = StateGraph(State)
    graph.add_sequence(
        [("hide", hide), ("between", noting(runs, "between")), ("seek", seek)]
    )
    graph.add_edge(START, "hide")
    return graph.compile()


def last_step(runs: Runs) -> Any:
    """A graph that stops at its last step, which a managed value names."""

    def step(state: Last) -> dict[str, Any]:
        runs.append(f"step {state['last']}")
        return {"seen": [str(state["last"])]}

    def again(state: Last) -> str:
        return END if state["seen"] and state["seen"][-1] == "True" else "step"

    graph = StateGraph(Last)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", again, ["step", END])
    return graph.compile().with_config(recursion_limit=5)


def topics(runs: Runs) -> Any:
    """Parallel nodes that post to topics; one of them forgets each superstep."""

    def posting(name: str) -> Node:
        def node(state: Posted) -> dict[str, Any]:
            found = len(state.get("now") or []), len(state.get("ever") or [])
            runs.append(name)
            return {"now": f"{name} {found}", "ever": [f"{name} {found}", name]}

        return node

    graph = StateGraph(Posted)
    for name in ("a", "b", "c", "d"):
        graph.add_node(name, posting(name))
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    graph.add_edge("a", "c")
    graph.add_edge(["b", "c"], "d")
    return graph.compile()


def many_kinds(runs: Runs) -> Any:
    """Values that are no JSON, and one of 300 KB that is replaced once."""

    def make(state: Kept) -> Kept:
        runs.append("make")
        kinds = [
            b"\xff\x00",
            datetime(2026, 1, 2, tzinfo=UTC),
            Decimal("1.10"),
            UUID(int=7),
            {"set": {1, 2}, "list": [1, ["two"]]},
            10**15,
            -0.5,
            None,
            "\u20ac \U0001f600",
        ]
        return {"seen": kinds, "large": "x" * LARGE_CHARACTERS}

    def change(state: Kept) -> Kept:
        runs.append("change")
        return {"seen": [len(state["seen"])], "large": state["large"][1:] + "y"}

    graph = StateGraph(Kept)
    graph.add_sequence(
        [("make", make), ("wait", noting(runs, "wait")), ("change", change)]
    )
    graph.add_edge(START, "make")
    return graph.compile()


def growing_delta(runs: Runs) -> Any:
    """A delta channel over six rounds of two writers, past several snapshots."""

    def writing(name: str) -> Node:
        def node(state: Growing) -> dict[str, Any]:
            runs.append(f"{name} {len(state['seen'])}")
            return {"seen": [f"{name} {len(state['seen'])}"]}

        return node

    def count(state: Growing) -> dict[str, Any]:
        runs.append(f"count {len(state['seen'])}")
        return {"count": state["count"] + 1}

    graph = StateGraph(Growing)
    graph.add_node("count", count)
    graph.add_edge(START, "count")
    for name in "ab":
        graph.add_node(name, writing(name))
    graph.add_edge(["a", "b"], "count")
    graph.add_conditional_edges(
        "count",
        lambda state: ["a", "b"] if state["count"] < 6 else END,
        ["a", "b", END],
    )
    return graph.compile()


def functional_final(runs: Runs) -> Any:
    """An entry point that returns one value, saves another and asks for the last."""

    def attempt(number: int) -> int:
        runs.append(f"flaky {number}")
        if runs.count(f"flaky {number}") < 2:
            raise ConnectionError("not yet")
        return number + 1

    # Any: LangGraph's types of a task with options fit no function.
    patient: Any = task(retry_policy=RetryPolicy(initial_interval=0.001, jitter=False))
    flaky: Any = patient(attempt)

    @entrypoint()
    def flow(
        number: int, *, previous: list[int] | None = None
    ) -> entrypoint.final[int, list[int]]:
        runs.append(f"flow {previous}")
        made = [flaky(number + each) for each in range(3)]
        total = sum(each.result() for each in made)
        return entrypoint.final(value=total, save=[*(previous or []), total])

    return flow


def functional_asynchronous(runs: Runs) -> Any:
    """An asynchronous entry point whose tasks run side by side and call tasks."""

    @task
    async def inner(number: int) -> int:
        runs.append(f"inner {number}")
        return number * 2

    @task
    async def outer(number: int) -> int:
        runs.append(f"outer {number}")
        return 1 + int(await inner(number))

    @entrypoint()
    async def flow(numbers: list[int]) -> list[int]:
        runs.append("flow")
        started = [outer(number) for number in numbers]
        return [await each for each in started]

    return flow


def mixed_forms(runs: Runs) -> Any:
    """Synchronous and asynchronous nodes, one of which fails twice."""

    async def flaky(state: State) -> State:
        runs.append("flaky")
        if runs.count("flaky") < 3:
            raise ConnectionError("not yet")
        return {"seen": ["flaky"]}

    graph = StateGraph(State)
    graph.add_node("plain", noting(runs, "plain"))
    graph.add_node(
        "flaky",
        flaky,
        retry_policy=RetryPolicy(initial_interval=0.001, max_attempts=3, jitter=False),
    )
    graph.add_node("work", working(runs))
    graph.add_edge(START, "plain")
    graph.add_edge("plain", "flaky")
    graph.add_conditional_edges(
        "flaky",
        lambda state: [Send("work", {"item": str(n)}) for n in range(3)],
        ["work"],
    )
    return graph.compile()


def beyond_the_limit(runs: Runs) -> Any:
    """A loop that its recursion limit ends."""

    def step(state: State) -> State:
        runs.append(f"step {len(state['seen'])}")
        return {"seen": ["step"]}

    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_edge("step", "step")
    return graph.compile().with_config(recursion_limit=6)


def failing_node(runs: Runs) -> Any:
    """A node that raises, after two that did not."""

    def fail(state: State) -> State:
        runs.append("fail")
        raise ValueError(f"cannot after {len(state['seen'])}")

    graph = StateGraph(State)
    graph.add_sequence(
        [("a", noting(runs, "a")), ("b", noting(runs, "b")), ("fail", fail)]
    )
    graph.add_edge(START, "a")
    return graph.compile()


def two_writers(runs: Runs) -> Any:
    """Two nodes of one superstep that write what only one may."""

    def write(number: int) -> Node:
        def node(state: State) -> State:
            runs.append(f"write {number}")
            return {"count": number}

        return node

    graph = StateGraph(State)
    graph.add_node("a", noting(runs, "a"))
    graph.add_edge(START, "a")
    for number in range(2):
        graph.add_node(f"w{number}", write(number))
        graph.add_edge("a", f"w{number}")
    return graph.compile()


def sends_to_one_value(runs: Runs) -> Any:
    """Tasks of Sends that write what only one may, after a node that did not."""

    def write(state: State) -> State:
        runs.append(f"write {state['item']}")
        return {"count": int(state["item"])}

    graph = StateGraph(State)
    graph.add_node("a", noting(runs, "a"))
    graph.add_node("write", write)
    graph.add_edge(START, "a")
    graph.add_conditional_edges(
        "a",
        lambda state: [Send("write", {"item": str(n)}) for n in range(2)],
        ["write"],
    )
    return graph.compile()


CASES = (
    Case("private state", private_state),
    Case("last step", last_step),
    Case("topics", topics, {}),
    Case("values of many kinds", many_kinds),
    Case("growing delta channel", growing_delta, {"seen": [], "count": 0}),
    Case("functional with a final value", functional_final, 3),
    Case("functional asynchronous", functional_asynchronous, [1, 2, 3]),
    Case("both forms of nodes", mixed_forms),
    Case("beyond the recursion limit", beyond_the_limit),
    Case("failing node", failing_node),
    Case("two writers of one value", two_writers),
    Case("sends that write one value", sends_to_one_value),
)
