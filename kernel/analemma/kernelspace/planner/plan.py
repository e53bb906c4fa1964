"""Put a plan together: the schedule, what stops it, and what a run costs.

A plan is arithmetic on a graph and on assumptions; it runs no node. Its bounds
hold for runs in which nothing fails and in which the assumptions do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from analemma.errors import InputInvalid
from analemma.kernelspace.langgraph_compat import DEFAULT_RECURSION_LIMIT
from analemma.kernelspace.planner.assumptions import Assumptions, Bound
from analemma.kernelspace.planner.costs import Estimate, estimate
from analemma.kernelspace.planner.schedule import Schedule
from analemma.kernelspace.planner.shape import Shape
from analemma.kernelspace.planner.slicing import Counts, Slicing
from analemma.kernelspace.planner.stops import Fact, facts_of
from analemma.kernelspace.planner.walk import walks, whole_schedule
from analemma.records.policy import KernelPolicy

FARTHEST = 100_000
"""Supersteps that a plan looks ahead, whatever the limits allow."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The most supersteps that a run may have, and what says so."""

    supersteps: int
    source: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How a workflow will run. ``estimates`` has all three bounds."""

    shape: Shape
    schedule: Schedule
    facts: tuple[Fact, ...]
    limit: Limit
    policy: KernelPolicy
    assumptions: Assumptions
    estimates: dict[Bound, Estimate]

    @property
    def stops(self) -> tuple[Fact, ...]:
        """What stops a slice."""
        return tuple(fact for fact in self.facts if fact.kind.stops)

    @property
    def notes(self) -> tuple[Fact, ...]:
        """What does not."""
        return tuple(fact for fact in self.facts if not fact.kind.stops)


def plan(shape: Shape, policy: KernelPolicy, assumptions: Assumptions) -> Plan:
    """Return the plan of a workflow.

    Raises:
        InputInvalid: an assumption names a node that is not there, or says of a
            task that it takes longer than a Lambda may live.
    """
    _check_names(shape, assumptions)
    _check_seconds(shape, assumptions)
    limit = limit_of(shape, policy)
    found = whole_schedule(shape)
    return Plan(
        shape=shape,
        schedule=found,
        facts=facts_of(shape, found, assumptions, policy),
        limit=limit,
        policy=policy,
        assumptions=assumptions,
        estimates={
            bound: estimate(
                _most(
                    Slicing(shape, assumptions, policy, bound).count(steps)
                    for steps in walks(shape, assumptions, bound, limit.supersteps)
                ),
                assumptions.memory_mb,
            )
            for bound in Bound
        },
    )


def limit_of(shape: Shape, policy: KernelPolicy) -> Limit:
    """Return the smaller of the budget's limit and the graph's own.

    LangGraph's default does not stop a run here (``scheduler/recursion.py``), but
    where nothing else does, a plan has to end somewhere.
    """
    known = [Limit(FARTHEST, "how far a plan looks")]
    if policy.budget.supersteps is not None:
        known.append(Limit(policy.budget.supersteps, "the budget's supersteps"))
    if shape.recursion_limit is not None:
        known.append(Limit(shape.recursion_limit, "the graph's recursion limit"))
    if len(known) == 1:
        known.append(
            Limit(DEFAULT_RECURSION_LIMIT, "LangGraph's default recursion limit")
        )
    return min(known, key=lambda each: each.supersteps)


def _most(every: Iterable[Counts]) -> Counts:
    """Return the largest of each figure."""
    several = list(every)
    return Counts(
        **{
            field.name: max(getattr(each, field.name) for each in several)
            for field in fields(Counts)
        }
    )


def _check_names(shape: Shape, assumptions: Assumptions) -> None:
    said = {
        "seconds": assumptions.seconds_of,
        "tasks": assumptions.tasks_of,
        "passes": assumptions.passes_of,
        "bytes": assumptions.task_bytes_of,
    }
    for what, by_node in said.items():
        for name in sorted(by_node):
            if name not in shape.names:
                known = ", ".join(shape.names)
                raise InputInvalid(
                    f"{what} of {name!r}: the workflow has no such node; it has {known}"
                )


def _check_seconds(shape: Shape, assumptions: Assumptions) -> None:
    limit = assumptions.timeout_seconds
    for name in shape.names:
        seconds = assumptions.seconds_for(name, Bound.UPPER)
        if seconds > limit:
            raise InputInvalid(
                f"node {name!r}: a task of {seconds:,g} s is longer than its Lambda "
                f"may live ({limit:,} s); split the node, or wait with interrupt()"
            )
