"""A table of writes: ``[[index, channel, value], …]``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from analemma.errors import ManifestMismatch
from analemma.kernelspace.memory.pages import (
    Encoded,
    Ref,
    encoded_from,
    encoded_wire,
    lengthened,
    shortened,
)
from analemma.kernelspace.memory.seal import Wire


@dataclass(frozen=True, slots=True)
class Row:
    """One write. ``index`` orders it among its task's (negative: special)."""

    index: int
    channel: str
    value: Encoded


def rows_wire(rows: Iterable[Row], carried: Mapping[Ref, int]) -> Wire:
    """Return rows as a record that carries these pages writes them."""
    return [
        [row.index, row.channel, shortened(encoded_wire(row.value), carried)]
        for row in rows
    ]


def rows_from(wire: Wire, carried: Sequence[Ref]) -> list[Row]:
    """Read rows.

    Raises:
        ManifestMismatch: they are malformed.
    """
    if not isinstance(wire, list):
        raise ManifestMismatch("a table of writes is malformed")
    return [_row_from(row, carried) for row in wire]


def _row_from(wire: Wire, carried: Sequence[Ref]) -> Row:
    match wire:
        case [int() as index, str() as channel, value]:
            return Row(index, channel, encoded_from(lengthened(value, carried)))
        case _:
            raise ManifestMismatch("a table of writes is malformed")
