"""Property paths, as ``ignoreChanges`` and ``replaceOnChanges`` write them.

``tags``, ``tags.team``, ``rules[0].status``, ``["a.b"].c`` and ``*`` (one level,
any key), after Pulumi's own grammar.
"""

import copy
import re
from typing import TypeAlias

from analemma_platform.engine.values import Properties, Value

Path: TypeAlias = "tuple[str | int, ...]"

_PART = re.compile(r'\.?(?:\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.\[\]"]+))')


def parse(text: str) -> Path:
    """Return the keys and indexes of ``text``.

    Raises:
        ValueError: ``text`` is no property path.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        found = _PART.match(text, position)
        if found is None:
            raise ValueError(f"{text!r} is no property path")
        quoted, index, key = found.groups()
        if quoted is not None:
            parts.append(quoted.replace('\\"', '"'))
        elif index is not None:
            parts.append("*" if index == "*" else int(index))
        else:
            parts.append(key)
        position = found.end()
    return tuple(parts)


def keep_old(path: Path, old: Properties, new: Properties) -> Properties:
    """Return ``new`` with what stands at ``path`` taken from ``old``.

    What is absent in ``old`` becomes absent. A path that leads through
    something that is not there, or no container, changes nothing.
    """
    result = copy.deepcopy(new)
    _keep(path, old, result)
    return result


def _keep(path: Path, old: Value, new: Value) -> None:
    if not path:
        return
    for key in _keys(path[0], old, new):
        before = _get(old, key)
        if len(path) > 1:
            _keep(path[1:], before, _get(new, key))
        elif isinstance(new, dict) and isinstance(key, str):
            if before is None:
                new.pop(key, None)
            else:
                new[key] = copy.deepcopy(before)
        elif isinstance(new, list) and isinstance(key, int) and key < len(new):
            new[key] = copy.deepcopy(before)


def differs_at(path: Path, old: Properties, new: Properties) -> bool:
    """Tell whether what stands at ``path`` is not the same in both."""
    return _values_at(path, old, new, 0) != _values_at(path, old, new, 1)


def _values_at(path: Path, old: Value, new: Value, which: int) -> list[Value]:
    if not path:
        return [(old, new)[which]]
    return [
        value
        for key in _keys(path[0], old, new)
        for value in _values_at(path[1:], _get(old, key), _get(new, key), which)
    ]


def _keys(part: str | int, old: Value, new: Value) -> tuple[str | int, ...]:
    if part != "*":
        return (part,)
    keys: list[str | int] = []
    for container in (old, new):
        if isinstance(container, dict):
            keys.extend(container)
        elif isinstance(container, list):
            keys.extend(range(len(container)))
    return tuple(dict.fromkeys(keys))


def _get(container: Value, key: str | int) -> Value:
    if isinstance(container, dict) and isinstance(key, str):
        return container.get(key)
    if isinstance(container, list) and isinstance(key, int) and key < len(container):
        return container[key]
    return None
