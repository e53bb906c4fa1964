"""The verbs ``approvals``, ``approve`` and ``reject``."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from analemma.entrypoints.cli import options, outcome
from analemma.entrypoints.cli.place import Place, open_place
from analemma.kernelspace.interrupts.approvals import Answer, ApprovalDesk
from analemma.kernelspace.interrupts.inbox import find_approval, open_approvals
from analemma.records.approval import ApprovalRecord
from analemma.wiring import task_tokens

ApprovalArgument = Annotated[
    str, typer.Argument(metavar="APPROVAL", help="As `analemma approvals` shows it.")
]


def approvals(
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what waits for a person."""
    with open_place(options.home(home), cloud) as place:
        waiting = list(open_approvals(place.machine, place.owner))
    if as_json:
        outcome.console.print_json(data=[outcome.public(each) for each in waiting])
        return
    if not waiting:
        outcome.console.print("nothing waits for a person")
        return
    for each in waiting:
        _print_question(each, place)


def approve(
    approval_id: ApprovalArgument,
    edit: Annotated[
        str | None,
        typer.Option(
            "--edit",
            metavar="JSON",
            help=(
                "Hand the node exactly this instead of true: JSON, @file, or - for "
                "standard input."
            ),
            show_default=False,
        ),
    ] = None,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Say yes: the node that asked goes on.

    It gets true, or exactly the JSON of --edit.
    """
    value: Any = None if edit is None else options.json_argument(edit, "--edit")
    answer = Answer(
        approved=True, by=options.person(), edited=edit is not None, edit=value
    )
    _answer(approval_id, answer, cloud=cloud, home=home, as_json=as_json)


def reject(
    approval_id: ApprovalArgument,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Kept with the answer.", show_default=False),
    ] = None,
    cloud: options.Cloud = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Say no: the node that asked goes on with false."""
    answer = Answer(approved=False, by=options.person(), reason=reason)
    _answer(approval_id, answer, cloud=cloud, home=home, as_json=as_json)


def _answer(
    approval_id: str,
    answer: Answer,
    *,
    cloud: str | None,
    home: Any,  # options.Home, which typer has to see whole
    as_json: bool,
) -> None:
    with open_place(options.home(home), cloud) as place:
        found = find_approval(place.machine, place.owner, approval_id)
        answered = ApprovalDesk(place.machine.records, place.owner).answer(
            found.run_id, approval_id, answer, place.machine.clock.now()
        )
        _release(place, answered)
    if as_json:
        outcome.console.print_json(data=outcome.public(answered))
        return
    outcome.console.print(f"{answered.status}  {approval_id} of {answered.run_id}")
    if place.cloud is None:
        outcome.console.print(f"go on: analemma resume {answered.run_id}")
    else:
        outcome.console.print(
            f"watch it: analemma status {answered.run_id} --follow{place.flag}",
            markup=False,
        )


def _release(place: Place, answered: ApprovalRecord) -> None:
    """End the wait in the cloud. A token that comes later is ended by its park."""
    if place.cloud is not None and answered.task_token is not None:
        task_tokens(place.cloud).release(answered.task_token)


def _print_question(approval: ApprovalRecord, place: Place) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_row("approval", approval.approval_id)
    table.add_row("run", approval.run_id)
    table.add_row("node", approval.node)
    table.add_row("since", f"{approval.created_at:%Y-%m-%d %H:%M:%S} UTC")
    outcome.console.print(table, markup=False)
    question = json.dumps(approval.question, indent=2, ensure_ascii=False)
    outcome.console.print(question, markup=False)
    outcome.console.print(
        f"answer: analemma approve {approval.approval_id}{place.flag}\n"
        f"    or: analemma reject {approval.approval_id}{place.flag} --reason TEXT\n",
        markup=False,
    )
