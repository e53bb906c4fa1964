"""What is read of a graph: edges that wait, choices, sends, questions, breakpoints."""

import functools
from collections.abc import Callable
from typing import Any, Literal, TypedDict

import pytest
from langgraph import types
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, RetryPolicy, Send, interrupt

from analemma.ids import WorkflowDigest
from analemma.kernelspace.planner.shape import Choice, Shape, shape_of
from analemma.kernelspace.program import Program


class State(TypedDict, total=False):
    n: int


def nothing(state: State) -> State:
    """Do nothing.

    At all.
    """
    return {}


def of(graph: StateGraph[Any, Any, Any, Any], **options: Any) -> Shape:
    return shape_of(Program("w", WorkflowDigest("d" * 64), graph.compile(**options)))


def chain(*names: str) -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(State)
    for name in names:
        graph.add_node(name, nothing)
    for start, end in zip((START, *names), (*names, END), strict=True):
        graph.add_edge(start, end)
    return graph


def with_choice(path: Callable[..., Any], *ends: str) -> Choice:
    """Return the choice that follows node ``a`` of a graph of a, b and c."""
    graph = StateGraph(State)
    for name in "abc":
        graph.add_node(name, nothing)
    graph.add_edge(START, "a")
    graph.add_conditional_edges("a", path, list(ends) or None)
    (choice,) = of(graph).choices
    return choice


# -- edges


def test_plain_edges_and_edges_that_wait_are_all_there() -> None:
    graph = StateGraph(State)
    for name in "abc":
        graph.add_node(name, nothing)
    graph.add_edge(START, "a")
    graph.add_edge(START, "b")
    graph.add_edge(["a", "b"], "c")
    found = of(graph)

    assert found.inner_edges == (("a", "c"), ("b", "c"))
    assert found.waiting == found.inner_edges
    assert found.triggers == ((START, "a"), (START, "b"))


def test_a_declared_choice_leads_where_it_says() -> None:
    choice = with_choice(lambda state: "b", "b", END)

    assert choice == Choice("a", ("__end__", "b"), (), guessed=False)


def test_a_literal_return_type_declares_a_choice() -> None:
    def path(state: State) -> Literal["c"]:
        return "c"

    assert with_choice(path) == Choice("a", ("c",), (), guessed=False)


def test_an_undeclared_choice_is_read_from_the_strings_of_its_code() -> None:
    def path(state: State) -> Any:
        return "b" if state["n"] else END

    assert with_choice(path) == Choice("a", ("__end__", "b"), (), guessed=True)


def test_a_choice_that_says_nothing_may_lead_anywhere() -> None:
    def path(state: State) -> Any:
        return state["n"]

    assert with_choice(path).ends == ("__end__", "a", "b", "c")


# -- sends


def send_named(state: State) -> Any:
    return [Send("b", {}) for _ in range(3)] or "c"


def send_by_attribute(state: State) -> Any:
    return [types.Send("b", {})]


def send_elsewhere(state: State) -> Any:
    return make_sends()


def make_sends() -> Any:
    return [Send("b", {})]


def send_of_a_variable(state: State) -> Any:
    return [Send(name, {}) for name in ("b", "c")]


class Caller:
    def __call__(self, state: State) -> Any:
        return [Send("b", {})]


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (send_named, ("b",)),
        (send_by_attribute, ("b",)),
        (send_elsewhere, ("b",)),
        (functools.partial(send_named), ("b",)),
        (lambda state: [Send("b", {})], ("b",)),
        (Caller(), ("b",)),
        (send_of_a_variable, ("b", "c")),
        (lambda state: "b", ()),
    ],
    ids=["named", "attribute", "called", "partial", "lambda", "object", "any", "none"],
)
def test_sends_are_seen_with_their_nodes(
    path: Callable[..., Any], sent: tuple[str, ...]
) -> None:
    assert with_choice(path, "b", "c", END).sent == sent


def test_a_send_to_an_undeclared_node_is_guessed_from_its_name() -> None:
    choice = with_choice(lambda state: [Send("b", {})])

    assert choice == Choice("a", ("b",), ("b",), guessed=True)


def test_a_command_of_a_node_is_a_choice() -> None:
    def route(state: State) -> Command[Literal["b", "c"]]:
        return Command(goto=[Send("c", {})])

    graph = chain("b", "c")
    graph.add_node("a", route)
    graph.add_edge(START, "a")
    found = of(graph)

    assert found.choices == (Choice("a", ("b", "c"), ("c",), guessed=False),)
    assert found.sent == ("c",)


# -- nodes


def ask(state: State) -> State:
    return {"n": helper()}


def helper() -> int:
    return int(interrupt("how many?"))


def test_a_question_is_seen_also_in_a_function_that_a_node_calls() -> None:
    found = of(chain("x").add_node("ask", ask).add_edge(START, "ask"))

    assert {node.name: node.asks for node in found.nodes} == {"ask": True, "x": False}


def test_a_question_inside_a_subgraph_is_its_nodes_question() -> None:
    inner = StateGraph(State).add_node(ask).add_edge(START, "ask").compile()
    found = of(StateGraph(State).add_node("sub", inner).add_edge(START, "sub"))

    (node,) = found.nodes
    assert node.subgraph
    assert node.asks


def test_what_a_node_declares_is_kept() -> None:
    graph = chain("a", "b")
    graph.add_node(
        "late", nothing, defer=True, retry_policy=RetryPolicy(max_attempts=7)
    )
    graph.add_edge("a", "late")
    late = of(graph).nodes[2]

    assert (late.name, late.defer, late.attempts) == ("late", True, 7)
    assert late.about == "Do nothing."


def test_an_error_handler_is_a_node_beside_the_run() -> None:
    def handle(state: State) -> State:
        return {}

    graph = StateGraph(State).add_node("a", nothing, error_handler=handle)
    found = of(graph.add_edge(START, "a"))

    (a,) = [node for node in found.nodes if node.name == "a"]
    assert a.handler is not None
    assert [node.name for node in found.nodes if node.handles_errors] == [a.handler]


@pytest.mark.parametrize("wanted", [["b"], "*"])
def test_breakpoints_are_names_of_nodes(wanted: Any) -> None:
    found = of(chain("a", "b"), interrupt_before=wanted)

    assert found.before == (("a", "b") if wanted == "*" else ("b",))
    assert found.after == ()


def test_an_entrypoint_is_one_node_in_one_superstep() -> None:
    @entrypoint()
    def flow(value: int) -> int:
        return int(interrupt("sure?"))

    found = shape_of(Program("w", WorkflowDigest("d" * 64), flow))

    assert found.functional
    assert found.names == ("flow",)
    assert found.nodes[0].asks
