"""Read one namespace's log backwards, once, as far as needed.

One descending query meets a checkpoint's writes, then its manifest, then the
older records that hold its pages; the reader stops asking as soon as it has
every page. That is enough because of one rule every writer keeps: a record
relies only on pages of records that stand before it in the log. A reader going
backwards meets them later, so a record it met always finds its pages, whatever
is written meanwhile.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from analemma.errors import ManifestMismatch, PageMissing
from analemma.hardware.ports import PageStore, Record, RecordStore
from analemma.kernelspace.layout import after, log_prefix, log_sort, parse_log_sort
from analemma.kernelspace.memory.holding import (
    EMPTY,
    Holding,
    Pack,
    packs_from,
    unbundle,
)
from analemma.kernelspace.memory.manifest import (
    Claim,
    Manifest,
    channels_from,
    entry_of,
)
from analemma.kernelspace.memory.pages import (
    Encoded,
    Ref,
    digest_in,
    digest_of,
    is_stored,
    page_id_of,
    ref_from,
)
from analemma.kernelspace.memory.seal import Wire, unpack, unseal
from analemma.kernelspace.memory.taskwrites import (
    Row,
    TaskWrites,
    rows_from,
    task_writes_of,
)

FINISHED = "w"
SPECIAL = "s"


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a log, read. ``home`` is its sort key within the log."""

    home: str
    number: int
    slot: str
    entry: Manifest | Claim | TaskWrites
    revision: int
    body_bytes: int

    @property
    def holding(self) -> Holding:
        """The pages the record holds."""
        return EMPTY if isinstance(self.entry, Claim) else self.entry.holding


def read_line(record: Record) -> Line:
    """Read a record of a log.

    Raises:
        ManifestMismatch: its bytes are not the written ones, or it stands in
            another place than it was written for.
    """
    where = f"record {record.sort} of {record.partition}"
    namespace, number, kind = parse_log_sort(record.sort)
    slot = kind.split("/", 1)[0]
    fields = unseal(record.body, where)
    entry = entry_of(fields) if slot == "!" else task_writes_of(fields)
    own = "" if isinstance(entry, Claim) else entry.namespace
    if (own, entry.number) != (namespace, number):
        raise ManifestMismatch(f"{where}: was written as {own!r} {entry.number}")
    home = record.sort.removeprefix(log_prefix(namespace))
    return Line(home, number, slot, entry, record.revision, len(record.body))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint as it stands in the log, with the writes recorded for it."""

    manifest: Manifest
    writes: tuple[Line, ...]


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


def open_pack(pack: Pack, pages: PageStore) -> dict[bytes, bytes]:
    """Return the pages of a pack by their SHA-256."""
    return unbundle(pages.get(page_id_of(pack.ref)), pack.ref)


def held_pages(line: Line, pages: PageStore) -> dict[bytes, bytes]:
    """Return every page that one record holds, by SHA-256."""
    found = {digest_of(page): page for page in line.holding.pages}
    for pack in packs_of(line.holding, pages):
        found.update(open_pack(pack, pages))
    return found


class LogReader:
    """A descending walk over one namespace's log.

    ``on_line`` is called with every record met, before anything is done with
    it. Not safe to share between threads.
    """

    def __init__(
        self,
        records: RecordStore,
        pages: PageStore,
        partition: str,
        namespace: str,
        *,
        up_to: int | None = None,
        on_line: Callable[[Line], None] | None = None,
    ) -> None:
        prefix = log_prefix(namespace)
        high = log_sort(namespace, up_to, after("")) if up_to else after(prefix)
        self._rows = records.query(partition, low=prefix, high=high, descending=True)
        self._store = pages
        self._where = f"run {partition}, namespace {namespace!r}"
        self._on_line = on_line
        self._ahead: deque[Line] = deque()
        self._found: dict[bytes, bytes] = {}
        self._packs: list[Pack] = []
        self.head: int | None = None

    def checkpoints(self) -> Iterator[Loaded]:
        """Yield the log's checkpoints, newest first, as far as asked."""
        writes: list[Line] = []
        while (line := self._next()) is not None:
            if isinstance(line.entry, Manifest):
                mine = tuple(w for w in writes if w.number == line.number)
                writes.clear()
                yield Loaded(line.entry, mine)
            elif isinstance(line.entry, TaskWrites):
                writes.append(line)

    def page(self, ref: Ref) -> bytes:
        """Return a page's bytes, reading on in the log if need be.

        Raises:
            PageMissing: no record and no store holds it.
            PageCorrupt: the stored bytes do not hash to its id.
        """
        if is_stored(ref):
            return self._store.get(page_id_of(ref))
        digest = digest_in(ref)
        while True:
            page = self._found.get(digest) or self._unpack_for(digest)
            if page is not None:
                return page
            line = self._pull()
            if line is None:
                raise PageMissing(
                    f"{self._where}: page {page_id_of(ref)} is in no record of the "
                    "log; run `analemma verify` to see what is damaged"
                )
            self._ahead.append(line)

    def channels(self, manifest: Manifest) -> dict[str, Encoded]:
        """Return the channels that a manifest names."""
        return channels_from(open_table(manifest.channels, self._store))

    def rows(self, writes: TaskWrites) -> list[Row]:
        """Return the writes of a record."""
        return rows_from(open_table(writes.rows, self._store))

    def _next(self) -> Line | None:
        return self._ahead.popleft() if self._ahead else self._pull()

    def _pull(self) -> Line | None:
        record = next(self._rows, None)
        if record is None:
            return None
        line = read_line(record)
        if self.head is None:
            self.head = line.number
        if self._on_line is not None:
            self._on_line(line)
        for page in line.holding.pages:
            self._found[digest_of(page)] = page
        self._packs.extend(packs_of(line.holding, self._store))
        return line

    def _unpack_for(self, digest: bytes) -> bytes | None:
        for pack in [pack for pack in self._packs if pack.may_hold(digest)]:
            self._packs.remove(pack)
            self._found.update(open_pack(pack, self._store))
            if digest in self._found:
                return self._found[digest]
        return None
