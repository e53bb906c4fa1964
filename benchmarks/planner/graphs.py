"""Random graphs without cycles, and what must hold for the schedule of one."""

import random
from dataclasses import dataclass

from analemma.kernelspace.planner.schedule import Schedule

MOST_NODES = 500
_EDGES_A_NODE = 3

Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RandomGraph:
    """Nodes and edges in no order."""

    nodes: list[str]
    edges: list[Edge]

    def shuffled(self, chance: random.Random) -> "RandomGraph":
        """Return the same graph in another order, with some edges said twice."""
        nodes, edges = list(self.nodes), [*self.edges, *self.edges[:5]]
        chance.shuffle(nodes)
        chance.shuffle(edges)
        return RandomGraph(nodes, edges)


def random_graph(chance: random.Random, most_nodes: int = MOST_NODES) -> RandomGraph:
    """Return a graph of up to ``most_nodes`` nodes, sparse or dense, layered or not.

    Names tell nothing of the order; an edge leads from an earlier node to a later
    one of a hidden order, to a near one or to any.
    """
    count = chance.randint(1, most_nodes)
    names = [f"node {number}" for number in range(count)]
    chance.shuffle(names)
    reach = chance.choice([2, 10, count])
    edges = set()
    for _ in range(chance.randint(0, _EDGES_A_NODE * count)):
        start = chance.randrange(count)
        end = start + chance.randint(1, reach)
        if end < count:
            edges.add((names[start], names[end]))
    return RandomGraph(names, sorted(edges, key=lambda _: chance.random()))


def complaints(graph: RandomGraph, found: Schedule) -> list[str]:
    """Return what is wrong with the schedule of a graph without cycles."""
    place = {
        name: at
        for at, level in enumerate(found.levels)
        for group in level
        for name in group.nodes
    }
    wrong = []
    if sorted(found.order) != sorted(graph.nodes):
        wrong.append("a node stands twice or nowhere")
    wrong += [
        f"{end!r} does not stand after {start!r}"
        for start, end in graph.edges
        if place[start] >= place[end]
    ]
    before: dict[str, set[str]] = {}
    for start, end in graph.edges:
        before.setdefault(end, set()).add(start)
    joins = {join.at: set(join.waits_for) for join in found.joins}
    if joins != {end: starts for end, starts in before.items() if len(starts) > 1}:
        wrong.append("the joins are not the nodes with several before them")
    return wrong
