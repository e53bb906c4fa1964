"""Graphs within graphs, and nodes that hand their errors on."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import NodeError
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send

from graphs_case import Case, Runs, Seen, State, noting, working


def inner(runs: Runs) -> Any:  # as all here: LangGraph's types
    """Two nodes, to be put into another graph."""
    graph = StateGraph(State)
    graph.add_sequence([(name, noting(runs, name)) for name in ("in1", "in2")])
    graph.add_edge(START, "in1")
    return graph.compile()


def subgraph_node(runs: Runs) -> Any:
    """A graph as a node, twice in a row."""
    graph = StateGraph(State)
    graph.add_sequence(
        [
            ("before", noting(runs, "before")),
            ("first", inner(runs)),
            ("second", inner(runs)),
            ("after", noting(runs, "after")),
        ]
    )
    graph.add_edge(START, "before")
    return graph.compile()


def subgraph_called_in_a_node(runs: Runs) -> Any:
    """A node that calls a graph itself, and does something before and after."""

    def call(state: State, config: RunnableConfig) -> State:
        runs.append("call")
        told = inner(runs).invoke({"seen": ["asked"]}, config)
        return {"seen": ["called", *told["seen"]]}

    graph = StateGraph(State)
    graph.add_sequence([("call", call), ("after", noting(runs, "after"))])
    graph.add_edge(START, "call")
    return graph.compile()


def sends_within_a_subgraph(runs: Runs) -> Any:
    """A node that is a graph that scatters; the root scatters that graph too."""

    def scatter(state: State) -> list[Send]:
        return [Send("work", {"item": f"{state['item']}.{n}"}) for n in range(2)]

    nested = StateGraph(State, output_schema=Seen)
    nested.add_node("work", working(runs))
    nested.add_node("join", noting(runs, "join"))
    nested.add_conditional_edges(START, scatter, ["work"])
    nested.add_edge("work", "join")
    graph = StateGraph(State)
    graph.add_node("nested", nested.compile())
    graph.add_node("last", noting(runs, "last"))
    graph.add_conditional_edges(
        START,
        lambda state: [Send("nested", {"item": str(n), "seen": []}) for n in range(3)],
        ["nested"],
    )
    graph.add_edge("nested", "last")
    return graph.compile()


def command_to_the_parent(runs: Runs) -> Any:
    """A subgraph whose node sends its parent somewhere else."""

    def leave(state: State) -> Command[Any]:
        runs.append("leave")
        return Command(
            graph=Command.PARENT,
            update={"seen": ["left"]},
            goto=[Send("work", {"item": str(n)}) for n in range(3)],
        )

    nested = StateGraph(State)
    nested.add_node("leave", leave)
    nested.add_edge(START, "leave")
    graph = StateGraph(State)
    graph.add_node("nested", nested.compile(), destinations=("work",))
    graph.add_node("work", working(runs))
    graph.add_node("last", noting(runs, "last"))
    graph.add_edge(START, "nested")
    graph.add_edge("work", "last")
    return graph.compile()


def handled_errors(runs: Runs) -> Any:
    """Sends of which two fail for good; each error is handled, once."""

    def fail(state: State) -> State:
        runs.append(f"try {state['item']}")
        if state["item"] in "13":
            raise ValueError(f"{state['item']} cannot")
        return {"seen": [f"tried {state['item']}"]}

    def mend(state: State, error: NodeError) -> Command[Any]:
        # Read back from a checkpoint, LangGraph hands the error on as text.
        runs.append(f"mend {'1' if '1 cannot' in str(error.error) else '3'}")
        return Command(update={"seen": [f"mended {error.node}"]}, goto="after")

    graph = StateGraph(State)
    graph.add_node("fail", fail, error_handler=mend)
    graph.add_node("after", noting(runs, "after"))
    graph.add_conditional_edges(
        START,
        lambda state: [Send("fail", {"item": str(n)}) for n in range(4)],
        ["fail"],
    )
    return graph.compile()


def deep_subgraph_below_a_limit(runs: Runs) -> Any:
    """A limit that the root nearly uses up, and a nested graph that needs it."""
    nested = StateGraph(State)
    nested.add_sequence([(name, noting(runs, name)) for name in "pqrst"])
    nested.add_edge(START, "p")
    graph = StateGraph(State)
    graph.add_sequence(
        [
            *((name, noting(runs, name)) for name in "abcd"),
            ("nested", nested.compile()),
        ]
    )
    graph.add_edge(START, "a")
    return graph.compile().with_config(recursion_limit=6)


CASES = (
    Case("subgraph node", subgraph_node),
    Case("subgraph called in a node", subgraph_called_in_a_node),
    Case("deep subgraph below a limit", deep_subgraph_below_a_limit),
    Case("sends within a subgraph", sends_within_a_subgraph),
    Case("command to the parent", command_to_the_parent),
    Case("node error handler", handled_errors),
)
