"""Delete what nothing names any more, beside running writers.

Three rules make it safe. Who stores a page names it within minutes, and storing
makes a page young; only pages that nobody stored for the policy's grace are
deleted. What is named is read from every record of the owner, forwards, so that
a checkpoint moved on meanwhile is met later. And a record that cannot be read
stops the sweep before anything is deleted: what it names is not known.

Runs that ended longer ago than the policy keeps them go before the pages, each
newest record first, then its run record, then its listing: whatever a sweep that
was cut short leaves of a run, the next one finds and deletes.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from analemma.errors import Corrupt, RunNotFound
from analemma.hardware.ports import PageStore, Record, RecordStore
from analemma.ids import Owner, PageId
from analemma.kernelspace.layout import (
    RECORD,
    listed_run,
    listing_sort,
    run_in,
    run_partition,
    run_partitions,
    runs_partition,
)
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.memory.marks import Marks, mark_run
from analemma.kernelspace.process_table import ProcessTable, listing_of
from analemma.kernelspace.spending.settlement import settle_abandoned
from analemma.records.run import RunRecord


class Why(StrEnum):
    """Why something is deleted."""

    RUN_EXPIRED = "its run ended too long ago"
    NAMED_BY_NOTHING = "no record names it"


@dataclass(frozen=True, slots=True)
class SweptPage:
    """A page that is deleted. ``stored_at`` is aware UTC."""

    id: PageId
    size_bytes: int
    stored_at: datetime
    why: Why


@dataclass(frozen=True, slots=True)
class SweptRun:
    """A run that is deleted with its records."""

    run_id: str
    ended_at: datetime
    records: int


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep did, or would do.

    ``young_pages`` are named by nothing as well, but were stored too recently.
    ``settled_holds`` is what dead slices and workers held of limits that runs share.
    """

    dry_run: bool
    runs: tuple[SweptRun, ...]
    pages: tuple[SweptPage, ...]
    kept_pages: int
    kept_bytes: int
    young_pages: int
    scanned_records: int
    settled_holds: int = 0

    @property
    def freed_bytes(self) -> int:
        """The bytes of the deleted pages."""
        return sum(page.size_bytes for page in self.pages)


def sweep(
    machine: Machine,
    owner: Owner,
    *,
    dry_run: bool = False,
    on_progress: Callable[[str], None] = lambda _: None,
) -> SweepReport:
    """Delete an owner's expired runs and the pages that nothing names.

    Args:
        machine: Whose policy says how long things are kept.
        owner: Whose runs and pages.
        dry_run: Only say what would be deleted.
        on_progress: Told what is being done, a line at a time.

    Raises:
        Corrupt: a record of a run that stays cannot be read; nothing was deleted,
            or, if that run was to go and was taken up again meanwhile, no page.
        StoreUnavailable: a store did not answer; safe to repeat.
    """
    retention = machine.policy.retention
    now = machine.clock.now()
    pages = machine.pages(owner)
    past = _Past([], [])
    if retention.ended_runs_days is not None:
        on_progress("looking for runs that ended long ago")
        before = now - timedelta(days=retention.ended_runs_days)
        past = _past(machine.records, owner, before)
    settled = settle_abandoned(machine, owner, dry_run=dry_run)
    on_progress("reading what the runs name")
    marks, expired = Marks(pages), Marks(pages)
    gone = {record.run_id for record in past.runs}
    scanned = _mark(machine.records, owner, marks, expired, gone)
    runs = _expire(machine.records, owner, past, marks, dry_run=dry_run)
    on_progress("looking through the pages")
    report = _sweep_pages(
        pages,
        marks.live,
        expired.live,
        before=now - timedelta(hours=retention.page_grace_hours),
        report=SweepReport(dry_run, runs, (), 0, 0, 0, scanned),
    )
    return replace(report, settled_holds=settled)


def _mark(
    records: RecordStore, owner: Owner, marks: Marks, expired: Marks, gone: set[str]
) -> int:
    """Mark what runs name; what those that are to go name is marked apart.

    That only tells why a page goes, so a record that cannot be read may go too.
    """
    scanned = 0
    found = records.scan(run_partitions(owner))
    for partition, group in groupby(found, key=_partition):
        if run_in(partition) not in gone:
            scanned += mark_run(records, partition, group, marks)
            continue
        with contextlib.suppress(Corrupt):
            scanned += mark_run(records, partition, group, expired)
    return scanned


def _sweep_pages(
    pages: PageStore,
    live: set[PageId],
    expired: set[PageId],
    *,
    before: datetime,
    report: SweepReport,
) -> SweepReport:
    swept: list[SweptPage] = []
    kept = kept_bytes = young = 0
    for page in pages.list():
        if page.id in live:
            kept += 1
            kept_bytes += page.size_bytes
        elif page.stored_at >= before:
            young += 1
        elif report.dry_run or pages.delete(page.id, stored_before=before):
            why = Why.RUN_EXPIRED if page.id in expired else Why.NAMED_BY_NOTHING
            swept.append(SweptPage(page.id, page.size_bytes, page.stored_at, why))
        else:
            young += 1  # somebody stored it again since it was listed
    return SweepReport(
        dry_run=report.dry_run,
        runs=report.runs,
        pages=tuple(swept),
        kept_pages=kept,
        kept_bytes=kept_bytes,
        young_pages=young,
        scanned_records=report.scanned_records,
    )


@dataclass(frozen=True, slots=True)
class _Past:
    """What is past its retention: ended runs, and listings that name no run."""

    runs: list[RunRecord]
    listings: list[str]


def _past(records: RecordStore, owner: Owner, before: datetime) -> _Past:
    table, past = ProcessTable(records), _Past([], [])
    for entry in records.query(runs_partition(owner)):
        try:
            record = table.get(owner, listed_run(entry.sort)).record
        except RunNotFound:
            # What is younger may be an admission that has not come to its record.
            if entry.sort < listing_sort(before, ""):
                past.listings.append(entry.sort)
            continue
        is_listing = entry.sort == listing_of(record)
        if is_listing and record.status.ended and record.updated_at < before:
            past.runs.append(record)
    return past


def _expire(
    records: RecordStore, owner: Owner, past: _Past, marks: Marks, *, dry_run: bool
) -> tuple[SweptRun, ...]:
    """Delete what is past; a run that was taken up again stays and is marked."""
    swept: list[SweptRun] = []
    for record in past.runs:
        partition = run_partition(owner, record.run_id)
        if not _is_unchanged(records, record):
            mark_run(records, partition, records.query(partition), marks)
            continue
        sorts = [each.sort for each in records.query(partition, descending=True)]
        swept.append(SweptRun(record.run_id, record.updated_at, len(sorts)))
        if not dry_run:
            for sort in sorts:
                if sort != RECORD:
                    records.delete(partition, sort)
            records.delete(partition, RECORD)
            records.delete(runs_partition(owner), listing_of(record))
    if not dry_run:
        for sort in past.listings:
            records.delete(runs_partition(owner), sort)
    return tuple(swept)


def _is_unchanged(records: RecordStore, record: RunRecord) -> bool:
    try:
        return ProcessTable(records).get(record.owner, record.run_id).record == record
    except RunNotFound:
        return False


def _partition(record: Record) -> str:
    return record.partition
