"""Which pages of the store the records of a run name.

Names are taken generously: in a log, whatever has the form of a reference; in
other records, and in the documents that these name, whatever looks like a
SHA-256 in hexadecimal. A page that is kept for nothing costs a little; one that
is deleted wrongly costs a run.
"""

import re
from collections.abc import Iterator

from analemma.errors import Corrupt, PageMissing
from analemma.hardware.ports import PageStore, Record, RecordStore
from analemma.ids import PageId
from analemma.kernelspace.layout import after, log_sort, parse_log_sort
from analemma.kernelspace.memory.holding import holding_of, unbundle
from analemma.kernelspace.memory.namespaces import LOGS
from analemma.kernelspace.memory.pages import (
    IN_STORE,
    REF_BYTES,
    Ref,
    page_id_of,
)
from analemma.kernelspace.memory.reader import packs_of
from analemma.kernelspace.memory.remains import NUMBER
from analemma.kernelspace.memory.seal import Place, Wire, unpack, unseal
from analemma.kernelspace.value_pages import value_chunks

_HEX = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_DEPTH = 3
"""Run record, worker events, plan: how deep documents name documents."""


class Marks:
    """The pages that records name. ``pages`` is where they are."""

    def __init__(self, pages: PageStore) -> None:
        self._pages = pages
        self._tables: set[PageId] = set()
        self._depths: dict[PageId, int] = {}
        self.live: set[PageId] = set()

    def add(self, record: Record) -> None:
        """Mark what a record of a run names.

        Raises:
            Corrupt: its bytes are not what was written, so what it names is not
                known.
        """
        if record.sort.startswith(LOGS):
            self._add_log_record(record)
        else:
            self._add_document(record.body, _DEPTH)

    def _add_log_record(self, record: Record) -> None:
        fields = unseal(Place(record.partition, record.sort), record.body)
        self._add_wire(dict(fields.values))
        for page in fields.items("pages"):
            if isinstance(page, bytes):
                self._add_wire(unpack(page, str(record.sort)))
        lone = fields.wire("lone")
        tables = [fields.wire(name) for name in ("frame", "frames", "links", "rows")]
        tables.extend(lone[3:] if isinstance(lone, list) else [])
        for table in tables:
            if isinstance(table, bytes):
                self._add_table(Ref(table))
        holding = holding_of(fields)
        if isinstance(holding.packs, bytes):
            self._add_table(holding.packs)
        for pack in packs_of(holding, self._pages):
            if page_id_of(pack.ref) in self._tables:
                continue
            self._tables.add(page_id_of(pack.ref))
            self.live.add(page_id_of(pack.ref))
            bundle = self._pages.get(page_id_of(pack.ref))
            for ref, page in unbundle(bundle, pack.ref).items():
                self._add_wire(unpack(page, f"page {page_id_of(ref)}"))

    def _add_table(self, ref: Ref) -> None:
        page_id = page_id_of(ref)
        if page_id not in self._tables:
            self._tables.add(page_id)
            self._add_wire(unpack(self._pages.get(page_id), f"page {page_id}"))

    def _add_wire(self, wire: Wire) -> None:
        match wire:
            case bytes() if len(wire) == REF_BYTES and wire[:1] == IN_STORE:
                self.live.add(page_id_of(Ref(wire)))
            case list():
                for item in wire:
                    self._add_wire(item)
            case dict():
                for item in wire.values():
                    self._add_wire(item)
            case _:
                pass

    def _add_document(self, content: bytes, depth: int) -> None:
        for name in _HEX.findall(content):
            page_id = PageId(name.decode())
            self.live.add(page_id)
            # What was met further down was not followed as far.
            if self._depths.get(page_id, 0) >= depth:
                continue
            self._depths[page_id] = depth
            try:
                page = self._pages.get(page_id)
            except PageMissing:
                continue  # no page, or one that is gone: `verify` says so
            self.live.update(_chunks(page, page_id))
            self._add_document(page, depth - 1)


def mark_run(
    records: RecordStore, partition: str, found: Iterator[Record], marks: Marks
) -> int:
    """Mark what the records of one run name; return how many there are.

    Pruning moves pages to the beginning of a log, where a reader going forwards
    has been already. So the beginning is looked at again at the end.

    Raises:
        Corrupt: a record's bytes are not what was written.
    """
    count = 0
    while True:
        beginnings: dict[str, int] = {}
        for record in found:
            count += 1
            marks.add(record)
            if record.sort.startswith(LOGS):
                namespace, number, _ = parse_log_sort(record.sort)
                beginnings.setdefault(namespace, 0)
                if number == NUMBER:
                    beginnings[namespace] = record.revision
        if all(
            _revision(records, partition, namespace) == revision
            for namespace, revision in beginnings.items()
        ):
            return count
        count = 0
        found = records.query(partition, high=after(""))


def _revision(records: RecordStore, partition: str, namespace: str) -> int:
    record = records.get(partition, log_sort(namespace, NUMBER))
    return 0 if record is None else record.revision


def _chunks(page: bytes, page_id: PageId) -> tuple[PageId, ...]:
    try:
        return tuple(value_chunks(page, page_id))
    except Corrupt:
        return ()  # a document, not a value
