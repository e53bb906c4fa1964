"""Record a task's writes: one record an attempt, beside the log's entries.

No fence: a worker that owns nothing may record what it did. A finished attempt
is written on the condition that none is there, so the first one stays, and a
second one is no error but the same fact again. What is not finished replaces
what stood there, under the revision it was merged with.

The writes of a task that is alone in its superstep need no record: nothing that
finished could be lost by waiting for the checkpoint, which follows at once and
tells them.
"""

from collections.abc import Mapping, Sequence

from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.hardware.ports import ABSENT, Record
from analemma.kernelspace.memory.holding import load_of
from analemma.kernelspace.memory.journal import Journal
from analemma.kernelspace.memory.pages import (
    Draft,
    Encoded,
    Ref,
    children,
    is_stored,
    read_page,
    roots,
)
from analemma.kernelspace.memory.reader import (
    FINISHED,
    SPECIAL,
    held_pages,
    read_line,
    rows_of,
    task_kind,
)
from analemma.kernelspace.memory.recollection import Attempt, Held, Seen, Waiting
from analemma.kernelspace.memory.rows import Row
from analemma.kernelspace.memory.taskwrites import (
    TaskWrites,
    finishes,
    index_of,
    merged,
    writes_body,
)
from analemma.kernelspace.memory.values import Encoder


class TaskRecorder:
    """Records what tasks wrote, in one log."""

    def __init__(self, journal: Journal, serde: SerializerProtocol) -> None:
        self._journal = journal
        self._serde = serde

    def take(self, checkpoint_id: str, seen: Seen, held: Held) -> None:
        """Record the writes, or let a lone task's wait for its checkpoint.

        Raises:
            TypeError: a value cannot be serialized; nothing was recorded.
            StoreUnavailable: it may or may not have been recorded; safe to retry.
        """
        attempt = self._encoded(held)
        finished = finishes(held.writes, held.task_id)
        if finished and _is_of_superstep(held.task_path):
            waiting = Waiting(checkpoint_id, seen.number, attempt)
            if self._journal.memory.let_wait(waiting):
                return
        self.flush()
        self._journal.memory.not_lone(checkpoint_id)
        with self._journal.memory.writing():
            if finished:
                self._finished(checkpoint_id, seen.number, attempt)
            else:
                self._special(seen.number, attempt)

    def flush(self) -> None:
        """Record what waits for a checkpoint, which may not come.

        Raises:
            StoreUnavailable: it may or may not have been recorded; safe to retry.
        """
        waiting = self._journal.memory.stop_waiting()
        if waiting is None:
            return
        with self._journal.memory.writing():
            self._finished(waiting.checkpoint_id, waiting.number, waiting.attempt)

    def _encoded(self, held: Held) -> Attempt:
        draft = Draft()
        encoder = Encoder(self._serde, draft)
        rows = [
            Row(index_of(channel, position), channel, encoder.value(value))
            for position, (channel, value) in enumerate(held.writes)
        ]
        return Attempt(held.task_id, held.task_path, rows, draft.pages)

    def _finished(self, checkpoint_id: str, number: int, attempt: Attempt) -> None:
        journal = self._journal
        kind = task_kind(FINISHED, attempt.task_id)
        fresh = journal.fresh(attempt.pages, checkpoint_id)
        body, stored = writes_body(
            journal.place(number, kind),
            attempt.task_id,
            attempt.task_path,
            attempt.rows,
            load_of(fresh),
        )
        journal.store(stored)
        other = journal.write(number, kind, body, ABSENT)
        if other is None:
            journal.memory.recorded(number, fresh)
        else:
            # Another attempt was first, and its pages are the ones that are there.
            journal.read(other)

    def _special(self, number: int, attempt: Attempt) -> None:
        journal = self._journal
        kind = task_kind(SPECIAL, attempt.task_id)
        current: Record | None = None
        while True:
            together, own = self._merge(current, attempt)
            body, stored = writes_body(
                journal.place(number, kind),
                attempt.task_id,
                attempt.task_path,
                together,
                load_of(own),
            )
            if current is not None and current.body == body:
                return
            journal.store(stored)
            expected = ABSENT if current is None else current.revision
            current = journal.write(number, kind, body, expected)
            if current is None:
                return

    def _merge(
        self, current: Record | None, attempt: Attempt
    ) -> tuple[Sequence[Row], Mapping[Ref, bytes]]:
        """Return what is to stand under ``s/``, and the pages of all of it."""
        rows, pages = attempt.rows, attempt.pages
        if current is None:
            return merged([], rows, attempt.task_id), pages
        line = read_line(current)
        stands = (
            rows_of(line.entry, self._journal.pages)
            if isinstance(line.entry, TaskWrites)
            else []
        )
        together = merged(stands, rows, attempt.task_id)
        available = {**held_pages(line, self._journal.pages), **pages}
        own = {ref: page for ref, page in pages.items() if is_stored(ref)}
        for row in together:
            _keep(row.value, available, own)
        return together, own


def special_revision(journal: Journal, number: int, task_id: str) -> int:
    """Return how often what stands under ``s/`` was written; 0 if nothing does."""
    record = journal.task_record(number, SPECIAL, task_id)
    return 0 if record is None else record.revision


def _is_of_superstep(task_path: str) -> bool:
    """Say whether the task is one of the superstep itself.

    A path with a second ``~`` is a functional task that a task called: it is
    finished, while its caller is not.
    """
    return task_path.count("~") == 1


def _keep(
    value: Encoded, available: Mapping[Ref, bytes], pages: dict[Ref, bytes]
) -> None:
    """Add the pages that a value is made of, as far as a record holds them."""
    waiting: list[Ref] = list(roots(value))
    while waiting:
        ref = waiting.pop()
        page = available.get(ref)
        if page is None or is_stored(ref) or ref in pages:
            continue
        pages[ref] = page
        waiting.extend(children(read_page(page, ref)))
