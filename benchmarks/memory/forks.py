"""Forks from the middle of a run: one small edit of the state each.

A file grows by whole blocks, so one fork may cost nothing or 4 KiB; the bytes of
a fork are the mean of many from the same checkpoint, each with an edit of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.memory.growth import KINDS
from benchmarks.memory.measure import config, drive
from benchmarks.memory.places import Contender, Place
from benchmarks.memory.plan import Plan
from benchmarks.memory.terminal import Terminal, fraction, number
from benchmarks.memory.turns import CapReached
from benchmarks.memory.workloads import Workload

BLOCK_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Forked:
    """What one fork added, on average."""

    bytes_each: float
    writes_each: float


Forks = dict[str, dict[str, Forked]]
"""By kind of message, then by name of the saver."""


def measure_forks(
    contenders: Sequence[Contender], plan: Plan, terminal: Terminal
) -> Forks:
    """Run, and print a table."""
    terminal.heading(
        f"A fork: update_state() at superstep {plan.fork_at} of {2 * plan.fork_at}, "
        "appending a text of 10 bytes",
        f"The mean of {plan.forks} forks from the same checkpoint. A file grows by "
        f"{BLOCK_BYTES:,} B, so {BLOCK_BYTES // plan.forks} B is the least it shows.",
    )
    table = terminal.table("saver", "message", "bytes a fork", "writes a fork")
    found: Forks = {}
    for kind in plan.kinds:
        found[kind] = {}
        for contender in contenders:
            forked = _run(contender, kind, KINDS[kind], plan, terminal)
            if isinstance(forked, str):
                table.add_row(contender.name, kind, forked)
                continue
            found[kind][contender.name] = forked
            table.add_row(
                contender.name,
                kind,
                number(forked.bytes_each),
                fraction(forked.writes_each),
            )
    terminal.show(table)
    return found


def _run(
    contender: Contender,
    kind: str,
    make: Callable[[], Workload],
    plan: Plan,
    terminal: Terminal,
) -> Forked | str:
    """Return what a fork added, or why it is not known."""
    if contender.missing:
        return contender.missing
    with (
        terminal.working(f"{contender.name}, {kind}, forks"),
        contender.open() as place,
    ):
        try:
            return _forked(place, make(), plan)
        except CapReached:
            return f"stopped after {plan.cap_seconds:g} s"


def _forked(place: Place, workload: Workload, plan: Plan) -> Forked:
    graph = place.attach(workload.builder)
    workload.allow(plan.fork_at, plan.cap_seconds)
    drive(graph, workload.first, plan.fork_at)
    middle = graph.get_state(config()).config
    workload.allow(plan.fork_at, plan.cap_seconds)
    drive(graph, workload.nothing, plan.fork_at)
    stored, calls = place.stored_bytes(), place.calls()
    for edited in range(plan.forks):
        edit = {"messages": [f"edited {edited:03d}"]}
        graph.update_state(middle, edit, as_node="append")
    writes = (place.calls() - calls).writes
    return Forked((place.stored_bytes() - stored) / plan.forks, writes / plan.forks)
