"""Graphs that ask people, before, inside and after their nodes."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

from graphs_case import Case, Runs, Seen, State, noting, working


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


def breakpoint_before_sends(runs: Runs) -> Any:
    """Sends that are held as a whole before they start."""
    graph = StateGraph(State)
    graph.add_node("work", working(runs))
    graph.add_conditional_edges(
        START,
        lambda state: [Send("work", {"item": str(n)}) for n in range(3)],
        ["work"],
    )
    return graph.compile(interrupt_before=["work"])


def nested_breakpoint(runs: Runs) -> Any:
    """A breakpoint of a subgraph, which stops the root without a question."""
    nested = StateGraph(State)
    nested.add_sequence([("n1", noting(runs, "n1")), ("n2", noting(runs, "n2"))])
    nested.add_edge(START, "n1")
    graph = StateGraph(State)
    graph.add_node("nested", nested.compile(interrupt_before=["n2"]))
    graph.add_node("last", noting(runs, "last"))
    graph.add_edge(START, "nested")
    graph.add_edge("nested", "last")
    return graph.compile()


def subgraphs_that_ask_from_sends(runs: Runs) -> Any:
    """Sends to a graph that asks: every copy of it asks for itself."""

    def ask(state: State) -> State:
        runs.append(f"ask {state['item']}")
        return {"seen": [str(interrupt(f"item {state['item']}?"))]}

    nested = StateGraph(State, output_schema=Seen)
    nested.add_sequence([("think", working(runs, "think")), ("ask", ask)])
    nested.add_edge(START, "think")
    graph = StateGraph(State)
    graph.add_node("nested", nested.compile())
    graph.add_conditional_edges(
        START,
        lambda state: [Send("nested", {"item": str(n), "seen": []}) for n in range(3)],
        ["nested"],
    )
    return graph.compile()


def task_that_asks(runs: Runs) -> Any:
    """The functional API: the tasks themselves ask."""

    @task
    def confirm(number: int) -> str:
        runs.append(f"confirm {number}")
        return str(interrupt(f"number {number}?"))

    @entrypoint()
    def flow(numbers: list[int]) -> list[str]:
        runs.append("flow")
        return [confirm(number).result() for number in numbers]

    return flow


def asks_asynchronously(runs: Runs) -> Any:
    """Two parallel nodes without a synchronous form; both ask."""

    def asking(name: str) -> Any:
        async def node(state: State) -> State:
            runs.append(name)
            return {"seen": [str(interrupt(name))]}

        return node

    graph = StateGraph(State)
    graph.add_node("left", asking("left"))
    graph.add_node("right", asking("right"))
    graph.add_node("join", noting(runs, "join"))
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_edge(["left", "right"], "join")
    return graph.compile()


CASES = (
    Case("asks inside", asks_inside, answer=told),
    Case("asks from sends", asks_from_sends, answer=told),
    Case("asks in a subgraph", asks_in_a_subgraph, answer=told),
    Case("asks in a called subgraph", asks_in_a_called_subgraph, answer=told),
    Case("breakpoints", breakpoints, approves_breakpoints=True),
    Case("breakpoints everywhere", breakpoints_everywhere, approves_breakpoints=True),
    Case("breakpoint before sends", breakpoint_before_sends, approves_breakpoints=True),
    Case("subgraphs that ask from sends", subgraphs_that_ask_from_sends, answer=told),
    Case("task that asks", task_that_asks, [1, 2], answer=told),
    Case("asks asynchronously", asks_asynchronously, answer=told),
    Case("functional that asks", functional_that_asks, [1, 2, 3], answer=told),
)
