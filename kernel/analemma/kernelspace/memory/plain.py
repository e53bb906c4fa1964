"""Short forms of what LangGraph names things by, and what needs no serializer."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import ormsgpack

from analemma.errors import ManifestMismatch
from analemma.kernelspace.memory.seal import Wire

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ID_BYTES = 16
_UUID = re.compile(
    "([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})"
)

_PLAIN_OR_TUPLE: Final = (
    ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_UUID
)

PLAIN_ONLY: Final = _PLAIN_OR_TUPLE | ormsgpack.OPT_PASSTHROUGH_TUPLE
"""Makes MessagePack refuse what would come back as a plainer type."""


def id_wire(text: str) -> Wire:
    """Return an id as it is written: 16 bytes, if it is a UUID's usual text."""
    match = _UUID.fullmatch(text)
    return text if match is None else bytes.fromhex("".join(match.groups()))


def id_from(wire: Wire) -> str:
    """Read an id."""
    match wire:
        case str():
            return wire
        case bytes() if len(wire) == _ID_BYTES:
            digits = wire.hex()
            return "-".join(
                (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
            )
        case _:
            raise ManifestMismatch("an id is malformed")


def time_wire(text: str) -> Wire:
    """Return a time as it is written: microseconds since 1970, if that is all."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo != UTC or moment.isoformat() != text:
        return text
    return (moment - _EPOCH) // _MICROSECOND


def time_from(wire: Wire) -> str:
    """Read a time."""
    match wire:
        case str():
            return wire
        case int():
            return (_EPOCH + wire * _MICROSECOND).isoformat()
        case _:
            raise ManifestMismatch("a time is malformed")


def as_wire(value: object) -> dict[str, Wire] | None:
    """Return a map as our formats write it, or None if it holds more than they do.

    More is: any type but a plain text, bytes, number, truth value, list, tuple or
    map by text; tuples become lists, as they do in LangGraph's serializer. It is a
    copy: LangGraph goes on changing what it hands over.
    """
    if type(value) is not dict:
        return None
    try:
        packed = ormsgpack.packb(value, option=_PLAIN_OR_TUPLE)
    except (TypeError, ValueError, RecursionError):
        return None
    return cast("dict[str, Wire]", ormsgpack.unpackb(packed))
