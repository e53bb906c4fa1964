"""Pages and what names them: references, inline values, ropes.

A page is immutable bytes under their SHA-256. Its bytes say which of five
things it is, and nothing about where it is stored or who needs it: the same
message is the same page in a task's writes and in the channel it lands in.

    value   [type, payload]             as the serializer gave them
    value   [type, deflated, length]    the same, deflated
    cut     [type, length, [ref, …]]    a value above the largest page
    node    [entry, … eight]            eight entries of a rope
    tree    a rope                      a large list or map inside another value

    ref     33 bytes: ``L`` (a record of this log holds it) or ``S`` (the page
            store does), then the SHA-256
    entry   a ref, or [type, payload] itself when that is no longer than a ref
    rope    {"n": length, "0": [entry, …], "1": …}   tails, lowest level first;
            with "map": True the entries are keys and values by turns

Where a page goes depends on its size alone, so equal values always have equal
references. Inside a record an entry may also be a number: the place of the page
among those the record carries (``shortened``). The format, with bytes:
docs/formats/page.md.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NewType

from analemma.errors import PageCorrupt
from analemma.ids import PageId
from analemma.kernelspace.memory import placement, rope
from analemma.kernelspace.memory.deflate import deflated, inflated
from analemma.kernelspace.memory.seal import Wire, pack, unpack

Ref = NewType("Ref", bytes)
"""The name of a page: one letter for its place, 32 bytes of SHA-256."""

IN_LOG = b"L"
IN_STORE = b"S"
REF_BYTES = 33

_LENGTH = "n"
_MAP = "map"


@dataclass(frozen=True, slots=True)
class Inline:
    """A value so short that it stands where its reference would."""

    type: str
    payload: bytes


Entry = Inline | Ref
"""One value: here, or on a page."""


@dataclass(frozen=True, slots=True)
class Rope:
    """A list by element, or a map by key: key, value, key, value.

    ``length`` counts entries, so a map's is twice its keys.
    """

    length: int
    tails: rope.Tails[Entry]
    is_map: bool = False


Encoded = Entry | Rope
"""A channel's or a write's value."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A value above the largest page: the pages of its parts, in order.

    ``length`` is that of all parts together, in bytes.
    """

    type: str
    length: int
    parts: tuple[Ref, ...]


Page = Inline | Cut | Rope | tuple[Entry, ...]
"""What a page holds; a tuple is a node."""


def digest_of(page: bytes) -> bytes:
    """Return the 32 bytes of a page's SHA-256."""
    return hashlib.sha256(page).digest()


def page_id_of(ref: Ref) -> PageId:
    """Return the id under which the page store knows the page."""
    return PageId(ref[1:].hex())


def digest_in(ref: Ref) -> bytes:
    """Return the 32 bytes of SHA-256 in a reference."""
    return ref[1:]


def is_stored(ref: Ref) -> bool:
    """Say whether the page store holds the page, not a record of the log."""
    return ref[:1] == IN_STORE


def logged_ref(page: bytes) -> Ref:
    """Return the reference of a page that travels in a record."""
    return Ref(IN_LOG + digest_of(page))


def stored_ref(page: bytes) -> Ref:
    """Return the reference of a page that goes to the page store anyhow."""
    return Ref(IN_STORE + digest_of(page))


@dataclass(slots=True)
class Draft:
    """The pages that one record's values are made of, in the order made.

    Nothing is stored yet: which of them are new is decided when all are known.
    """

    pages: dict[Ref, bytes] = field(default_factory=dict)

    def add(self, page: bytes) -> Ref:
        """Take a page and return its reference."""
        if not placement.travels_in_record(len(page)):
            return self.add_stored(page)
        ref = logged_ref(page)
        self.pages[ref] = page
        return ref

    def add_stored(self, page: bytes) -> Ref:
        """Take a page that goes to the page store whatever its size."""
        ref = stored_ref(page)
        self.pages[ref] = page
        return ref


def value_page(value: Inline) -> bytes:
    """Return the page of one value."""
    return pack([value.type, value.payload])


def stored_value_page(value: Inline) -> bytes:
    """Return the page of one value that goes to the page store."""
    short = deflated(value.payload)
    if short is None:
        return value_page(value)
    return pack([value.type, short, len(value.payload)])


def cut_page(value: Cut) -> bytes:
    """Return the page that names the parts of a large value."""
    return pack([value.type, value.length, list(value.parts)])


def node_page(entries: Sequence[Entry]) -> bytes:
    """Return the page of a rope's node."""
    return pack([entry_wire(entry) for entry in entries])


def tree_page(value: Rope) -> bytes:
    """Return the page of a list or map inside another value."""
    return pack(encoded_wire(value))


def read_page(page: bytes, ref: Ref) -> Page:
    """Return what a page holds.

    Raises:
        PageCorrupt: the bytes have none of the forms of a page.
    """
    where = f"page {page_id_of(ref)}"
    wire = unpack(page, where)
    match wire:
        case [str() as type_, bytes() as payload]:
            return Inline(type_, payload)
        case [str() as type_, bytes() as short, int() as length]:
            return Inline(type_, inflated(short, length, where))
        case [str() as type_, int() as length, [*parts]]:
            return Cut(type_, length, tuple(ref_from(part) for part in parts))
        case [*entries] if len(entries) == rope.FAN_OUT:
            return tuple(entry_from(entry) for entry in entries)
        case dict():
            return _rope_from(wire)
        case _:
            raise PageCorrupt(f"{where}: none of the forms of a page")


def children(page: Page) -> tuple[Ref, ...]:
    """Return the references that a page holds."""
    match page:
        case Cut():
            return page.parts
        case Inline() | Rope():
            return roots(page)
        case _:
            return tuple(entry for entry in page if not isinstance(entry, Inline))


def roots(value: Encoded) -> tuple[Ref, ...]:
    """Return the references that a value holds."""
    match value:
        case Inline():
            return ()
        case Rope():
            return tuple(
                entry
                for tail in value.tails
                for entry in tail
                if not isinstance(entry, Inline)
            )
        case _:
            return (value,)


def entry_wire(entry: Entry) -> Wire:
    """Return an entry as it is written."""
    return [entry.type, entry.payload] if isinstance(entry, Inline) else entry


def encoded_wire(value: Encoded) -> Wire:
    """Return a value as it is written."""
    if not isinstance(value, Rope):
        return entry_wire(value)
    wire: dict[str, Wire] = {_LENGTH: value.length}
    for height, tail in enumerate(value.tails):
        if tail:
            wire[str(height)] = [entry_wire(entry) for entry in tail]
    if value.is_map:
        wire[_MAP] = True
    return wire


def ref_from(wire: Wire) -> Ref:
    """Read a reference, or raise ``PageCorrupt``."""
    if (
        isinstance(wire, bytes)
        and len(wire) == REF_BYTES
        and wire[:1] in (IN_LOG, IN_STORE)
    ):
        return Ref(wire)
    raise PageCorrupt("a reference to a page is malformed")


def entry_from(wire: Wire) -> Entry:
    """Read an entry, or raise ``PageCorrupt``."""
    match wire:
        case [str() as type_, bytes() as payload]:
            return Inline(type_, payload)
        case _:
            return ref_from(wire)


def encoded_from(wire: Wire) -> Encoded:
    """Read a value, or raise ``PageCorrupt``."""
    return _rope_from(wire) if isinstance(wire, dict) else entry_from(wire)


def shortened(wire: Wire, carried: Mapping[Ref, int]) -> Wire:
    """Return a value's wire form with numbers for pages the record carries."""
    match wire:
        case bytes():
            return carried.get(Ref(wire), wire)
        case [str(), bytes()]:
            return wire
        case list():
            return [shortened(item, carried) for item in wire]
        case dict():
            return {key: shortened(item, carried) for key, item in wire.items()}
        case _:
            return wire


def lengthened(wire: Wire, carried: Sequence[Ref]) -> Wire:
    """Undo ``shortened``.

    Raises:
        PageCorrupt: a number names no page of the record.
    """
    match wire:
        case bool():
            return wire
        case int():
            if not 0 <= wire < len(carried):
                raise PageCorrupt(f"the record carries no page number {wire}")
            return carried[wire]
        case [str(), bytes()]:
            return wire
        case list():
            return [lengthened(item, carried) for item in wire]
        case dict():
            return {
                key: item if key == _LENGTH else lengthened(item, carried)
                for key, item in wire.items()
            }
        case _:
            return wire


def _rope_from(wire: dict[str, Wire]) -> Rope:
    length = wire.get(_LENGTH)
    if not isinstance(length, int):
        raise PageCorrupt("a rope is malformed: it has no length")
    tails = dict(_tails_from(wire))
    levels = range(max(tails, default=-1) + 1)
    return Rope(length, tuple(tails.get(height, ()) for height in levels), _MAP in wire)


def _tails_from(wire: dict[str, Wire]) -> Iterator[tuple[int, tuple[Entry, ...]]]:
    for key, tail in wire.items():
        if key in (_LENGTH, _MAP):
            continue
        if not (isinstance(tail, list) and key.isdecimal() and len(key) <= 2):
            raise PageCorrupt(f"a rope is malformed at {key!r}")
        yield int(key), tuple(entry_from(entry) for entry in tail)
