"""Say how a run stands, for people or as JSON, and which exit code that is."""

import json
import math
from typing import Any

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.markup import escape

from analemma.entrypoints.cli.place import Place
from analemma.ids import PageId
from analemma.kernelspace.interrupts.approvals import ApprovalDesk
from analemma.kernelspace.spending.scopes import THE_RUN
from analemma.records.approval import ApprovalRecord, ApprovalStatus
from analemma.records.run import RunRecord, RunStatus
from analemma.records.spending import Refusal
from analemma.records.transition import Terminated, TerminationReason

_EXIT = {
    RunStatus.DONE: 0,
    RunStatus.FAILED: 1,
    RunStatus.TERMINATED: 1,
    RunStatus.WAITING: 3,
}

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended, as shells have it."""

console = Console(highlight=False, soft_wrap=True, emoji=False)


def exit_code(record: RunRecord) -> int:
    """Return the exit code that a run's state stands for."""
    return _EXIT.get(record.status, 0)


def as_json(value: object) -> Any:
    """Return ``value`` as JSON-able data; what JSON cannot hold as its ``repr``.

    Bytes become base64, numbers that are none (NaN, infinity) their names. Any:
    whatever JSON can say.
    """
    try:
        text = to_json(
            value, fallback=repr, bytes_mode="base64", inf_nan_mode="strings"
        )
    except ValueError:  # text that UTF-8 cannot hold
        return repr(value)
    return json.loads(text)


def report(place: Place, record: RunRecord, *, as_document: bool) -> None:
    """Print how the run stands and what to do next; leave with its exit code."""
    waiting = _open(place, record)
    if as_document:
        document = record.model_dump(mode="json", exclude_none=True)
        document["waits_for"] = [public(approval) for approval in waiting]
        console.print_json(data=document)
    else:
        for line in _lines(place, record, waiting):
            console.print(line)
    raise typer.Exit(exit_code(record))


def say_stopped(place: Place, record: RunRecord) -> None:
    """Tell, on standard error, whoever pressed Ctrl-C what has become of the run."""
    run, flag = record.run_id, escape(place.flag)
    if place.cloud is None:
        text = f"stopped; go on: analemma resume {run}{flag}"
    else:
        text = f"the run goes on; watch it: analemma status {run} --follow{flag}"
    typer.echo(text, err=True)


def public(approval: ApprovalRecord) -> dict[str, Any]:
    """Return an approval without its task token, which is a secret."""
    return approval.model_dump(mode="json", exclude={"task_token"}, exclude_none=True)


def _open(place: Place, record: RunRecord) -> list[ApprovalRecord]:
    if record.status is not RunStatus.WAITING:
        return []
    desk = ApprovalDesk(place.machine.records, place.owner)
    return [
        approval
        for approval in desk.of_run(record.run_id)
        if approval.status is ApprovalStatus.OPEN
    ]


def _lines(place: Place, record: RunRecord, waiting: list[ApprovalRecord]) -> list[str]:
    run, flag = record.run_id, escape(place.flag)
    used = record.used
    spent = ", ".join(
        [
            _counted(used.supersteps, "superstep"),
            _counted(record.slices, "slice"),
            f"{used.seconds:.1f} s",
            *([_counted(used.tokens, "token")] if used.tokens else []),
            *([_tolerated(record.tolerated.tasks)] if record.tolerated else []),
        ]
    )
    match record.status:
        case RunStatus.DONE:
            return [
                f"[green]done[/]  {run}  ({spent})",
                f"      result: analemma show {run}{flag}",
            ]
        case RunStatus.FAILED:
            cause = "unknown" if record.failure is None else record.failure.sentence()
            return [
                f"[red]failed[/]  {run}  ({spent})",
                f"        {escape(cause)}",
                f"        go on from here: analemma resume {run}{flag}",
            ]
        case RunStatus.TERMINATED:
            return [
                f"[yellow]terminated[/]  {run}  ({spent})",
                f"            {escape(_termination(record, _refusal(place, record)))}",
                _next_after_termination(record, _refusal(place, record), flag),
            ]
        case RunStatus.WAITING:
            return [
                f"[yellow]waiting[/]  {run}  ({spent})",
                *(
                    f"         node {escape(each.node)!r} asks: "
                    f"analemma approve {each.approval_id}{flag}"
                    for each in waiting
                ),
                *(() if waiting else (_next_after_answers(place, run, flag),)),
            ]
        case RunStatus.ADMITTED | RunStatus.QUEUED | RunStatus.RUNNING:
            lines = [
                f"[cyan]{record.status}[/]  {run}  ({spent})",
                f"         watch it: analemma status {run} --follow{flag}",
            ]
            if place.cloud is None:
                lines.append(
                    f"         if its process is gone: analemma resume {run}{flag}"
                )
            return lines


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _tolerated(tasks: int) -> str:
    return f"{_counted(tasks, 'failed task')} tolerated"


def _refusal(place: Place, record: RunRecord) -> Refusal | None:
    """Return which call did not fit which limit, if that ended the run."""
    transition = record.transition
    if not isinstance(transition, Terminated):
        return None
    page = place.machine.pages(place.owner).get(PageId(transition.ref))
    found = json.loads(page).get("refusal")
    return None if found is None else Refusal.model_validate(found)


def _termination(record: RunRecord, refusal: Refusal | None) -> str:
    transition = record.transition
    if not isinstance(transition, Terminated):
        return "ended by a guard"
    if refusal is not None:
        return refusal.sentence()
    reason = transition.reason.value
    if transition.reason is TerminationReason.CANCELLED:
        return "a person ended it"
    limit = getattr(record.budget, reason, None)
    if limit is None:
        return f"ended: {reason}"
    used = getattr(record.used, reason)
    return f"its budget of {limit} {reason} is used up ({used:.0f} used)"


def _next_after_answers(place: Place, run: str, flag: str) -> str:
    if place.cloud is None:
        return f"         everything is answered; go on: analemma resume {run}{flag}"
    return (
        f"         everything is answered; watch it: "
        f"analemma status {run} --follow{flag}"
    )


def _next_after_termination(
    record: RunRecord, refusal: Refusal | None, flag: str
) -> str:
    transition = record.transition
    if refusal is not None and refusal.scope != THE_RUN:
        return (
            f"            when its limit is raised (the policy's limits): "
            f"analemma resume {record.run_id}{flag}"
        )
    if isinstance(transition, Terminated):
        reason = transition.reason.value
        if transition.reason is TerminationReason.CANCELLED:
            return f"            go on: analemma resume {record.run_id}{flag}"
        limit = getattr(record.budget, reason, None)
        if limit is not None:
            # A superstep can use more than was left, even many times more.
            enough = 2 * max(limit, math.ceil(getattr(record.used, reason)))
            if refusal is not None:
                needed = refusal.spent + refusal.unknown + refusal.wanted
                enough = max(enough, needed)
            return (
                f"            go on: analemma resume {record.run_id} "
                f"--budget {reason}={enough}{flag}"
            )
    return f"            see: analemma timeline {record.run_id}{flag}"
