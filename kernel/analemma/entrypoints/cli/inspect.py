"""The verbs that look: ``status``, ``list``, ``timeline``, ``verify``."""

import dataclasses
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from analemma.entrypoints.cli import follow, options, outcome
from analemma.entrypoints.cli.place import Place, open_place
from analemma.errors import Corrupt
from analemma.hardware.ports import PageStore
from analemma.kernelspace import layout
from analemma.kernelspace.memory.verify import Broken, Finding, VerifyReport
from analemma.kernelspace.memory.verify import verify as verify_run
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.time_machine.timeline import Moment
from analemma.kernelspace.time_machine.timeline import timeline as moments_of
from analemma.kernelspace.value_pages import check_value
from analemma.records.run import RunRecord

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="As `analemma list` shows it.")
]


def status(
    run_id: RunArgument,
    follow_it: Annotated[
        bool, typer.Option("--follow", "-f", help="Draw progress until it rests.")
    ] = False,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Say how a run stands and what to do next.

    The exit code says it too.
    """
    with open_place(options.home(home), cloud) as place:
        record = _run(place, run_id)
        if follow_it and not as_json and not record.status.ended:
            record = follow.in_cloud(place, record)
        outcome.report(place, record, as_document=as_json)


def list_runs(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most.")] = 20,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """List runs, the newest first."""
    with open_place(options.home(home), cloud) as place:
        runs = list(ProcessTable(place.machine.records).list(place.owner, limit=limit))
    if as_json:
        outcome.console.print_json(
            data=[run.model_dump(mode="json", exclude_none=True) for run in runs]
        )
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "workflow", "status", "steps", "admitted (UTC)"):
        table.add_column(heading, no_wrap=True)
    for run in runs:
        table.add_row(
            run.run_id,
            run.workflow.name,
            str(run.status),
            str(run.used.supersteps),
            f"{run.created_at:%m-%d %H:%M}",
        )
    outcome.console.print(table)


def timeline(
    run_id: RunArgument,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show every superstep: when, which nodes, how many bytes."""
    with open_place(options.home(home), cloud) as place:
        _run(place, run_id)
        moments = list(moments_of(place.machine, place.owner, run_id))
    if as_json:
        outcome.console.print_json(data=[dataclasses.asdict(each) for each in moments])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("time (UTC)", no_wrap=True)
    table.add_column("step", justify="right")
    table.add_column("what", overflow="fold")
    table.add_column("stored", justify="right", no_wrap=True)
    for each in moments:
        table.add_row(
            each.at[11:23],
            # Step -1 is the input; it is shown, but a shell takes -1 for an option.
            "" if each.step is None or each.step < 0 else str(each.step),
            escape(_what(each)),
            f"{each.stored_bytes:,} B",
        )
    outcome.console.print(table)
    outcome.console.print(
        f"state at a step: analemma show {run_id} STEP{place.flag}", markup=False
    )


def verify(
    run_id: RunArgument,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Check that what a run stored is what was written.

    Every byte is read; what is broken is named, and the exit code is 1.
    """
    with open_place(options.home(home), cloud) as place:
        record = _run(place, run_id)
        pages = place.machine.pages(place.owner)
        report = verify_run(place.machine.records, pages, place.owner, run_id)
        report = _with_input(report, pages, record)
    if as_json:
        outcome.console.print_json(data=dataclasses.asdict(report) | {"ok": report.ok})
    elif report.ok:
        outcome.console.print(
            f"[green]verified[/]  {run_id}: {report.entries} entries, "
            f"{report.writes} task records, {report.pages} pages"
        )
    else:
        for finding in report.findings:
            outcome.console.print(
                f"broken {finding.broken}: entry {finding.number} of "
                f"{finding.namespace or 'the root graph'}: {finding.detail}",
                style="red",
                markup=False,
            )
    raise typer.Exit(0 if report.ok else 1)


def _run(place: Place, run_id: str) -> RunRecord:
    return ProcessTable(place.machine.records).get(place.owner, run_id).record


def _with_input(
    report: VerifyReport, pages: PageStore, record: RunRecord
) -> VerifyReport:
    """Return the report with what became of the run's input."""
    try:
        read = check_value(pages, record.input_ref)
    except Corrupt as error:
        found = Finding(Broken.PAGE, "", 0, layout.RECORD, f"the run's input: {error}")
        return dataclasses.replace(report, findings=(*report.findings, found))
    return dataclasses.replace(report, pages=report.pages + read)


def _what(moment: Moment) -> str:
    if moment.slice_label is not None:
        return f"— {moment.slice_label}"
    nodes = ", ".join(
        name if count == 1 else f"{name} x {count}"
        for name, count in moment.nodes.items()
    )
    parts = [nodes or moment.source or ""]
    if moment.open_tasks:
        parts.append(f"({moment.open_tasks} parked or failed on the way)")
    if moment.checkpoint_id is None:
        parts.append("(not sealed yet)")
    return " ".join(part for part in parts if part)
