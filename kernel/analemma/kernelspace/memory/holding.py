"""What one record holds: the new pages inside it, and its packs.

A pack is one object in the page store that bundles small pages for which the
record had no room. Of each page in it the record keeps the first four bytes of
the SHA-256, so that a reader fetches a pack only if a page it wants may be in
it: a false match costs one read, never a wrong page.

    pack    [page, …], or [deflated, length]
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from analemma.errors import ManifestMismatch, PageCorrupt
from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.deflate import deflated, inflated
from analemma.kernelspace.memory.pages import (
    Draft,
    Ref,
    digest_of,
    is_stored,
    logged_ref,
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
    """The pages of one record, by reference, in the order they stand there.

    ``packs`` may itself stand in the page store.
    """

    pages: Mapping[Ref, bytes] = field(default_factory=dict)
    packs: tuple[Pack, ...] | Ref = ()

    @property
    def carried(self) -> tuple[Ref, ...]:
        """What a number in the record's values stands for."""
        return tuple(self.pages)


EMPTY = Holding()


@dataclass(frozen=True, slots=True)
class Load:
    """What a record that is to be written will hold.

    ``stored`` must be durable in the page store before the record is written.
    """

    inline: tuple[bytes, ...]
    packs: Wire
    stored: tuple[bytes, ...]

    @property
    def carried(self) -> dict[Ref, int]:
        """Where each page stands in the record."""
        return {logged_ref(page): place for place, page in enumerate(self.inline)}

    @property
    def fields(self) -> dict[str, Wire]:
        """The fields that make the record hold it; absent when empty."""
        fields: dict[str, Wire] = {}
        if self.inline:
            fields["pages"] = list[Wire](self.inline)
        if self.packs:
            fields["packs"] = self.packs
        return fields


def load_of(fresh: Mapping[Ref, bytes]) -> Load:
    """Return how a record holds these pages."""
    draft = Draft({ref: page for ref, page in fresh.items() if is_stored(ref)})
    inline, bundles = placement.split(
        page for ref, page in fresh.items() if not is_stored(ref)
    )
    packs: list[Wire] = []
    for bundle in bundles:
        ref = draft.add_stored(_bundled(bundle))
        packs.append([ref, b"".join(digest_of(p)[:_PREFIX_BYTES] for p in bundle)])
    index = table(packs, draft)
    return Load(tuple(inline), index, tuple(draft.pages.values()))


def holding_of(fields: Fields) -> Holding:
    """Read what a record holds."""
    pages = {
        logged_ref(page): page
        for page in fields.items("pages")
        if isinstance(page, bytes)
    }
    packs = fields.wire("packs")
    if isinstance(packs, bytes):
        return Holding(pages, ref_from(packs))
    return Holding(pages, packs_from(packs or []))


def packs_from(wire: Wire) -> tuple[Pack, ...]:
    """Read a table of packs.

    Raises:
        ManifestMismatch: it is malformed.
    """
    if not isinstance(wire, list):
        raise ManifestMismatch("a table of packs is malformed")
    return tuple(_pack_from(item) for item in wire)


def unbundle(bundle: bytes, ref: Ref) -> dict[Ref, bytes]:
    """Return the pages of a pack.

    Raises:
        PageCorrupt: the pack is not a list of pages.
    """
    where = f"pack {page_id_of(ref)}"
    wire = unpack(bundle, where)
    match wire:
        case [bytes() as short, int() as length]:
            wire = unpack(inflated(short, length, where), where)
        case _:
            pass
    if not isinstance(wire, list):
        raise PageCorrupt(f"{where}: not a list of pages")
    return {logged_ref(page): page for page in wire if isinstance(page, bytes)}


def table(wire: Wire, draft: Draft) -> Wire:
    """Return a table, or its reference if it is too long for the record."""
    packed = pack(wire)
    if len(packed) <= placement.INLINE_TABLE_BYTES:
        return wire
    return draft.add_stored(packed)


def _bundled(bundle: list[bytes]) -> bytes:
    packed = pack(list[Wire](bundle))
    short = deflated(packed)
    return packed if short is None else pack([short, len(packed)])


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
