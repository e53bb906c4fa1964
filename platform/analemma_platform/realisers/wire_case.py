"""Property names to request names and back: ``daysAfter`` and ``DaysAfter``.

AWS is almost regular; ``exceptions`` name what is not (S3 says ``ID``).
"""

from collections.abc import Mapping

from analemma_platform.engine.values import Properties, Value


def pascal(value: Value, exceptions: Mapping[str, str] | None = None) -> Value:
    """Return ``value`` with every key as AWS writes it."""
    if isinstance(value, dict):
        return {
            (exceptions or {}).get(key, key[:1].upper() + key[1:]): pascal(
                inner, exceptions
            )
            for key, inner in value.items()
            if inner is not None
        }
    if isinstance(value, list):
        return [pascal(item, exceptions) for item in value]
    return value


def camel(value: Value, exceptions: Mapping[str, str] | None = None) -> Value:
    """Return ``value`` with every key as a program writes it."""
    back = {theirs: ours for ours, theirs in (exceptions or {}).items()}
    if isinstance(value, dict):
        return {
            back.get(key, key[:1].lower() + key[1:]): camel(inner, exceptions)
            for key, inner in value.items()
            if inner is not None
        }
    if isinstance(value, list):
        return [camel(item, exceptions) for item in value]
    return value


def camel_properties(
    properties: Properties, exceptions: Mapping[str, str] | None = None
) -> Properties:
    """Return the top level of an answer as a program writes it."""
    result = camel(properties, exceptions)
    return result if isinstance(result, dict) else {}
