"""What changed between two structures, and back.

A checkpoint differs from the one before it in a version here and an element
there, so its record says only that. Two structures of one kind have a patch:

    map     {"set": {key: value}, "in": {key: patch}, "cut": [key, …]}
    list    [how many elements stay, [the elements that follow]]

Absent parts of a map's patch are empty. Values are compared by their bytes, so
that ``1``, ``1.0`` and ``True`` are three values.
"""

from analemma.errors import ManifestMismatch
from analemma.kernelspace.memory.seal import Wire, pack

_SET, _IN, _CUT = "set", "in", "cut"


def patch_of(old: dict[str, Wire], new: dict[str, Wire]) -> dict[str, Wire]:
    """Return what turns ``old`` into ``new``; empty if nothing does."""
    put: dict[str, Wire] = {}
    within: dict[str, Wire] = {}
    for key, value in new.items():
        if key not in old:
            put[key] = value
            continue
        before = old[key]
        if before is value:
            continue
        if isinstance(before, dict) and isinstance(value, dict):
            if inner := patch_of(before, value):
                within[key] = inner
        elif isinstance(before, list) and isinstance(value, list):
            stays = _common(before, value)
            if stays == len(value) == len(before):
                continue
            if stays:
                within[key] = [stays, value[stays:]]
            else:
                put[key] = value
        elif not _same(before, value):
            put[key] = value
    cut: list[Wire] = [key for key in old if key not in new]
    parts: dict[str, Wire] = {_SET: put, _IN: within, _CUT: cut}
    return {name: part for name, part in parts.items() if part}


def patched(old: dict[str, Wire], patch: Wire) -> dict[str, Wire]:
    """Return what ``old`` becomes; ``old`` is left as it is.

    Raises:
        ManifestMismatch: the patch is malformed or does not fit.
    """
    if not isinstance(patch, dict):
        raise ManifestMismatch("a patch is malformed")
    put, within, cut = patch.get(_SET, {}), patch.get(_IN, {}), patch.get(_CUT, [])
    if not (isinstance(put, dict) and isinstance(within, dict)):
        raise ManifestMismatch("a patch is malformed")
    if not isinstance(cut, list):
        raise ManifestMismatch("a patch is malformed")
    new = {key: value for key, value in old.items() if key not in cut}
    new.update(put)
    for key, inner in within.items():
        new[key] = _patched_within(old.get(key), inner)
    return new


def _patched_within(old: Wire, patch: Wire) -> Wire:
    match old, patch:
        case dict(), dict():
            return patched(old, patch)
        case list(), [int() as stays, [*rest]] if 0 <= stays <= len(old):
            return [*old[:stays], *rest]
        case _:
            raise ManifestMismatch("a patch does not fit what it is applied to")


def _common(old: list[Wire], new: list[Wire]) -> int:
    """Return how many leading elements the lists share."""
    for place, (one, other) in enumerate(zip(old, new, strict=False)):
        if not _same(one, other):
            return place
    return min(len(old), len(new))


def _same(one: Wire, other: Wire) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, list | dict | float):
        return pack(one) == pack(other)
    return one == other
