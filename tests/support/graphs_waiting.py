"""Graphs that ask people, before, inside and after their nodes."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

from graphs_case import Case, Runs, State, noting


def told(question: object) -> object:
    """Answer a question with something that shows which one it was."""
    return {"to": question}


def asks_inside(runs: Runs) -> Any:  # as all here: LangGraph's type of graph
    """A node that asks twice, then another that asks."""

    def twice(state: State) -> State:
        runs.append("twice")
        first = interrupt("first?")
        second = interrupt(["second?", first])
        return {"seen": [str(first), str(second)]}

    def once(state: State) -> State:
        runs.append("once")
        return {"seen": [str(interrupt({"third": len(state["seen"])}))]}

    graph = StateGraph(State)
    graph.add_sequence(
        [("twice", twice), ("once", once), ("last", noting(runs, "last"))]
    )
    graph.add_edge(START, "twice")
    return graph.compile()


def asks_from_sends(runs: Runs) -> Any:
    """Four Sends; two of them ask, and their siblings go on."""

    def work(state: State) -> State:
        runs.append(f"work {state['item']}")
        said = interrupt(state["item"]) if state["item"] in "12" else "-"
        return {"seen": [f"{state['item']}: {said}"]}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_node("join", noting(runs, "join"))
    graph.add_conditional_edges(
        START,
        lambda state: [Send("work", {"item": str(n)}) for n in range(4)],
        ["work"],
    )
    graph.add_edge("work", "join")
    return graph.compile()


def asks_in_a_subgraph(runs: Runs) -> Any:
    """A subgraph whose second node asks; its first must not run again."""

    def ask(state: State) -> State:
        runs.append("ask")
        return {"seen": [str(interrupt("nested?"))]}

    nested = StateGraph(State)
    nested.add_sequence([("think", noting(runs, "think")), ("ask", ask)])
    nested.add_edge(START, "think")
    graph = StateGraph(State)
    graph.add_sequence([("nested", nested.compile()), ("after", noting(runs, "after"))])
    graph.add_edge(START, "nested")
    return graph.compile()


def asks_in_a_called_subgraph(runs: Runs) -> Any:
    """A node that calls a graph that asks: its first lines run again."""

    def ask(state: State) -> State:
        runs.append("ask")
        return {"seen": [str(interrupt("called?"))]}

    def call(state: State, config: RunnableConfig) -> State:
        runs.append("call")
        nested = StateGraph(State)
        nested.add_sequence([("think", noting(runs, "think")), ("ask", ask)])
        nested.add_edge(START, "think")
        return {"seen": list(nested.compile().invoke({"seen": []}, config)["seen"])}

    graph = StateGraph(State)
    graph.add_sequence([("call", call), ("after", noting(runs, "after"))])
    graph.add_edge(START, "call")
    return graph.compile()


def breakpoints(runs: Runs) -> Any:
    """Three nodes, held before the second and after it."""
    graph = StateGraph(State)
    graph.add_sequence([(name, noting(runs, name)) for name in "abc"])
    graph.add_edge(START, "a")
    return graph.compile(interrupt_before=["b"], interrupt_after=["b"])


def breakpoints_everywhere(runs: Runs) -> Any:
    """Parallel nodes, held before every superstep."""
    graph = StateGraph(State)
    for name in ("a", "b", "join"):
        graph.add_node(name, noting(runs, name))
    graph.add_edge(START, "a")
    graph.add_edge(START, "b")
    graph.add_edge(["a", "b"], "join")
    return graph.compile(interrupt_before="*")


def functional_that_asks(runs: Runs) -> Any:
    """The functional API: a task that ended is not repeated after the question."""

    @task
    def measure(number: int) -> int:
        runs.append(f"measure {number}")
        return number * 10

    @entrypoint()
    def flow(numbers: list[int]) -> dict[str, Any]:
        runs.append("flow")
        futures = [measure(number) for number in numbers]
        measured = [future.result() for future in futures]
        return {"measured": measured, "said": interrupt({"sum": sum(measured)})}

    return flow


CASES = (
    Case("asks inside", asks_inside, answer=told),
    Case("asks from sends", asks_from_sends, answer=told),
    Case("asks in a subgraph", asks_in_a_subgraph, answer=told),
    Case("asks in a called subgraph", asks_in_a_called_subgraph, answer=told),
    Case("breakpoints", breakpoints, approves_breakpoints=True),
    Case("breakpoints everywhere", breakpoints_everywhere, approves_breakpoints=True),
    Case("functional that asks", functional_that_asks, [1, 2, 3], answer=told),
)
