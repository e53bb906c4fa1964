"""The pass lines of the memory: what was promised, what was measured.

A counted line repeats exactly and decides the exit code; without its measurement
it has failed. A timed line is printed beside it and decides nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.memory import ours
from benchmarks.memory.forks import Forks
from benchmarks.memory.growth import Grown, Growth
from benchmarks.memory.laptop import Rates
from benchmarks.memory.plan import Plan
from benchmarks.memory.terminal import Terminal, fraction, number

BYTES_EACH = 2000
RATIO = 4.2
FORK_BYTES = 1024
WRITES_LONE = 1.1
WRITES_EVERY = 2.0
WORKFLOWS = 2.0


class Verdict(StrEnum):
    """How a line came out."""

    PASSED = "pass"
    FAILED = "FAIL"


@dataclass(frozen=True, slots=True)
class Line:
    """One promise. ``measured`` of None: the run came to no end."""

    store: str
    message: str
    what: str
    measured: float | None
    limit: float
    shown: str = ""
    at_least: bool = False
    is_counted: bool = True

    @property
    def verdict(self) -> Verdict:
        """Compare the measured number, unrounded, with the limit."""
        if self.measured is None:
            return Verdict.FAILED
        holds = (
            self.measured >= self.limit
            if self.at_least
            else self.measured <= self.limit
        )
        return Verdict.PASSED if holds else Verdict.FAILED


def lines(
    plan: Plan, growth: Growth | None, forks: Forks | None, rates: Rates | None
) -> Iterator[Line]:
    """Yield every line of the sections that were run."""
    if growth is not None:
        for kind, grown in growth.items():
            for name in (ours.SQLITE, ours.AWS):
                yield from _of_growth(_store(name), kind, grown[name], plan)
                yield _of_resume(_store(name), kind, grown[name])
            yield _lone_writes(kind, grown[ours.AWS])
            yield _every_write(kind, grown[ours.AWS_EVERY])
    if forks is not None:
        for kind, forked in forks.items():
            for name in (ours.SQLITE, ours.AWS):
                found = forked.get(name)
                measured = None if found is None else found.bytes_each
                yield Line(_store(name), kind, "bytes a fork", measured, FORK_BYTES)
    if rates is not None:
        yield Line(
            _store(ours.SQLITE),
            "str",
            "workflows a second, all synced, times SqliteSaver's (timed)",
            rates.ratio,
            WORKFLOWS,
            at_least=True,
            is_counted=False,
        )


def show_lines(found: list[Line], terminal: Terminal) -> bool:
    """Print every line; return whether all counted ones hold."""
    terminal.heading("Pass lines of PagedSaver")
    table = terminal.table("store", "message", "line", "measured", "limit", "")
    for line in found:
        sign = ">=" if line.at_least else "<="
        style = "green" if line.verdict is Verdict.PASSED else "bold red"
        table.add_row(
            line.store,
            line.message,
            line.what,
            line.shown or _figure(line.measured) or "not run",
            f"{sign} {_figure(line.limit)}",
            f"[{style}]{line.verdict}[/]",
        )
    terminal.show(table)
    return all(line.verdict is Verdict.PASSED for line in found if line.is_counted)


def _of_growth(store: str, kind: str, grown: Grown, plan: Plan) -> Iterator[Line]:
    for size in plan.checked:
        cost = grown.costs.get(size)
        measured = None if cost is None else cost.bytes_each
        what = f"bytes a superstep, N = {size:,}"
        yield Line(store, kind, what, measured, BYTES_EACH)
    for small, large in plan.pairs:
        what = f"bytes({large:,}) / bytes({small:,})"
        yield Line(store, kind, what, grown.ratio(large), RATIO)


def _of_resume(store: str, kind: str, grown: Grown) -> Line:
    found, what = grown.resumed, "read calls of a cold resume"
    if found is None:
        return Line(store, kind, what, None, 0)
    what += f", N = {found.supersteps:,}"
    return Line(store, kind, what, found.calls.reads, found.allowed_reads)


def _lone_writes(kind: str, grown: Grown) -> Line:
    """All write calls of the largest measured run, its start too, by N."""
    what = "write calls a superstep, lone tasks left out"
    if not grown.costs:
        return Line(_store(ours.AWS), kind, what, None, WRITES_LONE)
    largest = grown.costs[max(grown.costs)]
    what += f", N = {largest.supersteps:,}"
    return Line(_store(ours.AWS), kind, what, largest.writes_each, WRITES_LONE)


def _every_write(kind: str, grown: Grown) -> Line:
    """What a superstep adds: the calls of the start of a run are the same at any N."""
    what = "write calls a superstep, every task recorded"
    if len(grown.costs) < 2:
        return Line(_store(ours.AWS), kind, what, None, WRITES_EVERY)
    small, large = min(grown.costs), max(grown.costs)
    writes = {size: grown.costs[size].calls.writes for size in (small, large)}
    each = (writes[large] - writes[small]) / (large - small)
    start = writes[large] - each * large
    shown = f"{each:.2f} + {start:.0f} once"
    return Line(_store(ours.AWS), kind, what, each, WRITES_EVERY, shown)


def _store(name: str) -> str:
    return name.removeprefix("PagedSaver, ")


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return number(value) if value >= 100 or value == int(value) else fraction(value)
