"""Graphs that differ in how one node leads to the next."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Overwrite, RetryPolicy, Send

from graphs_case import Case, Runs, State, noting, working


def sequence(runs: Runs) -> Any:  # as all here: LangGraph's type of graph
    """Three nodes, one after the other."""
    graph = StateGraph(State)
    graph.add_sequence([(name, noting(runs, name)) for name in "abc"])
    graph.add_edge(START, "a")
    return graph.compile()


def branches(runs: Runs) -> Any:
    """Three branches of different length and a join that waits for them all."""
    graph = StateGraph(State)
    for name in ("fork", "x", "y", "z", "y2", "join"):
        graph.add_node(name, noting(runs, name))
    graph.add_edge(START, "fork")
    for name in "xyz":
        graph.add_edge("fork", name)
    graph.add_edge("y", "y2")
    graph.add_edge(["x", "y2", "z"], "join")
    graph.add_edge("join", END)
    return graph.compile()


def loop(runs: Runs) -> Any:
    """A node that is its own successor four times."""

    def step(state: State) -> State:
        count = state.get("count", 0)
        runs.append(f"step {count}")
        return {"seen": [f"step {count}"], "count": count + 1}

    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges(
        "step", lambda state: "step" if state["count"] < 4 else END, ["step", END]
    )
    return graph.compile()


def sends(runs: Runs) -> Any:
    """One superstep of five Sends beside a plain node, then a join."""

    def scatter(state: State) -> list[Any]:
        return [*(Send("work", {"item": str(n)}) for n in range(5)), "side"]

    graph = StateGraph(State)
    graph.add_node("work", working(runs))
    graph.add_node("side", noting(runs, "side"))
    graph.add_node("join", noting(runs, "join"))
    graph.add_conditional_edges(START, scatter, ["work", "side"])
    graph.add_edge("work", "join")
    graph.add_edge("side", "join")
    return graph.compile()


def nested_sends(runs: Runs) -> Any:
    """Sends whose nodes send again: two levels in a row."""

    def outer(state: State) -> list[Send]:
        return [Send("split", {"item": str(n)}) for n in range(3)]

    def split(state: State) -> Command[Any]:
        runs.append(f"split {state['item']}")
        return Command(
            update={"seen": [f"split {state['item']}"]},
            goto=[Send("work", {"item": f"{state['item']}.{n}"}) for n in range(2)],
        )

    graph = StateGraph(State)
    graph.add_node("split", split, destinations=("work",))
    graph.add_node("work", working(runs))
    graph.add_node("join", noting(runs, "join"))
    graph.add_conditional_edges(START, outer, ["split"])
    graph.add_edge("work", "join")
    return graph.compile()


def command_goto(runs: Runs) -> Any:
    """Nodes that say themselves where to go, three rounds long."""

    def choose(state: State) -> Command[Any]:
        count = state.get("count", 0)
        runs.append(f"choose {count}")
        where = ("left", "right", END)[count]
        return Command(update={"count": count + 1, "seen": [where]}, goto=where)

    graph = StateGraph(State)
    graph.add_node("choose", choose, destinations=("left", "right", END))
    graph.add_node("left", noting(runs, "left"))
    graph.add_node("right", noting(runs, "right"))
    graph.add_edge(START, "choose")
    graph.add_edge("left", "choose")
    graph.add_edge("right", "choose")
    return graph.compile()


def command_send(runs: Runs) -> Any:
    """A command that goes to a node and to Sends at once, then a late join."""

    def fork(state: State) -> Command[Any]:
        runs.append("fork")
        return Command(
            update={"seen": ["fork"]},
            goto=[Send("work", {"item": "p"}), "side", Send("work", {"item": "q"})],
        )

    graph = StateGraph(State)
    graph.add_node("fork", fork, destinations=("work", "side"))
    graph.add_node("work", working(runs))
    graph.add_node("side", noting(runs, "side"))
    graph.add_node("last", noting(runs, "last"))
    graph.add_edge(START, "fork")
    graph.add_edge("side", "last")
    return graph.compile()


def deferred(runs: Runs) -> Any:
    """A deferred node runs once, when the long branch has ended too."""
    graph = StateGraph(State)
    for name in ("short", "long", "longer"):
        graph.add_node(name, noting(runs, name))
    graph.add_node("last", noting(runs, "last"), defer=True)
    graph.add_edge(START, "short")
    graph.add_edge(START, "long")
    graph.add_edge("long", "longer")
    graph.add_edge("short", "last")
    graph.add_edge("longer", "last")
    return graph.compile()


def retried(runs: Runs) -> Any:
    """Sends that fail once each; LangGraph's own retry policy repeats them."""

    def flaky(state: State) -> State:
        name = f"flaky {state['item']}"
        runs.append(name)
        if runs.count(name) < 2:
            raise ConnectionError("not yet")
        return {"seen": [name]}

    graph = StateGraph(State)
    graph.add_node(
        "flaky",
        flaky,
        retry_policy=RetryPolicy(initial_interval=0.001, max_attempts=3, jitter=False),
    )
    graph.add_conditional_edges(
        START,
        lambda state: [Send("flaky", {"item": str(n)}) for n in range(3)],
        ["flaky"],
    )
    return graph.compile()


def nothing_and_overwritten(runs: Runs) -> Any:
    """Nodes that return nothing, or put a value in place of what was reduced."""

    def silent(state: State) -> None:
        runs.append("silent")

    def overwrite(state: State) -> dict[str, Any]:
        runs.append("overwrite")
        return {"seen": Overwrite([f"instead of {len(state['seen'])}"])}

    graph = StateGraph(State)
    graph.add_node("silent", silent)
    graph.add_node("a", noting(runs, "a"))
    graph.add_node("overwrite", overwrite)
    graph.add_edge(START, "silent")
    graph.add_edge(START, "a")
    graph.add_edge(["silent", "a"], "overwrite")
    return graph.compile()


CASES = (
    Case("sequence", sequence),
    Case("branches and a join", branches),
    Case("loop", loop),
    Case("sends beside a node", sends),
    Case("sends that send", nested_sends),
    Case("command goto", command_goto),
    Case("command sends", command_send),
    Case("deferred node", deferred),
    Case("retry policy", retried),
    Case("nothing and overwritten", nothing_and_overwritten),
)
