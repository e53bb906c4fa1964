"""Equality as strict as storage has to be, and words for what differs.

Python's ``==`` calls True and 1 equal, and 1.0, and 0.0 and -0.0, and calls NaN
unequal to itself; it ignores the order of a dict. A store that deduplicates by
``==`` gets exactly these wrong.
"""

import math
from collections.abc import Mapping, Sequence

from analemma.testing.subject import Violation


def expect_same(what: str, expected: object, seen: object) -> None:
    """Raise ``Violation`` unless both are equal and of equal type, all the way."""
    found = difference(expected, seen)
    if found is not None:
        raise Violation(f"{what}{found}")


def expect_values(
    what: str, expected: Mapping[str, object], seen: Mapping[str, object]
) -> None:
    """Raise ``Violation`` unless the channels are the same; their order is free."""
    if set(expected) != set(seen):
        raise Violation(
            f"{what}: expected the channels {sorted(expected)}, saw {sorted(seen)}"
        )
    for channel in sorted(expected):
        expect_same(f"{what}, channel {channel!r}", expected[channel], seen[channel])


def difference(expected: object, seen: object) -> str | None:
    """Return where two values differ, as the end of a sentence; None if nowhere."""
    if type(expected) is not type(seen):
        return f": expected {shown(expected)}, saw {shown(seen)}"
    match expected, seen:
        case (float(), float()):
            same = math.isnan(expected) and math.isnan(seen)
            same = same or (
                expected == seen
                and math.copysign(1, expected) == math.copysign(1, seen)
            )
            return None if same else f": expected {expected}, saw {seen}"
        case (list() | tuple(), list() | tuple()):
            return _sequences(expected, seen)
        case (dict(), dict()):
            return _dicts(expected, seen)
    if expected != seen:
        return f": expected {shown(expected)}, saw {shown(seen)}"
    return _attributes(expected, seen)


def shown(value: object) -> str:
    """Return a short text that tells a value and its type."""
    text = repr(value)
    if len(text) > 120:
        text = f"{text[:80]}… ({len(text)} characters)"
    return f"{text} ({type(value).__name__})"


def _sequences(expected: Sequence[object], seen: Sequence[object]) -> str | None:
    if len(expected) != len(seen):
        return f": expected {len(expected)} elements, saw {len(seen)}"
    for index, (wanted, found) in enumerate(zip(expected, seen, strict=True)):
        inner = difference(wanted, found)
        if inner is not None:
            return f", element {index}{inner}"
    return None


def _dicts(
    expected: Mapping[object, object], seen: Mapping[object, object]
) -> str | None:
    inner = _sequences(list(expected), list(seen))
    if inner is not None:
        return f", keys{inner}"
    for key, wanted in expected.items():
        inner = difference(wanted, seen[key])
        if inner is not None:
            return f", key {shown(key)}{inner}"
    return None


def _attributes(expected: object, seen: object) -> str | None:
    """Compare what ``==`` of a message or a dataclass may have taken for equal."""
    if not hasattr(expected, "__dict__") or not hasattr(seen, "__dict__"):
        return None
    for name, wanted in vars(expected).items():
        inner = difference(wanted, vars(seen).get(name))
        if inner is not None:
            return f", attribute {name}{inner}"
    return None
