"""The command: ``python -m benchmarks.soak --help``."""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from analemma.records.policy import SlicePolicy
from benchmarks import soak as package
from benchmarks.cloud.history import MAX_EVENTS
from benchmarks.memory.terminal import Terminal
from benchmarks.soak.soaking import Plan, Soaked, soak

_QUICK = Plan(slices=200, renew_after=50)


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak one run; return 1 if something was otherwise than it must be."""
    plan, terminal = _plan(arguments), Terminal()
    what = f"{plan.slices:,} slices, renewed after {plan.renew_after:,}"
    with tempfile.TemporaryDirectory() as folder, terminal.working(what):
        soaked = soak(Path(folder), plan)
    _show(soaked, terminal)
    complaints = list(soaked.complaints(plan))
    for complaint in complaints:
        terminal.note(f"NOT as it must be: {complaint}")
    return 1 if complaints else 0


def _plan(arguments: Sequence[str] | None) -> Plan:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description=package.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--slices", type=int, help="how many slices (8,000)")
    parser.add_argument(
        "--renew-after",
        type=int,
        help="after how many slices an execution is renewed (the policy's default)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="200 slices, renewed after 50"
    )
    options = parser.parse_args(arguments)
    usual = _QUICK if options.quick else Plan(8000, SlicePolicy().renew_after_slices)
    return Plan(
        options.slices or usual.slices, options.renew_after or usual.renew_after
    )


def _show(soaked: Soaked, terminal: Terminal) -> None:
    terminal.heading(f"Run {soaked.run_id}: {soaked.status}")
    table = terminal.table("", "")
    endings = Counter(soaked.endings)
    rows = {
        "slices": f"{soaked.slices:,}",
        "executions": f"{len(soaked.events):,}",
        "ended as": ", ".join(f"{n} {name}" for name, n in endings.items()),
        f"most events of one execution (of {MAX_EVENTS:,})": f"{max(soaked.events):,}",
        "approvals": f"{soaked.asked:,}",
        "parked, times": f"{soaked.parked:,}",
        "asked in, answer taken in execution": ", ".join(
            f"{before} > {after}" for before, after in soaked.crossed
        ),
        "answered once each": "yes" if soaked.answered_once else "NO",
        "prunings, entries deleted": f"{soaked.prunings:,}, {soaked.removed:,}",
        "seconds": f"{soaked.seconds:,.0f}",
        "milliseconds a slice": f"{1000 * soaked.seconds / soaked.slices:,.0f}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    terminal.show(table)


if __name__ == "__main__":
    sys.exit(main())
