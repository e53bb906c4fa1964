"""The root log of a run, as a worker of a fan-out needs it.

A worker is told where its checkpoint stands, and asks for single records from
there on. It never reads the log as a whole: beside its checkpoint stand the
writes of all tasks of the superstep, which may be ten thousand.
"""

from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.errors import Corrupt
from analemma.hardware.ports import Record
from analemma.kernelspace.langgraph_compat import ERROR_SOURCE_NODE
from analemma.kernelspace.memory.journal import Journal
from analemma.kernelspace.memory.loading import Loader
from analemma.kernelspace.memory.reader import FINISHED, SPECIAL, rows_of
from analemma.kernelspace.memory.recollection import Seen
from analemma.kernelspace.memory.taskwrites import TaskWrites
from analemma.kernelspace.memory.values import Decoder


class RootLog:
    """Single records of one run's root log, found by their keys.

    Every method may raise ``StoreUnavailable`` and, for bytes that are not what
    was written, ``Corrupt``. Safe to share between threads.
    """

    def __init__(
        self, journal: Journal, serde: SerializerProtocol, run_id: str
    ) -> None:
        self._journal = journal
        self._serde = serde
        self._run_id = run_id

    def place(self, checkpoint_id: str) -> Seen | None:
        """Return where a checkpoint stands, reading the log if need be."""
        return self._journal.locate(checkpoint_id)

    def trust(self, checkpoint_id: str, place: Seen) -> None:
        """Take it that the checkpoint stands there, and read nothing."""
        self._journal.memory.saw(checkpoint_id, place)

    def is_superseded(self, place: Seen) -> bool:
        """Say whether a later checkpoint stands in the log. One query."""
        return self._journal.has_checkpoint_after(place.number)

    def has_finished(self, place: Seen, task_id: str) -> bool:
        """Say whether a finished attempt of a task is recorded by now."""
        return self._record(place, FINISHED, task_id) is not None

    def finished(self, place: Seen, task_id: str) -> list[tuple[str, object]] | None:
        """Return what a finished attempt of a task wrote; None if none finished."""
        found = self._record(place, FINISHED, task_id)
        if found is None:
            return None
        line = self._journal.read(found)
        if not isinstance(line.entry, TaskWrites):
            return None
        reader = self._journal.reader(up_to=place.number)
        held = line.holding.pages
        decoder = Decoder(self._serde, lambda ref: held.get(ref) or reader.page(ref))
        return [
            (row.channel, decoder.value(row.value))
            for row in rows_of(line.entry, self._journal.pages)
        ]

    def was_handed_over(self, place: Seen, task_id: str) -> bool:
        """Say whether a task failed and its error handler is to go on with it."""
        found = self._record(place, SPECIAL, task_id)
        if found is None:
            return False
        entry = self._journal.read(found).entry
        return isinstance(entry, TaskWrites) and ERROR_SOURCE_NODE in entry.channels

    def channel(self, place: Seen, name: str) -> object:
        """Return the value of one channel of the checkpoint.

        Decodes no other channel, and reads none of the writes beside the
        checkpoint.

        Raises:
            Corrupt: the checkpoint is not there, or has no such channel.
        """
        loader = Loader(self._journal, self._serde, self._run_id)
        found = loader.channel(place.number, name)
        if found is None:
            raise Corrupt(
                f"run {self._run_id}: entry {place.number} of the log has no value "
                f"of channel {name!r}; run `analemma verify`"
            )
        return found.value

    def _record(self, place: Seen, slot: str, task_id: str) -> Record | None:
        return self._journal.task_record(place.number, slot, task_id)
