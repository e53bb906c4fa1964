"""Which elements of a list are the same as last time, without serializing them.

An object that is the same object may still have been changed in place. So of
every element that can change a print of its content is kept, and an element
counts as the same only if its print is. A print is MessagePack of plain maps,
lists, texts and numbers, which tells ``1`` from ``True`` and refuses what it does
not know: such an element is serialized each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import ormsgpack
from pydantic import BaseModel

from analemma.kernelspace.memory.plain import PLAIN_ONLY

_FIXED: Final = (str, int, float, bool, bytes, type(None))


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of a list as they were when it was encoded.

    ``prints`` are None for what cannot change. A list with an element that has
    no print remembers nothing.
    """

    objects: tuple[object, ...] = ()
    prints: tuple[bytes | None, ...] = ()

    def start(self, values: Sequence[object]) -> bool:
        """Say whether ``values`` begin with these elements, all unchanged."""
        if not self.objects or len(values) < len(self.objects):
            return False
        return all(
            value is known and (made is None or _print(value) == made)
            for value, known, made in zip(
                values, self.objects, self.prints, strict=False
            )
        )

    def followed_by(self, values: Sequence[object]) -> "Elements":
        """Return the elements of ``values``, which begin with these."""
        objects = tuple(islice(values, len(self.objects), None))
        prints: list[bytes | None] = []
        for value in objects:
            if type(value) in _FIXED:
                prints.append(None)
                continue
            made = _print(value)
            if made is None:
                return Elements()
            prints.append(made)
        return Elements(self.objects + objects, self.prints + tuple(prints))


NOTHING = Elements()
"""No elements are remembered."""


def _print(value: object) -> bytes | None:
    """Return a print of what can change in ``value``; None if there is none."""
    content: object = value
    if isinstance(value, BaseModel):
        content = [value.__dict__, value.__pydantic_extra__]
    try:
        return ormsgpack.packb(content, option=PLAIN_ONLY)
    except (TypeError, ValueError, RecursionError):
        return None
