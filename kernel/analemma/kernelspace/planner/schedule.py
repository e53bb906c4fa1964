"""Schedule a graph: levels of nodes, the loops among them, where branches join.

The same graph gives the same bytes, whatever order its nodes and edges came in:
networkx works on numbers here, and a node's number is its place among the sorted
names. A join is described by dominators: its fork is the nearest node that every
path to the join passes (its immediate dominator), and a fork meets where every
path from it passes next (its immediate post-dominator).
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TypeAlias

import networkx as nx

from analemma.errors import InputInvalid
from analemma.kernelspace.planner.loops import unrolled

Dominators: TypeAlias = "dict[int, int]"

_ENTRY, _EXIT = -1, -2


@dataclass(frozen=True, slots=True)
class Group:
    """What stands at one place of a schedule: a node, or a loop of nodes.

    ``levels`` are the nodes of one pass in the order in which they run; of a
    single node that is one level with one name. ``back`` are the edges that
    start another pass; where there are any, the group is a loop.
    """

    levels: tuple[tuple[str, ...], ...]
    back: tuple[tuple[str, str], ...] = ()

    @property
    def is_loop(self) -> bool:
        """Whether the group may run more than once."""
        return bool(self.back)

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes of the group in their order."""
        return tuple(name for level in self.levels for name in level)

    @property
    def name(self) -> str:
        """Its first node, which stands for the whole group in joins and forks."""
        return self.levels[0][0]


@dataclass(frozen=True, slots=True)
class Join:
    """A group with several groups before it.

    ``fork`` is the nearest group that every path to the join passes; None: the
    paths come from several roots. ``closes`` says that every path from that fork
    passes the join too, so that nothing of it goes on beside the join.
    """

    at: str
    waits_for: tuple[str, ...]
    fork: str | None
    closes: bool


@dataclass(frozen=True, slots=True)
class Fork:
    """A group with several groups after it; ``meets`` is None if they never do."""

    at: str
    branches: tuple[str, ...]
    meets: str | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """An order in which every node stands once, after all before it.

    A loop counts as one place: inside it, an order exists only for one pass.
    """

    levels: tuple[tuple[Group, ...], ...]
    joins: tuple[Join, ...]
    forks: tuple[Fork, ...]

    @property
    def order(self) -> tuple[str, ...]:
        """All nodes, level by level."""
        return tuple(
            name for level in self.levels for group in level for name in group.nodes
        )

    @property
    def loops(self) -> tuple[Group, ...]:
        """The groups that may run more than once, in their order."""
        return tuple(group for level in self.levels for group in level if group.is_loop)

    def to_bytes(self) -> bytes:
        """Return the schedule as JSON, the same bytes for the same graph."""
        return json.dumps(
            asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()


def schedule(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> Schedule:
    """Return the schedule of a graph; neither order nor repetition count.

    Raises:
        InputInvalid: an edge names a node that is not there.
    """
    names = sorted(set(nodes))
    number = {name: place for place, name in enumerate(names)}
    graph = _graph(number, edges)
    groups, condensed = _condensed(graph, names)
    after = _post_dominators(condensed)
    return Schedule(
        levels=_levels(groups, condensed),
        joins=tuple(_joins(groups, condensed, after)),
        forks=tuple(_forks(groups, condensed, after)),
    )


def _graph(
    number: dict[str, int], edges: Iterable[tuple[str, str]]
) -> "nx.DiGraph[int]":
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(number)))
    found = set()
    for start, end in edges:
        for name in (start, end):
            if name not in number:
                raise InputInvalid(f"edge {start!r} -> {end!r}: no node {name!r}")
        found.add((number[start], number[end]))
    graph.add_edges_from(sorted(found))
    return graph


def _condensed(
    graph: "nx.DiGraph[int]", names: list[str]
) -> tuple[list[Group], "nx.DiGraph[int]"]:
    """Return the groups sorted by name, and the graph of their numbers."""
    members = sorted(
        map(sorted, nx.strongly_connected_components(graph)),
        key=lambda member: member[0],
    )
    found = []
    for member in members:
        levels, back = unrolled(graph, member)
        group = Group(
            tuple(tuple(names[node] for node in level) for level in levels),
            tuple((names[start], names[end]) for start, end in back),
        )
        found.append((group, member))
    found.sort(key=lambda each: each[0].name)
    place = {node: at for at, (_, member) in enumerate(found) for node in member}
    condensed: nx.DiGraph[int] = nx.DiGraph()
    condensed.add_nodes_from(range(len(found)))
    condensed.add_edges_from(
        sorted(
            {
                (place[start], place[end])
                for start, end in graph.edges
                if place[start] != place[end]
            }
        )
    )
    return [group for group, _ in found], condensed


def _levels(
    groups: list[Group], condensed: "nx.DiGraph[int]"
) -> tuple[tuple[Group, ...], ...]:
    return tuple(
        tuple(groups[at] for at in sorted(level))
        for level in nx.topological_generations(condensed)
    )


def _joins(
    groups: list[Group], condensed: "nx.DiGraph[int]", after: Dominators
) -> Iterable[Join]:
    dominators = _dominators(condensed)
    for at, group in enumerate(groups):
        before = sorted(condensed.predecessors(at))
        if len(before) < 2:
            continue
        fork = dominators[at]
        yield Join(
            at=group.name,
            waits_for=tuple(groups[each].name for each in before),
            fork=None if fork == _ENTRY else groups[fork].name,
            closes=_passes(fork, at, after),
        )


def _forks(
    groups: list[Group], condensed: "nx.DiGraph[int]", after: Dominators
) -> Iterable[Fork]:
    for at, group in enumerate(groups):
        branches = sorted(condensed.successors(at))
        if len(branches) < 2:
            continue
        meets = after[at]
        yield Fork(
            at=group.name,
            branches=tuple(groups[each].name for each in branches),
            meets=None if meets == _EXIT else groups[meets].name,
        )


def _passes(start: int, at: int, after: Dominators) -> bool:
    """Say whether every path from ``start`` passes ``at``."""
    while start not in (at, _EXIT):
        start = after[start]
    return start == at


def _dominators(condensed: "nx.DiGraph[int]") -> Dominators:
    """Return the immediate dominator of every node but the entry."""
    return _from(_with_ends(condensed), _ENTRY)


def _post_dominators(condensed: "nx.DiGraph[int]") -> Dominators:
    """Return the immediate post-dominator of every node but the exit."""
    return _from(_with_ends(condensed).reverse(copy=False), _EXIT)


def _from(graph: "nx.DiGraph[int]", start: int) -> Dominators:
    return {
        node: above
        for node, above in nx.immediate_dominators(graph, start).items()
        if node != start and above is not None
    }


def _with_ends(condensed: "nx.DiGraph[int]") -> "nx.DiGraph[int]":
    """Return the graph between a virtual entry and a virtual exit.

    They stand before and after everything, so that there may be several roots
    and several ends.
    """
    graph: nx.DiGraph[int] = nx.DiGraph(condensed.edges)
    graph.add_nodes_from(condensed)
    graph.add_edges_from(
        (_ENTRY, node) for node, before in condensed.in_degree() if not before
    )
    graph.add_edges_from(
        (node, _EXIT) for node, following in condensed.out_degree() if not following
    )
    graph.add_nodes_from((_ENTRY, _EXIT))
    return graph
