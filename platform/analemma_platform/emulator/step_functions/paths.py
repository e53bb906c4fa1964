"""JSONPath as Step Functions reads it, and reference paths as it writes them.

``$`` is the state's data and ``$$`` the context object. A path that names at
most one value and finds none is an error; a path with a wildcard, a slice or a
descent yields a list, which may be empty. Filters (``[?(...)]``) and workflow
variables (``$name``) are refused when a definition is created.

Rules: AWS, "Using JSONPath paths", and the Amazon States Language's chapters
"Paths" and "Reference Paths".
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from analemma_platform.emulator.step_functions.failures import (
    ExecutionBroken,
    StateFailed,
)
from analemma_platform.emulator.step_functions.json_values import Json, compact


class PathInvalid(ValueError):
    """The text is not a path that this interpreter reads."""


class PathMissing(ExecutionBroken):
    """The path names one value and the data has none there."""

    def __init__(self, path: str, data: Json) -> None:
        super().__init__(
            f"The JSONPath '{path}' could not be found in the input '{compact(data)}'"
        )


@dataclass(frozen=True, slots=True)
class _Names:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Indexes:
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Slice:
    bounds: slice


@dataclass(frozen=True, slots=True)
class _Every:
    pass


@dataclass(frozen=True, slots=True)
class _Deep:
    pass


_Step = _Names | _Indexes | _Slice | _Every | _Deep


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. ``of_context``: it reads the context object."""

    text: str
    of_context: bool
    steps: tuple[_Step, ...]

    @property
    def definite(self) -> bool:
        """Whether it names at most one value."""
        return all(
            (isinstance(step, _Names) and len(step.names) == 1)
            or (isinstance(step, _Indexes) and len(step.indexes) == 1)
            for step in self.steps
        )


_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_STEP = re.compile(
    rf"""
    (?P<deep>\.\.(?=[\[*\w]))
  | \.?(?P<every>\*)
  | \.?(?P<name>[^\s.\[\]'"()*,:?@$]+)
  | \.?\[\s*(?:
        (?P<all>\*)
      | (?P<quoted>(?:{_QUOTED})(?:\s*,\s*(?:{_QUOTED}))*)
      | (?P<slice>-?\d*:-?\d*(?::[1-9]\d*)?)
      | (?P<indexes>-?\d+(?:\s*,\s*-?\d+)*)
    )\s*\]
    """,
    re.VERBOSE,
)
_QUOTED_ONE = re.compile(_QUOTED)


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Return the path that ``text`` spells.

    Raises:
        PathInvalid: it is none, or one that is not interpreted here.
    """
    if not text.startswith("$"):
        raise PathInvalid(f"'{text}' is not a JSONPath: it must start with '$'")
    if "[?" in text:
        raise PathInvalid(f"'{text}': filters are not interpreted here")
    of_context = text.startswith("$$")
    position = 2 if of_context else 1
    if position < len(text) and text[position] not in ".[":
        raise PathInvalid(f"'{text}': workflow variables are not interpreted here")
    steps: list[_Step] = []
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise PathInvalid(f"'{text}' is not a JSONPath (at column {position})")
        if match["name"] and text[position] != "." and not _after_deep(steps):
            raise PathInvalid(f"'{text}' is not a JSONPath (at column {position})")
        steps.append(_step(match))
        position = match.end()
    return Path(text, of_context, tuple(steps))


def _after_deep(steps: list[_Step]) -> bool:
    return bool(steps) and isinstance(steps[-1], _Deep)


def _step(match: re.Match[str]) -> _Step:
    if match["deep"]:
        return _Deep()
    if match["every"] or match["all"]:
        return _Every()
    if match["name"]:
        return _Names((match["name"],))
    if match["quoted"]:
        found = _QUOTED_ONE.findall(match["quoted"])
        return _Names(tuple(str(ast.literal_eval(one)) for one in found))
    if match["slice"]:
        parts = [int(part) if part else None for part in match["slice"].split(":")]
        return _Slice(slice(*parts))
    return _Indexes(tuple(int(part) for part in match["indexes"].split(",")))


def read(path: Path, data: Json, context: Json) -> Json:
    """Return what ``path`` finds.

    Raises:
        PathMissing: the path is definite and finds nothing.
    """
    root = context if path.of_context else data
    found: list[Json] = [root]
    for step in path.steps:
        found = [inner for value in found for inner in _apply(step, value)]
    if not path.definite:
        return found
    if not found:
        raise PathMissing(path.text, root)
    return found[0]


def present(path: Path, data: Json, context: Json) -> bool:
    """Say whether ``path`` finds anything."""
    try:
        found = read(path, data, context)
    except PathMissing:
        return False
    return path.definite or bool(found)


def _apply(step: _Step, value: Json) -> Iterable[Json]:
    match step:
        case _Names(names):
            return [value[n] for n in names if isinstance(value, dict) and n in value]
        case _Indexes(indexes):
            if not isinstance(value, list):
                return []
            size = len(value)
            return [value[i] for i in indexes if -size <= i < size]
        case _Slice(bounds):
            return value[bounds] if isinstance(value, list) else []
        case _Every():
            return _children(value)
        case _Deep():
            return _descend(value)


def _children(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _descend(value: Json) -> Iterator[Json]:
    yield value
    for child in _children(value):
        yield from _descend(child)


def parse_reference(text: str) -> tuple[str, ...]:
    """Return the fields that a ``ResultPath`` goes through.

    Raises:
        PathInvalid: it is not a reference path made of field names.
    """
    path = parse_path(text)
    if path.of_context:
        raise PathInvalid(f"'{text}': the context object cannot be written")
    fields: list[str] = []
    for step in path.steps:
        if not isinstance(step, _Names) or len(step.names) != 1:
            raise PathInvalid(f"'{text}' is not a reference path of field names")
        fields.append(step.names[0])
    return tuple(fields)


def write(text: str | None, data: Json, result: Json) -> Json:
    """Return ``data`` with ``result`` put at reference path ``text``.

    ``None`` discards the result, ``$`` replaces the data. Neither argument is
    changed.

    Raises:
        StateFailed: ``States.ResultPathMatchFailure``, when something that is
            not an object stands in the way.
    """
    if text is None:
        return data
    fields = parse_reference(text)
    if not fields:
        return result
    return _put(fields, data, result, text)


def _put(fields: tuple[str, ...], data: Json, result: Json, text: str) -> Json:
    if not fields:
        return result
    if not isinstance(data, dict):
        raise StateFailed(
            "States.ResultPathMatchFailure",
            f"Unable to apply ReferencePath {text} to input {compact(data)}",
        )
    head, *rest = fields
    inner = _put(tuple(rest), data.get(head, {}), result, text) if rest else result
    return {**data, head: inner}
