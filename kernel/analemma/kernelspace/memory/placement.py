"""Where bytes go: into a record, into a pack, or into the page store.

The whole policy is here. A page above ``INLINE_PAGE_BYTES`` is an object of its
own in the page store; a smaller one travels inside the record that first needs
it. When one record would carry more than ``RECORD_PAGES_BYTES`` of them, the
rest is bundled into packs, each one object: two thousand new pages cost a few
calls, not two thousand.

Where the line between record and object lies is arithmetic, not taste; it is
done with AWS's prices in docs/adr/0008-where-a-page-is-cheapest.md.

Worst case of a body: the pages, three tables and a few hundred bytes of names.
Their limits add up to less than the record store's ``MAX_BODY_BYTES``; a test
holds that.
"""

from collections.abc import Iterable

INLINE_VALUE_BYTES = 48
"""A value up to this size stands where a reference to it would stand."""

INLINE_PAGE_BYTES = 8 * 1024
"""A page up to this size travels inside a record."""

INLINE_BLOB_BYTES = 8 * 1024
"""A checkpoint's or a metadata's bytes up to this size stand in the frame."""

INLINE_TABLE_BYTES = 48 * 1024
"""A frame, a table of writes or of packs stands in the record up to here."""

RECORD_PAGES_BYTES = 192 * 1024
"""How many bytes of pages one record carries."""

PACK_BYTES = 4 * 1024 * 1024
"""How many bytes of pages one pack carries."""

PACK_PAGES = 4096
"""How many pages one pack carries: bounds its index to 16 KiB."""

SPLIT_MAP_BYTES = 4 * 1024
"""A map whose bytes are more than this is stored by key."""

SPLIT_MAP_KEYS = 64
"""A map of more keys than this is stored by key, whatever its bytes."""

SPLIT_ELEMENT_BYTES = 64 * 1024
"""A list or map inside another value is stored by element above this size."""

WHOLE_BYTES = 64 * 1024
"""A value above this size is cut into chunks."""

_CHUNKS = 64

_HEADER_BYTES = 5
"""What MessagePack puts before a byte string, at most."""


def chunk_bytes(length: int) -> int:
    """Return the size of the chunks of a value of ``length`` bytes.

    A power of two, so that a value that grows keeps its chunks until it has
    doubled; at most 64 chunks, so that the table of them stays small.
    """
    size = WHOLE_BYTES
    while size * _CHUNKS < length:
        size *= 2
    return size


def travels_in_record(page_bytes: int) -> bool:
    """Say whether a page of this size travels in a record, not by itself."""
    return page_bytes <= INLINE_PAGE_BYTES


def split(pages: Iterable[bytes]) -> tuple[list[bytes], list[list[bytes]]]:
    """Return what one record carries of ``pages``, and the packs of the rest.

    Order is kept, nothing is lost, no pack is empty.
    """
    inline: list[bytes] = []
    packs: list[list[bytes]] = []
    room = RECORD_PAGES_BYTES
    pack_room = 0
    for page in pages:
        size = len(page) + _HEADER_BYTES
        if not packs and size <= room:
            inline.append(page)
            room -= size
            continue
        if not packs or size > pack_room or len(packs[-1]) == PACK_PAGES:
            packs.append([])
            pack_room = PACK_BYTES
        packs[-1].append(page)
        pack_room -= size
    return inline, packs
