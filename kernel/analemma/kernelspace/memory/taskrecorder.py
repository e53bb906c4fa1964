"""Record a task's writes: one record an attempt, beside the log's entries.

No fence: a worker that owns nothing may record what it did. A finished attempt
is written on the condition that none is there, so the first one stays, and a
second one is no error but the same fact again. What is not finished replaces
what stood there, under the revision it was merged with.
"""

from collections.abc import Sequence
from urllib.parse import quote

from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.hardware.ports import ABSENT, Record, RecordConflict
from analemma.kernelspace.memory.holding import table
from analemma.kernelspace.memory.journal import Journal
from analemma.kernelspace.memory.pages import (
    Draft,
    Encoded,
    Ref,
    children,
    digest_in,
    is_stored,
    read_page,
    roots,
)
from analemma.kernelspace.memory.reader import (
    FINISHED,
    SPECIAL,
    held_pages,
    open_table,
    read_line,
)
from analemma.kernelspace.memory.recollection import Held
from analemma.kernelspace.memory.taskwrites import (
    Row,
    TaskWrites,
    finishes,
    index_of,
    merged,
    rows_from,
    rows_wire,
)
from analemma.kernelspace.memory.values import Encoder


def record_writes(
    journal: Journal, number: int, held: Held, serde: SerializerProtocol
) -> None:
    """Record the writes of one attempt for the checkpoint at ``number``.

    Durable when it returns.

    Raises:
        TypeError: a value cannot be serialized; nothing was recorded.
        StoreUnavailable: it may or may not have been recorded; safe to retry.
    """
    draft = Draft()
    encoder = Encoder(serde, draft)
    rows = [
        Row(index_of(channel, position), channel, encoder.value(value))
        for position, (channel, value) in enumerate(held.writes)
    ]
    with journal.memory.writing():
        if finishes(held.writes, held.task_id):
            _record_finished(journal, number, held, rows, draft)
        else:
            _record_special(journal, number, held, rows, draft)


def special_revision(journal: Journal, number: int, task_id: str) -> int:
    """Return how often what stands under ``s/`` was written; 0 if nothing does."""
    sort = journal.sort(number, f"{SPECIAL}/{quote(task_id, safe='')}")
    record = journal.records.get(journal.partition, sort)
    return 0 if record is None else record.revision


def _record_finished(
    journal: Journal, number: int, held: Held, rows: Sequence[Row], draft: Draft
) -> None:
    kind = f"{FINISHED}/{quote(held.task_id, safe='')}"
    home = f"{number:010d}/{kind}"
    writes = _task_writes(journal, number, held, rows, draft)
    fresh, fields = journal.hold(draft, home)
    journal.store(draft)
    try:
        journal.records.put(
            journal.partition,
            journal.sort(number, kind),
            writes.sealed(fields),
            expected=ABSENT,
        )
    except RecordConflict as conflict:
        # Another attempt was first, and its pages are the ones that are there.
        if conflict.current is not None:
            journal.read(conflict.current)
    else:
        journal.memory.learn(home, fresh)


def _record_special(
    journal: Journal, number: int, held: Held, rows: Sequence[Row], draft: Draft
) -> None:
    kind = f"{SPECIAL}/{quote(held.task_id, safe='')}"
    home = f"{number:010d}/{kind}"
    current: Record | None = None
    while True:
        together, pages = _merge(journal, current, held.task_id, rows, draft)
        writes = _task_writes(journal, number, held, together, pages)
        _, fields = journal.hold(pages, home, alone=True)
        body = writes.sealed(fields)
        if current is not None and current.body == body:
            return
        journal.store(pages)
        try:
            journal.records.put(
                journal.partition,
                journal.sort(number, kind),
                body,
                expected=ABSENT if current is None else current.revision,
            )
        except RecordConflict as conflict:
            current = conflict.current
        else:
            return


def _merge(
    journal: Journal,
    current: Record | None,
    task_id: str,
    rows: Sequence[Row],
    draft: Draft,
) -> tuple[list[Row], Draft]:
    """Return what is to stand under ``s/``, and the pages of all of it."""
    if current is None:
        return merged([], rows, task_id), Draft(
            dict(draft.in_log), dict(draft.in_store)
        )
    line = read_line(current)
    stands = line.entry.rows if isinstance(line.entry, TaskWrites) else None
    together = merged(rows_from(open_table(stands, journal.pages)), rows, task_id)
    available = {**held_pages(line, journal.pages), **draft.in_log}
    pages = Draft({}, dict(draft.in_store))
    for row in together:
        _keep(row.value, available, pages)
    return together, pages


def _keep(value: Encoded, available: dict[bytes, bytes], pages: Draft) -> None:
    """Add the pages that a value is made of, as far as a record holds them."""
    waiting: list[Ref] = list(roots(value))
    while waiting:
        ref = waiting.pop()
        page = available.get(digest_in(ref))
        if page is None or is_stored(ref) or digest_in(ref) in pages.in_log:
            continue
        pages.in_log[digest_in(ref)] = page
        waiting.extend(children(read_page(page, ref)))


def _task_writes(
    journal: Journal, number: int, held: Held, rows: Sequence[Row], draft: Draft
) -> TaskWrites:
    return TaskWrites(
        namespace=journal.namespace,
        number=number,
        task_id=held.task_id,
        task_path=held.task_path,
        channels=tuple(row.channel for row in rows),
        rows=table(rows_wire(rows), draft),
    )
