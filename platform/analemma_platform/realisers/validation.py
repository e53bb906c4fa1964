"""Check a program's properties against what a type declares."""

from collections.abc import Iterator, Mapping

from analemma_platform.engine.values import UNKNOWN, Properties, Value, is_asset
from analemma_platform.realisers.realiser import Property


def failures(
    token: str, properties: Mapping[str, Property], inputs: Properties
) -> tuple[str, ...]:
    """Return what is wrong with ``inputs``, a sentence each."""
    return tuple(_failures(token, properties, inputs, ""))


def with_defaults(properties: Mapping[str, Property], inputs: Properties) -> Properties:
    """Return ``inputs`` with the defaults of what is not given."""
    filled = dict(inputs)
    for name, declared in properties.items():
        if declared.default is not None and filled.get(name) is None:
            filled[name] = declared.default
    return filled


def _failures(
    token: str, properties: Mapping[str, Property], inputs: Properties, path: str
) -> Iterator[str]:
    for name, declared in properties.items():
        if declared.required and inputs.get(name) is None:
            yield f"{path}{name} is missing"
    for name, value in inputs.items():
        declared_property = properties.get(name)
        if declared_property is None:
            yield f"{token}: the embedded cloud does not know property {path}{name}"
        elif declared_property.fields is not None:
            yield from _inside(token, declared_property.fields, value, f"{path}{name}")


def _inside(
    token: str, fields: Mapping[str, Property], value: Value, path: str
) -> Iterator[str]:
    if value == UNKNOWN or value is None:
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _inside(token, fields, item, f"{path}[{index}]")
    elif isinstance(value, dict) and not is_asset(value):
        yield from _failures(token, fields, value, f"{path}.")
    else:
        yield f"{path} must be an object"
