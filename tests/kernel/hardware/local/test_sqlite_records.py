"""What SQLite adds to the contract: processes, crashes, damage."""

import multiprocessing
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import stores_workers
from analemma.errors import AnalemmaError, Corrupt, StoreUnavailable
from analemma.hardware.local import sqlite_records
from analemma.hardware.local.database import translated
from analemma.hardware.local.sqlite_records import SqliteRecordStore
from analemma.hardware.ports import ABSENT, Record, RecordConflict


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.sqlite"


def test_two_processes_share_out_every_fence(path: Path, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(2)
    wins = [tmp_path / name for name in ("one", "two")]
    processes = [
        spawn.Process(
            target=stores_workers.compete,
            args=(path, name.name, "fences", 60, start, name),
        )
        for name in wins
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    claimed = {
        f"{int(number):04d}": name.name.encode()
        for name in wins
        for number in name.read_text().split()
    }
    with SqliteRecordStore(path) as store:
        stored = {record.sort: record.body for record in store.query("fences")}
        assert all(record.revision == 1 for record in store.query("fences"))
    assert sum(len(name.read_text().split()) for name in wins) == 60
    assert stored == claimed


def test_killed_process_loses_nothing_it_acknowledged(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, stores_workers.__file__, str(path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(25)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
    assert writer.returncode == -signal.SIGKILL
    with SqliteRecordStore(path) as store:
        records = list(store.query("acknowledged"))
        assert store.put("acknowledged", "after", b"") == 1
    # The one in flight may be there or not; never a part of it.
    assert len(records) - len(acknowledged) in (0, 1)
    assert records == [
        Record("acknowledged", f"{n:06d}", stores_workers.body_of(n), 1)
        for n in range(len(records))
    ]


def test_two_stores_on_one_file_see_each_other_at_once(path: Path) -> None:
    with SqliteRecordStore(path) as one, SqliteRecordStore(path) as two:
        one.put("p", "s", b"one")
        assert two.put("p", "s", b"two", expected=1) == 2
        assert one.get("p", "s") == Record("p", "s", b"two", 2)
        with pytest.raises(RecordConflict):
            one.put("p", "s", b"one", expected=1)


def test_locked_file_is_unavailable_and_recovers(path: Path) -> None:
    with SqliteRecordStore(path) as store:
        store.put("p", "s", b"before")
        other = sqlite3.connect(path, isolation_level=None)
        impatient(store)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            store.put("p", "s", b"blocked", expected=1)
        assert store.get("p", "s") == Record("p", "s", b"before", 1)
        other.close()
        assert store.put("p", "s", b"after", expected=1) == 2


def impatient(store: SqliteRecordStore) -> None:
    store._connection.execute("PRAGMA busy_timeout=10")


def test_conflict_leaves_no_transaction_open(path: Path) -> None:
    with SqliteRecordStore(path) as store, SqliteRecordStore(path) as other:
        store.put("p", "s", b"")
        impatient(other)
        with pytest.raises(RecordConflict):
            store.put("p", "s", b"", expected=ABSENT)
        assert other.put("p", "s", b"") == 2


def test_closed_store_is_unavailable(path: Path) -> None:
    store = SqliteRecordStore(path)
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.get("p", "s")


def test_damaged_pages_of_the_file_are_corrupt(path: Path) -> None:
    with SqliteRecordStore(path) as store:
        for number in range(40):
            store.put("p", f"{number}", b"x" * 5000)
    whole = path.read_bytes()
    page = int.from_bytes(whole[16:18])
    path.write_bytes(whole[:page] + b"\xff" * (len(whole) - page))
    with SqliteRecordStore(path) as store, pytest.raises(Corrupt, match="damaged"):
        list(store.query("p"))


def test_large_partition_is_read_by_its_bounds_only(path: Path) -> None:
    with SqliteRecordStore(path) as store:
        plan = store._connection.execute(
            f"EXPLAIN QUERY PLAN {sqlite_records._DESCENDING}", ("p", "", b"", 1)
        ).fetchall()
    assert "partition=? AND sort>? AND sort<?" in plan[0][-1]


def statements(store: SqliteRecordStore) -> list[str]:
    """Return the list in which every statement of the store will be noted."""
    noted: list[str] = []
    store._connection.set_trace_callback(lambda sql: noted.append(sql.split()[0]))
    return noted


def test_write_under_a_condition_is_one_statement(path: Path) -> None:
    with SqliteRecordStore(path) as store:
        store.put("p", "first of its partition", b"")
        noted = statements(store)
        store.put("p", "s", b"a", expected=ABSENT)
        store.put("p", "s", b"b", expected=1)
        assert noted == ["INSERT", "UPDATE"]


def test_lost_condition_takes_no_lock(path: Path) -> None:
    with SqliteRecordStore(path) as store:
        store.put("p", "s", b"")
        noted = statements(store)
        for expected in (ABSENT, 2):
            with pytest.raises(RecordConflict):
                store.put("p", "s", b"mine", expected=expected)
        assert noted == ["INSERT", "SELECT", "UPDATE", "SELECT"]


def test_file_is_at_most_a_third_larger_than_its_records(path: Path) -> None:
    with SqliteRecordStore(path) as store:
        store._connection.execute("PRAGMA synchronous=OFF")
        for number in range(1000):
            partition = f"run/local/run-{number % 10:026d}"
            store.put(partition, f"log/@/{number:010d}/!", b"x" * 1300, expected=ABSENT)
    assert path.stat().st_size <= 1000 * 1750


def test_partition_without_records_leaves_nothing(path: Path) -> None:
    with SqliteRecordStore(path) as store:
        store.put("p", "a", b"")
        store.put("p", "b", b"")
        count = "SELECT count(*) FROM partitions"
        store.delete("p", "a")
        assert store._connection.execute(count).fetchone() == (1,)
        store.delete("p", "b")
        assert store._connection.execute(count).fetchone() == (0,)


def test_scan_reads_names_and_records_by_their_index(path: Path) -> None:
    with SqliteRecordStore(path) as store:
        plan = store._connection.execute(
            f"EXPLAIN QUERY PLAN {sqlite_records._NEXT_NAME}", ("p",)
        ).fetchall()
    assert "USING COVERING INDEX" in plan[0][-1]
    assert "name>?" in plan[0][-1]


def codes() -> list[str]:
    return [name for name in dir(sqlite3) if name.startswith("SQLITE_")]


@pytest.mark.parametrize("code", ["SQLITE_CORRUPT", "SQLITE_NOTADB"])
def test_sqlite_codes_of_damage_are_corrupt(code: str, path: Path) -> None:
    assert isinstance(of_code(code, path), Corrupt)


@pytest.mark.parametrize(
    "code",
    ["SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_READONLY"],
)
def test_sqlite_codes_that_may_pass_are_unavailable(code: str, path: Path) -> None:
    assert isinstance(of_code(code, path), StoreUnavailable)


def test_every_sqlite_error_is_one_of_ours(path: Path) -> None:
    assert codes()
    for code in codes():
        assert isinstance(of_code(code, path), AnalemmaError), code


def of_code(code: str, path: Path) -> AnalemmaError:
    error = sqlite3.OperationalError("as SQLite says")
    error.sqlite_errorcode = getattr(sqlite3, code)
    return translated(error, path)
