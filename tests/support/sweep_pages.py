"""Stores for which time flies: a page that is not on its way looks days old.

A sweep's grace is hours, which no test waits for. A page is on its way from the
moment a writer puts it until the record is written that may name it; until then
the grace is what protects it. Its writer holds a shared lock on a file named
after the page meanwhile, and ``grow_old`` leaves out what it cannot lock alone.
So every page that is not on its way has to be protected by being named.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from analemma.hardware.ports import PageStore, RecordStore
from analemma.hardware.ports.pages import StoredPage
from analemma.ids import PageId, page_id
from stores_through import ThroughRecords

OLD_SECONDS = 3 * 24 * 3600


class Holds:
    """The locks of pages on their way; those of one thread are let go together."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._mine = threading.local()

    def take(self, page: PageId) -> None:
        """Hold a page for this thread."""
        handle = self._open(page)
        fcntl.flock(handle, fcntl.LOCK_SH)
        self._of_thread().append(handle)

    def let_go(self) -> None:
        """Let go of whatever this thread holds."""
        held = self._of_thread()
        while held:
            os.close(held.pop())

    @contextmanager
    def alone(self, page: PageId) -> Iterator[bool]:
        """Keep a page from being taken; yield False if somebody has it."""
        handle = self._open(page)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(handle)

    def _open(self, page: PageId) -> int:
        return os.open(self._folder / page, os.O_RDWR | os.O_CREAT, 0o600)

    def _of_thread(self) -> list[int]:
        if not hasattr(self._mine, "held"):
            self._mine.held = []
        held: list[int] = self._mine.held
        return held


@dataclass
class HeldPages:
    """A ``PageStore`` whose pages are held from before they are put."""

    store: PageStore
    holds: Holds
    on_put: Callable[[PageId], None] = field(default=lambda _: None)

    def put(self, page: bytes) -> PageId:
        self.holds.take(page_id(page))
        name = self.store.put(page)
        self.on_put(name)
        return name

    def get(self, page: PageId) -> bytes:
        return self.store.get(page)

    def has(self, page: PageId) -> bool:
        return self.store.has(page)

    def list(self) -> Iterator[StoredPage]:
        return self.store.list()

    def delete(self, page: PageId, *, stored_before: datetime) -> bool:
        return self.store.delete(page, stored_before=stored_before)


class HeldRecords(ThroughRecords):
    """A ``RecordStore`` whose writes end what its thread holds.

    Whoever puts pages writes the record that names them next, on the same thread.
    """

    def __init__(self, store: RecordStore, holds: Holds) -> None:
        super().__init__(store)
        self.holds = holds

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        try:
            return super().put(
                partition, sort, body, expected=expected, durably=durably
            )
        finally:
            self.holds.let_go()


def grow_old(files: Path, pages: PageStore, holds: Holds) -> int:
    """Make every page below ``files`` that nobody holds look days old; count them."""
    then = time.time() - OLD_SECONDS
    old = 0
    for page in pages.list():
        with holds.alone(page.id) as free:
            if free:
                os.utime(files / page.id[:2] / page.id, (then, then))
                old += 1
    return old
