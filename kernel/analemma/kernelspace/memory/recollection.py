"""What one saver remembers of one log, so that it need not read it again.

All of it may be forgotten at any time without harm, but for two things. The
head a claim was won at: a saver that claimed the run never moves its head by
reading, or a writer that has lost the run could win it back by looking at it.
And the writes that wait for their checkpoint: whoever forgets them makes their
task run again.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from analemma.kernelspace.memory.manifest import Manifest
from analemma.kernelspace.memory.pages import Ref
from analemma.kernelspace.memory.rows import Row
from analemma.kernelspace.memory.values import Channel

_KNOWN = 4
"""How many checkpoints are remembered whole: the head, and what forks ask for."""

_LONE_SECONDS = 0.05
"""How long a checkpoint waits for the writes of the one task that led to it.

LangGraph hands both over at the same time, on two threads. Writes that come
later get a record of their own; those of a cached task never come.
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a checkpoint stands in the log, and its hash."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """A checkpoint as it stands in the log, and all the pages it is made of.

    ``depth`` counts the changes in a row that lead to it. ``other`` are the
    pages of what is not a channel.
    """

    manifest: Manifest
    depth: int
    versions: Mapping[str, object]
    channels: Mapping[str, Channel]
    other: frozenset[Ref]

    def reaches(self, ref: Ref) -> bool:
        """Say whether the checkpoint is made of this page, among others."""
        return ref in self.other or any(
            ref in channel.reached for channel in self.channels.values()
        )


@dataclass(frozen=True, slots=True)
class Held:
    """What one attempt of a task wrote, not recorded yet."""

    writes: tuple[tuple[str, object], ...]
    task_id: str
    task_path: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt of a task wrote, encoded, and the pages of all of it."""

    task_id: str
    task_path: str
    rows: Sequence[Row]
    pages: Mapping[Ref, bytes]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a lone task wrote, waiting for the checkpoint that will tell it."""

    checkpoint_id: str
    number: int
    attempt: Attempt


@dataclass(slots=True)
class Recollection:
    """One saver's view of one log. Every method is safe between threads.

    ``appending`` is held by the thread that appends an entry. ``tip`` is the
    number of the last checkpoint, if this saver knows that none came after it.
    ``lone`` is the id of the last checkpoint if at most one task follows it.
    """

    appending: threading.Lock = field(default_factory=threading.Lock)
    claimed: bool = False
    lost: str | None = None
    tip: int | None = None
    lone: str | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _head: int | None = None
    _whole: bool = False
    _known: OrderedDict[str, Known] = field(default_factory=OrderedDict)
    _recorded: dict[int, set[Ref]] = field(default_factory=dict)
    _seen: dict[str, Seen] = field(default_factory=dict)
    _held: dict[str, list[Held]] = field(default_factory=dict)
    _waiting: Waiting | None = None
    _writing: int = 0

    @property
    def head(self) -> int | None:
        """The last entry's number, if this saver knows it."""
        return self._head

    @property
    def is_mapped(self) -> bool:
        """Whether every entry up to the head has been seen."""
        return self._whole

    def appended(self, known: Known) -> None:
        """Remember that this saver appended a checkpoint."""
        number = known.manifest.number
        with self._changed:
            self._whole = self._whole or number == 1
            self._head = self.tip = number
            self._recorded = {n: r for n, r in self._recorded.items() if n == number}
        self.know(known)

    def claimed_at(self, number: int) -> None:
        """Remember that this saver owns the log as of entry ``number``."""
        with self._changed:
            follows = number == (self._head or 0) + 1
            self._whole = self._whole and follows
            if not follows:
                self.tip = None
            self._head = number
            self.claimed = True
            self.lost = None
            self._held.clear()
            self._waiting = None

    def observed_head(self, number: int, tip: int | None = None) -> None:
        """Remember the last entry's number, as read; a claim's head stays."""
        with self._changed:
            if tip is not None and (not self.claimed or number == self._head):
                self.tip = tip
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

    def know(self, known: Known) -> None:
        """Remember a checkpoint whole, as the latest of a few."""
        with self._changed:
            checkpoint_id = known.manifest.checkpoint_id
            self._known[checkpoint_id] = known
            self._known.move_to_end(checkpoint_id)
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)

    def known(self, checkpoint_id: str | None) -> Known | None:
        """Return a checkpoint that is remembered whole."""
        with self._changed:
            return None if checkpoint_id is None else self._known.get(checkpoint_id)

    def recorded(self, number: int, refs: Iterable[Ref]) -> None:
        """Remember pages that finished tasks recorded for a checkpoint."""
        with self._changed:
            self._recorded.setdefault(number, set()).update(refs)

    def is_recorded(self, number: int, ref: Ref) -> bool:
        """Say whether a finished task of the checkpoint recorded the page."""
        with self._changed:
            return ref in self._recorded.get(number, ())

    def saw(self, checkpoint_id: str, seen: Seen) -> None:
        """Remember where a checkpoint stands."""
        with self._changed:
            self._seen[checkpoint_id] = seen

    def seen(self, checkpoint_id: str) -> Seen | None:
        """Return where a checkpoint stands, if this saver knows."""
        with self._changed:
            return self._seen.get(checkpoint_id)

    def forget(self, checkpoint_ids: Iterable[str]) -> None:
        """Forget checkpoints that were deleted."""
        with self._changed:
            for checkpoint_id in checkpoint_ids:
                self._seen.pop(checkpoint_id, None)
                self._known.pop(checkpoint_id, None)

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

    def let_wait(self, waiting: Waiting) -> bool:
        """Keep a lone task's writes for its next checkpoint, if that may be.

        It may not if other writes wait already, or if the next checkpoint has
        been appended meanwhile.
        """
        with self._changed:
            if (
                self._waiting is not None
                or self.lone != waiting.checkpoint_id
                or self.tip != waiting.number
            ):
                return False
            self._waiting = waiting
            self._changed.notify_all()
            return True

    def waiting(self, checkpoint_id: str | None) -> Waiting | None:
        """Return a lone task's writes that wait for a child of this checkpoint.

        If there was one task, and it is about to hand its writes over, this
        waits for that.
        """
        with self._changed:
            if checkpoint_id is not None and self.lone == checkpoint_id:
                self._changed.wait_for(
                    lambda: self._waiting is not None, timeout=_LONE_SECONDS
                )
            return self._waiting

    def not_lone(self, checkpoint_id: str) -> None:
        """Take note that writes of this checkpoint got a record of their own."""
        with self._changed:
            if self.lone == checkpoint_id:
                self.lone = None

    def stop_waiting(self) -> Waiting | None:
        """Return the writes that wait, if any, and forget them."""
        with self._changed:
            waiting, self._waiting = self._waiting, None
            return waiting

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
