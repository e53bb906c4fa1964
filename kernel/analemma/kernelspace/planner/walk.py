"""Walk through a workflow: the supersteps of one run, for each bound.

The lower bound takes, at every choice, the end that is over soonest. The other
two take every end once, and loops as often as assumed. Of several loops without
a known end one at a time is given all supersteps that the run may have, so the
upper bound is several walks, and the dearest counts.

Error handlers are left out: a plan is of runs in which nothing fails.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from langgraph.graph import END, START

from analemma.kernelspace.planner.assumptions import Assumptions, Bound
from analemma.kernelspace.planner.schedule import Group, Schedule, schedule
from analemma.kernelspace.planner.shape import Choice, Shape

_START_NODE = START
"""LangGraph's own first superstep, which stores the input's channels."""


@dataclass(frozen=True, slots=True)
class Tasks:
    """One node in one superstep; ``sent`` says that ``Send`` made its tasks."""

    node: str
    count: int
    sent: bool


Superstep = tuple[Tasks, ...]


def walks(
    shape: Shape, assumptions: Assumptions, bound: Bound, limit: int
) -> Iterator[list[Superstep]]:
    """Yield the supersteps of one run; of the upper bound, of several.

    ``limit`` is the most supersteps that the run may have.
    """
    costs = _least_supersteps(shape)
    start = costs[START]
    if bound is Bound.LOWER and not math.isinf(start):
        found = _shortest(shape, costs)
        yield _walk(found, shape, assumptions, bound, {}, limit)
        return
    found = whole_schedule(shape)
    endless = {
        loop.name: limit
        for loop in found.loops
        if all(math.isinf(costs[node]) for node in loop.nodes)
    }
    open_loops = [
        loop.name
        for loop in found.loops
        if bound is Bound.UPPER
        and assumptions.passes_of.get(loop.name, assumptions.passes).upper is None
    ]
    for chosen in open_loops or [""]:
        passes = {
            name: assumptions.passes_for(name, Bound.LOWER, limit)
            for name in open_loops
        }
        passes |= {**endless, chosen: limit}
        yield _walk(found, shape, assumptions, bound, passes, limit)


def supersteps_once(shape: Shape) -> list[tuple[str, ...]]:
    """Return the nodes of each superstep when every loop is gone through once."""
    found, nothing = whole_schedule(shape), Assumptions()
    once = {loop.name: 1 for loop in found.loops}
    most = 1 + len(found.order)
    steps = _walk(found, shape, nothing, Bound.LOWER, once, most)
    return [tuple(each.node for each in step) for step in steps[1:]]


def whole_schedule(shape: Shape) -> Schedule:
    """Return the schedule of all nodes that a run without failures may reach."""
    reached = _reached(shape)
    return schedule(
        reached,
        [(a, b) for a, b in shape.inner_edges if a in reached and b in reached],
    )


def _reached(shape: Shape) -> set[str]:
    handlers = {node.name for node in shape.nodes if node.handles_errors}
    following: dict[str, list[str]] = {}
    for start, end in shape.all_edges:
        following.setdefault(start, []).append(end)
    found, left = set[str](), [START]
    while left:
        for end in following.get(left.pop(), ()):
            if end not in found and end != END and end not in handlers:
                found.add(end)
                left.append(end)
    return found


def _least_supersteps(shape: Shape) -> dict[str, float]:
    """Return how many supersteps a run needs from each node on, at least.

    All plain edges are followed, and one end of each choice. Infinite where no
    choice leads out of a loop.
    """
    plain, choices = _outgoing(shape)
    cost = dict.fromkeys((*shape.names, START), math.inf)
    cost[END] = 0.0
    for _ in range(len(cost)):
        changed = False
        for node in (*shape.names, START):
            needed = [cost[end] for end in plain.get(node, ())]
            needed += [min(cost[end] for end in ends) for ends in _ends(node, choices)]
            least = 1.0 + max(needed, default=0.0)
            changed |= least != cost[node]
            cost[node] = least
        if not changed:
            break
    return cost


def _outgoing(
    shape: Shape,
) -> tuple[dict[str, list[str]], dict[str, list[Choice]]]:
    plain: dict[str, list[str]] = {}
    for start, end in shape.edges:
        plain.setdefault(start, []).append(end)
    choices: dict[str, list[Choice]] = {}
    for choice in shape.choices:
        choices.setdefault(choice.start, []).append(choice)
    return plain, choices


def _ends(
    node: str, choices: Mapping[str, Sequence[Choice]]
) -> Iterator[tuple[str, ...]]:
    for choice in choices.get(node, ()):
        if choice.ends:
            yield choice.ends


def _shortest(shape: Shape, cost: Mapping[str, float]) -> Schedule:
    """Return the schedule of the nodes that the soonest end needs.

    It has no cycle: along every edge that is taken the cost falls.
    """
    plain, choices = _outgoing(shape)
    nodes, edges, left = set[str](), set[tuple[str, str]](), [START]
    while left:
        node = left.pop()
        soonest = [
            min(ends, key=lambda end: (cost[end], end)) for ends in _ends(node, choices)
        ]
        for end in {*plain.get(node, ()), *soonest} - {END}:
            if node != START:
                edges.add((node, end))
            if end not in nodes:
                nodes.add(end)
                left.append(end)
    return schedule(nodes, edges)


def _walk(
    found: Schedule,
    shape: Shape,
    assumptions: Assumptions,
    bound: Bound,
    passes: Mapping[str, int],
    limit: int,
) -> list[Superstep]:
    sent = set(shape.sent)

    def tasks(node: str) -> Tasks:
        count = assumptions.tasks_for(node, bound) if node in sent else 1
        return Tasks(node, count, node in sent)

    steps: list[Superstep] = [(Tasks(_START_NODE, 1, False),)]
    for level in found.levels:
        side_by_side = [
            _steps_of(
                group,
                passes.get(group.name)
                or assumptions.passes_for(group.name, bound, limit),
            )
            for group in level
        ]
        for names in zip_longest(*side_by_side, fillvalue=()):
            if len(steps) >= limit:
                return steps
            steps.append(tuple(tasks(node) for each in names for node in each))
    return steps


def _steps_of(group: Group, passes: int) -> Iterator[tuple[str, ...]]:
    for _ in range(passes if group.is_loop else 1):
        yield from group.levels
