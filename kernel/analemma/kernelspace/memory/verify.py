"""Walk every log of a run and name the first thing that is not as written.

Four things are held against each other: a record's bytes and its digest, an
entry and its place, a manifest's hash and its content, a manifest's parent hash
and its parent. And every page that anything names must be there, before the
record that needs it, and hash to its name. Reads all pages; changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from analemma.errors import Corrupt, PageCorrupt, PageMissing
from analemma.hardware.ports import PageStore, Record, RecordStore
from analemma.kernelspace.layout import after, parse_log_sort, run_partition
from analemma.kernelspace.memory.manifest import (
    UNLINKED,
    Checkpoint,
    Claim,
    Manifest,
    Removed,
    whole,
)
from analemma.kernelspace.memory.namespaces import LOGS, prunings
from analemma.kernelspace.memory.pages import (
    Ref,
    children,
    is_stored,
    page_id_of,
    read_page,
    ref_from,
    roots,
)
from analemma.kernelspace.memory.reader import (
    SPECIAL,
    Line,
    open_pack,
    open_table,
    packs_of,
    read_line,
)
from analemma.kernelspace.memory.remains import (
    NUMBER,
    Remains,
    frames_from,
    links_from,
)
from analemma.kernelspace.memory.rows import rows_from
from analemma.kernelspace.memory.seal import Wire
from analemma.kernelspace.memory.taskwrites import TaskWrites, lone_writes


class Broken(StrEnum):
    """What kind of thing is broken."""

    RECORD = "record"
    ENTRY = "entry"
    LINK = "link"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken thing. ``sort`` is the record in which it shows."""

    broken: Broken
    namespace: str
    number: int
    sort: str
    detail: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a walk over a run's logs found, in the order of the walk.

    ``findings`` is empty when everything is as written. ``entries`` counts
    checkpoints and claims, ``pages`` the distinct pages that were checked.
    """

    run_id: str
    owner: str
    namespaces: int
    entries: int
    writes: int
    pages: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as written."""
        return not self.findings

    @property
    def first(self) -> Finding | None:
        """The first broken thing, if any."""
        return self.findings[0] if self.findings else None


def verify(
    records: RecordStore, pages: PageStore, owner: str, run_id: str
) -> VerifyReport:
    """Check every log of a run, namespace by namespace, oldest entry first.

    What is broken is reported, not raised.

    Raises:
        StoreUnavailable: a store did not answer; nothing is known.
    """
    partition = run_partition(owner, run_id)
    while True:
        before = prunings(records, partition)
        report = _walked(records, pages, owner, run_id)
        # What a pruning moved behind the walk's back is no damage.
        if report.ok or prunings(records, partition) == before:
            return report


def _walked(
    records: RecordStore, pages: PageStore, owner: str, run_id: str
) -> VerifyReport:
    walks: dict[str, _Walk] = {}
    findings: list[Finding] = []
    query = records.query(run_partition(owner, run_id), low=LOGS, high=after(LOGS))
    for record in query:
        namespace, number, _ = parse_log_sort(record.sort)
        walk = walks.setdefault(namespace, _Walk(pages, namespace, findings))
        walk.meet(record, number)
    return VerifyReport(
        run_id=run_id,
        owner=owner,
        namespaces=len(walks),
        entries=sum(walk.entries for walk in walks.values()),
        writes=sum(walk.writes for walk in walks.values()),
        pages=sum(len(walk.good) for walk in walks.values()),
        findings=tuple(findings),
    )


@dataclass(slots=True)
class _Walk:
    """The walk over one namespace's log.

    Of a page only what it names is kept, of a manifest its hash.
    """

    store: PageStore
    namespace: str
    findings: list[Finding]
    entries: int = 0
    writes: int = 0
    good: set[Ref] = field(default_factory=set)
    _bad: set[Ref] = field(default_factory=set)
    _named: dict[Ref, tuple[Ref, ...]] = field(default_factory=dict)
    _manifests: dict[int, Manifest] = field(default_factory=dict)
    _hashes: dict[str, bytes] = field(default_factory=dict)
    _broken: set[int] = field(default_factory=set)
    _gone: set[str] = field(default_factory=set)
    _remains: Remains | None = None
    _last: int = 0
    _sort: str = ""

    def meet(self, record: Record, number: int) -> None:
        """Check one record."""
        self._sort = record.sort
        is_entry = record.sort.endswith("/!")
        self._follow(number, is_entry=is_entry)
        self.entries += is_entry
        self.writes += not is_entry
        try:
            self._check(read_line(record))
        except (PageMissing, PageCorrupt) as error:
            self._spoil(number, is_entry=is_entry)
            self._report(Broken.PAGE, number, str(error))
        except Corrupt as error:
            self._spoil(number, is_entry=is_entry)
            self._report(Broken.RECORD, number, str(error))

    def _follow(self, number: int, *, is_entry: bool) -> None:
        """Hold an entry's number against the one before it."""
        wanted = self._last + is_entry
        if self._remains is not None:
            if not is_entry and self._remains.removed(number):
                return  # a late worker recorded what nobody will ask for
            while wanted < number and self._remains.removed(wanted):
                wanted += 1
        if number not in (wanted, NUMBER):
            self._report(Broken.ENTRY, number, f"comes after entry {self._last}")
        self._last = number

    def _is_removed(self, number: int) -> bool:
        return self._remains is not None and self._remains.removed(number)

    def _spoil(self, number: int, *, is_entry: bool) -> None:
        if is_entry:
            self._broken.add(number)

    def _check(self, line: Line) -> None:
        held = self._held(line)
        entry = line.entry
        match entry:
            case Checkpoint():
                self._named.update(held)
                self._check_checkpoint(entry)
            case TaskWrites() if line.slot != SPECIAL and self._is_removed(line.number):
                # Nobody asks for it, and its pages may be gone.
                self._named.update(held)
            case TaskWrites():
                if line.slot == SPECIAL:
                    # What can be replaced leans on no other record, and no other
                    # record leans on it.
                    self._check_rows(entry, held)
                else:
                    self._named.update(held)
                    self._check_rows(entry, self._named)
            case Remains():
                self._named.update(held)
                self._remains = entry
                frames = self._table(entry.frames)
                self._manifests.update(frames_from(self.namespace, frames))
                links = links_from(self._table(entry.links))
                self._hashes.update(links)
                self._gone.update(links)
            case Claim() | Removed():
                pass

    def _check_checkpoint(self, entry: Checkpoint) -> None:
        if entry.lone is not None:
            self._check_rows(lone_writes(entry.lone), self._named)
        of: Manifest | None = None
        if entry.of is not None:
            of = self._manifests.get(entry.of)
            if of is None:
                self._broken.add(entry.number)
                if entry.of not in self._broken:
                    self._report(
                        Broken.ENTRY,
                        entry.number,
                        f"says what changed since entry {entry.of}, which is not here",
                    )
                return
        manifest = whole(self.namespace, entry, of, self._table(entry.frame))
        self._manifests[entry.number] = manifest
        self._link(manifest)
        self._require(entry.number, manifest.roots, self._named)

    def _check_rows(
        self, writes: TaskWrites, within: dict[Ref, tuple[Ref, ...]]
    ) -> None:
        for row in rows_from(self._table(writes.rows), writes.carried):
            self._require(writes.number, roots(row.value), within)

    def _held(self, line: Line) -> dict[Ref, tuple[Ref, ...]]:
        """Return the pages of a record, each with what it names."""
        pages = dict(line.holding.pages)
        for pack in packs_of(line.holding, self.store):
            self.good.add(pack.ref)
            pages.update(open_pack(pack, self.store))
        return {ref: children(read_page(page, ref)) for ref, page in pages.items()}

    def _table(self, wire: Wire) -> Wire:
        if isinstance(wire, bytes):
            self.good.add(ref_from(wire))
        return open_table(wire, self.store)

    def _link(self, manifest: Manifest) -> None:
        """Hold a manifest's parent hash against its parent."""
        self._hashes[manifest.checkpoint_id] = manifest.hash
        parent_id = manifest.parent_id
        if parent_id is not None and parent_id not in self._hashes and self._remains:
            return  # a branch left from it while it was deleted
        if parent_id in self._gone and manifest.parent_hash == UNLINKED:
            return  # or after it was
        wanted = (
            UNLINKED if parent_id is None else self._hashes.get(parent_id, UNLINKED)
        )
        if manifest.parent_hash != wanted:
            self._report(
                Broken.LINK,
                manifest.number,
                f"checkpoint {manifest.checkpoint_id} names another parent than "
                f"{manifest.parent_id} as it stands in the log",
            )

    def _require(
        self, number: int, refs: Iterable[Ref], within: dict[Ref, tuple[Ref, ...]]
    ) -> None:
        """Hold every page against its name, and those that it names."""
        waiting = list(refs)
        own = within is not self._named
        met: set[Ref] = set()
        while waiting:
            ref = waiting.pop()
            if ref in self._bad or ref in met or (ref in self.good and not own):
                continue
            met.add(ref)
            try:
                waiting.extend(self._names(ref, within))
                self.good.add(ref)
            except Corrupt as error:
                self._bad.add(ref)
                self._report(Broken.PAGE, number, str(error))

    def _names(self, ref: Ref, within: dict[Ref, tuple[Ref, ...]]) -> tuple[Ref, ...]:
        """Return what a page names, after making sure that it is there."""
        if is_stored(ref):
            self.store.get(page_id_of(ref))
            return ()
        if ref not in within:
            raise PageMissing(f"page {page_id_of(ref)} is in no record before this one")
        return within[ref]

    def _report(self, broken: Broken, number: int, detail: str) -> None:
        self.findings.append(
            Finding(broken, self.namespace, number, self._sort, detail)
        )
