"""Order the nodes of a loop for one pass through it.

A loop has no order of its own: one is chosen. The walk starts where the loop is
entered from outside, takes nodes by number, and calls every edge that leads back
to a node it is still inside of a back edge. Without back edges one pass is left,
which has no cycle.
"""

from collections.abc import Iterator, Sequence

import networkx as nx

Levels = list[list[int]]
Edges = list[tuple[int, int]]


def unrolled(graph: "nx.DiGraph[int]", members: Sequence[int]) -> tuple[Levels, Edges]:
    """Return the levels of one pass through ``members``, and the back edges.

    A single node without an edge to itself is one level and no loop.

    Args:
        graph: The whole graph.
        members: The sorted nodes of one strongly connected component.
    """
    if len(members) == 1:
        (node,) = members
        return [[node]], [(node, node)] if graph.has_edge(node, node) else []
    inside = set(members)
    back = sorted(_back_edges(graph, _heads(graph, members, inside), inside))
    once: nx.DiGraph[int] = nx.DiGraph()
    once.add_nodes_from(members)
    known = set(back)
    once.add_edges_from(
        (start, end)
        for start in members
        for end in sorted(graph.successors(start))
        if end in inside and (start, end) not in known
    )
    return [sorted(level) for level in nx.topological_generations(once)], back


def _heads(
    graph: "nx.DiGraph[int]", members: Sequence[int], inside: set[int]
) -> list[int]:
    """Return where the loop is entered; its first node if it never is."""
    entered = [
        node
        for node in members
        if any(before not in inside for before in graph.predecessors(node))
    ]
    return entered or [members[0]]


def _back_edges(
    graph: "nx.DiGraph[int]", heads: Sequence[int], inside: set[int]
) -> Iterator[tuple[int, int]]:
    """Walk depth first without recursion; yield the edges that close a cycle."""
    done: set[int] = set()
    for head in heads:
        if head in done:
            continue
        open_nodes = {head}
        stack = [(head, iter(sorted(graph.successors(head))))]
        while stack:
            node, following = stack[-1]
            for end in following:
                if end in open_nodes:
                    yield node, end
                elif end in inside and end not in done:
                    open_nodes.add(end)
                    stack.append((end, iter(sorted(graph.successors(end)))))
                    break
            else:
                stack.pop()
                open_nodes.remove(node)
                done.add(node)
