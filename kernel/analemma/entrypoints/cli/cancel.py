"""The verb ``cancel``."""

from typing import Annotated

import typer

from analemma.entrypoints.cli import options, outcome
from analemma.entrypoints.cli.inspect import RunArgument
from analemma.entrypoints.cli.place import open_place
from analemma.kernelspace.cancellation import cancel as cancel_run
from analemma.wiring import state_machine


def cancel(
    run_id: RunArgument,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Why; kept with the run.", show_default=False),
    ] = None,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """End a run at its last sealed superstep, wherever it runs.

    No slice of it can write any more, and no worker takes a batch of it. What it
    has done stays; `analemma resume` goes on from there.
    """
    with open_place(options.home(home), cloud) as place:
        record = cancel_run(
            place.machine,
            owner=place.owner,
            run_id=run_id,
            by=options.person(),
            reason=reason,
        )
        if place.cloud is not None:
            state_machine(place.cloud).stop(run_id=run_id, generation=record.generation)
        if as_json:
            outcome.console.print_json(record.model_dump_json(exclude_none=True))
            return
        outcome.console.print(
            f"cancelled {run_id}; what it has done stays\n"
            f"go on: analemma resume {run_id}{place.flag}",
            markup=False,
        )
