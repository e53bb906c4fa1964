"""A sweeper that has no mercy, beside writers, and what it saw.

Each round it plants orphans, makes whatever is not on its way look old, and
sweeps. A few orphans of a round it deletes only at the moment at which a writer
has stored them again and no record names them yet.
"""

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from analemma.errors import StoreUnavailable
from analemma.hardware.local.home import PAGES, LocalHome
from analemma.hardware.ports import PageStore, SystemClock
from analemma.hardware.ports.pages import StoredPage
from analemma.ids import LOCAL_OWNER, Owner, PageId, RandomIds
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.sweep import SweepReport, sweep
from analemma.records.policy import KernelPolicy, RetentionPolicy
from kernel_desk import no_model
from sweep_graph import value_of
from sweep_pages import HeldPages, HeldRecords, Holds, grow_old
from sweep_writers import Ground, is_pruned, page_of, shared_pages

_PLANTED = 10
_WAITS = 2
_POLLS = 100
_POLL_SECONDS = 0.05
_PRUNE_SECONDS = 0.05

GRACE_HOURS = 3
"""The shortest that a policy may say."""


@dataclass
class Ended:
    """A run that is whole: what it wrote, and whether it was deleted."""

    chosen: list[int]
    supersteps: int
    deleted: bool


@dataclass
class Seen:
    """What became of the runs, and of the pages, while writers wrote.

    ``orphans`` counts the planted pages that were deleted, ``spared`` those that
    were stored again between the moment a sweep listed them as old and the
    moment it tried to delete them.
    """

    ended: dict[str, Ended] = field(default_factory=dict)
    rounds: int = 0
    orphans: int = 0
    deleted: int = 0
    spared: int = 0
    lost: int = 0
    pruned: int = 0

    @property
    def everything(self) -> bool:
        """Whether what has to happen beside the writers has happened.

        Not ``spared``: whether a writer comes by in that very moment is chance.
        ``test_page_stored_again_after_it_was_listed_stays`` leaves none to it.
        """
        return min(self.rounds, self.orphans, self.pruned) > 0


@dataclass
class Impatient:
    """A ``PageStore`` that deletes some pages in the very moment they come back."""

    store: PageStore
    ground: Ground
    shared: dict[PageId, int]
    seen: Seen
    left: threading.Event
    _waits: int = 0

    def put(self, page: bytes) -> PageId:
        return self.store.put(page)

    def get(self, page: PageId) -> bytes:
        return self.store.get(page)

    def has(self, page: PageId) -> bool:
        return self.store.has(page)

    def list(self) -> Iterator[StoredPage]:
        self._waits = 0
        return self.store.list()

    def delete(self, page: PageId, *, stored_before: datetime) -> bool:
        came_back = (
            page in self.shared and self._waits < _WAITS and self._comes_back(page)
        )
        deleted = self.store.delete(page, stored_before=stored_before)
        if came_back:
            self.seen.lost += deleted
            self.seen.spared += not deleted
        return deleted

    def _comes_back(self, page: PageId) -> bool:
        """Wish for a page and wait until a writer has put it.

        In vain if the writer that takes the wish has come by the value meanwhile.
        """
        self._waits += 1
        self.ground.wishes.put(self.shared[page])
        for _ in range(_POLLS):
            if self.left.is_set():
                break
            with contextlib.suppress(queue.Empty):
                if self.ground.granted.get(timeout=_POLL_SECONDS) == page:
                    return True
        return False


@dataclass
class Sweeper:
    """Sweeps one home beside its writers."""

    home: LocalHome
    ground: Ground
    writers: int
    seen: Seen = field(default_factory=Seen)
    _moving: set[str] = field(default_factory=set)
    _left: threading.Event = field(default_factory=threading.Event)

    def sweep_until_all_left(self) -> None:
        """Sweep again and again until the last writer has left."""
        assistants = [
            threading.Thread(target=self._listen),
            threading.Thread(target=self._prune),
        ]
        for each in assistants:
            each.start()
        pages = self.home.pages()
        impatient = Impatient(pages, self.ground, shared_pages(), self.seen, self._left)
        machine = machine_of(self.home, impatient)
        while not self._left.is_set():
            planted = self.plant()
            self.grow_old()
            report = sweep(machine, LOCAL_OWNER)
            self.seen.rounds += 1
            self.seen.deleted += len(report.pages)
            self.seen.orphans += len(planted & {page.id for page in report.pages})
            if self.seen.everything:
                self.ground.enough.set()
        for each in assistants:
            each.join()

    def plant(self) -> set[PageId]:
        """Store pages that no record names; return those that none ever will.

        The others are those of the values that runs share.
        """
        pages = self.home.pages()
        for number in shared_pages().values():
            pages.put(page_of(value_of(number)))
        return {
            pages.put(b"an orphan %d of round %d" % (n, self.seen.rounds))
            for n in range(_PLANTED)
        }

    def sweep_once_more(self) -> SweepReport:
        """Sweep when nobody writes and everything is old."""
        self.grow_old()
        return sweep(machine_of(self.home, self.home.pages()), LOCAL_OWNER)

    def grow_old(self) -> int:
        """Make what is not on its way look old."""
        files = Path(self.home.path) / PAGES / LOCAL_OWNER
        return grow_old(files, self.home.pages(), Holds(self.ground.holds))

    def _listen(self) -> None:
        left = 0
        while left < self.writers:
            what, run_id, chosen, step = self.ground.told.get(timeout=170)
            match what:
                case "began":
                    self._moving.add(run_id)
                case "left":
                    left += 1
                case _:
                    self._moving.discard(run_id)
                    self.seen.ended[run_id] = Ended(chosen, step, what == "deleted")
        self._left.set()

    def _prune(self) -> None:
        """Keep only the latest checkpoint of every second run that moves."""
        holds = Holds(self.ground.holds)
        saver = PagedSaver(
            HeldRecords(self.home.records, holds),
            HeldPages(self.home.pages(), holds),
            owner=LOCAL_OWNER,
            writer="pruner",
        )
        while not self._left.wait(_PRUNE_SECONDS):
            for run_id in [*self._moving]:
                # A store that was busy for too long is asked again.
                with contextlib.suppress(StoreUnavailable):
                    if is_pruned(run_id):
                        self.seen.pruned += saver.keep_latest(run_id)


def machine_of(home: LocalHome, pages: PageStore) -> Machine:
    """Return a machine whose grace is the shortest there is."""

    def of_owner(owner: Owner) -> PageStore:
        assert owner == LOCAL_OWNER
        return pages

    retention = RetentionPolicy(page_grace_hours=GRACE_HOURS)
    return Machine(
        records=home.records,
        pages=of_owner,
        clock=SystemClock(),
        ids=RandomIds(),
        policy=KernelPolicy(retention=retention),
        model=no_model,
    )
