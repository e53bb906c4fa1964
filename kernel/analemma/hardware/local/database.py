"""The file ``records.sqlite``: how one is made, recognised and opened.

A file is judged by its first 100 bytes before SQLite sees it, because SQLite
writes beside any database in WAL mode that it opens, even to read. For the
header to be true, the format number is only ever written in rollback-journal
mode: a number in the WAL would not be in the file yet.

The header (https://www.sqlite.org/fileformat.html), big-endian:

    0   16 bytes  "SQLite format 3" and NUL
    60  4 bytes   user_version: the format of an Analemma home, now 2
    68  4 bytes   application_id: 0x414E4C4D, "ANLM"

A record's partition is a number, because its name would stand in the table and in
the index. The table has row ids, because rows that are appended to one fill its
pages; in a table without them a row of a kilobyte spills into a page of its own.
Measured with 1,000 records under the kernel's keys, bodies of 1,000 to 1,400 bytes:

    partitions  table          page    file bytes a record   WAL bytes a commit
    names       row ids        4,096        1,458 to 2,138               13,534
    numbers     row ids        4,096        1,421 to 2,101               12,916
    numbers     row ids        8,192        1,245 to 1,712               20,236
    numbers     row ids       16,384        1,212 to 1,606               36,196
    numbers     without        4,096                 4,698               18,107
    numbers     without        8,192        1,212 to 1,671               22,824

Of these, 8,192 is the least whose file is under 2 KB a record for every such body.
It costs a tenth of a put's time: medians of 4,800 puts, one run on a disk that others
used, were 0.52, 0.57 and 0.60 ms for pages of 4,096, 8,192 and 16,384 with row ids.
"""

import contextlib
import os
import secrets
import sqlite3
from pathlib import Path

from analemma.errors import (
    AnalemmaError,
    Corrupt,
    HomeTooNew,
    HomeTooOld,
    StoreUnavailable,
)
from analemma.hardware.local.durable import sync_directory

HOME_FORMAT = 2
"""The one format of a home that this version reads and writes."""

APPLICATION_ID = 0x414E4C4D

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_BUSY_SECONDS = 10.0

_PAGE_BYTES = 8192

_SCHEMA = """
CREATE TABLE partitions (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
);
CREATE TABLE records (
  partition INTEGER NOT NULL,
  sort TEXT NOT NULL,
  revision INTEGER NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (partition, sort)
);
"""

# Primary result codes, https://www.sqlite.org/rescode.html: the file's content
# is wrong. Everything else may pass: locked, busy, full, unreadable for now.
_CORRUPT_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def translated(error: sqlite3.Error | OSError, path: Path) -> AnalemmaError:
    """Return what an error of the machine means to whoever uses the store."""
    extended = getattr(error, "sqlite_errorcode", None)
    if extended is not None and extended & 0xFF in _CORRUPT_CODES:
        return Corrupt(
            f"{path} is damaged ({error}); restore it, or move the home away"
        )
    return StoreUnavailable(
        f"{path} did not answer ({error}); check disk, permissions and who locks it"
    )


def check_format(path: Path) -> None:
    """Refuse a file that this version must not open. Changes nothing.

    Raises:
        HomeTooNew: written by a newer format.
        HomeTooOld: written by a format that is no longer read.
        Corrupt: not a database of Analemma.
        StoreUnavailable: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise translated(error, path) from error
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise Corrupt(f"{path} is not a SQLite database; move it away and try again")
    version = int.from_bytes(header[60:64])
    _refuse_newer(path, version)
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise Corrupt(
            f"{path} is a database of another program; choose another home directory"
        )
    if version < HOME_FORMAT:
        raise HomeTooOld(
            f"{path.parent} was written by home format {version}, this version reads "
            f"{HOME_FORMAT}; move it away, or use the analemma that wrote it. "
            "Nothing was changed"
        )


def create(path: Path) -> None:
    """Make an empty database at ``path``, whole or not at all.

    It is built under a temporary name and linked into place, so that a process
    killed half-way leaves no half-made database, and two that create at once
    end up with one. A database that is already there is left alone.

    Raises:
        StoreUnavailable: the directory cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        # SQLite gives its -wal and -shm files the mode of the database.
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as made:
            made.execute(f"PRAGMA page_size={_PAGE_BYTES}")
            made.executescript(_SCHEMA)
            made.execute(f"PRAGMA application_id={APPLICATION_ID}")
            made.execute(f"PRAGMA user_version={HOME_FORMAT}")
            made.execute("PRAGMA journal_mode=WAL")
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        sync_directory(path.parent)
    except (sqlite3.Error, OSError) as error:
        raise translated(error, path) from error
    finally:
        draft.unlink(missing_ok=True)


def connect(path: Path) -> sqlite3.Connection:
    """Open a checked database for reading and writing.

    The connection may be used by any thread, one at a time. A statement waits
    up to 10 seconds for another process's lock. Commits are on disk when they
    return (``synchronous=FULL``).

    Raises:
        HomeTooNew: the write-ahead log raised the format (see ``check_format``).
        StoreUnavailable: it cannot be opened.
        Corrupt: SQLite finds its pages damaged.
    """
    try:
        connection = sqlite3.connect(
            path,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA synchronous=FULL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            _refuse_newer(path, version)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise translated(error, path) from error
    return connection


def _refuse_newer(path: Path, version: int) -> None:
    if version > HOME_FORMAT:
        raise HomeTooNew(
            f"{path.parent} was written by home format {version}, this version "
            f"reads {HOME_FORMAT}; upgrade analemma. Nothing was changed"
        )
