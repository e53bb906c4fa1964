"""Which pages records name, found by looking for their names in all the bytes.

Knows nothing of what a record means, so it can judge who does: a page of the
store is named if its reference stands anywhere in a record of a log, in a pack
or in a page that is named itself.
"""

import re
from collections.abc import Iterable, Iterator

from analemma.errors import Corrupt
from analemma.hardware.ports import PageStore, RecordStore
from analemma.ids import PageId
from analemma.kernelspace.layout import run_partitions
from analemma.kernelspace.memory.holding import unbundle
from analemma.kernelspace.memory.pages import IN_STORE, Ref
from analemma.kernelspace.memory.seal import Place, pack, unseal

_REF = re.compile(rb"(?=" + IN_STORE + rb"(.{32}))", re.DOTALL)


def named_pages(records: RecordStore, pages: PageStore, owner: str) -> set[PageId]:
    """Return the stored pages that records of an owner's logs name."""
    stored = {page.id for page in pages.list()}
    waiting = [
        page
        for record in records.scan(run_partitions(owner))
        for page in _names_in(
            pack(dict(unseal(Place(record.partition, record.sort), record.body).values))
        )
        if page in stored
    ]
    found: set[PageId] = set()
    while waiting:
        page = waiting.pop()
        if page not in found:
            found.add(page)
            content = pages.get(page)
            waiting.extend(stored & set(_names_within(content, page)))
    return found


def _names_within(content: bytes, page: PageId) -> Iterator[PageId]:
    yield from _names_in(content)
    try:
        bundled: Iterable[bytes] = unbundle(
            content, Ref(IN_STORE + bytes.fromhex(page))
        ).values()
    except Corrupt:
        return  # no pack
    for each in bundled:
        yield from _names_in(each)


def _names_in(content: bytes) -> Iterator[PageId]:
    for match in _REF.finditer(content):
        yield PageId(match[1].hex())
