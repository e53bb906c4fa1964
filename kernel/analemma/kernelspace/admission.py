"""Admit runs, and open ended ones again.

Admission makes the input durable and runs nothing: who admits a run need not
hold its code. With a key it is idempotent, because the key is the run's id.
"""

from dataclasses import dataclass
from typing import Any

from analemma.errors import InputInvalid, RunFinished
from analemma.ids import Owner, RunId, keyed_run_id
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.value_pages import value_page
from analemma.records.budget import Budget
from analemma.records.run import RunRecord, RunStatus, WorkflowRef

_MAX_KEY = 256


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted run. ``fresh`` is False when the key had admitted it before."""

    record: RunRecord
    fresh: bool


def admit(
    machine: Machine,
    *,
    owner: Owner,
    workflow: WorkflowRef,
    value: Any,
    key: str | None = None,
    budget: Budget | None = None,
) -> Admission:
    """Store a new run of ``workflow`` with input ``value``; execute nothing.

    Args:
        machine: What the kernel runs on.
        owner: Who the run belongs to.
        workflow: What it executes.
        value: The graph's input. Any, because a graph takes what it declares.
        key: Admitting twice with one key gives one run.
        budget: Limits that replace those of the environment's policy.

    Raises:
        InputInvalid: the key or the value cannot be stored.
        KeyReused: the key admitted another workflow or another input before.
    """
    if key is not None and not (key.isprintable() and 0 < len(key) <= _MAX_KEY):
        raise InputInvalid(
            f"key {key[:64]!r}: give 1 to {_MAX_KEY} printable characters"
        )
    run_id: RunId = keyed_run_id(owner, key) if key else machine.ids.run_id()
    now = machine.clock.now()
    limits = machine.policy.budget
    page = value_page(value, machine.serde)
    record = RunRecord(
        run_id=run_id,
        owner=owner,
        workflow=workflow,
        key=key,
        input_ref=page.ref,
        budget=limits if budget is None else limits.with_changes(budget),
        created_at=now,
        updated_at=now,
    )
    table = ProcessTable(machine.records)
    table.check_key(record)
    page.store(machine.pages(owner))
    stored, fresh = table.admit(record)
    return Admission(stored.record, fresh)


def reopen(
    machine: Machine,
    *,
    owner: Owner,
    run_id: str,
    budget: Budget | None = None,
    restart: bool = False,
) -> RunRecord:
    """Make a run ready to go on where it stands; return its record.

    A failed or terminated run becomes one that may be driven again, with the
    limits of ``budget`` replacing its own; a run that has not ended only gets
    the limits. Its state is not touched, and what finished is not run again.
    ``restart`` says that the run's execution is gone: it gets a new one.

    Raises:
        RunNotFound: this owner has no such run.
        RunFinished: the run is done.
        InputInvalid: a limit is used up and ``budget`` does not raise it.
        LeaseLost: a slice is sealing the run at this moment.
    """
    table = ProcessTable(machine.records)
    stored = table.get(owner, run_id)
    record = stored.record
    if record.status is RunStatus.DONE:
        raise RunFinished(
            f"run {run_id} is done; `analemma show {run_id}` prints its result"
        )
    limits = record.budget if budget is None else record.budget.with_changes(budget)
    if record.status is RunStatus.TERMINATED:
        _check_larger(record, limits)
    changes: dict[str, object] = {"budget": limits}
    if record.status.ended:
        changes |= {
            "status": RunStatus.ADMITTED,
            "transition": None,
            "failure": None,
            "attempts": None,
            "generation": record.generation + 1,
        }
    elif restart:
        changes["generation"] = record.generation + 1
    elif limits == record.budget:
        return record
    changes["updated_at"] = machine.clock.now()
    return table.replace(stored, record.model_copy(update=changes)).record


def _check_larger(record: RunRecord, limits: Budget) -> None:
    reason = limits.exceeded_by(record.used)
    if reason is None:
        return
    limit = getattr(limits, reason.value)
    used = getattr(record.used, reason.value)
    raise InputInvalid(
        f"run {record.run_id} has used {used:.0f} of {limit} {reason.value}; "
        f"go on with `analemma resume {record.run_id} --budget {reason.value}=N`, "
        f"N larger than {used:.0f}"
    )
