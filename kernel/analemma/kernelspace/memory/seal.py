"""The seal of a record's body: a SHA-256 over its place and its bytes.

    body    32 bytes of SHA-256 over <partition> NUL <sort> NUL <rest>, then rest
    rest    one byte of format (2), one byte of packing, then the content
    content MessagePack (packing 0), or that under Deflate with the preset
            dictionary (packing 1), whichever is shorter

A flipped byte is found by whoever reads the record, before anything is decoded;
so is a record that was moved to another place or another run, because its place
is part of the digest and is not stored. That the entry belongs into the history
it stands in is the chain's business (``manifest``).
"""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias, cast

import ormsgpack

from analemma.errors import ManifestMismatch
from analemma.hardware.ports.records import MAX_BODY_BYTES, check_body
from analemma.kernelspace.memory.dictionary import DICTIONARY

Wire: TypeAlias = (
    "str | int | float | bool | bytes | list[Wire] | dict[str, Wire] | None"
)
"""What the formats of the memory are made of."""

FORMAT = 2
"""The version of every body written here."""

DIGEST_BYTES = 32

_PLAIN = 0
_DEFLATED = 1
_HEADER_BYTES = 2
_LEVEL = 6


def pack(wire: Wire) -> bytes:
    """Return ``wire`` as MessagePack, maps in the order of their keys.

    Equal structure, equal bytes.
    """
    return ormsgpack.packb(wire, option=ormsgpack.OPT_SORT_KEYS)


def unpack(packed: bytes, where: str) -> Wire:
    """Return what ``packed`` holds.

    Raises:
        ManifestMismatch: it is not MessagePack; ``where`` names it.
    """
    try:
        return cast("Wire", ormsgpack.unpackb(packed))
    except ormsgpack.MsgpackDecodeError as error:
        raise ManifestMismatch(f"{where}: not readable ({error})") from error


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands."""

    partition: str
    sort: str

    def __str__(self) -> str:
        return f"record {self.sort} of {self.partition}"

    def digest(self, rest: bytes) -> bytes:
        """Return the SHA-256 that seals ``rest`` in this place."""
        place = f"{self.partition}\0{self.sort}\0".encode()
        return hashlib.sha256(place + rest).digest()


def seal(place: Place, kind: str, fields: Mapping[str, Wire]) -> bytes:
    """Return the body of a record of this kind, for this place only.

    Raises:
        ValueError: more than a body may hold, before it is deflated.
    """
    content = pack({"kind": kind, **fields})
    check_body(content)
    press = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=DICTIONARY)
    deflated = press.compress(content) + press.flush()
    if len(deflated) < len(content):
        rest = bytes((FORMAT, _DEFLATED)) + deflated
    else:
        rest = bytes((FORMAT, _PLAIN)) + content
    return place.digest(rest) + rest


def unseal(place: Place, body: bytes) -> "Fields":
    """Return the fields of the body that stands at this place.

    Raises:
        ManifestMismatch: the bytes are not the written ones, were written for
            another place, or a newer version of the kernel wrote them.
    """
    rest = body[DIGEST_BYTES:]
    if place.digest(rest) != body[:DIGEST_BYTES] or len(rest) < _HEADER_BYTES:
        raise ManifestMismatch(
            f"{place}: the bytes do not match their digest; they are not what was "
            "written, or were written for another place"
        )
    if rest[0] != FORMAT:
        raise ManifestMismatch(
            f"{place}: format {rest[0]} is not {FORMAT}; "
            "read it with the version of analemma that wrote it"
        )
    values = unpack(_content(rest, str(place)), str(place))
    if not isinstance(values, dict):
        raise ManifestMismatch(f"{place}: holds no fields")
    return Fields(str(place), values)


def _content(rest: bytes, where: str) -> bytes:
    if rest[1] == _PLAIN:
        return rest[_HEADER_BYTES:]
    inflate = zlib.decompressobj(-zlib.MAX_WBITS, zdict=DICTIONARY)
    try:
        content = inflate.decompress(rest[_HEADER_BYTES:], MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise ManifestMismatch(f"{where}: not readable ({error})") from error
    if not inflate.eof or len(content) > MAX_BODY_BYTES:
        raise ManifestMismatch(f"{where}: inflates to more than a body may hold")
    return content


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one body, each read with the type it must have.

    Every reader raises ``ManifestMismatch`` for an absent or different field.
    """

    where: str
    values: Mapping[str, Wire]

    @property
    def kind(self) -> str:
        """What the body is."""
        return self.text("kind")

    def has(self, name: str) -> bool:
        """Say whether the field is there."""
        return name in self.values

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.values.get(name)
        return value if isinstance(value, str) else self._refuse(name, "text")

    def number(self, name: str) -> int:
        """Return an integer."""
        value = self.values.get(name)
        return value if isinstance(value, int) else self._refuse(name, "a number")

    def optional_number(self, name: str) -> int | None:
        """Return an integer, or None."""
        return None if self.values.get(name) is None else self.number(name)

    def raw(self, name: str) -> bytes:
        """Return bytes."""
        value = self.values.get(name)
        return value if isinstance(value, bytes) else self._refuse(name, "bytes")

    def items(self, name: str) -> list[Wire]:
        """Return a list; an absent field is an empty one."""
        value = self.values.get(name, [])
        return value if isinstance(value, list) else self._refuse(name, "a list")

    def table(self, name: str) -> dict[str, Wire]:
        """Return a map."""
        value = self.values.get(name)
        return value if isinstance(value, dict) else self._refuse(name, "a map")

    def wire(self, name: str) -> Wire:
        """Return the field as it stands."""
        return self.values.get(name)

    def _refuse(self, name: str, wanted: str) -> NoReturn:
        raise ManifestMismatch(f"{self.where}: field {name!r} is not {wanted}")
