r"""Intrinsic functions: ``States.Format('{}/{}', $.a, $$.Execution.Id)``.

A call nests calls, paths, quoted strings, numbers, ``true``, ``false`` and
``null``. In a string the escapes are ``\'``, ``\{``, ``\}`` and ``\\``.

Rules: AWS, "Intrinsic functions for JSONPath states".
"""

import base64
import hashlib
import random
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from analemma_platform.emulator.step_functions.failures import StateFailed
from analemma_platform.emulator.step_functions.json_values import Json, compact, parse
from analemma_platform.emulator.step_functions.paths import (
    Path,
    PathInvalid,
    parse_path,
    read,
)

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<call>States\.\w+)\s*\(
      | (?P<path>\$(?:[^,()\s'"\[\]]|\[[^\]]*\])*)
      | '(?P<text>(?:[^'\\]|\\.)*)'
      | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<word>true|false|null)\b
      | (?P<mark>[,)])
    )""",
    re.VERBOSE,
)
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}
_MAX_TEXT = 10_000


@dataclass(frozen=True, slots=True)
class _Text:
    raw: str


@dataclass(frozen=True, slots=True)
class _Constant:
    value: Json


@dataclass(frozen=True, slots=True)
class Call:
    """A parsed call."""

    name: str
    arguments: tuple["_Text | _Constant | Path | Call", ...]


@lru_cache(maxsize=4096)
def parse_call(text: str) -> Call:
    """Return the call that ``text`` spells.

    Raises:
        PathInvalid: it is none, or names no function of Step Functions.
    """
    opening = _TOKEN.match(text)
    if opening is None or not opening["call"]:
        raise PathInvalid(f"'{text}' is not an intrinsic function")
    call, end = _parse_rest(text, opening)
    if text[end:].strip():
        raise PathInvalid(f"'{text}': nothing may follow the intrinsic function")
    return call


def _parse_rest(text: str, opening: re.Match[str]) -> tuple[Call, int]:
    name, position = opening["call"], opening.end()
    if name not in _FUNCTIONS:
        raise PathInvalid(f"'{text}': there is no intrinsic function {name}")
    arguments: list[_Text | _Constant | Path | Call] = []
    after_argument = False
    while True:
        token = _TOKEN.match(text, position)
        if token is None:
            raise PathInvalid(f"'{text}' is not an intrinsic function")
        position = token.end()
        if token["mark"] == ")":
            return Call(name, tuple(arguments)), position
        if (token["mark"] == ",") != after_argument:
            raise PathInvalid(f"'{text}': the arguments of {name} are malformed")
        if token["mark"] == ",":
            after_argument = False
            continue
        if token["call"]:
            inner, position = _parse_rest(text, token)
            arguments.append(inner)
        else:
            arguments.append(_argument(token))
        after_argument = True


def _argument(token: re.Match[str]) -> _Text | _Constant | Path:
    if token["path"]:
        return parse_path(token["path"])
    if token["number"]:
        number = token["number"]
        return _Constant(
            int(number) if re.fullmatch(r"-?\d+", number) else float(number)
        )
    if token["word"]:
        return _Constant(_WORDS[token["word"]])
    return _Text(token["text"])


def evaluate(call: Call, data: Json, context: Json) -> Json:
    """Return the value of ``call``.

    Raises:
        StateFailed: ``States.IntrinsicFailure``, when the arguments do not fit.
        PathMissing: a path among them finds nothing.
    """
    if call.name == "States.Format":
        template = call.arguments[0] if call.arguments else None
        values = [_value(argument, data, context) for argument in call.arguments[1:]]
        raw = template.raw if isinstance(template, _Text) else None
        if raw is None and template is not None:
            raw = str(_value(template, data, context))
        return _format(raw, values)
    arguments = [_value(argument, data, context) for argument in call.arguments]
    try:
        return _FUNCTIONS[call.name](*arguments)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise _invalid(call.name) from error


def _invalid(name: str) -> StateFailed:
    return StateFailed("States.IntrinsicFailure", f"Invalid arguments in {name}")


def _value(
    argument: _Text | _Constant | Path | Call, data: Json, context: Json
) -> Json:
    match argument:
        case _Text(raw):
            return re.sub(r"\\(.)", r"\1", raw)
        case _Constant(value):
            return value
        case Path():
            return read(argument, data, context)
        case Call():
            return evaluate(argument, data, context)


def _format(template: str | None, values: list[Json]) -> str:
    pieces = re.findall(r"\\.|\{\}|[^\\{]+|.", template or "")
    if template is None or pieces.count("{}") != len(values):
        raise _invalid("States.Format")
    rest = iter(values)
    out: list[str] = []
    for piece in pieces:
        if piece == "{}":
            value = next(rest)
            out.append(value if isinstance(value, str) else compact(value))
        else:
            out.append(piece[1:] if piece.startswith("\\") else piece)
    return "".join(out)


def _text(value: Json) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise TypeError
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _whole(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return round(value)


def _merge(left: Json, right: Json, deep: Json) -> Json:
    if not isinstance(left, dict) or not isinstance(right, dict) or deep is not False:
        raise TypeError
    return {**left, **right}


def _decode(value: Json) -> Json:
    raw = _text(value)
    return base64.b64decode(raw + "=" * (-len(raw) % 4)).decode()


def _hash(value: Json, algorithm: Json) -> Json:
    names = {"MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"}
    if algorithm not in names:
        raise ValueError
    raw = value if isinstance(value, str) else compact(value)
    return hashlib.new(str(algorithm).replace("-", ""), _text(raw).encode()).hexdigest()


def _partition(items: Json, size: Json) -> Json:
    values, step = _list(items), _whole(size)
    return [values[i : i + step] for i in range(0, len(values), step)]


def _range(first: Json, last: Json, step: Json) -> Json:
    stride = _whole(step)
    stop = _whole(last) + (1 if stride > 0 else -1)
    numbers = range(_whole(first), stop, stride)
    if len(numbers) > 1000:
        raise ValueError
    return list(numbers)


def _unique(items: Json) -> Json:
    return list({compact(item): item for item in _list(items)}.values())


def _contains(items: Json, wanted: Json) -> Json:
    return compact(wanted) in {compact(item) for item in _list(items)}


def _split(value: Json, marks: Json) -> Json:
    found = re.split("[" + re.escape(_text(marks)) + "]", _text(value))
    return [part for part in found if part]


def _random(first: Json, last: Json, seed: Json = None) -> Json:
    # S311: States.MathRandom promises repeatable numbers, not secrets.
    source = random.Random(seed if seed is None else _whole(seed))  # noqa: S311
    return source.randrange(_whole(first), _whole(last))


def _get_item(items: Json, index: Json) -> Json:
    if _whole(index) < 0:
        raise IndexError
    return _list(items)[_whole(index)]


_FUNCTIONS: dict[str, Callable[..., Json]] = {
    "States.Format": lambda *_: None,  # evaluated apart: its template keeps escapes
    "States.StringToJson": lambda text: parse(_text(text)),
    "States.JsonToString": lambda value: compact(value),
    "States.JsonMerge": _merge,
    "States.Array": lambda *values: list(values),
    "States.ArrayPartition": _partition,
    "States.ArrayContains": _contains,
    "States.ArrayRange": _range,
    "States.ArrayGetItem": _get_item,
    "States.ArrayLength": lambda items: len(_list(items)),
    "States.ArrayUnique": _unique,
    "States.Base64Encode": lambda text: base64.b64encode(_text(text).encode()).decode(),
    "States.Base64Decode": _decode,
    "States.Hash": _hash,
    "States.MathRandom": _random,
    "States.MathAdd": lambda left, right: _whole(left) + _whole(right),
    "States.StringSplit": _split,
    "States.UUID": lambda: str(uuid.uuid4()),
}
