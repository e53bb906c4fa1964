"""Cancel a run: fence whoever writes it, then write down that it ended.

Nobody polls. The claim refuses every checkpoint of the slice that runs now, so it
stops at its next superstep; workers ask the run's record before each batch.
"""

import json

from analemma.errors import LeaseLost, RunFinished
from analemma.ids import Owner
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.process_table import ProcessTable
from analemma.records.run import RunRecord, RunStatus
from analemma.records.transition import Terminated, TerminationReason

_TRIES = 10


def cancel(
    machine: Machine, *, owner: Owner, run_id: str, by: str, reason: str | None = None
) -> RunRecord:
    """End a run at its last sealed superstep; return its record.

    What it has done stays: a person may go on from there (``admission.reopen``).
    A run that has ended is left as it is.

    Args:
        machine: What the kernel runs on.
        owner: Who the run belongs to.
        run_id: Which run.
        by: Who cancels it.
        reason: Why, for the evidence.

    Raises:
        RunNotFound: this owner has no such run.
        RunFinished: the run is done or has failed.
        LeaseLost: slices kept changing the record; safe to repeat.
    """
    table = ProcessTable(machine.records)
    pages = machine.pages(owner)
    for _ in range(_TRIES):
        stored = table.get(owner, run_id)
        record = stored.record
        if record.status is RunStatus.TERMINATED:
            return record
        if record.status.ended:
            raise RunFinished(
                f"run {run_id} has ended: {record.status}; nothing is left to cancel"
            )
        writer = f"cancel-{machine.ids.run_id()[-8:]}"
        saver = PagedSaver(
            machine.records, pages, owner=owner, writer=writer, clock=machine.clock
        )
        saver.claim(run_id, f"cancelled by {by}")
        now = machine.clock.now()
        evidence = {
            "reason": TerminationReason.CANCELLED,
            "by": by,
            "why": reason,
            "at": now.isoformat(),
        }
        ref = pages.put(json.dumps(evidence).encode())
        ended = Terminated(
            run_id=run_id, owner=owner, reason=TerminationReason.CANCELLED, ref=ref
        )
        changes = {
            "status": RunStatus.TERMINATED,
            "transition": ended,
            "opened_at": None,
            "updated_at": now,
        }
        try:
            return table.replace(stored, record.model_copy(update=changes)).record
        except LeaseLost:
            continue  # a slice opened or sealed it meanwhile
    raise LeaseLost(f"run {run_id}: its record keeps changing; cancel it again")
