"""Read what a workflow is made of: nodes, edges, breakpoints.

From the builder of the graph and not from LangGraph's drawing of it, which leaves
out edges that wait for several nodes. Where a choice does not say where it may
lead, the constant strings of its code are taken for it (``guessed``); where these
name no node, it may lead anywhere.
"""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.graph import END, START
from langgraph.pregel import Pregel

from analemma.kernelspace.planner.mentions import (
    Mentions,
    functions_of,
    mentions_of,
)
from analemma.kernelspace.program import Program

Edge = tuple[str, str]

_ABOUT_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Choice:
    """A conditional edge, or a ``Command`` of a node: one of ``ends``, or several.

    ``sent`` are the ends that its code sends to, each of which may run as many
    tasks at once: all of them where a ``Send`` does not name its node.
    """

    start: str
    ends: tuple[str, ...]
    sent: tuple[str, ...]
    guessed: bool


@dataclass(frozen=True, slots=True)
class Node:
    """One node. ``asks``: its code, or that of a graph in it, calls ``interrupt``.

    ``attempts`` is the most of its LangGraph retry policies; ``handler`` names
    the node that takes its errors; ``about`` begins its docstring.
    """

    name: str
    about: str = ""
    asks: bool = False
    subgraph: bool = False
    defer: bool = False
    cached: bool = False
    attempts: int = 1
    handler: str | None = None
    handles_errors: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A workflow without its code.

    ``edges`` are all plain edges; those of ``waiting`` wait for each other.
    """

    name: str
    digest: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    waiting: tuple[Edge, ...]
    choices: tuple[Choice, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    recursion_limit: int | None
    functional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all nodes, sorted."""
        return tuple(node.name for node in self.nodes)

    @property
    def all_edges(self) -> tuple[Edge, ...]:
        """Every edge that may be followed, with START and END."""
        chosen = {(each.start, end) for each in self.choices for end in each.ends}
        return tuple(sorted({*self.edges, *chosen}))

    @property
    def triggers(self) -> tuple[Edge, ...]:
        """The edges of which each starts its end by itself."""
        return tuple(edge for edge in self.all_edges if edge not in set(self.waiting))

    @property
    def inner_edges(self) -> tuple[Edge, ...]:
        """The edges between nodes."""
        return tuple(
            (start, end)
            for start, end in self.all_edges
            if start != START and end != END
        )

    @property
    def sent(self) -> tuple[str, ...]:
        """The nodes that may run as many tasks of one superstep."""
        return tuple(sorted({end for each in self.choices for end in each.sent}))


def shape_of(program: Program) -> Shape:
    """Return the shape of a loaded workflow."""
    graph = program.graph
    builder = getattr(graph, "builder", None)
    if builder is None or not hasattr(builder, "waiting_edges"):
        return _functional(program)
    nested = {name for name, _ in graph.get_subgraphs()}
    nodes = tuple(
        _node(name, spec, nested) for name, spec in sorted(builder.nodes.items())
    )
    names = [node.name for node in nodes]
    waiting = [
        (start, end) for starts, end in builder.waiting_edges for start in starts
    ]
    handlers = [node.name for node in nodes if node.handles_errors]
    return Shape(
        name=program.name,
        digest=str(program.digest),
        nodes=nodes,
        edges=tuple(sorted({*builder.edges, *waiting})),
        waiting=tuple(sorted(waiting)),
        choices=tuple(_choices(builder, [n for n in names if n not in handlers])),
        before=_breakpoints(graph.interrupt_before_nodes, names),
        after=_breakpoints(graph.interrupt_after_nodes, names),
        recursion_limit=program.recursion_limit,
    )


def _functional(program: Program) -> Shape:
    """Return the shape of an ``@entrypoint``: one node, and one superstep."""
    names = sorted(program.graph.nodes)
    return Shape(
        name=program.name,
        digest=str(program.digest),
        nodes=tuple(
            Node(name, asks=mentions_of(program.graph.nodes[name].bound).asks)
            for name in names
        ),
        edges=tuple((START, name) for name in names),
        waiting=(),
        choices=(),
        before=_breakpoints(program.graph.interrupt_before_nodes, names),
        after=_breakpoints(program.graph.interrupt_after_nodes, names),
        recursion_limit=program.recursion_limit,
        functional=True,
    )


def _breakpoints(wanted: str | Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(wanted, str):  # "*", every node
        return tuple(sorted(names))
    return tuple(sorted(set(wanted).intersection(names)))


# Any, here and below: LangGraph's specification of a node; its class is private.
def _node(name: str, spec: Any, nested: set[str]) -> Node:
    return Node(
        name=name,
        about=_about(spec.runnable),
        asks=any(each.asks for each in _mentions(spec.runnable)),
        subgraph=name in nested,
        defer=spec.defer,
        cached=spec.cache_policy is not None,
        attempts=_attempts(spec.retry_policy),
        handler=spec.error_handler_node,
        handles_errors=spec.is_error_handler,
    )


def _about(runnable: object) -> str:
    for function in functions_of(runnable):
        if text := inspect.getdoc(function):
            return text.strip().splitlines()[0][:_ABOUT_CHARACTERS]
    return ""


def _mentions(runnable: object) -> Iterator[Mentions]:
    if isinstance(runnable, Pregel):
        for node in runnable.nodes.values():
            yield from _mentions(node.bound)
    else:
        yield mentions_of(runnable)


def _attempts(policies: Any) -> int:
    if policies is None:
        return 1
    several = [policies] if hasattr(policies, "max_attempts") else list(policies)
    # NamedTuple: a policy is a sequence itself, hence the question above.
    return max((int(each.max_attempts) for each in several), default=1)


def _choices(builder: Any, names: Sequence[str]) -> Iterator[Choice]:
    for start in sorted(builder.branches):
        for _, branch in sorted(builder.branches[start].items()):
            found = mentions_of(branch.path)
            declared = None if branch.ends is None else branch.ends.values()
            yield _choice(start, declared, found, names)
    for name in sorted(builder.nodes):
        spec = builder.nodes[name]
        found = mentions_of(spec.runnable)
        if spec.ends:
            yield _choice(name, list(spec.ends), found, names)
        elif found.commands and not spec.is_error_handler:
            yield _choice(name, None, found, names)


def _choice(
    start: str,
    declared: Iterable[str] | None,
    found: Mentions,
    names: Sequence[str],
) -> Choice:
    ends = set(names).intersection(found.texts) if declared is None else set(declared)
    guessed = declared is None
    if guessed and END in found.texts:
        ends.add(END)
    if guessed and not ends - {END}:
        ends = {*names, END}
    sent: set[str] = set()
    if found.sends:
        named = ends.intersection(each for each in found.sent if each is not None)
        sent = named if named and None not in found.sent else ends - {END}
    return Choice(start, tuple(sorted(ends)), tuple(sorted(sent)), guessed)
