"""Physical names for resources that the program leaves unnamed."""

from analemma_platform.engine.provider import Naming
from analemma_platform.engine.urns import Urn, name_of
from analemma_platform.engine.values import Properties, Value
from analemma_platform.realisers.realiser import NameRule

_DIGITS = 7
"""How many hexadecimal digits pulumi-aws ends a name with."""


def named(
    rule: NameRule, urn: Urn, news: Properties, olds: Properties, naming: Naming
) -> tuple[Value, str | None]:
    """Return the resource's name, or what is wrong with the proposed one.

    What the program says comes first, then the name it has already.
    """
    given = news.get(rule.property)
    if given is not None:
        return given, None
    prefix = news.get(rule.prefix_property or "")
    if rule.property in olds and prefix == olds.get(rule.prefix_property or ""):
        return olds[rule.property], None
    if naming.disabled:
        return None, f"{rule.property} is missing, and autonaming is disabled"
    digits = naming.seed.hex()[:_DIGITS]
    if isinstance(prefix, str):
        name = f"{prefix}{digits}"
    elif naming.proposed is not None:
        name = naming.proposed
    else:
        name = f"{name_of(urn)[: rule.longest - _DIGITS - 1]}-{digits}"
    if rule.lower_case:
        name = name.lower()
    if len(name) > rule.longest:
        return None, f"{rule.property} {name!r} is longer than {rule.longest}"
    return name, None
