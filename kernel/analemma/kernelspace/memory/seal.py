"""The seal of a record's body: a SHA-256, then MessagePack.

Every body of a log starts with the 32-byte digest of all that follows, so a
flipped byte is found by whoever reads the record, before anything is decoded.
A digest only proves that the bytes are the written ones; that the entry belongs
where it stands is the chain's business (``manifest``).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias, cast

import ormsgpack

from analemma.errors import ManifestMismatch

Wire: TypeAlias = "str | int | bytes | list[Wire] | dict[str, Wire] | None"
"""What the formats of the memory are made of."""

FORMAT = 1
"""The version of every body written here."""

DIGEST_BYTES = 32


def pack(wire: Wire) -> bytes:
    """Return ``wire`` as MessagePack; equal structure, equal bytes."""
    return ormsgpack.packb(wire)


def unpack(packed: bytes, where: str) -> Wire:
    """Return what ``packed`` holds.

    Raises:
        ManifestMismatch: it is not MessagePack; ``where`` names it.
    """
    try:
        return cast("Wire", ormsgpack.unpackb(packed))
    except ormsgpack.MsgpackDecodeError as error:
        raise ManifestMismatch(f"{where}: not readable ({error})") from error


def seal(kind: str, fields: Mapping[str, Wire]) -> bytes:
    """Return the body of a record of this kind."""
    payload = pack({"format": FORMAT, "kind": kind, **fields})
    return hashlib.sha256(payload).digest() + payload


def unseal(body: bytes, where: str) -> "Fields":
    """Return the fields of a body.

    Raises:
        ManifestMismatch: the bytes are not the written ones, or a newer
            version of the kernel wrote them; ``where`` names the record.
    """
    digest, payload = body[:DIGEST_BYTES], body[DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest:
        raise ManifestMismatch(f"{where}: the bytes do not match their digest")
    values = unpack(payload, where)
    if not isinstance(values, dict):
        raise ManifestMismatch(f"{where}: holds no fields")
    fields = Fields(where, values)
    if fields.number("format") != FORMAT:
        raise ManifestMismatch(
            f"{where}: format {fields.number('format')} is newer than {FORMAT}; "
            "read it with the version of analemma that wrote it"
        )
    return fields


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

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.values.get(name)
        return value if isinstance(value, str) else self._refuse(name, "text")

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None."""
        return None if self.values.get(name) is None else self.text(name)

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
        """Return a list."""
        value = self.values.get(name)
        return value if isinstance(value, list) else self._refuse(name, "a list")

    def wire(self, name: str) -> Wire:
        """Return the field as it stands."""
        return self.values.get(name)

    def _refuse(self, name: str, wanted: str) -> NoReturn:
        raise ManifestMismatch(f"{self.where}: field {name!r} is not {wanted}")
