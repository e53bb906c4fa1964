"""Records and pages in this process's memory, and what can be done to them.

Real stores behind the ports, with a lock: tests compare their contents, flip
their bytes, lose their answers and count their calls.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from analemma.errors import PageCorrupt, PageMissing, StoreUnavailable
from analemma.hardware.ports.pages import StoredPage, is_due
from analemma.hardware.ports.records import (
    Record,
    RecordConflict,
    check_body,
    check_key,
)
from analemma.ids import PageId, page_id


@dataclass
class MemoryRecordStore:
    """A ``RecordStore`` in memory.

    ``lose_answers`` is how many of the next writes are applied without their
    answer reaching the writer.
    """

    cells: dict[tuple[str, str], Record] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    written_bytes: int = 0
    lose_answers: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, partition: str, sort: str) -> Record | None:
        check_key(partition, sort)
        with self._lock:
            self.calls["get"] += 1
            return self.cells.get((partition, sort))

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        check_key(partition, sort)
        check_body(body)
        with self._lock:
            self.calls["put"] += 1
            current = self.cells.get((partition, sort))
            revision = 0 if current is None else current.revision
            if expected is not None and expected != revision:
                raise RecordConflict(partition, sort, current)
            self.cells[partition, sort] = Record(partition, sort, body, revision + 1)
            self.written_bytes += len(body)
            if self.lose_answers:
                self.lose_answers -= 1
                raise StoreUnavailable("the answer was lost on its way")
            return revision + 1

    def delete(self, partition: str, sort: str) -> None:
        check_key(partition, sort)
        with self._lock:
            self.calls["delete"] += 1
            self.cells.pop((partition, sort), None)

    def query(
        self,
        partition: str,
        *,
        low: str = "",
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        # Like DynamoDB, not a snapshot: what is written behind the reader's
        # back, ahead of where it stands, is met.
        self.calls["query"] += 1
        left = limit
        at: str | None = None
        while left is None or left > 0:
            with self._lock:
                sorts = sorted(
                    sort
                    for owner, sort in self.cells
                    if owner == partition
                    and sort >= low
                    and (high is None or sort <= high)
                    and (at is None or (sort < at if descending else sort > at))
                )
                if not sorts:
                    return
                at = sorts[-1] if descending else sorts[0]
                record = self.cells[partition, at]
            left = None if left is None else left - 1
            yield record

    def scan(self, partition_prefix: str) -> Iterator[Record]:
        check_key(partition_prefix or "-", "-")
        self.calls["scan"] += 1
        return self._sweep(partition_prefix)

    def _sweep(self, prefix: str) -> Iterator[Record]:
        at: tuple[str, str] | None = None
        while True:
            with self._lock:
                ahead = [
                    key
                    for key in self.cells
                    if key[0].startswith(prefix) and (at is None or key > at)
                ]
                if not ahead:
                    return
                at = min(ahead)
                record = self.cells[at]
            yield record

    def replace_body(self, partition: str, sort: str, body: bytes) -> None:
        """Do what a broken disk does: change bytes and nothing else."""
        with self._lock:
            old = self.cells[partition, sort]
            self.cells[partition, sort] = Record(partition, sort, body, old.revision)


@dataclass
class MemoryPageStore:
    """A ``PageStore`` in memory. ``now`` is its clock.

    A page that a test put into ``cells`` itself is as old as can be.
    """

    cells: dict[PageId, bytes] = field(default_factory=dict)
    stored_at: dict[PageId, datetime] = field(default_factory=dict)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    calls: Counter[str] = field(default_factory=Counter)
    written_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, page: bytes) -> PageId:
        with self._lock:
            self.calls["put"] += 1
            self.written_bytes += len(page)
            name, now = page_id(page), self.now()
            if name not in self.cells or is_due(self._stored_at(name), now):
                self.stored_at[name] = now
            self.cells[name] = page
            return name

    def get(self, page: PageId) -> bytes:
        with self._lock:
            self.calls["get"] += 1
            found = self.cells.get(page)
        if found is None:
            raise PageMissing(f"page {page} is not stored")
        if hashlib.sha256(found).hexdigest() != page:
            raise PageCorrupt(f"page {page} does not hash to its id")
        return found

    def has(self, page: PageId) -> bool:
        with self._lock:
            return page in self.cells

    def list(self) -> Iterator[StoredPage]:
        with self._lock:
            self.calls["list"] += 1
            names = [*self.cells]
        for name in names:
            with self._lock:
                if name not in self.cells:
                    continue
                size_bytes = len(self.cells[name])
                found = StoredPage(name, size_bytes, self._stored_at(name))
            yield found

    def delete(self, page: PageId, *, stored_before: datetime) -> bool:
        with self._lock:
            self.calls["delete"] += 1
            if page not in self.cells or self._stored_at(page) >= stored_before:
                return False
            del self.cells[page]
            self.stored_at.pop(page, None)
            return True

    def _stored_at(self, page: PageId) -> datetime:
        return self.stored_at.get(page, datetime.min.replace(tzinfo=UTC))
