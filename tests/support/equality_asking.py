"""More graphs that ask people (see ``graphs_waiting``)."""

from typing import Any

from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from equality_nesting import around
from graphs_case import Case, Node, Runs, Seen, State, noting, working
from graphs_waiting import told


def falsy(question: object) -> object:
    """Answer with what counts as false in Python, each question with its own."""
    return [None, False, 0, "", [], {}][int(str(question))]


def asking(runs: Runs, name: str, *questions: str) -> Node:
    """Return a node that asks and appends what it is told."""

    def node(state: State) -> State:
        item = state.get("item", "")
        runs.append(f"{name} {item}")
        return {"seen": [str(interrupt(f"{each} {item}")) for each in questions]}

    return node


def sequence(runs: Runs, *nodes: tuple[str, Node], **options: Any) -> Any:
    """Return a graph of nodes one after the other, whose output is what it adds.

    As all here: LangGraph's type of graph.
    """
    graph = StateGraph(State, output_schema=Seen)
    graph.add_sequence(nodes)
    graph.add_edge(START, nodes[0][0])
    return graph.compile(**options)


def held_before(runs: Runs) -> Any:
    """Three nodes, held before the last."""
    nodes = [(name, noting(runs, name)) for name in "abc"]
    return sequence(runs, *nodes, interrupt_before=["c"])


def held_after(runs: Runs) -> Any:
    """Three nodes, held after the first and after the last."""
    nodes = [(name, noting(runs, name)) for name in "abc"]
    return sequence(runs, *nodes, interrupt_after=["a", "c"])


def held_after_everything(runs: Runs) -> Any:
    """A loop of three rounds, held after every node."""

    def step(state: State) -> State:
        runs.append(f"step {state.get('count', 0)}")
        return {"count": state.get("count", 0) + 1, "seen": ["step"]}

    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges(
        "step", lambda state: "step" if state["count"] < 3 else END, ["step", END]
    )
    return graph.compile(interrupt_after="*")


def held_and_asked(runs: Runs) -> Any:
    """A node that is held before, asks twice, and is held after."""
    return sequence(
        runs,
        ("a", noting(runs, "a")),
        ("ask", asking(runs, "ask", "one?", "two?")),
        ("b", noting(runs, "b")),
        interrupt_before=["ask"],
        interrupt_after=["ask"],
    )


def asked_two_deep(runs: Runs) -> Any:
    """A question in a graph in a graph; what ran before it does not run again."""
    inner = sequence(runs, ("x", noting(runs, "x")), ("ask", asking(runs, "ask", "x?")))
    return around(runs, "one", inner)


def asked_three_deep(runs: Runs) -> Any:
    """Two questions of one node, three graphs down."""
    inner = sequence(
        runs, ("x", noting(runs, "x")), ("ask", asking(runs, "ask", "x?", "y?"))
    )
    return around(runs, "one", around(runs, "two", inner))


def asked_in_parallel(runs: Runs) -> Any:
    """Two nodes ask at once, one of them twice; a third one does not."""
    graph = StateGraph(State)
    graph.add_node("left", asking(runs, "left", "left?"))
    graph.add_node("right", asking(runs, "right", "right?", "right again?"))
    graph.add_node("quiet", noting(runs, "quiet"))
    graph.add_node("join", noting(runs, "join"))
    for name in ("left", "right", "quiet"):
        graph.add_edge(START, name)
    graph.add_edge(["left", "right", "quiet"], "join")
    return graph.compile()


def asked_in_parallel_subgraphs(runs: Runs) -> Any:
    """Two graphs in one superstep; both ask, at different depths of their own."""
    graph = StateGraph(State)
    left = sequence(runs, ("l1", noting(runs, "l1")), ("l2", asking(runs, "l2", "l?")))
    right = sequence(
        runs,
        ("r1", asking(runs, "r1", "r1?")),
        ("r2", noting(runs, "r2")),
        ("r3", asking(runs, "r3", "r3?")),
    )
    graph.add_node("left", left)
    graph.add_node("right", right)
    graph.add_node("join", noting(runs, "join"))
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_edge(["left", "right"], "join")
    return graph.compile()


def asked_every_round(runs: Runs) -> Any:
    """A loop that asks each round; the answer decides where it goes."""

    def ask(state: State) -> Command[Any]:
        count = state.get("count", 0)
        runs.append(f"ask {count}")
        said = interrupt(count)
        return Command(
            update={"seen": [repr(said)], "count": count + 1},
            goto="more" if count < 5 else END,
        )

    graph = StateGraph(State)
    graph.add_node("ask", ask, destinations=("more", END))
    graph.add_node("more", noting(runs, "more"))
    graph.add_edge(START, "ask")
    graph.add_edge("more", "ask")
    return graph.compile()


def asked_by_sends_that_send(runs: Runs) -> Any:
    """Tasks of Sends ask twice each, and send on what they were told."""

    def ask(state: State) -> Command[Any]:
        runs.append(f"ask {state['item']}")
        said = [interrupt([state["item"], number]) for number in range(2)]
        return Command(goto=[Send("work", {"item": f"{state['item']} {said}"})])

    graph = StateGraph(State)
    graph.add_node("ask", ask, destinations=("work",))
    graph.add_node("work", working(runs))
    graph.add_conditional_edges(
        START, lambda state: [Send("ask", {"item": str(n)}) for n in range(3)], ["ask"]
    )
    return graph.compile()


def asked_beside_a_held_one(runs: Runs) -> Any:
    """A breakpoint holds two nodes of which one asks when it is let go."""
    graph = StateGraph(State)
    graph.add_node("a", asking(runs, "a", "a?"))
    graph.add_node("b", noting(runs, "b"))
    graph.add_node("c", noting(runs, "c"))
    for name in "ab":
        graph.add_edge(START, name)
        graph.add_edge(name, "c")
    return graph.compile(interrupt_before=["b", "c"])


def asked_below_a_limit(runs: Runs) -> Any:
    """A recursion limit that each side of a question fits in, but not both."""
    names = [f"n{number}" for number in range(8)]
    nodes = [(name, noting(runs, name)) for name in names]
    nodes[4] = ("n4", asking(runs, "n4", "on?"))
    return sequence(runs, *nodes).with_config(recursion_limit=6)


def functional_that_asks_twice(runs: Runs) -> Any:
    """An asynchronous entry point that asks between asynchronous tasks."""

    @task
    async def measure(number: int) -> int:
        runs.append(f"measure {number}")
        return number * 10

    @entrypoint()
    async def flow(numbers: list[int]) -> list[Any]:
        runs.append("flow")
        first = await measure(numbers[0])
        said = interrupt({"first": first})
        second = await measure(numbers[1])
        return [first, said, second, interrupt({"second": second})]

    return flow


def nested_breakpoint(runs: Runs) -> Any:
    """A breakpoint of a subgraph stops the root; going on passes it."""
    nodes = [(name, noting(runs, name)) for name in ("n1", "n2")]
    return around(runs, "one", sequence(runs, *nodes, interrupt_before=["n2"]))


CASES = (
    Case("held before", held_before, approves_breakpoints=True),
    Case("held after", held_after, approves_breakpoints=True),
    Case("held after everything", held_after_everything, approves_breakpoints=True),
    Case("held and asked", held_and_asked, answer=told),
    Case("asked two deep", asked_two_deep, answer=told),
    Case("asked three deep", asked_three_deep, answer=told),
    Case("asked in parallel", asked_in_parallel, answer=told),
    Case("asked in parallel subgraphs", asked_in_parallel_subgraphs, answer=told),
    Case("asked every round", asked_every_round, answer=falsy),
    Case("asked by sends that send", asked_by_sends_that_send, answer=told),
    Case("asked beside a held one", asked_beside_a_held_one, answer=told),
    Case("asked below a recursion limit", asked_below_a_limit, answer=told),
    Case("functional that asks twice", functional_that_asks_twice, [1, 2], told),
    Case("breakpoint of a subgraph", nested_breakpoint),
)
