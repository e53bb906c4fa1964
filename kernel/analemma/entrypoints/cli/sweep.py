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
from analemma.kernelspace.sweep import SweepReport, Why
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
    outcome.console.print(
        f"{run_id}: {removed} entries of its history deleted\n"
        f"the pages only they named go with the next: analemma sweep{place.flag}",
        markup=False,
    )


def _print(report: SweepReport, place: Place) -> None:
    verb = "would delete" if report.dry_run else "deleted"
    console = outcome.console
    for run in report.runs:
        console.print(
            f"{verb} run {run.run_id}: {Why.RUN_EXPIRED}, on "
            f"{run.ended_at:%Y-%m-%d}; {run.records} records",
            markup=False,
        )
    if report.pages:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("page", no_wrap=True)
        table.add_column("bytes", justify="right")
        table.add_column("stored (UTC)", no_wrap=True)
        table.add_column("why")
        for page in report.pages[:_ROWS]:
            table.add_row(
                page.id[:16],
                f"{page.size_bytes:,}",
                f"{page.stored_at:%Y-%m-%d %H:%M}",
                str(page.why),
            )
        console.print(table)
        if len(report.pages) > _ROWS:
            console.print(f"and {len(report.pages) - _ROWS} more; --json shows all")
    console.print(
        f"{verb} {len(report.runs)} runs and {len(report.pages)} pages "
        f"({decimal(report.freed_bytes)}); "
        f"{report.kept_pages} pages are named by records ({decimal(report.kept_bytes)})"
        f", {report.young_pages} are too young to judge",
        markup=False,
    )
    if report.dry_run and (report.runs or report.pages):
        console.print(f"do it: analemma sweep{place.flag}", markup=False)
