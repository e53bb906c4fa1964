"""The process table: admitted once, changed under a revision, listed in order."""

from datetime import timedelta

import pytest

from analemma.errors import Corrupt, KeyReused, LeaseLost, RunNotFound, StoreUnavailable
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace import layout
from analemma.kernelspace.process_table import ProcessTable
from analemma.records.run import RunStatus, WorkflowRef
from kernel_machines import HandClock, moved, run_record
from memory_stores import MemoryRecordStore


@pytest.fixture
def records() -> MemoryRecordStore:
    return MemoryRecordStore()


@pytest.fixture
def table(records: MemoryRecordStore) -> ProcessTable:
    return ProcessTable(records)


def listed(table: ProcessTable, **options: int) -> list[str]:
    return [record.run_id for record in table.list(LOCAL_OWNER, **options)]


def test_admitting_twice_gives_one_run_as_it_stands_now(table: ProcessTable) -> None:
    stored, fresh = table.admit(run_record(key="k"))
    assert fresh
    running = table.replace(stored, moved(stored.record, status=RunStatus.RUNNING))

    again, fresh = table.admit(run_record(key="k"))

    assert not fresh
    assert again == running
    assert listed(table) == ["run-1"]


def test_admitting_again_later_does_not_list_the_run_twice(
    table: ProcessTable,
) -> None:
    later = HandClock().now() + timedelta(hours=1)
    table.admit(run_record(key="k"))

    table.admit(run_record(key="k", created_at=later))

    assert listed(table) == ["run-1"]


@pytest.mark.parametrize(
    "other",
    [
        {"input_ref": "b" * 64},
        {"workflow": WorkflowRef(name="w", target="m:other")},
    ],
)
def test_a_key_with_another_input_or_workflow_is_refused(
    table: ProcessTable, other: dict[str, object]
) -> None:
    table.admit(run_record(key="k"))

    with pytest.raises(KeyReused, match="'k' already admitted run run-1"):
        table.admit(run_record(key="k", **other))

    assert table.get(LOCAL_OWNER, "run-1").record == run_record(key="k")


def test_a_key_with_another_workflow_digest_is_the_same_request(
    table: ProcessTable,
) -> None:
    """The digest is filled in by the first slice, after the run was admitted."""
    digest = WorkflowRef(name="w", target="m:g", digest="d" * 64)
    table.admit(run_record(key="k", workflow=digest))

    assert table.admit(run_record(key="k"))[1] is False


def test_a_run_that_was_admitted_although_the_answer_was_lost_is_found(
    table: ProcessTable, records: MemoryRecordStore
) -> None:
    records.lose_answers = 2
    record = run_record(key="k")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            table.admit(record)

    stored, fresh = table.admit(record)

    assert fresh  # nobody else was told so
    assert stored.record == record
    assert listed(table) == ["run-1"]


def test_replacing_an_older_revision_loses_the_lease_and_changes_nothing(
    table: ProcessTable,
) -> None:
    stored, _ = table.admit(run_record())
    newer = table.replace(stored, moved(stored.record, slices=1))

    with pytest.raises(LeaseLost, match="run-1"):
        table.replace(stored, moved(stored.record, slices=7))

    assert table.get(LOCAL_OWNER, "run-1") == newer


def test_a_replacement_whose_answer_was_lost_is_recognised(
    table: ProcessTable, records: MemoryRecordStore
) -> None:
    stored, _ = table.admit(run_record())
    changed = moved(stored.record, slices=1)
    records.lose_answers = 1
    with pytest.raises(StoreUnavailable):
        table.replace(stored, changed)

    again = table.replace(stored, changed)

    assert again == table.get(LOCAL_OWNER, "run-1")
    assert again.record == changed


def test_runs_are_listed_last_admitted_first_whatever_their_ids(
    table: ProcessTable,
) -> None:
    clock = HandClock()
    for run_id in ("run-b", "run-c", "run-a"):
        clock.move(1)
        table.admit(run_record(run_id, created_at=clock.now()))

    assert listed(table) == ["run-a", "run-c", "run-b"]
    assert listed(table, limit=2) == ["run-a", "run-c"]
    assert listed(table, limit=9) == ["run-a", "run-c", "run-b"]


def test_an_entry_whose_run_was_never_stored_is_skipped_and_not_counted(
    table: ProcessTable, records: MemoryRecordStore
) -> None:
    table.admit(run_record("run-1"))
    orphan = layout.listing_sort(HandClock().now() + timedelta(days=1), "run-2")
    records.put(layout.runs_partition(LOCAL_OWNER), orphan, b"")

    assert listed(table, limit=1) == ["run-1"]


def test_another_owner_neither_reads_nor_lists_a_run(table: ProcessTable) -> None:
    table.admit(run_record())

    with pytest.raises(RunNotFound, match="no run 'run-1' of owner 'stranger'"):
        table.get("stranger", "run-1")
    assert list(table.list("stranger")) == []


def test_a_record_that_is_no_run_is_corrupt_and_says_where(
    table: ProcessTable, records: MemoryRecordStore
) -> None:
    partition = layout.run_partition(LOCAL_OWNER, "run-1")
    records.put(partition, layout.RECORD, b'{"run_id": "run-1"}')

    with pytest.raises(Corrupt, match="run/local/run-1 is not a run record"):
        table.get(LOCAL_OWNER, "run-1")
