"""What savers do wrong: our conformance suite, beside each other.

A check runs through the plain methods and through the async ones. Not offered:
the saver lacks the method, such as ``prune``; that is no failure.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from moto import mock_aws

from analemma.testing import Outcome, Report, Result, Subject, run_suite
from benchmarks.memory import aws, ours, postgres, subjects
from benchmarks.memory.cloud import CloudClients
from benchmarks.memory.plan import Plan
from benchmarks.memory.terminal import Terminal

LIMIT_SECONDS = 120.0

NO_END = "no end"

Outcomes = dict[str, dict[str, list[Result]]]
"""By title of the check, then by saver: one result a way."""


def measure_conformance(
    clients: CloudClients, dsn: str | None, plan: Plan, terminal: Terminal
) -> dict[str, Report]:
    """Run the suite on every saver, and print what failed where."""
    factories = _factories(clients, dsn, plan)
    reports = {}
    for name, factory in factories.items():
        with (
            terminal.working(f"{name}, conformance"),
            late_answers_dropped(),
            mock_aws(),
        ):
            reports[name] = run_suite(
                factory, plan.concerns, limit_seconds=LIMIT_SECONDS
            )
    _show(reports, plan, terminal)
    return reports


@contextmanager
def late_answers_dropped() -> Iterator[None]:
    """Keep quiet about threads that answer to an event loop which has ended.

    A check that has seen enough ends its loop; what ``aiosqlite`` was doing then
    has nobody to report to, and its thread dies with a traceback. Every other
    exception of a thread is printed as ever.
    """
    before = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        if str(arguments.exc_value) != "Event loop is closed":
            before(arguments)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def _factories(
    clients: CloudClients, dsn: str | None, plan: Plan
) -> Mapping[str, Callable[[], Subject]]:
    found: dict[str, Callable[[], Subject]] = {
        "InMemorySaver": subjects.in_memory,
        "SqliteSaver": partial(subjects.sqlite, plan.folder),
    }
    if dsn is not None:
        found[postgres.NAME] = partial(subjects.postgres, dsn)
    found[aws.NAME] = partial(subjects.aws, clients)
    found[ours.SQLITE] = partial(subjects.ours_on_sqlite, plan.folder)
    found[ours.AWS] = partial(subjects.ours_on_aws, clients)
    return found


def _show(reports: Mapping[str, Report], plan: Plan, terminal: Terminal) -> None:
    terminal.heading(
        "What each saver fails in analemma.testing",
        "sync, async: the methods by which a check fails; -: not offered; "
        "nothing: it passes.",
        f"{NO_END}: not within {LIMIT_SECONDS:g} s; that proves nothing.",
    )
    short = {name: _short(name) for name in reports}
    table = terminal.table("check", *short.values())
    for title, by_saver in _by_title(reports).items():
        cells = [_cell(by_saver.get(name, ())) for name in reports]
        if any(cell not in ("", "-") for cell in cells):
            table.add_row(title.replace("_", " "), *cells)
    table.add_section()
    for outcome in Outcome:
        counts = (_count(report, outcome) for report in reports.values())
        table.add_row(outcome.value, *map(str, counts))
    late = [sum(map(_is_late, report.results)) for report in reports.values()]
    if any(late):
        table.add_row(NO_END, *map(str, late))
    terminal.show(table)
    if plan.concerns is not None:
        terminal.note(f"--quick checks {', '.join(plan.concerns)} only.")


def _short(name: str) -> str:
    return {
        "InMemorySaver": "In\nMemory",
        "SqliteSaver": "\nSqlite",
        postgres.NAME: "Post\ngres",
        aws.NAME: "check-\npoint-aws",
        ours.SQLITE: "ours,\nSQLite",
        ours.AWS: "ours,\nAWS",
    }[name]


def _by_title(reports: Mapping[str, Report]) -> Outcomes:
    found: Outcomes = {}
    for name, report in reports.items():
        for result in report.results:
            by_saver = found.setdefault(result.title, {})
            by_saver.setdefault(name, []).append(result)
    return found


def _cell(results: Sequence[Result]) -> str:
    failed = [
        each.way
        for each in results
        if each.outcome is Outcome.FAILED and not _is_late(each)
    ]
    if failed:
        return "both" if len(failed) == 2 else failed[0]
    if any(map(_is_late, results)):
        return NO_END
    offered = any(each.outcome is not Outcome.NOT_OFFERED for each in results)
    return "" if offered else "-"


def _count(report: Report, outcome: Outcome) -> int:
    return sum(
        each.outcome is outcome and not _is_late(each) for each in report.results
    )


def _is_late(result: Result) -> bool:
    """Say whether the suite gave up waiting: a slow machine, or a real standstill."""
    return result.outcome is Outcome.FAILED and result.seconds >= LIMIT_SECONDS
