"""Whole values as pages, of any size: the input of a run.

A small value is one page. A large one is cut into chunks of 16 MiB, and the
page that stands for it names them. The chunks are stored first, so a value that
can be found is whole. Only the id of that one page ever leaves the stores: so
no size is a limit of whoever carries it.

The format, with bytes: docs/formats/value.md. Equal values written by one
version of the serializer under one key are equal pages.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import ormsgpack
from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.errors import Corrupt, InputInvalid
from analemma.hardware.ports import PageStore
from analemma.ids import PageId, page_id
from analemma.kernelspace.serializer import PLAIN

CHUNK_BYTES = 16 * 1024 * 1024
"""The longest payload that one page carries: a page store takes 64 MiB."""

_FORMAT = 1
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class ValuePage:
    """The page that stands for a value, and the chunks that it names."""

    page: bytes
    chunks: tuple[memoryview, ...] = ()

    @property
    def ref(self) -> PageId:
        """The id of the page, known before anything is stored."""
        return page_id(self.page)

    def store(self, pages: PageStore) -> PageId:
        """Store the chunks, then the page; return its id. Idempotent.

        Raises:
            StoreUnavailable: a store did not answer; safe to repeat.
        """
        for chunk in self.chunks:
            pages.put(bytes(chunk))
        return pages.put(self.page)


def value_page(value: Any, serde: SerializerProtocol = PLAIN) -> ValuePage:
    """Return ``value`` as pages. Any: the input of whatever graph this is.

    Raises:
        InputInvalid: the serializer does not take the value.
    """
    try:
        kind, payload = serde.dumps_typed(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputInvalid(
            f"the value cannot be stored: {type(error).__name__}: {error}; "
            "numbers have at most 64 bits, and nesting is limited"
        ) from None
    if len(payload) <= CHUNK_BYTES:
        return ValuePage(ormsgpack.packb([_FORMAT, kind, bytes(payload)]))
    whole = memoryview(payload)
    chunks = tuple(
        whole[start : start + CHUNK_BYTES]
        for start in range(0, len(payload), CHUNK_BYTES)
    )
    digests = [hashlib.sha256(chunk).digest() for chunk in chunks]
    return ValuePage(ormsgpack.packb([_FORMAT, kind, len(payload), digests]), chunks)


def load_value(
    pages: PageStore, ref: str, serde: SerializerProtocol = PLAIN
) -> Any:  # any value that ``value_page`` took
    """Return the value that ``value_page`` made pages of.

    Raises:
        PageMissing: there is no such page, or a chunk is gone.
        PageCorrupt: a page's bytes do not hash to its id.
        Corrupt: the page holds something else.
        ConfigInvalid: the value is encrypted, and not with the key of ``serde``.
    """
    kind, length, rest = _read(pages.get(PageId(ref)), ref)
    payload = rest if isinstance(rest, bytes) else b"".join(map(pages.get, rest))
    if len(payload) != length:
        raise Corrupt(f"page {ref}: a value of {length} bytes has {len(payload)}")
    try:
        return serde.loads_typed((kind, payload))
    # LangGraph's serializer says NotImplementedError of a type it does not know.
    except (ValueError, NotImplementedError) as error:
        raise Corrupt(f"page {ref} holds no value: {error}") from None


def value_chunks(page: bytes, ref: str) -> Sequence[PageId]:
    """Return the ids of the pages that a value's page names.

    For whoever walks pages without reading values: these live as long as it.

    Raises:
        Corrupt: the page holds something else.
    """
    rest = _read(page, ref)[2]
    return () if isinstance(rest, bytes) else rest


def check_value(pages: PageStore, ref: str) -> int:
    """Read every page of a value, which needs no key; return how many there are.

    Raises:
        PageMissing: a page is gone.
        PageCorrupt: a page's bytes do not hash to its id.
        Corrupt: the page holds something else.
    """
    chunks = value_chunks(pages.get(PageId(ref)), ref)
    for chunk in chunks:
        pages.get(chunk)
    return 1 + len(chunks)


def _read(page: bytes, ref: str) -> tuple[str, int, bytes | list[PageId]]:
    """Return the type, the length, and the payload or the ids of its chunks."""
    try:
        wire = cast("object", ormsgpack.unpackb(page))
    except ValueError:
        wire = None
    match wire:
        case [1, str() as kind, bytes() as payload]:
            return kind, len(payload), payload
        case [1, str() as kind, int() as length, [*digests]]:
            return kind, length, [_page_id(each, ref) for each in digests]
        case _:
            raise Corrupt(f"page {ref} holds no value")


def _page_id(digest: object, ref: str) -> PageId:
    if not isinstance(digest, bytes) or len(digest) != _DIGEST_BYTES:
        raise Corrupt(f"page {ref} names a chunk by no SHA-256")
    return PageId(digest.hex())
