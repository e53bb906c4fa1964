"""The verbs ``run`` and ``resume``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from analemma.entrypoints.cli import execution, follow, options, outcome
from analemma.entrypoints.cli.place import Place, open_place
from analemma.entrypoints.logs import log_for_people
from analemma.kernelspace.admission import admit, reopen
from analemma.kernelspace.registry import WorkflowRegistry
from analemma.records.run import RunRecord, WorkflowRef
from analemma.userspace.targets import load_program, parse_target

Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Draw live progress until it rests.")
]


def run(
    target: Annotated[
        str,
        typer.Argument(
            help=(
                "module:attribute or path/to/file.py:attribute; with --cloud the "
                "name of a deployed workflow."
            )
        ),
    ],
    input_text: Annotated[
        str,
        typer.Option(
            "--input",
            "-i",
            help="The graph's input: JSON, @file, or - for standard input.",
        ),
    ] = "{}",
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="Running twice with one key gives one run.",
            show_default=False,
        ),
    ] = None,
    budget: options.BudgetText = None,
    follow_it: Follow = False,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """Run a LangGraph graph as a process that survives.

    On this machine the command drives the run until it ends or waits for a
    person; if it is killed, `analemma resume` goes on. In the cloud it starts
    the run and returns, unless --follow is given.
    """
    log_for_people(verbose=verbose)
    value = options.json_argument(input_text, "--input")
    limits = options.budget_argument(budget)
    # A target is loaded before a home is made: a typo leaves nothing behind.
    workflow = None if cloud else _local_workflow(target)
    place_home = options.home(home)
    with open_place(place_home, cloud, create=True) as place:
        if workflow is None:
            stack = "" if place.cloud is None else place.cloud.stack
            workflow = WorkflowRegistry(place.machine.records, stack).get(target)
        admission = admit(
            place.machine,
            owner=place.owner,
            workflow=workflow,
            value=value,
            key=key,
            budget=limits,
        )
        with _saying_stopped(place, admission.record):
            if not as_json:
                word = "run" if admission.fresh else "run, admitted before,"
                outcome.console.print(f"{word} {admission.record.run_id}")
            record = _move(
                place, admission.record, follow_it and not as_json, verbose=verbose
            )
        outcome.report(place, record, as_document=as_json)


def resume(
    run_id: Annotated[str, typer.Argument(help="The run to go on with.")],
    budget: options.BudgetText = None,
    follow_it: Follow = False,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """Go on with a run: killed, failed, stopped or answered.

    A run that its budget ended needs a larger one. Nothing that finished runs
    again; a task that failed is tried again.
    """
    log_for_people(verbose=verbose)
    limits = options.budget_argument(budget)
    with open_place(options.home(home), cloud) as place:
        record = reopen(
            place.machine,
            owner=place.owner,
            run_id=run_id,
            budget=limits,
            restart=execution.is_dead_there(place, run_id),
        )
        with _saying_stopped(place, record):
            record = _move(place, record, follow_it and not as_json, verbose=verbose)
        outcome.report(place, record, as_document=as_json)


def _local_workflow(target: str) -> WorkflowRef:
    parsed = parse_target(target)
    program = load_program(parsed)
    return WorkflowRef(name=program.name, target=str(parsed))


@contextmanager
def _saying_stopped(place: Place, record: RunRecord) -> Iterator[None]:
    """Tell whoever presses Ctrl-C how to go on; Typer would leave without a word."""
    try:
        yield
    except KeyboardInterrupt:
        outcome.say_stopped(place, record)
        raise typer.Exit(outcome.INTERRUPTED) from None


def _move(
    place: Place, record: RunRecord, follow_it: bool, *, verbose: bool
) -> RunRecord:
    if record.status.ended:
        return record
    if place.cloud is None:
        return _drive(place, record, follow_it, verbose=verbose)
    execution.start_there(place, record)
    return follow.in_cloud(place, record) if follow_it else record


def _drive(
    place: Place, record: RunRecord, follow_it: bool, *, verbose: bool
) -> RunRecord:
    def drive() -> RunRecord:
        return execution.drive_here(place, record, verbose=verbose)

    return follow.while_driving(place, record, drive) if follow_it else drive()
