"""The verbs that make room: ``prune`` a run's history, ``sweep`` what is unnamed."""

import dataclasses
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from analemma.entrypoints.cli import options, outcome
from analemma.entrypoints.cli.place import Place, open_place
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.sweep import SweepReport
from analemma.kernelspace.sweep import sweep as sweep_owner

_ROWS = 20

Run = Annotated[str, typer.Argument(metavar="RUN", help="As `analemma list` shows it.")]


def sweep(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what and why; delete nothing.")
    ] = False,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete runs that are past their retention, and pages that nothing names.

    Safe beside running agents. How long things are kept is the policy's
    `retention`: ended runs for ended_runs_days, unnamed pages for
    page_grace_hours.
    """
    with open_place(options.home(home), cloud) as place:
        console = Console(stderr=True, quiet=as_json)
        with console.status("sweeping") as status:
            report = sweep_owner(
                place.machine,
                place.owner,
                dry_run=dry_run,
                on_progress=lambda doing: status.update(doing),
            )
    if as_json:
        document = dataclasses.asdict(report) | {"freed_bytes": report.freed_bytes}
        outcome.console.print_json(data=outcome.as_json(document))
        return
    _print(report, place)


def prune(
    run_id: Run,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete a run's past checkpoints and keep the last; it can still go on.

    The timeline becomes shorter, and past states cannot be shown or forked any
    more. Safe while the run moves.
    """
    with open_place(options.home(home), cloud) as place:
        ProcessTable(place.machine.records).get(place.owner, run_id)
        saver = PagedSaver(
            place.machine.records,
            place.machine.pages(place.owner),
            owner=place.owner,
            writer="prune",
            serde=place.machine.serde,
        )
        removed = saver.keep_latest(run_id)
    if as_json:
        outcome.console.print_json(data={"run_id": run_id, "removed": removed})
        return
    if not removed:
        outcome.console.print(f"{run_id}: nothing to delete", markup=False)
        return
    hours = place.machine.policy.retention.page_grace_hours
    outcome.console.print(
        f"{run_id}: {_counted(removed, 'entry', 'entries')} of its log deleted\n"
        f"pages that only they named go {hours} h after they were stored last,\n"
        f"with: analemma sweep{place.flag}",
        markup=False,
    )


def _counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def _print(report: SweepReport, place: Place) -> None:
    console = outcome.console
    verb = "would delete" if report.dry_run else "deleted"
    _print_runs(report, verb)
    _print_pages(report)
    runs, pages = len(report.runs), len(report.pages)
    hours = place.machine.policy.retention.page_grace_hours
    lines = [
        f"{verb} {_counted(runs, 'run')} and {_counted(pages, 'page')} "
        f"({decimal(report.freed_bytes)})",
        f"kept {_counted(report.kept_pages, 'page')} that records name "
        f"({decimal(report.kept_bytes)})",
    ]
    if report.young_pages:
        lines.append(
            f"kept {_counted(report.young_pages, 'page')} that nothing names, "
            f"stored within the last {hours} h"
        )
    if report.settled_holds:
        holds = _counted(report.settled_holds, "hold")
        done = "would settle" if report.dry_run else "settled"
        lines.append(f"{done} {holds} of dead processes on limits that runs share")
    if report.dry_run and (runs or pages):
        lines.append(f"do it: analemma sweep{place.flag}")
    for line in lines:
        console.print(line, markup=False)


def _print_runs(report: SweepReport, verb: str) -> None:
    for run in report.runs[:_ROWS]:
        outcome.console.print(
            f"{verb} {run.run_id}, ended {run.ended_at:%Y-%m-%d}, "
            f"{_counted(run.records, 'record')}",
            markup=False,
        )
    _print_rest(len(report.runs), "run")


def _print_pages(report: SweepReport) -> None:
    if not report.pages:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("page", no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("stored (UTC)", no_wrap=True)
    table.add_column("why")
    for page in report.pages[:_ROWS]:
        table.add_row(
            page.id[:12],
            f"{page.size_bytes:,}",
            f"{page.stored_at:%Y-%m-%d %H:%M}",
            str(page.why),
        )
    outcome.console.print(table)
    _print_rest(len(report.pages), "page")


def _print_rest(number: int, noun: str) -> None:
    if number > _ROWS:
        outcome.console.print(
            f"and {_counted(number - _ROWS, noun)} more; --json shows all"
        )
