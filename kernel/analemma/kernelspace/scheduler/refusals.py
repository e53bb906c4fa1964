"""How a slice learns that a model call of its workers was refused.

A task whose call is refused ends without a word, like one whose worker died. So the
worker leaves a note, and the join neither takes its tasks for lost nor gives them
out again in vain.
"""

from pydantic import ValidationError

from analemma.errors import Corrupt
from analemma.hardware.ports import RecordStore
from analemma.kernelspace import layout
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.spending.purse import Purse
from analemma.kernelspace.spending.scopes import MONEY
from analemma.records.run import RunRecord
from analemma.records.spending import Refusal


def leave_note(records: RecordStore, record: RunRecord, refusal: Refusal) -> None:
    """Note that tasks of the run's fan-out were stopped; the last note stays."""
    partition = layout.run_partition(record.owner, record.run_id)
    body = refusal.model_dump_json().encode()
    records.put(partition, layout.BUDGET_REFUSAL, body)


def take_refusal(
    machine: Machine, record: RunRecord, purse: Purse, rounds: int
) -> Refusal | None:
    """Return why the workers' tasks cannot go on; None: nothing speaks against it.

    Forgets the note. What was refused is looked at again, since all workers have
    ended: what they held may be free now, or a person may have raised the limit.
    After the last of ``rounds`` the refusal stands. No store call where nothing is
    limited, one read where nothing was noted.

    Raises:
        Corrupt: the record is no note.
    """
    if not purse.limits(*MONEY):
        return None
    noted = _take_note(machine.records, record)
    if noted is None:
        return None
    last = rounds >= machine.policy.fan_out.max_rounds
    return purse.still_refused(noted) or (noted if last else None)


def _take_note(records: RecordStore, record: RunRecord) -> Refusal | None:
    partition = layout.run_partition(record.owner, record.run_id)
    found = records.get(partition, layout.BUDGET_REFUSAL)
    if found is None:
        return None
    try:
        refusal = Refusal.model_validate_json(found.body)
    except ValidationError as error:
        raise Corrupt(
            f"record {partition} {layout.BUDGET_REFUSAL} is no refusal: "
            f"{error.error_count()} errors, the first at {error.errors()[0]['loc']}"
        ) from None
    records.delete(partition, layout.BUDGET_REFUSAL)
    return refusal
