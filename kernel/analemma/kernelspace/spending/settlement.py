"""Settle what runs that are over, or that nobody resumed, still hold of shared limits.

A run's next slice does this for its own dead processes. A run that has none any more
would hold its part for ever, so a sweep does it.
"""

from datetime import datetime, timedelta

from analemma.errors import RunNotFound
from analemma.hardware.ports import Record, RecordConflict
from analemma.ids import Owner
from analemma.kernelspace import layout
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.spending.scopes import parse_counter
from analemma.records.spending import Counter, Hold

_KEPT = timedelta(days=31)
"""How long the counter of a day is kept."""


def settle_abandoned(machine: Machine, owner: Owner, *, dry_run: bool = False) -> int:
    """Settle the holds of an owner's runs that are over; return how many there were.

    A run is over when it is gone, or when nobody has written its record for
    ``admission.abandoned_after_seconds``: also one that ended may have a worker yet.
    What its ledger does not tell counts as its bound. Counters of days long past
    are deleted.

    Raises:
        Corrupt: a counter is not what was written.
    """
    settled = 0
    for record in list(machine.records.query(layout.SHARED_BUDGETS)):
        if _is_past(record, machine.clock.now()):
            if not dry_run:
                machine.records.delete(record.partition, record.sort)
            continue
        counter = before = parse_counter(record)
        for name, hold in before.holds.items():
            if hold.owner == owner and _is_over(machine, hold):
                counter = _settled(machine, counter, name, hold)
        over = len(before.holds) - len(counter.holds)
        if over and (dry_run or _put(machine, record, counter)):
            settled += over
    return settled


def _settled(machine: Machine, counter: Counter, name: str, hold: Hold) -> Counter:
    ledger = Ledger(machine.records, hold.owner, hold.run_id, "sweep")
    ledger.load()
    told = hold.told(*ledger.of_writer(name))
    return counter.with_hold(name, told).without(name)


def _put(machine: Machine, record: Record, counter: Counter) -> bool:
    """Write what was settled; a counter that changed meanwhile is for next time."""
    body = counter.model_dump_json(exclude_defaults=True).encode()
    try:
        machine.records.put(
            record.partition, record.sort, body, expected=record.revision
        )
    except RecordConflict:
        return False
    return True


def _is_over(machine: Machine, hold: Hold) -> bool:
    try:
        record = ProcessTable(machine.records).get(hold.owner, hold.run_id).record
    except RunNotFound:
        return True
    idle = (machine.clock.now() - record.updated_at).total_seconds()
    return idle > machine.policy.admission.abandoned_after_seconds


def _is_past(record: Record, now: datetime) -> bool:
    day = layout.shared_budget_names(record.sort)[-1]
    return day.isascii() and day[:1].isdigit() and day < f"{now - _KEPT:%Y-%m-%d}"
