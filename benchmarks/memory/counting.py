"""Count the calls of savers and stores that have no wire to count on."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)

from analemma.hardware.local.file_pages import FilePageStore
from analemma.hardware.local.sqlite_records import SqliteRecordStore
from analemma.hardware.ports.records import Record
from analemma.ids import Owner, PageId
from benchmarks.memory.places import Calls


class Tally:
    """Writes and reads. Safe among threads: LangGraph saves in the background."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writes = 0
        self._unsynced = 0
        self._reads = 0
        self._received_bytes = 0

    def wrote(self, *, synced: bool = True) -> None:
        """Count one write; one that is not synced waits for a later sync."""
        with self._lock:
            self._writes += 1
            self._unsynced += not synced

    @property
    def synced_writes(self) -> int:
        """The writes that were on disk when they returned."""
        return self._writes - self._unsynced

    def read(self, calls: int = 1, received_bytes: int = 0) -> None:
        """Count reads."""
        with self._lock:
            self._reads += calls
            self._received_bytes += received_bytes

    def calls(self, *, sees_bytes: bool = False) -> Calls:
        """Return the counts; ``received_bytes`` only where they are seen."""
        received = self._received_bytes if sees_bytes else None
        return Calls(self._writes, self._reads, received_bytes=received)


class CountedSaver(BaseCheckpointSaver[Any]):
    """To be put before a saver's class: one transaction is one call.

    Any: LangGraph's signatures; versions and writes can be anything.
    """

    tally: Tally

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Count one write, and put."""
        self.tally.wrote()
        return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Count one write, and put writes."""
        self.tally.wrote()
        super().put_writes(config, writes, task_id, task_path)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Count one read, and get."""
        self.tally.read()
        return super().get_tuple(config)


class CountedRecords(SqliteRecordStore):
    """Our records in SQLite: a put, a get and a query are one call each."""

    def __init__(self, path: Path, tally: Tally) -> None:
        super().__init__(path)
        self._tally = tally

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        """Count one write, synced or not, and put."""
        self._tally.wrote(synced=durably)
        return super().put(partition, sort, body, expected=expected, durably=durably)

    def get(self, partition: str, sort: str) -> Record | None:
        """Count one read, and get."""
        found = super().get(partition, sort)
        self._tally.read(received_bytes=len(found.body) if found else 0)
        return found

    def query(
        self,
        partition: str,
        *,
        low: str = "",
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """Count one read, and yield."""
        self._tally.read()
        for record in super().query(
            partition, low=low, high=high, descending=descending, limit=limit
        ):
            self._tally.read(0, len(record.body))
            yield record


class SyncedRecords(CountedRecords):
    """Our records in SQLite, each on disk when it returns, asked for or not."""

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        """Put durably."""
        return super().put(partition, sort, body, expected=expected, durably=True)


class CountedPages(FilePageStore):
    """Our pages in files: one file is one call."""

    def __init__(self, root: Path, owner: Owner, tally: Tally) -> None:
        super().__init__(root, owner)
        self._tally = tally

    def put(self, page: bytes) -> PageId:
        """Count one write, and put."""
        self._tally.wrote()
        return super().put(page)

    def get(self, page: PageId) -> bytes:
        """Count one read, and get."""
        found = super().get(page)
        self._tally.read(received_bytes=len(found))
        return found
