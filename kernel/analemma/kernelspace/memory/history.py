"""A whole log in memory, oldest entry first, for those who need all of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from analemma.errors import Corrupt, ManifestMismatch
from analemma.hardware.ports import PageStore, RecordStore
from analemma.kernelspace.layout import after, log_prefix
from analemma.kernelspace.memory.manifest import Checkpoint, Manifest, whole
from analemma.kernelspace.memory.namespaces import prunings
from analemma.kernelspace.memory.pages import (
    Encoded,
    Ref,
    children,
    is_stored,
    page_id_of,
    read_page,
    roots,
)
from analemma.kernelspace.memory.reader import (
    ENTRY,
    SPECIAL,
    Line,
    held_pages,
    open_table,
    read_line,
    rows_of,
)
from analemma.kernelspace.memory.remains import Remains, frames_from
from analemma.kernelspace.memory.taskwrites import TaskWrites, lone_writes


@dataclass(slots=True)
class History:
    """One namespace's log.

    ``pages`` are those that records hold, not those of ``store``; ``homes`` is
    the number of the first record that holds each.
    """

    namespace: str
    store: PageStore
    lines: list[Line] = field(default_factory=list)
    manifests: dict[int, Manifest] = field(default_factory=dict)
    frames: dict[int, Manifest] = field(default_factory=dict)
    pages: dict[Ref, bytes] = field(default_factory=dict)
    homes: dict[Ref, int] = field(default_factory=dict)
    remains: Line | None = None

    @property
    def entries(self) -> Iterator[Line]:
        """The lines that are entries."""
        return (line for line in self.lines if line.slot == ENTRY)

    @property
    def head(self) -> int:
        """The number of the last entry; 0 in an empty log."""
        return max((line.number for line in self.entries), default=0)

    @property
    def checkpoints(self) -> Mapping[int, Checkpoint]:
        """The checkpoints' entries by number."""
        return {
            line.number: line.entry
            for line in self.entries
            if isinstance(line.entry, Checkpoint)
        }

    def page(self, ref: Ref) -> bytes:
        """Return a page's bytes.

        Raises:
            PageMissing: neither the log nor the store holds it.
        """
        page = self.pages.get(ref)
        return self.store.get(page_id_of(ref)) if page is None else page

    def reached(self, named: Iterable[Ref]) -> set[Ref]:
        """Return these references and all that their pages name in the log."""
        found: set[Ref] = set()
        waiting = list(named)
        while waiting:
            ref = waiting.pop()
            if ref in found:
                continue
            found.add(ref)
            page = self.pages.get(ref)
            if page is not None and not is_stored(ref):
                waiting.extend(children(read_page(page, ref)))
        return found


def read_history(
    records: RecordStore, pages: PageStore, partition: str, namespace: str
) -> History:
    """Read a log with all the pages in its records.

    Raises:
        Corrupt: stored bytes are not what was written.
    """
    while True:
        before = prunings(records, partition)
        try:
            return _read(records, pages, partition, namespace)
        except Corrupt:
            if prunings(records, partition) == before:
                raise


def _read(
    records: RecordStore, pages: PageStore, partition: str, namespace: str
) -> History:
    history = History(namespace, pages)
    prefix = log_prefix(namespace)
    for record in records.query(partition, low=prefix, high=after(prefix)):
        line = read_line(record)
        history.lines.append(line)
        entry = line.entry
        if isinstance(entry, Remains):
            history.remains = line
            frames = open_table(entry.frames, pages)
            history.frames = frames_from(namespace, frames)
        if line.slot != SPECIAL:
            for ref, page in held_pages(line, pages).items():
                history.pages[ref] = page
                history.homes.setdefault(ref, line.number)
        if isinstance(entry, Checkpoint):
            history.manifests[line.number] = _manifest(history, entry)
    return history


def values_of(writes: TaskWrites, pages: PageStore) -> list[Encoded]:
    """Return the values a task wrote, encoded."""
    return [row.value for row in rows_of(writes, pages)]


def named_by(line: Line, history: History) -> list[Ref]:
    """Return the references that a record holds on pages for others to keep."""
    entry = line.entry
    named: list[Ref] = []
    if isinstance(entry, Checkpoint):
        named.extend(history.manifests[line.number].roots)
        if entry.lone is not None:
            for value in values_of(lone_writes(entry.lone), history.store):
                named.extend(roots(value))
    elif isinstance(entry, TaskWrites) and line.slot != SPECIAL:
        for value in values_of(entry, history.store):
            named.extend(roots(value))
    return named


def _manifest(history: History, entry: Checkpoint) -> Manifest:
    of = None
    if entry.of is not None:
        of = history.manifests.get(entry.of) or history.frames.get(entry.of)
        if of is None:
            raise ManifestMismatch(
                f"entry {entry.number} of namespace {history.namespace!r} says what "
                f"changed since entry {entry.of}, which is not in the log"
            )
    return whole(history.namespace, entry, of, open_table(entry.frame, history.store))
