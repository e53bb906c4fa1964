"""States of which a superstep changes a part, and supersteps of several tasks."""

from collections.abc import Callable, Sequence

from benchmarks.memory.measure import Cost, later_supersteps, whole_run
from benchmarks.memory.places import Contender, Place
from benchmarks.memory.plan import Plan
from benchmarks.memory.terminal import Terminal, fraction, number
from benchmarks.memory.turns import CapReached
from benchmarks.memory.workloads import (
    TASKS,
    Workload,
    blob,
    channels,
    documents,
    parallel,
)

Measure = Callable[[Place, Workload, int, float | None], Cost]
"""How a workload is run: whole, or from a stored input on."""


def measure_states(
    contenders: Sequence[Contender], plan: Plan, terminal: Terminal
) -> None:
    """Run, and print one table a workload."""
    for workload, supersteps in (
        (channels, plan.channels),
        (documents, plan.large_states),
        (blob, plan.large_states),
    ):
        terminal.heading(
            f"{workload().name} a superstep, N = {supersteps}",
            "first: stored with the input. The other columns: what N supersteps added.",
        )
        table = terminal.table(
            "saver", "first", "added", "B/step", "sent bytes", "writes/step", "ms/step"
        )
        for contender in contenders:
            cost = _run(
                contender, workload, supersteps, later_supersteps, plan, terminal
            )
            if isinstance(cost, str):
                table.add_row(contender.name, cost)
                continue
            table.add_row(
                contender.name,
                number(cost.before_bytes),
                number(cost.stored_bytes),
                number(cost.bytes_each),
                number(cost.calls.sent_bytes),
                fraction(cost.writes_each),
                fraction(cost.milliseconds_each, 1),
            )
        terminal.show(table)


def measure_parallel(
    contenders: Sequence[Contender], plan: Plan, terminal: Terminal
) -> None:
    """Run supersteps of several tasks, and print a table."""
    terminal.heading(
        f"{TASKS} tasks a superstep, each appends 1 KB, N = {plan.parallel}",
        f"To keep each finished task takes {TASKS} writes and the checkpoint: "
        f"{TASKS + 1} a superstep.",
    )
    table = terminal.table(
        "saver", "stored bytes", "B/step", "B/task", "writes/step", "writes/task",
        "ms/step",
    )  # fmt: skip
    for contender in contenders:
        cost = _run(contender, parallel, plan.parallel, whole_run, plan, terminal)
        if isinstance(cost, str):
            table.add_row(contender.name, cost)
            continue
        table.add_row(
            contender.name,
            number(cost.stored_bytes),
            number(cost.bytes_each),
            number(cost.bytes_each / TASKS),
            fraction(cost.writes_each),
            fraction(cost.writes_each / TASKS),
            fraction(cost.milliseconds_each),
        )
    terminal.show(table)


def _run(
    contender: Contender,
    make: Callable[[], Workload],
    supersteps: int,
    measure: Measure,
    plan: Plan,
    terminal: Terminal,
) -> Cost | str:
    """Return the cost, or why there is none."""
    if contender.missing:
        return contender.missing
    workload = make()
    with (
        terminal.working(f"{contender.name}, {workload.name}"),
        contender.open() as place,
    ):
        try:
            return measure(place, workload, supersteps, plan.cap_seconds)
        except CapReached:
            return f"stopped after {plan.cap_seconds:g} s"
