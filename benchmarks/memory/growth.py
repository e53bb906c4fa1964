"""A list that grows by one 1 KB message a superstep: the law of each saver."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.table import Table

from benchmarks.memory.law import fitted
from benchmarks.memory.measure import Cost, whole_run
from benchmarks.memory.places import Contender
from benchmarks.memory.plan import Plan
from benchmarks.memory.resume import Resume, resume
from benchmarks.memory.terminal import Terminal, fraction, number, short
from benchmarks.memory.turns import CapReached
from benchmarks.memory.workloads import Workload, english, messages, texts

RESUMED = 1000
"""The run that is loaded again by a fresh saver; or the largest that was run."""

NOTES = (
    "ratio: stored bytes at N by those at N / 4. writes: write calls a superstep.",
    "reads: read calls of the run. In brackets: not run, computed from the law.",
)


@dataclass
class Grown:
    """One saver's costs by number of supersteps, and its last run, loaded again."""

    contender: Contender
    costs: dict[int, Cost] = field(default_factory=dict)
    stopped: str = ""
    resumed: Resume | None = None

    def bytes_at(self, supersteps: int) -> float | None:
        """Return the stored bytes measured; None: it was not run."""
        cost = self.costs.get(supersteps)
        return None if cost is None else cost.stored_bytes

    def computed(self, supersteps: int) -> float | None:
        """Return what the measured law says; None: too little was measured."""
        if len(self.costs) < 2:
            return None
        return fitted({n: c.stored_bytes for n, c in self.costs.items()}).at(supersteps)

    def ratio(self, supersteps: int) -> float | None:
        """Return bytes(N) / bytes(N/4), both measured; None: one was not."""
        small = self.bytes_at(supersteps // 4) if supersteps % 4 == 0 else None
        large = self.bytes_at(supersteps)
        return None if small is None or large is None else large / small


Growth = dict[str, dict[str, Grown]]
"""By kind of message, then by name of the saver."""

KINDS: dict[str, Callable[[], Workload]] = {"str": texts, "AIMessage": messages}


def measure_growth(
    contenders: Sequence[Contender], plan: Plan, terminal: Terminal
) -> Growth:
    """Run, and print one table a kind of message."""
    found: Growth = {}
    for kind in plan.kinds:
        terminal.heading(
            f"One message of 1 KB a superstep, {kind}, random letters and digits",
            *NOTES,
        )
        table = _table(terminal)
        found[kind] = {}
        for contender in contenders:
            grown = _grow(contender, kind, KINDS[kind], plan, terminal)
            found[kind][contender.name] = grown
            _add(table, grown, plan)
        terminal.show(table)
    _measure_english(contenders, plan, terminal)
    return found


def _grow(
    contender: Contender,
    kind: str,
    workload: Callable[[], Workload],
    plan: Plan,
    terminal: Terminal,
) -> Grown:
    grown = Grown(contender)
    if contender.missing:
        return grown
    sizes = plan.sizes(is_ours=contender.is_ours, leaves_out=contender.leaves_out)
    for size in sizes:
        if _would_exceed(grown, size, plan):
            return grown
        what = f"{contender.name}, {kind}, N = {size:,}"
        with terminal.working(what), contender.open() as place:
            try:
                cost = whole_run(place, workload(), size, _cap(contender, plan))
            except CapReached:
                grown.stopped = f"stopped after {plan.cap_seconds:g} s"
                return grown
            grown.costs[size] = cost
            if size <= RESUMED:
                grown.resumed = resume(place, workload(), size)
    return grown


def _cap(contender: Contender, plan: Plan) -> float | None:
    """Ours has no cap: a pass line that was not measured would have to fail."""
    return None if contender.is_ours else plan.cap_seconds


def _would_exceed(grown: Grown, size: int, plan: Plan) -> bool:
    """Say whether the law so far forbids the next size: bytes, then seconds."""
    if grown.contender.is_ours or len(grown.costs) < 2:
        return False
    seconds = fitted({n: c.seconds for n, c in grown.costs.items()}).at(size)
    stored = grown.computed(size) or 0
    return stored > plan.cap_bytes or seconds > plan.cap_seconds


def _table(terminal: Terminal) -> Table:
    return terminal.table(
        "saver", "N", "stored bytes", "B/step", "ratio", "sent bytes", "writes",
        "reads", "ms/step",
    )  # fmt: skip


def _add(table: Table, grown: Grown, plan: Plan) -> None:
    name = grown.contender.name
    if grown.contender.missing:
        table.add_row(name, "", grown.contender.missing)
        return
    for size in sorted({*grown.costs, *_not_run(grown, plan)}):
        cost = grown.costs.get(size)
        if cost is not None:
            table.add_row(name, number(size), *_cells(cost, grown.ratio(size)))
        else:
            computed = grown.computed(size)
            shown = "unknown" if computed is None else f"({short(computed)})"
            each = "" if computed is None else f"({short(computed / size)})"
            table.add_row(name, f"({size:,})", shown, each, style="dim")
        name = ""
    if grown.stopped:
        table.add_row("", "", grown.stopped, style="dim")


def _not_run(grown: Grown, plan: Plan) -> list[int]:
    if grown.contender.is_ours:
        return []
    return [size for size in plan.shown if size not in grown.costs]


def _cells(cost: Cost, ratio: float | None) -> list[str]:
    return [
        number(cost.stored_bytes),
        number(cost.bytes_each),
        fraction(ratio),
        number(cost.calls.sent_bytes),
        fraction(cost.writes_each),
        number(cost.calls.reads),
        fraction(cost.milliseconds_each),
    ]


def _measure_english(
    contenders: Sequence[Contender], plan: Plan, terminal: Terminal
) -> None:
    terminal.heading(
        f"The same, str, English-like text, N = {plan.english}",
        "The easy case: what compression can add to the tables above.",
    )
    table = _table(terminal)
    for contender in contenders:
        if contender.missing:
            table.add_row(contender.name, "", contender.missing)
            continue
        with (
            terminal.working(f"{contender.name}, English"),
            contender.open() as place,
            contextlib.suppress(CapReached),
        ):
            cost = whole_run(place, english(), plan.english, _cap(contender, plan))
            cells = _cells(cost, None)
            table.add_row(contender.name, number(plan.english), *cells)
    terminal.show(table)
