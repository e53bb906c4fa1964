"""JSON as Step Functions holds it: compact text, measured in UTF-8 bytes."""

import json
from typing import TypeAlias

from pydantic import JsonValue

Json: TypeAlias = JsonValue

MAX_PAYLOAD_BYTES = 262_144
"""The largest input, result or output of a state: 256 KiB."""


def compact(value: Json) -> str:
    """Return ``value`` as the text that execution histories show."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def parse(text: str) -> Json:
    """Return the value that ``text`` stands for.

    Raises:
        ValueError: ``text`` is not JSON.
    """
    value: Json = json.loads(text)
    return value


def payload_bytes(text: str) -> int:
    """Return what ``text`` counts against ``MAX_PAYLOAD_BYTES``."""
    return len(text.encode())
