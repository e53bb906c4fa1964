"""Load checkpoints from a log that somebody may be pruning.

A reader holds entries that are deleted behind its back, and may then look for
what they rely on in vain. That is no damage: it is read again, as often as the
log was pruned again meanwhile.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.errors import Corrupt
from analemma.kernelspace.memory.journal import Journal
from analemma.kernelspace.memory.reader import FINISHED, Loaded
from analemma.kernelspace.memory.restore import ChannelValue, Restored, Restorer


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint, and whether a task that follows it has finished."""

    restored: Restored
    has_finished_tasks: bool


class Loader:
    """Loads checkpoints of one log."""

    def __init__(
        self, journal: Journal, serde: SerializerProtocol, run_id: str
    ) -> None:
        self._journal = journal
        self._serde = serde
        self._run_id = run_id
        self._pruned_at = 0

    def find(self, wanted: str | None) -> Found | None:
        """Return the checkpoint of this id, or the latest (None).

        Raises:
            Corrupt: stored bytes are not what was written.
        """
        while True:
            try:
                found, is_empty = self._find(wanted)
            except Corrupt:
                if not self._was_pruned():
                    raise
            else:
                # All that was left of a log may have been deleted ahead of us.
                if found is not None or is_empty or not self._was_pruned():
                    return found

    def channel(self, number: int, name: str) -> ChannelValue | None:
        """Return one channel of the checkpoint at ``number``; None if it has none.

        The other channels are not decoded, and what tasks wrote for the
        checkpoint is not read.

        Raises:
            Corrupt: stored bytes are not what was written.
        """
        while True:
            reader = self._journal.reader(up_to=number, beside=False)
            try:
                loaded = next(reader.checkpoints(), None)
                if loaded is None or loaded.manifest.number != number:
                    return None
                return Restorer(reader, self._serde, self._run_id).channel(loaded, name)
            except Corrupt:
                if not self._was_pruned():
                    raise

    def all(
        self, chosen: Callable[[Loaded, Restorer], bool]
    ) -> Iterator[CheckpointTuple]:
        """Yield the chosen checkpoints, newest first.

        What is pruned meanwhile is left out.

        Raises:
            Corrupt: stored bytes are not what was written.
        """
        below: int | None = None
        while below != 1:
            reader = self._journal.reader(up_to=None if below is None else below - 1)
            restorer = Restorer(reader, self._serde, self._run_id)
            try:
                for loaded in reader.checkpoints():
                    below = loaded.manifest.number
                    if chosen(loaded, restorer):
                        yield restorer.restore(loaded).tuple
            except Corrupt:
                if not self._was_pruned():
                    raise
            else:
                return

    def _find(self, wanted: str | None) -> tuple[Found | None, bool]:
        """Return the checkpoint, and whether there was nothing at all to read."""
        memory = self._journal.memory
        seen = memory.seen(wanted) if wanted else None
        told = None if seen is None else self._journal.told_after(seen.number)
        reader = self._journal.reader(up_to=seen.number if seen else None)
        found: Loaded | None = None
        for loaded in reader.checkpoints(told):
            if wanted is None or loaded.manifest.checkpoint_id == wanted:
                found = loaded
                break
        if wanted is None:
            tip = found.manifest.number if found else None
            memory.observed_head(reader.head or 0, tip)
        if found is None:
            return None, reader.head is None or wanted is not None
        restored = Restorer(reader, self._serde, self._run_id).restore(found)
        memory.know(restored.known)
        finished = any(slot == FINISHED for slot, _ in found.writes)
        return Found(restored, finished), False

    def _was_pruned(self) -> bool:
        """Say whether the log was pruned since this was last asked, or ever."""
        record = self._journal.remains()
        before = self._pruned_at
        self._pruned_at = 0 if record is None else record.revision
        return self._pruned_at != before
