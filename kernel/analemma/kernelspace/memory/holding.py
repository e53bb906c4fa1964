"""What one record holds: the new pages inside it, and its packs.

A pack is one object in the page store that bundles small pages for which the
record had no room. Of each page in it the record keeps the first four bytes of
the SHA-256, so that a reader fetches a pack only if a page it wants may be in
it: a false match costs one read, never a wrong page.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from analemma.errors import ManifestMismatch, PageCorrupt
from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.pages import (
    Draft,
    Ref,
    digest_of,
    page_id_of,
    ref_from,
)
from analemma.kernelspace.memory.seal import Fields, Wire, pack, unpack

_PREFIX_BYTES = 4


@dataclass(frozen=True, slots=True)
class Pack:
    """One bundle of pages in the page store, and what may be in it."""

    ref: Ref
    prefixes: frozenset[bytes]

    def may_hold(self, digest: bytes) -> bool:
        """Say whether the page with this SHA-256 may be in the pack."""
        return digest[:_PREFIX_BYTES] in self.prefixes


@dataclass(frozen=True, slots=True)
class Holding:
    """The pages of one record. ``packs`` may itself stand in the page store."""

    pages: tuple[bytes, ...] = ()
    packs: tuple[Pack, ...] | Ref = ()


EMPTY = Holding()


def hold(pages: Iterable[bytes], draft: Draft) -> dict[str, Wire]:
    """Return the fields that make a record hold ``pages``.

    Packs are added to ``draft``, to be stored before the record.
    """
    inline, bundles = placement.split(pages)
    packs: list[Wire] = []
    for bundle in bundles:
        ref = draft.add_stored(pack(list[Wire](bundle)))
        packs.append([ref, b"".join(digest_of(p)[:_PREFIX_BYTES] for p in bundle)])
    return {"pages": list[Wire](inline), "packs": table(packs, draft)}


def holding_of(fields: Fields) -> Holding:
    """Read what a record holds."""
    pages = tuple(page for page in fields.items("pages") if isinstance(page, bytes))
    packs = fields.wire("packs")
    if isinstance(packs, bytes):
        return Holding(pages, ref_from(packs))
    return Holding(pages, packs_from(packs))


def packs_from(wire: Wire) -> tuple[Pack, ...]:
    """Read a table of packs.

    Raises:
        ManifestMismatch: it is malformed.
    """
    if not isinstance(wire, list):
        raise ManifestMismatch("a table of packs is malformed")
    return tuple(_pack_from(item) for item in wire)


def unbundle(bundle: bytes, ref: Ref) -> dict[bytes, bytes]:
    """Return the pages of a pack by their SHA-256.

    Raises:
        PageCorrupt: the pack is not a list of pages.
    """
    wire = unpack(bundle, f"pack {page_id_of(ref)}")
    if not isinstance(wire, list):
        raise PageCorrupt(f"pack {page_id_of(ref)}: not a list of pages")
    return {digest_of(page): page for page in wire if isinstance(page, bytes)}


def table(wire: Wire, draft: Draft) -> Wire:
    """Return a table, or its reference if it is too long for the record."""
    packed = pack(wire)
    if len(packed) <= placement.INLINE_TABLE_BYTES:
        return wire
    return draft.add_stored(packed)


def _pack_from(wire: Wire) -> Pack:
    match wire:
        case [bytes() as ref, bytes() as prefixes]:
            return Pack(
                ref_from(ref),
                frozenset(
                    prefixes[at : at + _PREFIX_BYTES]
                    for at in range(0, len(prefixes), _PREFIX_BYTES)
                ),
            )
        case _:
            raise ManifestMismatch("a table of packs is malformed")
