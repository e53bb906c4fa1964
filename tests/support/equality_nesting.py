"""More graphs within graphs (see ``graphs_nesting``)."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import NodeError
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, RetryPolicy, Send

from graphs_case import Case, Node, Runs, Seen, State, noting, working


def around(runs: Runs, name: str, inner: Any, **options: Any) -> Any:
    """Return a graph of one node, a graph, and another node.

    As all here: LangGraph's type of graph, whose output is what it adds.
    """
    graph = StateGraph(State, output_schema=Seen)
    graph.add_sequence(
        [
            (f"{name} in", noting(runs, f"{name} in")),
            (name, inner),
            (f"{name} out", noting(runs, f"{name} out")),
        ]
    )
    graph.add_edge(START, f"{name} in")
    return graph.compile(**options)


def chain(runs: Runs, *names: str, **options: Any) -> Any:
    """Return a graph of noting nodes, one after the other."""
    graph = StateGraph(State, output_schema=Seen)
    graph.add_sequence([(name, noting(runs, name)) for name in names])
    graph.add_edge(START, names[0])
    return graph.compile(**options)


def three_deep(runs: Runs) -> Any:
    """A graph in a graph in a graph."""
    return around(runs, "one", around(runs, "two", chain(runs, "x", "y", "z")))


def three_deep_with_sends(runs: Runs) -> Any:
    """Sends at the bottom of three levels, and a loop."""

    def step(state: State) -> State:
        count = state.get("count", 0) + 1
        runs.append(f"step {count}")
        return {"count": count, "seen": [f"step {count}"]}

    def route(state: State) -> list[Any]:
        if state["count"] < 3:
            return ["step"]
        return [Send("work", {"item": str(n)}) for n in range(3)]

    bottom = StateGraph(State, output_schema=Seen)
    bottom.add_node("step", step)
    bottom.add_node("work", working(runs))
    bottom.add_edge(START, "step")
    bottom.add_conditional_edges("step", route, ["step", "work"])
    return around(runs, "one", around(runs, "two", bottom.compile()))


def parallel_subgraphs(runs: Runs) -> Any:
    """Three graphs of different length in one superstep, beside a plain node."""
    graph = StateGraph(State)
    for name, length in (("short", 1), ("middle", 2), ("long", 4)):
        inner = chain(runs, *(f"{name} {number}" for number in range(length)))
        graph.add_node(name, inner)
        graph.add_edge(START, name)
        graph.add_edge(name, "join")
    graph.add_node("plain", noting(runs, "plain"))
    graph.add_node("join", noting(runs, "join"))
    graph.add_edge(START, "plain")
    graph.add_edge("plain", "join")
    return graph.compile()


def remembering_subgraph(runs: Runs) -> Any:
    """A subgraph with a memory of its own, which it keeps from round to round."""

    def remember(state: State) -> State:
        runs.append(f"remember {len(state['seen'])}")
        return {"seen": [f"seen {len(state['seen'])}"]}

    inner = StateGraph(State)
    inner.add_node("remember", remember)
    inner.add_edge(START, "remember")

    def count(state: State) -> State:
        runs.append("count")
        return {"count": state.get("count", 0) + 1}

    graph = StateGraph(State)
    graph.add_node("inner", inner.compile(checkpointer=True))
    graph.add_node("count", count)
    graph.add_edge(START, "inner")
    graph.add_edge("inner", "count")
    graph.add_conditional_edges(
        "count", lambda state: "inner" if state["count"] < 3 else END, ["inner", END]
    )
    return graph.compile()


def forgetting_subgraph(runs: Runs) -> Any:
    """A subgraph that keeps no checkpoints."""
    return around(runs, "bare", chain(runs, "f1", "f2", checkpointer=False))


def leaving(runs: Runs, name: str, **command: Any) -> Node:
    """Return a node that sends its parent somewhere."""

    def node(state: State) -> Command[Any]:
        item = state.get("item", "")
        runs.append(f"{name} {item}")
        return Command(
            graph=Command.PARENT, update={"seen": [f"{name} {item}"]}, **command
        )

    return node


def to_the_parent_by_name(runs: Runs) -> Any:
    """A subgraph that leaves from its middle to a node of its parent."""
    nested = StateGraph(State)
    nested.add_node("before", noting(runs, "before"))
    nested.add_node("leave", leaving(runs, "leave", goto="other"))
    nested.add_node("never", noting(runs, "never"))
    nested.add_edge(START, "before")
    nested.add_edge("before", "leave")
    graph = StateGraph(State)
    graph.add_node("nested", nested.compile(), destinations=("other",))
    graph.add_node("other", noting(runs, "other"))
    graph.add_node("last", noting(runs, "last"))
    graph.add_edge(START, "nested")
    graph.add_edge("other", "last")
    return graph.compile()


def to_the_parent_from_sends(runs: Runs) -> Any:
    """Three Sends to one subgraph, each of which leaves to the parent."""
    nested = StateGraph(State)
    nested.add_node(
        "leave", leaving(runs, "leave", goto=["other", Send("work", {"item": "w"})])
    )
    nested.add_edge(START, "leave")
    graph = StateGraph(State)
    graph.add_node("nested", nested.compile(), destinations=("other", "work"))
    graph.add_node("other", noting(runs, "other"))
    graph.add_node("work", working(runs))
    graph.add_conditional_edges(
        START,
        lambda state: [Send("nested", {"item": str(n), "seen": []}) for n in range(3)],
        ["nested"],
    )
    return graph.compile()


def to_the_parent_two_deep(runs: Runs) -> Any:
    """The innermost of three graphs sends the middle one on, which ends as usual."""
    inner = StateGraph(State)
    inner.add_node("leave", leaving(runs, "leave", goto="other"))
    inner.add_edge(START, "leave")
    middle = StateGraph(State)
    middle.add_node("inner", inner.compile(), destinations=("other",))
    middle.add_node("other", noting(runs, "other"))
    middle.add_edge(START, "inner")
    return around(runs, "middle", middle.compile())


def handled_in_a_subgraph(runs: Runs) -> Any:
    """Nodes that fail for good after retries, in the root and below it."""

    def failing(name: str) -> Node:
        def node(state: State) -> State:
            runs.append(name)
            raise ConnectionError(f"{name} cannot")

        return node

    def mending(name: str) -> Node:
        def node(state: State, error: NodeError) -> State:
            runs.append(f"mend {name}")
            return {"seen": [f"mended {error.node}"]}

        return node

    twice = RetryPolicy(initial_interval=0.001, max_attempts=2, jitter=False)

    def graph_of(name: str, *others: tuple[str, Any]) -> Any:
        graph = StateGraph(State)
        graph.add_node(
            name, failing(name), retry_policy=twice, error_handler=mending(name)
        )
        graph.add_edge(START, name)
        for other, node in others:
            graph.add_node(other, node)
            graph.add_edge(START, other)
        return graph.compile()

    return graph_of("top", ("nested", graph_of("deep")), ("beside", noting(runs, "b")))


def asynchronous_subgraph(runs: Runs) -> Any:
    """A graph without a synchronous form in another, scattered to."""

    def waiting(name: str) -> Node:
        async def node(state: State) -> State:
            runs.append(f"{name} {state.get('item', '')}")
            return {"seen": [f"{name} {state.get('item', '')}"]}

        return node

    inner = StateGraph(State, output_schema=Seen)
    inner.add_sequence([("x", waiting("x")), ("y", waiting("y"))])
    inner.add_edge(START, "x")
    graph = StateGraph(State)
    graph.add_node("first", waiting("first"))
    graph.add_node("inner", inner.compile())
    graph.add_node("last", waiting("last"))
    graph.add_edge(START, "first")
    graph.add_conditional_edges(
        "first",
        lambda state: [Send("inner", {"item": str(n), "seen": []}) for n in range(3)],
        ["inner"],
    )
    graph.add_edge("inner", "last")
    return graph.compile()


def subgraph_called_in_a_task(runs: Runs) -> Any:
    """The functional API around the graph API: tasks that invoke graphs."""

    @task
    def called(number: int, config: RunnableConfig) -> list[str]:
        runs.append(f"called {number}")
        inner = chain(runs, f"c{number} 1", f"c{number} 2")
        return list(inner.invoke({"seen": [str(number)]}, config)["seen"])

    @entrypoint()
    def flow(numbers: list[int]) -> list[list[str]]:
        runs.append("flow")
        return [called(number, {}).result() for number in numbers]

    return flow


CASES = (
    Case("three deep", three_deep),
    Case("three deep with sends", three_deep_with_sends),
    Case("subgraphs in parallel tasks", parallel_subgraphs),
    Case("subgraph with a memory", remembering_subgraph),
    Case("subgraph without checkpoints", forgetting_subgraph),
    Case("command to the parent by name", to_the_parent_by_name),
    Case("command to the parent from sends", to_the_parent_from_sends),
    Case("command to the parent two deep", to_the_parent_two_deep),
    Case("error handlers at two levels", handled_in_a_subgraph),
    Case("asynchronous subgraph", asynchronous_subgraph),
    Case("subgraph called in a task", subgraph_called_in_a_task, [1, 2]),
)
