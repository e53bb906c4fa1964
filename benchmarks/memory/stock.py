"""LangGraph's own savers: in memory, and in one SQLite file."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from benchmarks.memory.counting import CountedSaver, Tally
from benchmarks.memory.places import Calls, Contender, Graph, NothingSurvives
from benchmarks.memory.workloads import Builder


class CountedInMemory(CountedSaver, InMemorySaver):
    """InMemorySaver, with a count."""


class CountedSqlite(CountedSaver, SqliteSaver):
    """SqliteSaver, with a count."""


class InMemory:
    """A saver that keeps everything in its process."""

    def __init__(self) -> None:
        self._saver = CountedInMemory()
        self._saver.tally = Tally()
        self._attached = False

    def attach(self, builder: Builder) -> Graph:
        """Return the compiled graph, once.

        Raises:
            NothingSurvives: the second time.
        """
        if self._attached:
            raise NothingSurvives
        self._attached = True
        return builder.compile(checkpointer=self._saver)

    def stored_bytes(self) -> int:
        """Return the bytes of blobs, checkpoints, metadata and writes."""
        blobs = sum(len(blob) for _, blob in self._saver.blobs.values())
        checkpoints = sum(
            len(checkpoint[1]) + len(metadata[1])
            for namespaces in self._saver.storage.values()
            for stored in namespaces.values()
            for checkpoint, metadata, _ in stored.values()
        )
        writes = sum(
            len(value[1])
            for tasks in self._saver.writes.values()
            for _, _, value, _ in tasks.values()
        )
        return blobs + checkpoints + writes

    def calls(self) -> Calls:
        """Return the counts."""
        return self._saver.tally.calls()


class Sqlite:
    """SqliteSaver as ``from_conn_string`` makes it: WAL, synchronous=FULL."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tally = Tally()
        self._connection: sqlite3.Connection | None = None

    def attach(self, builder: Builder) -> Graph:
        """Return the compiled graph on a connection of its own."""
        self.close()
        self._connection = sqlite3.connect(self._path, check_same_thread=False)
        saver = CountedSqlite(self._connection)
        saver.tally = self._tally
        saver.setup()
        return builder.compile(checkpointer=saver)

    def stored_bytes(self) -> int:
        """Return the size of the file, with all of its write-ahead log in it."""
        settle(self._path)
        return self._path.stat().st_size

    def calls(self) -> Calls:
        """Return the counts."""
        return self._tally.calls()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()


def settle(path: Path) -> None:
    """Move the write-ahead log of a database into it, as its last close does."""
    with closing(sqlite3.connect(path)) as connection:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise RuntimeError(f"{path} is busy; its size is not known")


@contextmanager
def _in_memory() -> Iterator[InMemory]:
    yield InMemory()


@contextmanager
def _sqlite(folder: Path | None) -> Iterator[Sqlite]:
    with tempfile.TemporaryDirectory(dir=folder) as made:
        place = Sqlite(Path(made) / "checkpoints.sqlite")
        with closing(place):
            yield place


def contenders(folder: Path | None) -> list[Contender]:
    """Return both; files are made below ``folder``."""
    return [
        Contender("InMemorySaver", _in_memory),
        Contender("SqliteSaver, file", partial(_sqlite, folder)),
    ]
