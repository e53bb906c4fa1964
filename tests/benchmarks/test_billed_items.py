"""What DynamoDB bills of a call: the item, not the request."""

import base64
import json

import pytest

from benchmarks.cloud.items import Items

KEY = {"pk": {"S": "p" * 10}, "sk": {"S": "s" * 10}}
KEY_BYTES = (2 + 10) * 2


def binary(size: int) -> dict[str, str]:
    return {"B": base64.b64encode(b"x" * size).decode()}


def update(size: int) -> dict[str, object]:
    return {
        "TableName": "t",
        "Key": KEY,
        "UpdateExpression": "SET body = :body ADD rev :one",
        "ExpressionAttributeValues": {":body": binary(size), ":one": {"N": "1"}},
    }


def updated(size: int) -> int:
    return KEY_BYTES + len("body") + size + len("rev") + 2


def test_update_is_billed_for_the_whole_item_not_for_its_base64() -> None:
    assert Items().billed("UpdateItem", update(1000), {}) == (updated(1000), 0)


def test_update_that_shrinks_an_item_is_billed_for_what_stood_there() -> None:
    items = Items()
    items.billed("UpdateItem", update(5000), {})

    assert items.billed("UpdateItem", update(10), {}) == (updated(5000), 0)
    assert items.billed("UpdateItem", update(20), {}) == (updated(20), 0)


def test_refused_write_is_billed_for_what_stands_there_and_changes_nothing() -> None:
    items, refused = Items(), {"__type": "ConditionalCheckFailedException"}

    assert items.billed("UpdateItem", update(5000), refused) == (0, 0)
    items.billed("UpdateItem", update(300), {})
    assert items.billed("UpdateItem", update(5000), refused) == (updated(300), 0)
    assert items.billed("UpdateItem", update(10), {}) == (updated(300), 0)


def test_names_that_stand_for_attributes_are_put_in() -> None:
    request = {
        **update(7),
        "UpdateExpression": "SET #b = :body",
        "ExpressionAttributeNames": {"#b": "content"},
    }

    assert Items().billed("UpdateItem", request, {})[0] == KEY_BYTES + 7 + 7


def test_put_is_billed_for_its_item_and_reads_for_what_they_find() -> None:
    items = Items()
    item = {**KEY, "body": binary(100)}
    size = KEY_BYTES + len("body") + 100

    put = {"TableName": "t", "Item": item}
    assert items.billed("PutItem", put, {}) == (size, 0)
    assert items.billed("GetItem", {}, {"Item": item}) == (0, size)
    assert items.billed("GetItem", {}, {}) == (0, 0)
    assert items.billed("Query", {}, {"Items": [item, item]}) == (0, 2 * size)


def test_operation_of_unknown_price_is_not_taken_for_free() -> None:
    with pytest.raises(ValueError, match="TransactWriteItems"):
        Items().billed("TransactWriteItems", json.loads("{}"), {})
