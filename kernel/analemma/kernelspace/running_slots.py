"""Slots and tickets: which runs run in a scope, and which wait for their turn.

A scope is what has a limit: an owner, or a workflow. Its partition:

    admission/owner/<owner>         slot/<number>               a slot
    admission/workflow/<workflow>   ticket/<time>/<owner>/<run> a run that waits

A slot is a record that is never deleted, only emptied: so its revision only
grows, and who takes or empties it does so to what it has read, or not at all.
There are as many as the limit says, which is why more runs than that cannot run.

A ticket says that a run waits and was seen at a time. It stands where the run's
admission puts it, however often it is written, and anybody may delete one that
has lapsed: a run that still waits writes it again, in the same place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from analemma.errors import Corrupt
from analemma.hardware.ports import ABSENT, Record, RecordConflict, RecordStore
from analemma.kernelspace.layout import after, listing_sort
from analemma.records.run import RunRecord

_SLOT = "slot/"
_TICKET = "ticket/"


@dataclass(frozen=True, slots=True)
class Scope:
    """What has a limit. ``partition`` is where its slots and tickets stand."""

    partition: str
    limit: int


def owner_scope(owner: str, limit: int) -> Scope:
    """Return the scope of one owner's runs."""
    return Scope(f"admission/owner/{quote(owner, safe='')}", limit)


def workflow_scope(workflow: str, limit: int) -> Scope:
    """Return the scope of one workflow's runs, whoever they belong to."""
    return Scope(f"admission/workflow/{quote(workflow, safe='')}", limit)


class Member(BaseModel):
    """A run in a scope."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    owner: str
    run_id: str

    def is_run(self, record: RunRecord) -> bool:
        """Say whether this is the run of ``record``."""
        return (self.owner, self.run_id) == (record.owner, record.run_id)

    @property
    def name(self) -> tuple[str, str]:
        """Owner and run."""
        return (self.owner, self.run_id)


class Holder(Member):
    """The run in a slot. ``slices`` is how many it had begun when it took it."""

    slices: int
    since: datetime


class Ticket(Member):
    """A run that waits. ``seen_at`` is when it last asked."""

    workflow: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot as it was read. ``holder`` None: it is empty."""

    number: int
    revision: int
    holder: Holder | None


_Body = TypeVar("_Body", bound=Member)


class RunningSlots:
    """The slots and the tickets of one scope."""

    def __init__(self, records: RecordStore, scope: Scope) -> None:
        self._records = records
        self._partition = scope.partition
        self.limit = scope.limit

    def read(self) -> list[Slot]:
        """Return every slot, also those that were never written. One query.

        More than the limit, if it was larger once and runs of then still run.
        """
        found = {
            slot.number: slot
            for slot in map(
                _slot,
                self._records.query(self._partition, low=_SLOT, high=after(_SLOT)),
            )
        }
        for number in range(self.limit):
            found.setdefault(number, Slot(number, ABSENT, None))
        return [found[number] for number in sorted(found)]

    def put(self, slot: Slot, holder: Holder | None) -> bool:
        """Write who holds ``slot`` now; False if somebody wrote it since."""
        body = b"" if holder is None else holder.model_dump_json().encode()
        sort = f"{_SLOT}{slot.number:05d}"
        try:
            self._records.put(self._partition, sort, body, expected=slot.revision)
        except RecordConflict as conflict:
            # Our own write, applied before its answer was lost; ``since`` is in it.
            current = conflict.current
            return holder is not None and current is not None and current.body == body
        return True

    def wait(self, record: RunRecord, now: datetime) -> None:
        """Write the run's ticket, or write it again."""
        ticket = Ticket(
            owner=record.owner,
            run_id=record.run_id,
            workflow=record.workflow.name,
            seen_at=now,
        )
        self._records.put(
            self._partition, ticket_sort(record), ticket.model_dump_json().encode()
        )

    def forget(self, record: RunRecord) -> None:
        """Delete the run's ticket, if it has one."""
        self._records.delete(self._partition, ticket_sort(record))

    def ahead(self, record: RunRecord, *, seen_since: datetime) -> Iterator[Ticket]:
        """Yield the runs that wait and were admitted before ``record``, in order.

        Lazy. A ticket that was not seen since then is deleted on the way.
        """
        own = ticket_sort(record)
        for found in self._records.query(self._partition, low=_TICKET, high=own):
            if found.sort == own:
                return
            ticket = _body(found, Ticket)
            if ticket.seen_at < seen_since:
                self._records.delete(self._partition, found.sort)
            else:
                yield ticket


def ticket_sort(record: RunRecord) -> str:
    """Return the sort key of a run's ticket: by admission."""
    moment, _, run_id = listing_sort(record.created_at, record.run_id).partition("/")
    return f"{_TICKET}{moment}/{record.owner}/{run_id}"


def _slot(record: Record) -> Slot:
    number = int(record.sort.removeprefix(_SLOT))
    holder = _body(record, Holder) if record.body else None
    return Slot(number, record.revision, holder)


def _body(record: Record, shape: type[_Body]) -> _Body:
    try:
        return shape.model_validate_json(record.body)
    except ValidationError as error:
        raise Corrupt(
            f"record {record.partition} {record.sort} is no {shape.__name__}: "
            f"{error.error_count()} errors, the first at {error.errors()[0]['loc']}"
        ) from None
