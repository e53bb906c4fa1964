"""Read one namespace's log backwards, once, as far as needed.

One descending query meets a checkpoint's writes, then its manifest, then the
older records that hold its pages; the reader stops asking as soon as it has
every page. That is enough because of one rule every writer keeps: a record
relies only on what stands before it in the log. A reader going backwards meets
it later, so a record it met always finds its pages, whatever is written
meanwhile. What pruning took away stands at the very start (``remains``).
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from analemma.errors import ManifestMismatch, PageMissing
from analemma.hardware.ports import PageStore, Record, RecordStore
from analemma.kernelspace.layout import after, log_prefix, log_sort, parse_log_sort
from analemma.kernelspace.memory.holding import (
    Holding,
    Pack,
    packs_from,
    unbundle,
)
from analemma.kernelspace.memory.manifest import (
    Checkpoint,
    Claim,
    Manifest,
    Removed,
    entry_of,
    whole,
)
from analemma.kernelspace.memory.pages import (
    Ref,
    digest_in,
    is_stored,
    page_id_of,
    ref_from,
)
from analemma.kernelspace.memory.remains import (
    NUMBER,
    Remains,
    frames_from,
    remains_of,
)
from analemma.kernelspace.memory.rows import Row, rows_from
from analemma.kernelspace.memory.seal import Place, Wire, unpack, unseal
from analemma.kernelspace.memory.taskwrites import (
    TaskWrites,
    lone_writes,
    task_writes_of,
)

FINISHED = "w"
SPECIAL = "s"


ENTRY = "!"

LogEntry = Checkpoint | Claim | Removed | Remains
"""What stands under ``!``."""


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a log, read."""

    number: int
    slot: str
    entry: LogEntry | TaskWrites
    revision: int
    body_bytes: int

    @property
    def holding(self) -> Holding:
        """The pages the record holds."""
        return self.entry.holding


def read_line(record: Record) -> Line:
    """Read a record of a log.

    Raises:
        ManifestMismatch: its bytes are not the written ones, or it stands in
            another place than it was written for.
    """
    _, number, kind = parse_log_sort(record.sort)
    slot = kind.split("/", 1)[0]
    fields = unseal(Place(record.partition, record.sort), record.body)
    entry: LogEntry | TaskWrites
    if slot != ENTRY:
        entry = task_writes_of(fields, number)
    elif number == NUMBER:
        entry = remains_of(fields)
    else:
        entry = entry_of(fields, number)
    return Line(number, slot, entry, record.revision, len(record.body))


def task_kind(slot: str, task_id: str) -> str:
    """Return under which kind the record of a task stands beside an entry."""
    return f"{slot}/{quote(task_id, safe='')}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint as it stands in the log, with the writes recorded for it.

    ``writes`` holds the slot and the writes of each record. ``depth`` counts the
    changes in a row that lead to the manifest.
    """

    manifest: Manifest
    depth: int
    writes: tuple[tuple[str, TaskWrites], ...]


def open_table(wire: Wire, pages: PageStore) -> Wire:
    """Return a table, fetching it if it stands in the page store."""
    if not isinstance(wire, bytes):
        return wire
    ref = ref_from(wire)
    return unpack(pages.get(page_id_of(ref)), f"page {page_id_of(ref)}")


def packs_of(holding: Holding, pages: PageStore) -> tuple[Pack, ...]:
    """Return the packs of a record."""
    packs = holding.packs
    return packs_from(open_table(packs, pages)) if isinstance(packs, bytes) else packs


def open_pack(pack: Pack, pages: PageStore) -> dict[Ref, bytes]:
    """Return the pages of a pack."""
    return unbundle(pages.get(page_id_of(pack.ref)), pack.ref)


def held_pages(line: Line, pages: PageStore) -> dict[Ref, bytes]:
    """Return every page that one record holds."""
    found = dict(line.holding.pages)
    for pack in packs_of(line.holding, pages):
        found.update(open_pack(pack, pages))
    return found


def rows_of(writes: TaskWrites, pages: PageStore) -> list[Row]:
    """Return the writes of a record."""
    return rows_from(open_table(writes.rows, pages), writes.carried)


class LogReader:
    """A descending walk over one namespace's log.

    ``up_to`` is the entry to begin with, after what stands beside it unless
    ``beside`` is False. ``on_line`` is called with every record met, before
    anything is done with it. Not safe to share between threads.
    """

    def __init__(
        self,
        records: RecordStore,
        pages: PageStore,
        partition: str,
        namespace: str,
        *,
        up_to: int | None = None,
        beside: bool = True,
        on_line: Callable[[Line], None] | None = None,
    ) -> None:
        prefix = log_prefix(namespace)
        last = after("") if beside else ENTRY
        high = log_sort(namespace, up_to, last) if up_to else after(prefix)
        self._rows = records.query(partition, low=prefix, high=high, descending=True)
        self._store = pages
        self._namespace = namespace
        self._where = f"run {partition}, namespace {namespace!r}"
        self._on_line = on_line
        self._ahead: deque[Line] = deque()
        self._found: dict[Ref, bytes] = {}
        self._packs: list[Pack] = []
        self._entries: dict[int, Checkpoint] = {}
        self._manifests: dict[int, tuple[Manifest, int]] = {}
        self.head: int | None = None

    def checkpoints(self, told: Line | None = None) -> Iterator[Loaded]:
        """Yield the log's checkpoints, newest first, as far as asked.

        ``told`` is the entry above the first one, when that tells of its task and
        the walk does not begin at the head.
        """
        alone: dict[int, TaskWrites] = {}
        if told is not None:
            self._hold(told)
            if isinstance(told.entry, Checkpoint) and told.entry.lone is not None:
                alone[told.entry.lone.number] = lone_writes(told.entry.lone)
        writes: list[tuple[str, TaskWrites]] = []
        while (line := self._next()) is not None:
            entry = line.entry
            if isinstance(entry, TaskWrites):
                writes.append((line.slot, entry))
            elif isinstance(entry, Checkpoint):
                mine = [each for each in writes if each[1].number == line.number]
                writes.clear()
                if line.number in alone:
                    mine.append((FINISHED, alone.pop(line.number)))
                if entry.lone is not None:
                    alone[entry.lone.number] = lone_writes(entry.lone)
                manifest, depth = self._whole(line.number)
                yield Loaded(manifest, depth, tuple(mine))

    def page(self, ref: Ref) -> bytes:
        """Return a page's bytes, reading on in the log if need be.

        Raises:
            PageMissing: no record and no store holds it.
            PageCorrupt: the stored bytes do not hash to its id.
        """
        if is_stored(ref):
            return self._store.get(page_id_of(ref))
        while True:
            page = self._found.get(ref) or self._unpack_for(ref)
            if page is not None:
                return page
            if not self._read_on():
                raise PageMissing(
                    f"{self._where}: page {page_id_of(ref)} is in no record of the "
                    "log; run `analemma verify` to see what is damaged"
                )

    def rows(self, writes: TaskWrites) -> list[Row]:
        """Return the writes of a record."""
        return rows_of(writes, self._store)

    def _whole(self, number: int) -> tuple[Manifest, int]:
        """Return the manifest of an entry, putting its changes together."""
        chain, at = self._chain(number)
        while at is not None:
            if not self._read_on():
                raise ManifestMismatch(
                    f"{self._where}: entry {at} is not in the log, and a later one "
                    "says what changed since; run `analemma verify`"
                )
            # Anew: pruning may have left a whole manifest of what is a change here.
            chain, at = self._chain(number)
        for entry in reversed(chain):
            of, depth = (None, -1) if entry.of is None else self._manifests[entry.of]
            frame = open_table(entry.frame, self._store)
            manifest = whole(self._namespace, entry, of, frame)
            self._manifests[entry.number] = (manifest, depth + 1)
        return self._manifests[number]

    def _chain(self, number: int) -> tuple[list[Checkpoint], int | None]:
        """Return the entries whose changes lead to one, and the one not met yet."""
        chain: list[Checkpoint] = []
        at: int | None = number
        while at is not None and at not in self._manifests:
            entry = self._entries.get(at)
            if entry is None:
                return chain, at
            chain.append(entry)
            at = entry.of
        return chain, None

    def _next(self) -> Line | None:
        return self._ahead.popleft() if self._ahead else self._pull()

    def _read_on(self) -> bool:
        line = self._pull()
        if line is not None:
            self._ahead.append(line)
        return line is not None

    def _pull(self) -> Line | None:
        record = next(self._rows, None)
        if record is None:
            return None
        line = read_line(record)
        if self.head is None:
            self.head = line.number
        if self._on_line is not None:
            self._on_line(line)
        self._hold(line)
        if isinstance(line.entry, Checkpoint):
            self._entries[line.number] = line.entry
        elif isinstance(line.entry, Remains):
            frames = open_table(line.entry.frames, self._store)
            for number, manifest in frames_from(self._namespace, frames).items():
                self._manifests.setdefault(number, (manifest, 0))
        return line

    def _hold(self, line: Line) -> None:
        self._found.update(line.holding.pages)
        self._packs.extend(packs_of(line.holding, self._store))

    def _unpack_for(self, ref: Ref) -> bytes | None:
        digest = digest_in(ref)
        for pack in [pack for pack in self._packs if pack.may_hold(digest)]:
            self._packs.remove(pack)
            self._found.update(open_pack(pack, self._store))
            if ref in self._found:
                return self._found[ref]
        return None
