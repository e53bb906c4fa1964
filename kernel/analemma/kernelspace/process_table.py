"""The process table: every run's record, read and written under its revision.

Written twice a slice, never by two slices at once: whoever holds an older
revision gets ``LeaseLost`` and stops.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from analemma.errors import Corrupt, KeyReused, LeaseLost, RunNotFound
from analemma.hardware.ports import ABSENT, Record, RecordConflict, RecordStore
from analemma.kernelspace import layout
from analemma.records.run import RunRecord
from analemma.records.transition import RUN_ID_PATTERN


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run record and the revision under which it may be changed."""

    record: RunRecord
    revision: int


class ProcessTable:
    """The runs of all owners; every call names the owner it acts for."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    def admit(self, record: RunRecord) -> tuple[StoredRun, bool]:
        """Store a new run; return it and whether it is new.

        Idempotent: a run of the same id, workflow and input is returned as it
        stands now. The listing entry is written first, so a run that exists can
        always be found; an entry that no run answers to is skipped by ``list``.

        Raises:
            KeyReused: the id exists with another workflow or another input.
        """
        partition = layout.run_partition(record.owner, record.run_id)
        if self._records.get(partition, layout.RECORD) is None:
            self._records.put(
                layout.runs_partition(record.owner), listing_of(record), b""
            )
        body = _encode(record)
        try:
            revision = self._records.put(
                partition, layout.RECORD, body, expected=ABSENT
            )
        except RecordConflict as conflict:
            if conflict.current is None:
                raise LeaseLost(
                    f"run {record.run_id}: removed while admitting"
                ) from None
            stored = _decode(conflict.current)
            if not _same_request(stored.record, record):
                raise _reused(record) from None
            return stored, stored.revision == 1 and conflict.current.body == body
        return StoredRun(record, revision), True

    def check_key(self, record: RunRecord) -> None:
        """Refuse what ``admit`` would refuse; to be asked before a page is stored.

        Raises:
            KeyReused: the id exists with another workflow or another input.
        """
        found = self._records.get(
            layout.run_partition(record.owner, record.run_id), layout.RECORD
        )
        if found is not None and not _same_request(_decode(found).record, record):
            raise _reused(record)

    def get(self, owner: str, run_id: str) -> StoredRun:
        """Return the run as it stands.

        Raises:
            RunNotFound: this owner has no such run.
        """
        named = re.fullmatch(RUN_ID_PATTERN, run_id)
        found = named and self._records.get(
            layout.run_partition(owner, run_id), layout.RECORD
        )
        if found is None:
            raise RunNotFound(
                f"no run {run_id[:64]!r} of owner {owner!r}; "
                "`analemma list` shows the runs there are"
            )
        return _decode(found)

    def replace(self, stored: StoredRun, record: RunRecord) -> StoredRun:
        """Write ``record`` over ``stored``; return what is stored now.

        Raises:
            LeaseLost: somebody else changed the run since it was read.
        """
        body = _encode(record)
        try:
            revision = self._records.put(
                layout.run_partition(record.owner, record.run_id),
                layout.RECORD,
                body,
                expected=stored.revision,
            )
        except RecordConflict as conflict:
            if conflict.current is not None and conflict.current.body == body:
                # Our own write, applied before its answer was lost.
                return StoredRun(record, conflict.current.revision)
            raise LeaseLost(
                f"run {record.run_id}: another writer changed its record; "
                "this one stops"
            ) from None
        return StoredRun(record, revision)

    def list(self, owner: str, *, limit: int | None = None) -> Iterator[RunRecord]:
        """Yield the owner's runs, the last admitted first."""
        entries = self._records.query(layout.runs_partition(owner), descending=True)
        yielded = 0
        for entry in entries:
            if limit is not None and yielded >= limit:
                return
            run_id = layout.listed_run(entry.sort)
            found = self._records.get(
                layout.run_partition(owner, run_id), layout.RECORD
            )
            if found is None:
                continue  # its admission died, and may yet be repeated
            record = _decode(found).record
            # Two admissions by one key may both have written an entry.
            if listing_of(record) == entry.sort:
                yielded += 1
                yield record


def listing_of(record: RunRecord) -> str:
    """Return the sort key of a run in its owner's listing."""
    return layout.listing_sort(record.created_at, record.run_id)


def _same_request(stored: RunRecord, asked: RunRecord) -> bool:
    return (
        stored.input_ref == asked.input_ref
        and stored.workflow.target == asked.workflow.target
    )


def _reused(record: RunRecord) -> KeyReused:
    return KeyReused(
        f"key {record.key!r} already admitted run {record.run_id} with another "
        "workflow or input; choose another key"
    )


def _encode(record: RunRecord) -> bytes:
    return record.model_dump_json(exclude_none=True).encode()


def _decode(record: Record) -> StoredRun:
    try:
        run = RunRecord.model_validate_json(record.body)
    except ValidationError as error:
        raise Corrupt(
            f"record {record.partition} is not a run record: "
            f"{error.error_count()} errors, the first at {error.errors()[0]['loc']}"
        ) from None
    return StoredRun(run, record.revision)
