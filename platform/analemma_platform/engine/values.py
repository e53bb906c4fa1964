"""Property values: JSON with three additions, kept as JSON.

Pulumi marks secrets, assets and unknowns inside plain JSON by signatures, so a
value read from the wire, from the state file or written by hand is one type
here. Secrets are the exception: they are unwrapped at the door, and remembered
by the name of the top-level property that held them.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
"""Any property value. Whole numbers are ``int``, although the wire says double."""

Properties: TypeAlias = dict[str, Value]
"""The properties of one resource, by their wire (camelCase) names."""

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a public marker of Pulumi's wire format
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def signature(value: Value) -> str | None:
    """Return what ``value`` is marked as, or None for plain JSON."""
    mark = value.get(SIGNATURE) if isinstance(value, dict) else None
    return mark if isinstance(mark, str) else None


def is_asset(value: Value) -> bool:
    """Tell whether ``value`` stands for files."""
    return signature(value) in (ASSET, ARCHIVE)


def plain(value: Value) -> Value:
    """Return ``value`` without secret, output and resource marks; assets stay."""
    match signature(value), value:
        case (str() as mark, dict()) if mark in (SECRET, OUTPUT):
            return plain(value.get("value", UNKNOWN))
        case (str() as mark, dict()) if mark == RESOURCE:
            return value.get("id") or value.get("urn")
        case (_, dict()):
            return {key: plain(inner) for key, inner in value.items()}
        case (_, list()):
            return [plain(inner) for inner in value]
    return value


def plain_properties(properties: Mapping[str, Value]) -> Properties:
    """Return every property of ``properties`` as ``plain`` does."""
    return {name: plain(value) for name, value in properties.items()}


def holds_secret(value: Value) -> bool:
    """Tell whether a secret mark stands anywhere inside ``value``."""
    return any(
        signature(inner) == SECRET
        or (
            signature(inner) == OUTPUT
            and isinstance(inner, dict)
            and inner.get("secret") is True
        )
        for inner in walk(value)
    )


def secret_names(properties: Mapping[str, Value]) -> frozenset[str]:
    """Return the names of the properties that hold a secret."""
    return frozenset(name for name, value in properties.items() if holds_secret(value))


def mark_secrets(properties: Mapping[str, Value], names: frozenset[str]) -> Properties:
    """Return ``properties`` with those in ``names`` wrapped as secrets."""
    return {
        name: {SIGNATURE: SECRET, "value": value} if name in names else value
        for name, value in properties.items()
    }


def is_unknown(value: Value) -> bool:
    """Tell whether any part of ``value`` is only known after the deployment."""
    return any(inner == UNKNOWN for inner in walk(value))


def walk(value: Value) -> Iterator[Value]:
    """Yield ``value`` and everything inside it."""
    yield value
    if isinstance(value, dict):
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)
