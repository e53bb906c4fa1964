"""The rope of a list: a tree of fixed fan-out that appending hardly disturbs.

Entries are gathered into nodes of exactly ``FAN_OUT``, those nodes into nodes
of the next level, and so on; what does not fill a node stays outside, in the
tail of its level. Appending one entry changes tails only, and once in
``FAN_OUT`` times makes one new node: no node ever written is written again. So
a list of a million entries is named by some twenty, as a number is by digits.

Pure: what an entry is, and where a node goes, the caller says.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

FAN_OUT = 8
"""Measured for 1 KB messages: 8 writes the fewest bytes a step up to 10,000."""

Entry = TypeVar("Entry")

Tails = tuple[tuple[Entry, ...], ...]
"""Per level, lowest first, what fills no node; each shorter than ``FAN_OUT``."""


def build(
    entries: Sequence[Entry], store_node: Callable[[Sequence[Entry]], Entry]
) -> Tails[Entry]:
    """Return the tails of ``entries``, after storing every full node.

    ``store_node`` takes ``FAN_OUT`` entries of one level and returns the entry
    of the next level that names them. Nodes of a level are stored in order,
    lower levels first.
    """
    return extend((), entries, store_node)


def extend(
    tails: Tails[Entry],
    entries: Sequence[Entry],
    store_node: Callable[[Sequence[Entry]], Entry],
) -> Tails[Entry]:
    """Return the tails after appending ``entries``: those ``build`` gives for all.

    Nodes that are full already are not stored again.
    """
    longer: list[tuple[Entry, ...]] = []
    rising: Sequence[Entry] = entries
    height = 0
    while rising or height < len(tails):
        level = [*(tails[height] if height < len(tails) else ()), *rising]
        full = len(level) - len(level) % FAN_OUT
        longer.append(tuple(level[full:]))
        rising = [
            store_node(level[start : start + FAN_OUT])
            for start in range(0, full, FAN_OUT)
        ]
        height += 1
    return tuple(longer) or ((),)


def walk(
    tails: Tails[Entry], open_node: Callable[[Entry], Sequence[Entry]]
) -> Iterator[Entry]:
    """Yield the entries in order; ``open_node`` undoes ``store_node``."""
    for height in range(len(tails) - 1, -1, -1):
        for entry in tails[height]:
            yield from _descend(entry, height, open_node)


def _descend(
    entry: Entry, height: int, open_node: Callable[[Entry], Sequence[Entry]]
) -> Iterator[Entry]:
    if height == 0:
        yield entry
        return
    for child in open_node(entry):
        yield from _descend(child, height - 1, open_node)
