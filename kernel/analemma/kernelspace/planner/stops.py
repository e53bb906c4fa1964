"""What stops a slice of a workflow, and what a reader should know besides.

A stop is a place where a run leaves its slice whatever time is left. Everything
else that a slice does, it does inside a superstep.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from analemma.kernelspace.planner.assumptions import Assumptions, Bound
from analemma.kernelspace.planner.schedule import Schedule
from analemma.kernelspace.planner.shape import Shape
from analemma.kernelspace.planner.slicing import WORKER_THREADS
from analemma.records.policy import KernelPolicy


class Kind(StrEnum):
    """What a fact is about. The first five stop a slice, the others do not."""

    BREAKPOINT_BEFORE = "interrupt_before"
    BREAKPOINT_AFTER = "interrupt_after"
    ASKS = "interrupt"
    FAN_OUT = "fan_out"
    CAP = "slice_supersteps"
    SUBGRAPH = "subgraph"
    FUNCTIONAL = "functional"
    DEFER = "defer"
    ERROR_HANDLER = "error_handler"
    RETRY = "retry"
    CACHE = "cache"
    LOOP = "loop"
    AGAIN = "runs_again"
    GUESSED = "guessed"
    UNREACHED = "unreached"
    LONG_BATCH = "long_batch"

    @property
    def stops(self) -> bool:
        """Whether a slice stops there."""
        return self in _STOPS


_STOPS = {
    Kind.BREAKPOINT_BEFORE,
    Kind.BREAKPOINT_AFTER,
    Kind.ASKS,
    Kind.FAN_OUT,
    Kind.CAP,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to know of some nodes, with its reason."""

    kind: Kind
    nodes: tuple[str, ...]
    why: str


def facts_of(
    shape: Shape, found: Schedule, assumptions: Assumptions, policy: KernelPolicy
) -> tuple[Fact, ...]:
    """Return all facts: those that stop a slice first, each kind by node."""
    every = [
        *_waits(shape),
        *_fan_outs(shape, assumptions, policy),
        *_caps(policy),
        *_nodes(shape),
        *_graph(shape, found),
        *_batches(shape, assumptions, policy),
    ]
    order = list(Kind)
    return tuple(sorted(every, key=lambda fact: (order.index(fact.kind), fact.nodes)))


def _waits(shape: Shape) -> Iterator[Fact]:
    for name in shape.before:
        yield Fact(
            Kind.BREAKPOINT_BEFORE, (name,), "a static breakpoint: a person lets it go"
        )
    for name in shape.after:
        yield Fact(
            Kind.BREAKPOINT_AFTER, (name,), "a static breakpoint: a person lets it go"
        )
    for node in shape.nodes:
        if node.asks:
            yield Fact(
                Kind.ASKS,
                (node.name,),
                "its code calls interrupt(): the run waits for a person, then the node "
                "runs again from its first line",
            )


def _fan_outs(
    shape: Shape, assumptions: Assumptions, policy: KernelPolicy
) -> Iterator[Fact]:
    least = policy.fan_out.min_tasks
    for name in shape.sent:
        most = assumptions.tasks_for(name, Bound.UPPER)
        if most < least:
            yield Fact(
                Kind.FAN_OUT,
                (name,),
                f"Send makes its tasks; up to {most:,}, which stay in the slice "
                f"(fan-out from {least})",
            )
            continue
        batches = -(-most // policy.fan_out.batch_size)
        yield Fact(
            Kind.FAN_OUT,
            (name,),
            f"Send makes its tasks: from {least} on they leave the slice, in batches "
            f"of {policy.fan_out.batch_size}, on {policy.fan_out.max_concurrency} "
            f"workers at once; up to {most:,} tasks in {batches:,} "
            + ("batch" if batches == 1 else "batches"),
        )


def _caps(policy: KernelPolicy) -> Iterator[Fact]:
    cap = policy.slices.supersteps
    if cap is not None:
        yield Fact(Kind.CAP, (), f"the policy ends a slice after {cap} supersteps")


def _nodes(shape: Shape) -> Iterator[Fact]:
    if shape.functional:
        yield Fact(
            Kind.FUNCTIONAL,
            shape.names,
            "not built of nodes and edges: all of it is one superstep, which no slice "
            "stops inside of",
        )
    for node in shape.nodes:
        name = (node.name,)
        if node.subgraph:
            yield Fact(
                Kind.SUBGRAPH,
                name,
                "a graph runs in it, all of it inside one superstep: its supersteps "
                "must fit into one Lambda together",
            )
        if node.defer:
            yield Fact(Kind.DEFER, name, "it waits until nothing else is left to run")
        if node.handler:
            yield Fact(
                Kind.ERROR_HANDLER,
                name,
                f"{node.handler!r} takes its errors, in the slice that joins",
            )
        if node.attempts > 1:
            yield Fact(
                Kind.RETRY,
                name,
                f"LangGraph tries it up to {node.attempts} times, all inside one "
                "superstep: they share one Lambda's time",
            )
        if node.cached:
            yield Fact(Kind.CACHE, name, "its result may come from a cache")


def _graph(shape: Shape, found: Schedule) -> Iterator[Fact]:
    for loop in found.loops:
        ends = ", ".join(f"{start} to {end}" for start, end in loop.back)
        yield Fact(Kind.LOOP, loop.nodes, f"a cycle; it goes on from {ends}")
    for name in _running_again(shape, found):
        yield Fact(
            Kind.AGAIN,
            (name,),
            "branches of unlike length lead to it: it may run once for each; the plan "
            "counts it once",
        )
    for choice in shape.choices:
        if choice.guessed:
            yield Fact(
                Kind.GUESSED,
                (choice.start,),
                "it does not say where it may lead; read from its code: "
                + ", ".join(choice.ends),
            )
    handlers = {node.name for node in shape.nodes if node.handles_errors}
    unreached = set(shape.names) - set(found.order) - handlers
    if unreached:
        yield Fact(
            Kind.UNREACHED,
            tuple(sorted(unreached)),
            "no edge that is known leads there",
        )


def _running_again(shape: Shape, found: Schedule) -> Iterator[str]:
    """Yield the nodes that LangGraph triggers at several places of the schedule.

    An edge that waits for several nodes triggers once, and so does a deferred node.
    """
    place = {
        name: at
        for at, level in enumerate(found.levels)
        for group in level
        for name in group.nodes
    }
    deferred = {node.name for node in shape.nodes if node.defer}
    before: dict[str, set[int]] = {}
    for start, end in shape.triggers:
        if start in place and end in place and place[start] < place[end]:
            before.setdefault(end, set()).add(place[start])
    for name in sorted(before):
        if len(before[name]) > 1 and name not in deferred:
            yield name


def _batches(
    shape: Shape, assumptions: Assumptions, policy: KernelPolicy
) -> Iterator[Fact]:
    turns = -(-policy.fan_out.batch_size // WORKER_THREADS)
    for name in shape.sent:
        seconds = turns * assumptions.seconds_for(name, Bound.UPPER)
        if seconds > assumptions.timeout_seconds:
            yield Fact(
                Kind.LONG_BATCH,
                (name,),
                f"a batch of {policy.fan_out.batch_size} may take {seconds:,.0f} s and "
                f"its Lambda has {assumptions.timeout_seconds:,} s: what is left is "
                "given out again; a smaller fan_out.batch_size avoids that",
            )
