"""What one saver remembers of one log, so that it need not read it again.

All of it may be forgotten at any time without harm, but for one thing: the head
a claim was won at. A saver that claimed the run never moves its head by reading,
or a writer that has lost the run could win it back by looking at it.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from analemma.kernelspace.memory.pages import Encoded


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a checkpoint stands in the log, and its hash."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of one checkpoint, as written."""

    checkpoint_id: str
    versions: Mapping[str, object]
    encoded: Mapping[str, Encoded]


@dataclass(frozen=True, slots=True)
class Held:
    """Writes of a checkpoint that is not in the log yet."""

    writes: tuple[tuple[str, object], ...]
    task_id: str
    task_path: str


@dataclass(slots=True)
class Recollection:
    """One saver's view of one log. Every method is safe between threads.

    ``appending`` is held by the thread that appends an entry.
    """

    appending: threading.Lock = field(default_factory=threading.Lock)
    claimed: bool = False
    lost: str | None = None
    channels: Channels | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _head: int | None = None
    _whole: bool = False
    _homes: dict[bytes, str] = field(default_factory=dict)
    _seen: dict[str, Seen] = field(default_factory=dict)
    _held: dict[str, list[Held]] = field(default_factory=dict)
    _writing: int = 0

    @property
    def head(self) -> int | None:
        """The last entry's number, if this saver knows it."""
        return self._head

    @property
    def is_mapped(self) -> bool:
        """Whether every entry up to the head has been seen."""
        return self._whole

    def appended(self, number: int) -> None:
        """Remember that this saver appended entry ``number``."""
        with self._changed:
            self._whole = self._whole or number == 1
            self._head = number

    def claimed_at(self, number: int) -> None:
        """Remember that this saver owns the log as of entry ``number``."""
        with self._changed:
            self._whole = self._whole and number == (self._head or 0) + 1
            self._head = number
            self.claimed = True
            self.lost = None
            self._held.clear()

    def observed_head(self, number: int) -> None:
        """Remember the last entry's number, as read; a claim's head stays."""
        with self._changed:
            if self.claimed:
                return
            self.lost = None
            if self._head is None or number > self._head:
                self._whole = False
                self._head = number

    def mapped(self) -> None:
        """Remember that the log was read to its start."""
        with self._changed:
            self._whole = True

    def learn(self, home: str, digests: Iterable[bytes]) -> None:
        """Remember which pages the record at ``home`` holds."""
        with self._changed:
            for digest in digests:
                if home < self._homes.get(digest, "~"):
                    self._homes[digest] = home

    def is_home_before(self, digest: bytes, home: str) -> bool:
        """Say whether a record before ``home`` holds the page."""
        with self._changed:
            return self._homes.get(digest, "~") < home

    def saw(self, checkpoint_id: str, seen: Seen) -> None:
        """Remember where a checkpoint stands."""
        with self._changed:
            self._seen[checkpoint_id] = seen

    def seen(self, checkpoint_id: str) -> Seen | None:
        """Return where a checkpoint stands, if this saver knows."""
        with self._changed:
            return self._seen.get(checkpoint_id)

    def hold_writes(self, checkpoint_id: str, writes: Held) -> Seen | None:
        """Keep writes until their checkpoint is put; or say where it stands.

        LangGraph saves a checkpoint in the background and may hand over the
        writes of its tasks first. Without their checkpoint nobody could read
        them, so nothing is lost by keeping them in memory until then.
        """
        with self._changed:
            seen = self._seen.get(checkpoint_id)
            if seen is None:
                self._held.setdefault(checkpoint_id, []).append(writes)
            return seen

    def release_writes(self, checkpoint_id: str, seen: Seen) -> list[Held]:
        """Return what was kept for a checkpoint; once empty, it counts as seen."""
        with self._changed:
            held = self._held.pop(checkpoint_id, [])
            if not held:
                self._seen[checkpoint_id] = seen
            return held

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Count a record of writes on its way to the store."""
        with self._changed:
            self._writing += 1
        try:
            yield
        finally:
            with self._changed:
                self._writing -= 1
                self._changed.notify_all()

    def wait_for_writes(self) -> None:
        """Wait until no record of writes is on its way.

        So that a checkpoint finds the pages of the tasks that led to it in
        their records and does not store them again.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._writing == 0)
