"""PagedSaver, on the home of a laptop and on DynamoDB with S3.

Each twice: bound to its graph, which lets it leave out the writes of a task that
runs alone, and compiled into it, which records every task.
"""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.hardware.local.home import PAGES, RECORDS, LocalHome
from analemma.hardware.ports import PageStore, RecordStore
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.memory.saver import PagedSaver
from benchmarks.memory.cloud import Cloud, CloudClients, cloud
from benchmarks.memory.counting import CountedPages, CountedRecords, Tally
from benchmarks.memory.places import Calls, Contender, Graph
from benchmarks.memory.stock import settle
from benchmarks.memory.workloads import Builder

SQLITE = "PagedSaver, SQLite"
SQLITE_EVERY = "PagedSaver, SQLite, every task"
AWS = "PagedSaver, AWS"
AWS_EVERY = "PagedSaver, AWS, every task"

_writers = itertools.count()


def saver_on(records: RecordStore, pages: PageStore) -> PagedSaver:
    """Return a saver as a fresh process has it."""
    writer = f"benchmark-{next(_writers)}"
    return PagedSaver(records, pages, owner=LOCAL_OWNER, writer=writer)


def attached(saver: PagedSaver, builder: Builder, *, leaves_out: bool) -> Graph:
    """Return the compiled graph with the saver on it, bound to it or not."""
    if leaves_out:
        return saver.bind(builder.compile())
    return builder.compile(checkpointer=saver)


class HomePlace:
    """A home on this machine."""

    def __init__(self, path: Path, *, leaves_out: bool) -> None:
        self._path = path
        self._leaves_out = leaves_out
        self._tally = Tally()
        with LocalHome.open(path):  # Makes what is missing.
            pass
        self._records: CountedRecords | None = None

    def attach(self, builder: Builder) -> Graph:
        """Return the graph with a new saver on a connection of its own."""
        self.close()
        self._records = CountedRecords(self._path / RECORDS, self._tally)
        pages = CountedPages(self._path / PAGES, LOCAL_OWNER, self._tally)
        saver = saver_on(self._records, pages)
        return attached(saver, builder, leaves_out=self._leaves_out)

    def stored_bytes(self) -> int:
        """Return the size of all files of the home, as after its close."""
        settle(self._path / RECORDS)
        beside = {f"{RECORDS}-wal", f"{RECORDS}-shm"}
        files = [
            path
            for path in self._path.rglob("*")
            if path.is_file() and path.name not in beside
        ]
        return sum(path.stat().st_size for path in files)

    def calls(self) -> Calls:
        """Return the counts of both stores."""
        return self._tally.calls(sees_bytes=True)

    def close(self) -> None:
        """Close the database."""
        if self._records is not None:
            self._records.close()


class CloudPlace:
    """A table and a bucket."""

    def __init__(self, opened: Cloud, *, leaves_out: bool) -> None:
        self._cloud = opened
        self._leaves_out = leaves_out

    def attach(self, builder: Builder) -> Graph:
        """Return the graph with a new saver."""
        saver = saver_on(
            DynamoRecordStore(self._cloud.clients.dynamodb, self._cloud.name),
            S3PageStore(self._cloud.clients.s3, self._cloud.name, LOCAL_OWNER),
        )
        return attached(saver, builder, leaves_out=self._leaves_out)

    def stored_bytes(self) -> int:
        """Return the size of all items and of all objects."""
        return self._cloud.stored_bytes()

    def calls(self) -> Calls:
        """Return what was sent and received until now."""
        return self._cloud.calls()


@contextmanager
def _home(folder: Path | None, leaves_out: bool) -> Iterator[HomePlace]:
    with tempfile.TemporaryDirectory(dir=folder) as made:
        place = HomePlace(Path(made) / "home", leaves_out=leaves_out)
        try:
            yield place
        finally:
            place.close()


@contextmanager
def _cloud(clients: CloudClients, leaves_out: bool) -> Iterator[CloudPlace]:
    with cloud(clients, "pk", "sk") as opened:
        yield CloudPlace(opened, leaves_out=leaves_out)


def contenders(folder: Path | None, clients: CloudClients) -> list[Contender]:
    """Return the four; homes are made below ``folder``."""
    return [
        Contender(SQLITE, partial(_home, folder, True), True, True),
        Contender(SQLITE_EVERY, partial(_home, folder, False), True),
        Contender(AWS, partial(_cloud, clients, True), True, True, True),
        Contender(AWS_EVERY, partial(_cloud, clients, False), True, is_aws=True),
    ]
