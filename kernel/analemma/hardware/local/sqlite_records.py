"""Records in one SQLite file, shared by threads and by processes.

One connection behind a lock, not one per thread: SQLite has one writer anyway,
and connections of short-lived worker threads would pile up. A connection must
not cross ``fork``: start workers with ``spawn`` and let each open its own store.
"""

import sqlite3
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from analemma.hardware.local.database import check_format, connect, create, translated
from analemma.hardware.ports.records import (
    ABSENT,
    Record,
    RecordConflict,
    check_body,
    check_key,
)

_FETCH_RECORDS = 50

# The default collation of TEXT compares UTF-8 bytes, which is the port's order.
_SELECT = """
SELECT body, revision FROM records
WHERE partition = (SELECT id FROM partitions WHERE name = ?) AND sort = ?
"""
_INSERT = """
INSERT INTO records (partition, sort, revision, body)
SELECT id, ?, ?, ? FROM partitions WHERE name = ?
ON CONFLICT DO NOTHING
"""
_UPDATE = """
UPDATE records SET revision = ?, body = ?
WHERE partition = (SELECT id FROM partitions WHERE name = ?) AND sort = ?
AND revision = ?
"""
_DELETE = """
DELETE FROM records
WHERE partition = (SELECT id FROM partitions WHERE name = ?) AND sort = ?
"""
_NAME = "INSERT INTO partitions (name) VALUES (?) ON CONFLICT DO NOTHING"
_FORGET = """
DELETE FROM partitions WHERE name = ?
AND NOT EXISTS (SELECT 1 FROM records WHERE partition = partitions.id)
"""
_FIRST_NAME = "SELECT name FROM partitions WHERE name >= ? ORDER BY name LIMIT 1"
_NEXT_NAME = "SELECT name FROM partitions WHERE name > ? ORDER BY name LIMIT 1"
_RANGE = """
SELECT sort, body, revision FROM records
WHERE partition = (SELECT id FROM partitions WHERE name = ?)
AND sort >= ? AND sort < ?
"""
_ASCENDING = _RANGE + "ORDER BY sort LIMIT ?"
_DESCENDING = _RANGE + "ORDER BY sort DESC LIMIT ?"

# Bounds are half open. The least text above ``x`` is ``x`` and a NUL, and SQLite
# orders every blob after every text.
_NEXT = "\0"
_ABOVE_ALL_TEXT = b""


class SqliteRecordStore:
    """The ``RecordStore`` of a laptop.

    Safe among threads and processes. A ``put`` is one transaction, on disk when
    it returns; it survives ``kill -9`` and power loss.
    """

    def __init__(self, path: Path) -> None:
        """Open the database at ``path``, or make it; its directory must exist.

        Raises:
            HomeTooNew: a newer format wrote it; it was not touched.
            HomeTooOld: a format no longer read wrote it; it was not touched.
            Corrupt: the file is no database of Analemma; it was not touched.
            StoreUnavailable: it cannot be opened.
        """
        if not path.exists():
            create(path)
        check_format(path)
        self._path = path
        self._lock = threading.Lock()
        self._connection = connect(path)

    def get(self, partition: str, sort: str) -> Record | None:
        """Return the record, or None."""
        check_key(partition, sort)
        with self._exclusively() as connection:
            return _select(connection, partition, sort)

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        """Write the record whole; return its new revision. Durable on return.

        Not ``durably``: in the log, which the next commit syncs as a whole.

        Raises:
            RecordConflict: ``expected`` does not hold; nothing was written.
            ValueError: the key or the body is not storable.
            StoreUnavailable: not known whether it was written.
        """
        check_key(partition, sort)
        check_body(body)
        with self._exclusively() as connection, _syncing(connection, durably=durably):
            if expected is not None:
                if _written_at_once(connection, partition, sort, body, expected):
                    return expected + 1
                current = _select(connection, partition, sort)
                if current is not None and current.revision != expected:
                    raise RecordConflict(partition, sort, current)
            with _transaction(connection):
                current = _select(connection, partition, sort)
                revision = ABSENT if current is None else current.revision
                if expected is not None and expected != revision:
                    raise RecordConflict(partition, sort, current)
                connection.execute(_NAME, (partition,))
                _written_at_once(connection, partition, sort, body, revision)
        return revision + 1

    def delete(self, partition: str, sort: str) -> None:
        """Remove the record; an absent one is no error."""
        check_key(partition, sort)
        with self._exclusively() as connection, _transaction(connection):
            connection.execute(_DELETE, (partition, sort))
            connection.execute(_FORGET, (partition,))

    def query(
        self,
        partition: str,
        *,
        low: str = "",
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """Yield the records with ``low <= sort <= high``, in order.

        Reads 50 at a time and holds no lock between, so that others can write
        meanwhile; each read starts behind the last record it gave.
        """
        check_key(partition, low or "-")
        check_key(partition, high or "-")
        return self._walk(partition, low, high, descending, limit)

    def scan(self, partition_prefix: str) -> Iterator[Record]:
        """Yield every record of every partition whose name starts like that.

        Partitions come in order of their names, records as ``query`` yields them.
        """
        check_key(partition_prefix or "-", "-")
        return self._sweep(partition_prefix)

    def close(self) -> None:
        """Close the file; any later call raises ``StoreUnavailable``."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sweep(self, prefix: str) -> Iterator[Record]:
        sql, place = _FIRST_NAME, prefix
        while True:
            with self._exclusively() as connection:
                row: tuple[str] | None = connection.execute(sql, (place,)).fetchone()
            if row is None or not row[0].startswith(prefix):
                return
            sql, place = _NEXT_NAME, row[0]
            yield from self._walk(place, "", None, descending=False, limit=None)

    def _walk(
        self,
        partition: str,
        low: str,
        high: str | None,
        descending: bool,
        limit: int | None,
    ) -> Iterator[Record]:
        end: str | bytes = _ABOVE_ALL_TEXT if high is None else high + _NEXT
        left = limit
        while left is None or left > 0:
            size = _FETCH_RECORDS if left is None else min(left, _FETCH_RECORDS)
            with self._exclusively() as connection:
                rows: list[tuple[str, bytes, int]] = connection.execute(
                    _DESCENDING if descending else _ASCENDING,
                    (partition, low, end, size),
                ).fetchall()
            for sort, body, revision in rows:
                yield Record(partition, sort, body, revision)
            if len(rows) < size:
                return
            if descending:
                end = rows[-1][0]
            else:
                low = rows[-1][0] + _NEXT
            left = None if left is None else left - size

    @contextmanager
    def _exclusively(self) -> Generator[sqlite3.Connection]:
        try:
            with self._lock:
                yield self._connection
        except sqlite3.Error as error:
            raise translated(error, self._path) from error


def _select(connection: sqlite3.Connection, partition: str, sort: str) -> Record | None:
    row = connection.execute(_SELECT, (partition, sort)).fetchone()
    return None if row is None else Record(partition, sort, row[0], row[1])


def _written_at_once(
    connection: sqlite3.Connection,
    partition: str,
    sort: str,
    body: bytes,
    expected: int,
) -> bool:
    """Say whether one statement wrote the record; outside a transaction, durably.

    A first record of its partition is not written: the partition has no number yet.
    """
    if expected == ABSENT:
        values = (sort, 1, body, partition)
        return connection.execute(_INSERT, values).rowcount == 1
    change = (expected + 1, body, partition, sort, expected)
    return connection.execute(_UPDATE, change).rowcount == 1


@contextmanager
def _syncing(connection: sqlite3.Connection, *, durably: bool) -> Generator[None]:
    """Leave out the sync of what is committed within, unless ``durably``.

    In WAL mode (https://www.sqlite.org/pragma.html#pragma_synchronous) NORMAL
    commits without a sync and cannot corrupt; the next FULL commit syncs the
    log, and with it all that was committed before.
    """
    if durably:
        yield
        return
    connection.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous=FULL")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    # IMMEDIATE takes the write lock before the read, or two processes could
    # both read the old revision.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
