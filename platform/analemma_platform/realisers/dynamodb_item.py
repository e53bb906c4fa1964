"""One item of a DynamoDB table, as the program wrote it.

``item`` is DynamoDB's own JSON, with binary values in base64, where boto3 wants
bytes. What others add to the item is no drift: only the attributes the program
named are compared.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.values import Properties, Value
from analemma_platform.realisers.aws import Argument, AwsRefused
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.realiser import Property, Realiser, Surroundings

_BINARY = "B"
_BINARY_SET = "BS"
_TAKEN = "ConditionalCheckFailedException"


class TableItem(Realiser):
    """``aws:dynamodb/tableItem:TableItem``; its id names table and keys."""

    token = "aws:dynamodb/tableItem:TableItem"  # noqa: S105 - a type token
    properties: ClassVar[Mapping[str, Property]] = {
        "tableName": Property(required=True, force_new=True),
        "hashKey": Property(required=True, force_new=True),
        "rangeKey": Property(force_new=True),
        "item": Property(required=True),
    }

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Put the item where none is; somebody else's is not overwritten."""
        try:
            around.aws.call(
                "dynamodb",
                "put_item",
                TableName=inputs.text("tableName"),
                Item=_request(_item(inputs)),
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": inputs.text("hashKey")},
            )
        except AwsRefused as error:
            if error.code == _TAKEN:
                raise ProviderFailure(
                    f"table {inputs.text('tableName')} has an item "
                    f"{json.dumps(_keys(inputs))} already"
                ) from error
            raise
        return self.id_of(around, inputs)

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return the item's attributes that ``state`` names, or all of them."""
        table, keys = _parse_id(resource_id)
        found = around.aws.find(
            "dynamodb",
            "get_item",
            TableName=table,
            Key=_request(keys),
            ConsistentRead=True,
        )
        item = None if found is None else found.block("Item")
        if item is None:
            return None
        named = _item(state) if state.has("item") else item.values
        shown = {name: value for name, value in item.values.items() if name in named}
        names: list[Value] = [*keys]
        return {
            "tableName": table,
            "hashKey": names[0],
            "rangeKey": names[1] if len(names) > 1 else None,
            "item": json.dumps(shown, sort_keys=True),
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Put the new item; one with other keys leaves no old one behind."""
        table, old_keys = _parse_id(resource_id)
        if _keys(news) != old_keys:
            raise ProviderFailure(
                f"item {resource_id}: its keys changed; give the resource a new name"
            )
        around.aws.call(
            "dynamodb", "put_item", TableName=table, Item=_request(_item(news))
        )

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the item."""
        table, keys = _parse_id(resource_id)
        around.aws.find("dynamodb", "delete_item", TableName=table, Key=_request(keys))

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return table and keys, as JSON."""
        return json.dumps([inputs.text("tableName"), _keys(inputs)])


def _item(inputs: Block) -> Properties:
    try:
        item = json.loads(inputs.text("item"))
    except ValueError as error:
        raise ProviderFailure(f"item is no JSON: {error}") from error
    if not isinstance(item, dict):
        raise ProviderFailure("item must be a JSON object of DynamoDB attributes")
    return item


def _keys(inputs: Block) -> Properties:
    item = _item(inputs)
    names = [inputs.text("hashKey"), inputs.maybe_text("rangeKey")]
    keys: Properties = {}
    for name in names:
        if name is not None:
            if name not in item:
                raise ProviderFailure(f"item has no attribute {name!r}, its key")
            keys[name] = item[name]
    return keys


def _parse_id(resource_id: str) -> tuple[str, Properties]:
    try:
        table, keys = json.loads(resource_id)
    except ValueError as error:
        raise ProviderFailure(f"{resource_id!r} is no id of a table item") from error
    return str(table), dict(keys)


def _request(value: Value) -> Argument:
    """Return DynamoDB's JSON as boto3 wants it: base64 becomes bytes."""
    if isinstance(value, list):
        return [_request(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _attribute(key, inner) for key, inner in value.items()}


def _attribute(key: str, value: Value) -> Argument:
    if key == _BINARY and isinstance(value, str):
        return _bytes(value)
    if key == _BINARY_SET and isinstance(value, list):
        return [_bytes(str(one)) for one in value]
    return _request(value)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ProviderFailure("a binary attribute must be base64") from error
