"""More graphs that differ in how one node leads to the next (see ``graphs_flow``)."""

import operator
from typing import Annotated, Any, TypedDict

from langgraph.cache.sqlite import SqliteCache
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy, Command, RetryPolicy, Send

from equality_runs import directory_of
from graphs_case import Case, Node, Runs, State, noting, working


def _larger(one: int, other: int) -> int:
    return max(one, other)


class Summed(TypedDict, total=False):
    """A state of three reducers, which parallel nodes all write."""

    seen: Annotated[list[str], operator.add]
    total: Annotated[int, operator.add]
    most: Annotated[int, _larger]


def of_edges(*edges: tuple[str | list[str], str], roots: str = "a") -> Any:
    """Return what builds a graph of noting nodes from edges and joins."""

    def build(runs: Runs) -> Any:  # as all here: LangGraph's type of graph
        graph = StateGraph(State)
        names = {name for starts, end in edges for name in (*starts, end)}
        for name in sorted(names):
            graph.add_node(name, noting(runs, name))
        for root in roots:
            graph.add_edge(START, root)
        for starts, end in edges:
            graph.add_edge(starts, end)
        return graph.compile()

    return build


def reducers(runs: Runs) -> Any:
    """Five parallel nodes that write to three reducers, then one that reads them."""

    def adding(number: int) -> Node:
        def node(state: Summed) -> Summed:
            runs.append(f"add {number}")
            return {"seen": [str(number)], "total": number, "most": number % 4}

        return node

    def read(state: Summed) -> Summed:
        runs.append("read")
        return {"seen": [f"{state['total']} {state['most']} {len(state['seen'])}"]}

    graph = StateGraph(Summed)
    graph.add_node("read", read)
    for number in range(5):
        graph.add_node(f"n{number}", adding(number))
        graph.add_edge(START, f"n{number}")
        graph.add_edge(f"n{number}", "read")
    return graph.compile()


def twelve_sends(runs: Runs) -> Any:
    """Twelve Sends from a node in the middle, joined in the order of sending."""
    graph = StateGraph(State)
    graph.add_node("first", noting(runs, "first"))
    graph.add_node("work", working(runs))
    graph.add_node("join", noting(runs, "join"))
    graph.add_edge(START, "first")
    graph.add_conditional_edges(
        "first",
        lambda state: [Send("work", {"item": str(n)}) for n in reversed(range(12))],
        ["work"],
    )
    graph.add_edge("work", "join")
    return graph.compile()


def sends_three_deep(runs: Runs) -> Any:
    """Tasks of Sends whose edges send again, twice, each a different number."""

    def children(name: str) -> Any:
        def route(state: State) -> list[Send]:
            # What an edge of a sent task sees last is what that task wrote.
            item = state["seen"][-1].rpartition(" ")[2]
            count = 1 + int(item[-1]) % 3
            return [Send(name, {"item": f"{item}.{n}"}) for n in range(count)]

        return route

    graph = StateGraph(State)
    for name in ("top", "middle", "bottom"):
        graph.add_node(name, working(runs, name))
    graph.add_node("join", noting(runs, "join"))
    graph.add_conditional_edges(
        START, lambda state: [Send("top", {"item": str(n)}) for n in range(3)], ["top"]
    )
    graph.add_conditional_edges("top", children("middle"), ["middle"])
    graph.add_conditional_edges("middle", children("bottom"), ["bottom"])
    graph.add_edge("bottom", "join")
    return graph.compile()


def goto_alone(runs: Runs) -> Any:
    """Commands that only go, to one node, to two, and beside a plain edge."""

    def one(state: State) -> Command[Any]:
        runs.append("one")
        return Command(goto="fork")

    def fork(state: State) -> Command[Any]:
        runs.append("fork")
        return Command(goto=["left", "right"])

    graph = StateGraph(State)
    graph.add_node("one", one, destinations=("fork",))
    graph.add_node("fork", fork, destinations=("left", "right"))
    for name in ("left", "right", "beside"):
        graph.add_node(name, noting(runs, name))
    graph.add_edge(START, "one")
    graph.add_edge("fork", "beside")
    return graph.compile()


def commands_in_a_list(runs: Runs) -> Any:
    """A node that returns several commands, and updates given as pairs."""

    def many(state: State) -> list[Any]:
        runs.append("many")
        return [
            Command(update=[("seen", ["x"]), ("count", 1)], goto="left"),
            {"seen": ["y"]},
            Command(goto=Send("work", {"item": "z"})),
        ]

    graph = StateGraph(State)
    graph.add_node("many", many, destinations=("left", "work"))
    graph.add_node("left", noting(runs, "left"))
    graph.add_node("work", working(runs))
    graph.add_edge(START, "many")
    return graph.compile()


def twenty_rounds(runs: Runs) -> Any:
    """Twenty rounds of two nodes, with a third one every fifth round."""

    def step(state: State) -> State:
        count = state.get("count", 0) + 1
        runs.append(f"step {count}")
        return {"count": count, "seen": [f"step {count}"]}

    def after(state: State) -> list[str]:
        return ["fifth", "back"] if state["count"] % 5 == 0 else ["back"]

    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_node("fifth", noting(runs, "fifth"))
    graph.add_node("back", noting(runs, "back"))
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", after, ["fifth", "back"])
    graph.add_conditional_edges(
        "back", lambda state: "step" if state["count"] < 20 else END, ["step", END]
    )
    return graph.compile()


def loops_side_by_side(runs: Runs) -> Any:
    """Two loops of different length at once; a deferred node waits for both."""

    def looping(name: str) -> Node:
        def node(state: State) -> State:
            number = sum(each.startswith(name) for each in state["seen"])
            runs.append(f"{name} {number}")
            return {"seen": [f"{name} {number}"]}

        return node

    def until(name: str, most: int) -> Any:
        def route(state: State) -> str:
            number = sum(each.startswith(name) for each in state["seen"])
            return name if number < most else "last"

        return route

    graph = StateGraph(State)
    graph.add_node("last", noting(runs, "last"), defer=True)
    for name, most in (("p", 2), ("q", 5)):
        graph.add_node(name, looping(name))
        graph.add_edge(START, name)
        graph.add_conditional_edges(name, until(name, most), [name, "last"])
    return graph.compile()


def deferred_after_sends(runs: Runs) -> Any:
    """Two deferred nodes: one waits for Sends that go on, the next for it."""
    graph = StateGraph(State)
    graph.add_node("work", working(runs))
    graph.add_node("more", noting(runs, "more"))
    graph.add_node("sum", noting(runs, "sum"), defer=True)
    graph.add_node("end", noting(runs, "end"), defer=True)
    graph.add_conditional_edges(
        START,
        lambda state: [Send("work", {"item": str(n)}) for n in range(3)],
        ["work"],
    )
    graph.add_edge("work", "more")
    graph.add_edge("work", "sum")
    graph.add_edge("more", "sum")
    graph.add_edge("sum", "end")
    return graph.compile()


def third_attempt(runs: Runs) -> Any:
    """A lone node that succeeds at its third attempt, between two others."""

    def flaky(state: State) -> State:
        runs.append("flaky")
        if runs.count("flaky") < 3:
            raise ConnectionError("not yet")
        return {"seen": [f"flaky after {len(state['seen'])}"]}

    graph = StateGraph(State)
    patient = RetryPolicy(
        initial_interval=0.001, max_attempts=3, jitter=False, retry_on=ConnectionError
    )
    graph.add_sequence([("a", noting(runs, "a")), ("b", noting(runs, "b"))])
    graph.add_node("flaky", flaky, retry_policy=[patient])
    graph.add_edge(START, "a")
    graph.add_edge("b", "flaky")
    graph.add_edge("flaky", END)
    return graph.compile()


def cached(runs: Runs) -> Any:
    """Two rounds of three Sends and a node: the second round runs none of them.

    The cache is LangGraph's, in a file that all processes of the run open.
    """

    def work(state: State) -> State:
        runs.append(f"work {state['item']}")
        return {"seen": [f"worked {state['item']}"]}

    def plan(state: State) -> State:
        runs.append("plan")
        return {"count": state.get("count", 0) + 1}

    def spread(state: State) -> Any:
        if state["count"] > 2:
            return END
        return [Send("work", {"item": str(n)}) for n in range(3)]

    always = CachePolicy(key_func=lambda state: str(state.get("item", "same")))
    graph = StateGraph(State)
    graph.add_node("plan", plan)
    graph.add_node("work", work, cache_policy=always)
    graph.add_node("once", noting(runs, "once"), cache_policy=always)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", spread, ["work", END])
    graph.add_edge("work", "once")
    graph.add_edge("once", "plan")
    return graph.compile(cache=SqliteCache(path=str(directory_of(runs) / "cache")))


TRIANGLE = of_edges(("a", "b"), ("a", "c"), ("b", "d"), ("b", "e"), ("c", "e"))
JOINS = of_edges(
    ("a", "b"), ("a", "c"), ("a", "d"), (["b", "c"], "m"), (["m", "d"], "n")
)
SKIP = of_edges(("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"), ("d", "e"))
ROOTS = of_edges(("a", "c"), ("b", "d"), (["c", "d"], "e"), roots="ab")

CASES = (
    Case("diamond", of_edges(("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"))),
    Case("triangle with two ways to its end", TRIANGLE),
    Case("two joins", JOINS),
    Case("edge that skips a branch", SKIP),
    Case("two roots", ROOTS),
    Case("parallel reducers", reducers, {"seen": [], "total": 0, "most": 0}),
    Case("twelve sends", twelve_sends),
    Case("sends three deep", sends_three_deep),
    Case("goto alone", goto_alone),
    Case("commands in a list", commands_in_a_list),
    Case("twenty rounds", twenty_rounds),
    Case("loops side by side", loops_side_by_side),
    Case("deferred after sends", deferred_after_sends),
    Case("third attempt", third_attempt),
    Case("cached nodes", cached),
)
