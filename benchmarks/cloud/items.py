"""How large an item is for DynamoDB, which bills items and not requests.

Sources: "DynamoDB item sizes and formats" and "Capacity unit consumption for
write operations", developer guide. An update is billed for the larger of the
item before and after; a refused one for the item that stands there.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

from benchmarks.memory.cloud import item_bytes

Item = Mapping[str, Mapping[str, Any]]
"""Attributes as they travel in JSON. Any: the type says what the value is."""

_ASSIGNED = re.compile(r"(#?\w+)\s*=\s*(:\w+)")
_ADDED = re.compile(r"ADD\s+(#?\w+)\s+(:\w+)")
_ONE_NUMBER_BYTES = 2


class Items:
    """Remembers how large items are, from what was written before."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}

    def billed(
        self, operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> tuple[int, int]:
        """Return the bytes that a call is billed for: written, and read.

        Raises:
            ValueError: nothing is known of how this operation is billed.
        """
        match operation:
            case "PutItem":
                return self._written(request, answer, _size(request["Item"])), 0
            case "UpdateItem":
                return self._written(request, answer, _updated(request)), 0
            case "DeleteItem":
                return self._sizes.pop(_where(request), 0), 0
            case "GetItem":
                return 0, _size(answer.get("Item", {}))
            case "Query" | "Scan":
                return 0, sum(map(_size, answer.get("Items", ())))
            case _ if operation.startswith(("Describe", "List", "Create", "Update")):
                return 0, 0
            case _:
                raise ValueError(f"it is not known how DynamoDB bills {operation}")

    def _written(
        self, request: Mapping[str, Any], answer: Mapping[str, Any], after: int
    ) -> int:
        where = _where(request)
        before = self._sizes.get(where, 0)
        if "__type" in answer:  # refused: what stands there is what counts
            return before
        self._sizes[where] = after
        return max(before, after)


def _where(request: Mapping[str, Any]) -> str:
    """Return what names the item: its table and its key attributes."""
    key = request.get("Key") or {
        name: value
        for name, value in request["Item"].items()
        if name.lower() in ("pk", "sk")
    }
    return f"{request['TableName']} {sorted(key.items(), key=str)}"


def _size(item: Item) -> int:
    return item_bytes({name: _decoded(value) for name, value in item.items()})


def _decoded(attribute: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an attribute with its bytes as bytes: in JSON they are base64."""
    if "B" in attribute:
        return {"B": base64.b64decode(attribute["B"])}
    return attribute


def _updated(request: Mapping[str, Any]) -> int:
    """Return the size after an update that sets and counts attributes."""
    names = request.get("ExpressionAttributeNames", {})
    values = request["ExpressionAttributeValues"]
    expression = request["UpdateExpression"]
    item = dict(request["Key"])
    for name, value in _ASSIGNED.findall(expression):
        item[names.get(name, name)] = values[value]
    counted = {names.get(name, name) for name, _ in _ADDED.findall(expression)}
    return _size(item) + sum(len(name.encode()) + _ONE_NUMBER_BYTES for name in counted)
