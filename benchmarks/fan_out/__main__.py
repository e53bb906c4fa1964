"""The command: ``python -m benchmarks.fan_out --help``."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import fan_out as package
from benchmarks.cloud.project import Wanted
from benchmarks.cloud.stack import deployed
from benchmarks.fan_out import ours
from benchmarks.fan_out.ours import Run
from benchmarks.fan_out.plain import PlainMap
from benchmarks.memory.terminal import Terminal, fraction, number

_DEPLOYED = Path(__file__).parent / "deployed"
_BATCH_SIZE = 10
_CONCURRENCY = 4
_FLAT_FROM = 100
_FLAT_WITHIN = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return 1 if calls or bytes a task are not flat."""
    options, terminal = _options().parse_args(arguments), Terminal()
    wanted = Wanted(
        _DEPLOYED,
        [ours.WORKFLOW],
        kernel={
            "fan_out": {"batch_size": _BATCH_SIZE, "max_concurrency": _CONCURRENCY}
        },
    )
    terminal.heading("A task of a fan-out", f"batches of {_BATCH_SIZE} tasks")
    table = terminal.table(
        "tasks", "calls a task", "bytes a task", "seconds", "plain Map, seconds"
    )
    runs: list[Run] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        terminal.working("deploying"),
        deployed(Path(folder), wanted) as stack,
    ):
        stack.watch_functions()
        plain = PlainMap(stack, _CONCURRENCY)
        for tasks in options.tasks:
            found = ours.run(stack, tasks)
            beside = plain.seconds(tasks, _BATCH_SIZE)
            runs.append(found)
            table.add_row(
                number(tasks),
                fraction(found.calls_per_task),
                number(found.bytes_per_task),
                fraction(found.seconds, 1),
                fraction(beside, 1),
            )
    terminal.show(table)
    for found in runs:
        per = ", ".join(f"{n} {name}" for name, n in sorted(found.calls.items()))
        terminal.note(f"{found.tasks:,} tasks: {per}")
    complaints = list(not_flat(runs))
    for complaint in complaints:
        terminal.note(f"FAIL: {complaint}")
    if not complaints:
        terminal.note("PASS: flat from 100 tasks up, within 20 %")
    return 1 if complaints else 0


def not_flat(runs: Sequence[Run]) -> Iterator[str]:
    """Yield what is not flat from 100 tasks up: the most above the least."""
    measured = [each for each in runs if each.tasks >= _FLAT_FROM]
    for what, values in (
        ("calls", [each.calls_per_task for each in measured]),
        ("bytes", [each.bytes_per_task for each in measured]),
    ):
        if values and max(values) > (1 + _FLAT_WITHIN) * min(values):
            yield f"{what} a task go from {min(values):,.1f} to {max(values):,.1f}"


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fan_out",
        description=package.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--tasks",
        type=int,
        nargs="+",
        default=[1, 100, 1000, 10_000],
        help="how many tasks each run has (1 100 1000 10000)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
