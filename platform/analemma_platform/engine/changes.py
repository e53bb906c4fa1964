"""Which values differ, and how to say so.

Text that holds a JSON object is compared and described as JSON: a changed
retry policy then reads ``definition.States.Slice.Retry[0].MaxAttempts``, not
as two walls of text, and key order or spacing is no change at all.
"""

import json
from collections.abc import Iterator

from analemma_platform.engine.plan import HIDDEN_SECRET, Change
from analemma_platform.engine.values import UNKNOWN, Properties, Value, is_asset

_ABSENT = "(none)"
_LATER = "(known after up)"
_LONGEST_TEXT = 120


def same(before: Value, after: Value) -> bool:
    """Tell whether two values mean the same to a provider."""
    if isinstance(before, dict) and isinstance(after, dict):
        if is_asset(before) or is_asset(after):
            return before.get("hash") == after.get("hash")
        keys = before.keys() | after.keys()
        return all(same(before.get(key), after.get(key)) for key in keys)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(same, before, after))
    if isinstance(before, str) and isinstance(after, str) and before != after:
        documents = _document(before), _document(after)
        return None not in documents and documents[0] == documents[1]
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def changed_names(before: Properties, after: Properties) -> tuple[str, ...]:
    """Return the top-level properties that differ, sorted."""
    names = sorted(before.keys() | after.keys())
    return tuple(name for name in names if not same(before.get(name), after.get(name)))


def describe(
    before: Properties,
    after: Properties,
    names: tuple[str, ...],
    secrets: frozenset[str],
) -> tuple[Change, ...]:
    """Return a readable change for every differing leaf of ``names``."""
    found: list[Change] = []
    for name in names:
        if name in secrets:
            found.append(Change(name, HIDDEN_SECRET, HIDDEN_SECRET))
            continue
        found.extend(_leaves(name, before.get(name), after.get(name)))
    return tuple(found)


def _leaves(path: str, before: Value, after: Value) -> Iterator[Change]:
    if same(before, after):
        return
    if isinstance(before, str) and isinstance(after, str):
        documents = _document(before), _document(after)
        if documents[0] is not None and documents[1] is not None:
            before, after = documents
    if is_asset(before) or is_asset(after):
        yield Change(path, _text(before), _text(after))
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _leaves(f"{path}.{key}", before.get(key), after.get(key))
    elif (
        isinstance(before, list)
        and isinstance(after, list)
        and len(before) == len(after)
    ):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _leaves(f"{path}[{index}]", old, new)
    else:
        yield Change(path, _text(before), _text(after))


def _document(text: str) -> Value:
    if text[:1] != "{":
        return None
    try:
        parsed: Value = json.loads(text)
    except ValueError:
        return None
    return parsed


def _text(value: Value) -> str:
    if value is None:
        return _ABSENT
    if value == UNKNOWN:
        return _LATER
    if isinstance(value, dict) and is_asset(value):
        digest = value.get("hash")
        return f"files {digest[:12]}" if isinstance(digest, str) else "files"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    text = text.replace(UNKNOWN, _LATER)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
