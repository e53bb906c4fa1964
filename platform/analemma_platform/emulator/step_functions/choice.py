"""Choice rules: compiled when a definition is created, matched as it runs.

A comparison of values of different types is false, but a ``Variable`` that is
not there breaks the execution; only ``IsPresent`` may ask for it.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from analemma_platform.emulator.step_functions.json_values import Json
from analemma_platform.emulator.step_functions.paths import (
    Path,
    parse_path,
    present,
    read,
)


class RuleInvalid(ValueError):
    """A choice rule is not one."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """``Variable`` compared with a value, or with what another path finds."""

    variable: Path
    operator: str
    operand: Json | Path


@dataclass(frozen=True, slots=True)
class Combination:
    """``And``, ``Or`` or ``Not`` of other rules."""

    operator: str
    rules: tuple["Comparison | Combination", ...]


Rule = Comparison | Combination


def parse_timestamp(value: Json) -> datetime | None:
    """Return the moment an RFC 3339 text with a zone names, or None."""
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(test: Callable[..., bool]) -> Callable[[Json, Json], bool]:
    return lambda left, right: _number(left) and _number(right) and test(left, right)


def _texts(test: Callable[..., bool]) -> Callable[[Json, Json], bool]:
    def compare(left: Json, right: Json) -> bool:
        return isinstance(left, str) and isinstance(right, str) and test(left, right)

    return compare


def _moments(test: Callable[..., bool]) -> Callable[[Json, Json], bool]:
    def compare(left: Json, right: Json) -> bool:
        one, other = parse_timestamp(left), parse_timestamp(right)
        return one is not None and other is not None and test(one, other)

    return compare


def _booleans(left: Json, right: Json) -> bool:
    return isinstance(left, bool) and left is right


def _matches(value: str, pattern: str) -> bool:
    parts = re.split(r"(\\.|\*)", pattern)
    expression = "".join(
        ".*" if part == "*" else re.escape(part.removeprefix("\\")) for part in parts
    )
    return re.fullmatch(expression, value, re.DOTALL) is not None


_ORDERS: dict[str, Callable[..., bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_TYPES = {"String": _texts, "Numeric": _numbers, "Timestamp": _moments}

_COMPARE: dict[str, Callable[[Json, Json], bool]] = {
    kind + order: typed(test)
    for kind, typed in _TYPES.items()
    for order, test in _ORDERS.items()
} | {"BooleanEquals": _booleans, "StringMatches": _texts(_matches)}

_IS: dict[str, Callable[[Json], bool]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": _number,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: parse_timestamp(value) is not None,
}


def parse_rule(raw: dict[str, Json]) -> Rule:
    """Return the rule that ``raw`` (without ``Next``) spells.

    Raises:
        RuleInvalid: it is none.
        PathInvalid: a path in it is none.
    """
    keys = [key for key in raw if key not in ("Variable", "Comment")]
    if len(keys) != 1:
        raise RuleInvalid(f"a choice rule needs exactly one comparison, found {keys}")
    name, operand = keys[0], raw[keys[0]]
    if name in ("And", "Or", "Not"):
        return _combination(name, operand)
    variable = raw.get("Variable")
    if not isinstance(variable, str):
        raise RuleInvalid(f"the comparison {name} needs a Variable")
    return Comparison(parse_path(variable), name, _operand(name, operand))


def _combination(name: str, operand: Json) -> Combination:
    raw = [operand] if name == "Not" else operand
    if not isinstance(raw, list) or not raw:
        raise RuleInvalid(f"{name} needs rules")
    rules: list[Rule] = []
    for inner in raw:
        if not isinstance(inner, dict) or "Next" in inner:
            raise RuleInvalid(f"{name} needs rules without Next")
        rules.append(parse_rule(inner))
    return Combination(name, tuple(rules))


def _operand(name: str, operand: Json) -> Json | Path:
    base = name.removesuffix("Path")
    if name == "IsPresent" or name in _IS:
        if not isinstance(operand, bool):
            raise RuleInvalid(f"{name} needs true or false")
        return operand
    if base not in _COMPARE or name == "StringMatchesPath":
        raise RuleInvalid(f"there is no comparison {name}")
    if base == name:
        if not _COMPARE[_reflexive(base)](operand, operand):
            raise RuleInvalid(f"{name} cannot compare with {operand!r}")
        return operand
    if not isinstance(operand, str):
        raise RuleInvalid(f"{name} needs a path")
    return parse_path(operand)


def _reflexive(name: str) -> str:
    """Return the comparison that every operand of ``name``'s type meets."""
    kind = next(kind for kind in (*_TYPES, "Boolean") if name.startswith(kind))
    return f"{kind}Equals"


def matches(rule: Rule, data: Json, context: Json) -> bool:
    """Say whether ``rule`` holds.

    Raises:
        PathMissing: a path other than that of ``IsPresent`` finds nothing.
    """
    if isinstance(rule, Combination):
        return _combined(rule.operator, rule.rules, data, context)
    if rule.operator == "IsPresent":
        return present(rule.variable, data, context) is rule.operand
    value = read(rule.variable, data, context)
    if rule.operator in _IS:
        return _IS[rule.operator](value) is rule.operand
    operand = rule.operand
    if isinstance(operand, Path):
        operand = read(operand, data, context)
    return _COMPARE[rule.operator.removesuffix("Path")](value, operand)


def _combined(name: str, rules: Sequence[Rule], data: Json, context: Json) -> bool:
    results = (matches(rule, data, context) for rule in rules)
    if name == "And":
        return all(results)
    if name == "Or":
        return any(results)
    return not next(results)
