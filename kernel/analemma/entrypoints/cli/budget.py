"""The verb ``budget``: what is spent of every limit, and what is left."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from analemma.entrypoints.cli import options, outcome
from analemma.entrypoints.cli.place import Place, open_place
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.spending.scopes import Scope, run_counter, shared_scopes
from analemma.records.budget import Amount
from analemma.records.run import RunRecord
from analemma.records.spending import Counter
from analemma.records.transition import TerminationReason

_MS = 1000

Row = dict[str, Any]
"""One limit of one scope. Any: a name, or a number in the unit of the limit."""


def budget(
    run_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="A run, to see its own limits too.",
            show_default=False,
        ),
    ] = None,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what is spent of every limit: of the environment, workflows, a run.

    Reserved is what calls on their way may take at most; unknown, what calls may
    have taken that ended without a word. Limits of a run are raised with `resume
    --budget`, those that runs share in the policy's `limits`.
    """
    with open_place(options.home(home), cloud) as place:
        rows = _rows_of_run(place, run_id) if run_id else []
        now = place.machine.clock.now()
        limits = place.machine.policy.limits
        for scope, counter in shared_scopes(place.machine.records, limits, now):
            rows += _rows(scope, counter)
    if as_json:
        outcome.console.print_json(data=rows)
    elif rows:
        outcome.console.print(_table(rows))
    else:
        outcome.console.print("nothing is limited that runs share", markup=False)


def _rows_of_run(place: Place, run_id: str) -> list[Row]:
    records = place.machine.records
    record = ProcessTable(records).get(place.owner, run_id).record
    scope, counter = run_counter(records, record)
    return _rows(scope, _with_used(counter, record))


def _with_used(counter: Counter, record: RunRecord) -> Counter:
    """Add what the run's record counts, and not its counter.

    Of tokens the larger: where they are not limited there is no counter.
    """
    used = Amount(
        supersteps=record.used.supersteps,
        milliseconds=round(record.used.seconds * _MS),
        tokens=record.used.tokens,
        micro_usd=record.used.micro_usd,
    )
    return counter.model_copy(update={"settled": counter.settled.at_least(used)})


def _rows(scope: Scope, counter: Counter) -> list[Row]:
    return [
        {
            "scope": scope.name,
            "since": scope.since or None,
            "budget": reason.value,
            "limit": limit,
            "spent": _in_units(counter.settled, reason),
            "reserved": _in_units(counter.held, reason),
            "unknown": _in_units(counter.unknown, reason),
            "left": max(0, limit - _in_units(counter.spent, reason)),
        }
        for reason, limit in scope.limit.limits()
    ]


def _in_units(amount: Amount, reason: TerminationReason) -> int:
    part = amount.of(reason)
    return -(-part // _MS) if reason is TerminationReason.SECONDS else part


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("scope")
    table.add_column("budget", no_wrap=True)
    for name in ("limit", "spent", "reserved", "unknown", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        since = f", {row['since']}" if row["since"] else ""
        figures = [f"{row[name]:,}" for name in ("limit", "spent", "reserved")]
        figures += [f"{row[name]:,}" for name in ("unknown", "left")]
        table.add_row(escape(f"{row['scope']}{since}"), row["budget"], *figures)
    return table
