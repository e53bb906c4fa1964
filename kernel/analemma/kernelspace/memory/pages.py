"""Pages and what names them: references, inline values, ropes.

A page is immutable bytes under their SHA-256. Its bytes say which of three
things it is, and nothing about where it is stored or who needs it: the same
message is the same page in a task's writes and in the channel it lands in.

    value   [type, payload]             as the serializer gave them
    cut     [type, length, [ref, …]]    a payload above the largest page
    node    [entry, … eight]            eight entries of a list

    ref     33 bytes: ``L`` (a record of this log holds it) or ``S`` (the page
            store does), then the SHA-256
    entry   a ref, or [type, payload] itself when that is no longer than a ref
    list    [length, [[entry, …], …]]   a rope's tails, lowest level first

Where a page goes depends on its size alone, so equal values always have equal
references. The format, with bytes: docs/formats/page.md.
"""

import hashlib
from dataclasses import dataclass, field
from typing import NewType

from analemma.errors import PageCorrupt
from analemma.ids import PageId
from analemma.kernelspace.memory import placement, rope
from analemma.kernelspace.memory.seal import Wire, pack, unpack

Ref = NewType("Ref", bytes)
"""The name of a page: one letter for its place, 32 bytes of SHA-256."""

IN_LOG = b"L"
IN_STORE = b"S"
REF_BYTES = 33


@dataclass(frozen=True, slots=True)
class Inline:
    """A value so short that it stands where its reference would."""

    type: str
    payload: bytes


Entry = Inline | Ref
"""One value: here, or on a page."""


@dataclass(frozen=True, slots=True)
class Rope:
    """A list, by element."""

    length: int
    tails: rope.Tails[Entry]


Encoded = Entry | Rope
"""A channel's or a write's value."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A value above the largest page: the pages of its payload, in order."""

    type: str
    length: int
    parts: tuple[Ref, ...]


Page = Inline | Cut | tuple[Entry, ...]
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


def stored_ref(page: bytes) -> Ref:
    """Return the reference of a page that goes to the page store anyhow."""
    return Ref(IN_STORE + digest_of(page))


@dataclass(slots=True)
class Draft:
    """The pages that one record's values are made of, in the order made.

    Nothing is stored yet: which of them are new is decided when all are known.
    """

    in_log: dict[bytes, bytes] = field(default_factory=dict)
    in_store: dict[bytes, bytes] = field(default_factory=dict)

    def add(self, page: bytes) -> Ref:
        """Take a page and return its reference."""
        digest = digest_of(page)
        if placement.travels_in_record(len(page)):
            self.in_log[digest] = page
            return Ref(IN_LOG + digest)
        self.in_store[digest] = page
        return Ref(IN_STORE + digest)

    def add_stored(self, page: bytes) -> Ref:
        """Take a page that goes to the page store whatever its size."""
        ref = stored_ref(page)
        self.in_store[digest_in(ref)] = page
        return ref


def value_page(value: Inline) -> bytes:
    """Return the page of one value."""
    return pack([value.type, value.payload])


def cut_page(value: Cut) -> bytes:
    """Return the page that names the parts of a large value."""
    return pack([value.type, value.length, list(value.parts)])


def node_page(entries: tuple[Entry, ...]) -> bytes:
    """Return the page of a list's node."""
    return pack([entry_wire(entry) for entry in entries])


def read_page(page: bytes, ref: Ref) -> Page:
    """Return what a page holds.

    Raises:
        PageCorrupt: the bytes have none of the three forms.
    """
    wire = unpack(page, f"page {page_id_of(ref)}")
    match wire:
        case [str() as type_, bytes() as payload]:
            return Inline(type_, payload)
        case [str() as type_, int() as length, [*parts]]:
            return Cut(type_, length, tuple(ref_from(part) for part in parts))
        case [*entries] if len(entries) == rope.FAN_OUT:
            return tuple(entry_from(entry) for entry in entries)
        case _:
            raise PageCorrupt(f"page {page_id_of(ref)}: none of the forms of a page")


def children(page: Page) -> tuple[Ref, ...]:
    """Return the references that a page holds."""
    match page:
        case Inline():
            return ()
        case Cut():
            return page.parts
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
    if isinstance(value, Rope):
        tails: list[Wire] = [[entry_wire(e) for e in tail] for tail in value.tails]
        return [value.length, tails]
    return entry_wire(value)


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
    match wire:
        case [int() as length, [*tails]]:
            return Rope(length, tuple(_tail(tail) for tail in tails))
        case _:
            return entry_from(wire)


def _tail(wire: Wire) -> tuple[Entry, ...]:
    if not isinstance(wire, list):
        raise PageCorrupt("the rope of a list is malformed")
    return tuple(entry_from(entry) for entry in wire)
