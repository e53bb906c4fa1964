"""The two ports, watched: something happens before or after one of the calls.

A call is one method of a port. One that yields counts as begun when its first
row is asked for, and as done when that row, or the end, is there.
"""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from analemma.errors import StoreUnavailable
from analemma.hardware.ports import PageStore, Record, RecordStore
from analemma.ids import PageId
from memory_backends import Backend

if TYPE_CHECKING:
    from analemma.hardware.ports import StoredPage

Row = TypeVar("Row")


class Moment(StrEnum):
    """When something happens to a call."""

    BEFORE = "before"
    AFTER = "after"


class Calls:
    """Counts calls from 1 and strikes at one of them.

    ``struck`` names the call that was hit. Safe between threads.
    """

    def __init__(
        self,
        at: int = 0,
        moment: Moment = Moment.BEFORE,
        strike: Callable[[], None] = lambda: None,
    ) -> None:
        self._at = at
        self._moment = moment
        self._strike = strike
        self._lock = threading.Lock()
        self.count = 0
        self.struck = ""

    @contextmanager
    def call(self, what: str) -> Iterator[None]:
        """Count the call inside; one that raises, as a conflict does, is done too."""
        with self._lock:
            self.count += 1
            number = self.count
        if self._moment is Moment.BEFORE:
            self._hit(number, what)
        try:
            yield
        finally:
            if self._moment is Moment.AFTER:
                self._hit(number, what)

    def rows(self, what: str, rows: Iterator[Row]) -> Iterator[Row]:
        """Count a call that yields."""
        with self.call(what):
            first = list(itertools.islice(rows, 1))
        yield from first
        yield from rows

    def _hit(self, number: int, what: str) -> None:
        if number == self._at:
            self.struck = what
            self._strike()


class WatchedRecords:
    """A ``RecordStore`` whose calls are counted."""

    def __init__(self, inner: RecordStore, calls: Calls) -> None:
        self._inner = inner
        self._calls = calls

    def get(self, partition: str, sort: str) -> Record | None:
        with self._calls.call("records.get"):
            return self._inner.get(partition, sort)

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        with self._calls.call("records.put"):
            return self._inner.put(
                partition, sort, body, expected=expected, durably=durably
            )

    def delete(self, partition: str, sort: str) -> None:
        with self._calls.call("records.delete"):
            self._inner.delete(partition, sort)

    def query(
        self,
        partition: str,
        *,
        low: str = "",
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        rows = self._inner.query(
            partition, low=low, high=high, descending=descending, limit=limit
        )
        return self._calls.rows("records.query", rows)

    def scan(self, partition_prefix: str) -> Iterator[Record]:
        rows = self._inner.scan(partition_prefix)
        return self._calls.rows("records.scan", rows)


class WatchedPages:
    """A ``PageStore`` whose calls are counted."""

    def __init__(self, inner: PageStore, calls: Calls) -> None:
        self._inner = inner
        self._calls = calls

    def put(self, page: bytes) -> PageId:
        with self._calls.call("pages.put"):
            return self._inner.put(page)

    def get(self, page: PageId) -> bytes:
        with self._calls.call("pages.get"):
            return self._inner.get(page)

    def has(self, page: PageId) -> bool:
        with self._calls.call("pages.has"):
            return self._inner.has(page)

    def list(self) -> "Iterator[StoredPage]":
        return self._calls.rows("pages.list", self._inner.list())

    def delete(self, page: PageId, *, stored_before: datetime) -> bool:
        with self._calls.call("pages.delete"):
            return self._inner.delete(page, stored_before=stored_before)


def watched(backend: Backend, calls: Calls) -> Backend:
    """Return the same stores, every call of which ``calls`` sees."""
    return Backend(
        WatchedRecords(backend.records, calls), WatchedPages(backend.pages, calls)
    )


def kill() -> None:
    """Kill this process, as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


def unavailable() -> None:
    """Raise what an adapter raises when it has no answer."""
    raise StoreUnavailable("this call was chosen to fail")
