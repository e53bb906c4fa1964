"""Payload templates: ``Parameters``, ``ResultSelector``, ``ItemSelector``.

A key that ends in ``.$`` takes its value from a path or an intrinsic function;
everything else stands for itself.
"""

from analemma_platform.emulator.step_functions.intrinsics import evaluate, parse_call
from analemma_platform.emulator.step_functions.json_values import Json
from analemma_platform.emulator.step_functions.paths import (
    PathInvalid,
    parse_path,
    read,
)

_DYNAMIC = ".$"


def check_expression(text: str) -> str:
    """Return ``text`` if it is a path or an intrinsic function.

    Raises:
        PathInvalid: it is neither.
    """
    if text.startswith("States."):
        parse_call(text)
    else:
        parse_path(text)
    return text


def check_template(template: Json) -> Json:
    """Return ``template`` if every dynamic key has an expression.

    Raises:
        PathInvalid: names the key that has none.
    """
    if isinstance(template, list):
        for inner in template:
            check_template(inner)
    elif isinstance(template, dict):
        for key, inner in template.items():
            if not key.endswith(_DYNAMIC):
                check_template(inner)
            elif isinstance(inner, str):
                check_expression(inner)
            else:
                raise PathInvalid(f"the value of '{key}' must be a path")
    return template


def expression(text: str, data: Json, context: Json) -> Json:
    """Return what a path or an intrinsic function yields.

    Raises:
        StateFailed: the path finds nothing, or the function's arguments do not
            fit.
    """
    if text.startswith("States."):
        return evaluate(parse_call(text), data, context)
    return read(parse_path(text), data, context)


def fill(template: Json, data: Json, context: Json) -> Json:
    """Return ``template`` with every dynamic key replaced by its value.

    Raises:
        StateFailed: as ``expression``.
    """
    if isinstance(template, list):
        return [fill(inner, data, context) for inner in template]
    if not isinstance(template, dict):
        return template
    filled: dict[str, Json] = {}
    for key, inner in template.items():
        if key.endswith(_DYNAMIC) and isinstance(inner, str):
            filled[key.removesuffix(_DYNAMIC)] = expression(inner, data, context)
        else:
            filled[key] = fill(inner, data, context)
    return filled
