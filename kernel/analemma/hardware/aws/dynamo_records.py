"""Records in one DynamoDB table: ``{pk: S, sk: S, body: B, rev: N}``.

A put is one UpdateItem, never a PutItem: only ``ADD rev`` counts an
unconditional write up without reading first. A failed condition brings the
stored item along, so that the loser of a fence needs no second call to learn
who won.

The role needs GetItem, UpdateItem, DeleteItem and Query on the table; ``scan``
needs Scan, and reads the whole table whatever the prefix.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from analemma.errors import Corrupt
from analemma.hardware.aws.edge import aws_edge, check_answered
from analemma.hardware.ports.records import (
    ABSENT,
    Record,
    RecordConflict,
    check_body,
    check_key,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        QueryInputTypeDef,
        ScanInputTypeDef,
        UpdateItemInputTypeDef,
    )


class DynamoRecordStore:
    """The ``RecordStore`` of the cloud. Reads are consistent. Safe among threads."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table
        self._thing = f"DynamoDB table {table}"

    def get(self, partition: str, sort: str) -> Record | None:
        """Return the record, or None. One GetItem."""
        check_key(partition, sort)
        with aws_edge(self._thing):
            answer = self._client.get_item(
                TableName=self._table, Key=_key(partition, sort), ConsistentRead=True
            )
            check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)
        item = answer.get("Item")
        return None if item is None else _record(item)

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        """Write the record whole; return its new revision. One UpdateItem.

        Always durable on return: DynamoDB knows nothing less.

        Raises:
            RecordConflict: ``expected`` does not hold; nothing was written.
            ValueError: the key or the body is not storable.
            StoreUnavailable: not known whether it was written.
            CloudUnavailable: the table is missing, or access is denied.
        """
        check_key(partition, sort)
        check_body(body)
        values: dict[str, AttributeValueTypeDef] = {
            ":body": {"B": body},
            ":one": {"N": "1"},
        }
        request: UpdateItemInputTypeDef = {
            "TableName": self._table,
            "Key": _key(partition, sort),
            "UpdateExpression": "SET body = :body ADD rev :one",
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if expected is None:
            # Echoes the body too: DynamoDB cannot be asked for rev alone.
            request["ReturnValues"] = "UPDATED_NEW"
        elif expected == ABSENT:
            request["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            request["ConditionExpression"] = "rev = :expected"
            values[":expected"] = {"N": str(expected)}
        with aws_edge(self._thing):
            try:
                answer = self._client.update_item(**request)
            except self._client.exceptions.ConditionalCheckFailedException as error:
                # Modelled beside the error, which the stubs do not know.
                item: Mapping[str, AttributeValueTypeDef] | None
                item = error.response.get("Item")  # type: ignore[assignment]
                current = None if item is None else _record(item)
                raise RecordConflict(partition, sort, current) from error
            check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)
        if expected is None:
            return int(answer["Attributes"]["rev"]["N"])
        return expected + 1

    def delete(self, partition: str, sort: str) -> None:
        """Remove the record; an absent one is no error. One DeleteItem."""
        check_key(partition, sort)
        with aws_edge(self._thing):
            answer = self._client.delete_item(
                TableName=self._table, Key=_key(partition, sort)
            )
            check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)

    def query(
        self,
        partition: str,
        *,
        low: str = "",
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """Yield the records with ``low <= sort <= high``, in order.

        One Query for each megabyte, or for ``limit`` records if that is less.
        """
        check_key(partition, low or "-")
        check_key(partition, high or "-")
        if high is not None and (not high or high < low):
            # DynamoDB refuses an empty key and an inverted BETWEEN. Python
            # compares code points, which is the order of UTF-8.
            return iter(())
        return self._walk(partition, low, high, descending, limit)

    def scan(self, partition_prefix: str) -> Iterator[Record]:
        """Yield every record of every partition whose name starts like that.

        One Scan for each megabyte of the table. DynamoDB keeps the items of a
        partition together and in order of their sort key ("Partitions and data
        distribution", developer guide), and a Scan reads them as they are kept.
        It does not say so of Scan itself, so it is checked here.

        Raises:
            StoreUnavailable: DynamoDB did not answer.
            CloudUnavailable: the table is missing, or access is denied.
            Corrupt: a partition came in two pieces, or out of order.
        """
        check_key(partition_prefix or "-", "-")
        return self._sweep(partition_prefix)

    def _sweep(self, prefix: str) -> Iterator[Record]:
        request: ScanInputTypeDef = {"TableName": self._table, "ConsistentRead": True}
        if prefix:
            request["FilterExpression"] = "begins_with(pk, :prefix)"
            request["ExpressionAttributeValues"] = {":prefix": {"S": prefix}}
        seen: set[str] = set()
        partition = sort = ""
        while True:
            with aws_edge(self._thing):
                answer = self._client.scan(**request)
                check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)
            for record in map(_record, answer["Items"]):
                again = record.partition != partition and record.partition in seen
                if again or (record.partition == partition and record.sort <= sort):
                    raise Corrupt(
                        f"{self._thing} gave {record.partition} {record.sort} out of "
                        "order; report it, and delete nothing by this reading"
                    )
                partition, sort = record.partition, record.sort
                seen.add(partition)
                yield record
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _walk(
        self,
        partition: str,
        low: str,
        high: str | None,
        descending: bool,
        limit: int | None,
    ) -> Iterator[Record]:
        request = self._query(partition, low, high)
        request["ScanIndexForward"] = not descending
        left = limit
        while left is None or left > 0:
            if left is not None:
                request["Limit"] = left
            with aws_edge(self._thing):
                answer = self._client.query(**request)
                check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)
            items = answer["Items"]
            yield from map(_record, items)
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            left = None if left is None else left - len(items)

    def _query(self, partition: str, low: str, high: str | None) -> "QueryInputTypeDef":
        condition = "pk = :pk"
        values: dict[str, AttributeValueTypeDef] = {":pk": {"S": partition}}
        # A key condition holds at most one term on sk, and no empty text.
        if low and high is not None:
            condition += " AND sk BETWEEN :low AND :high"
        elif low:
            condition += " AND sk >= :low"
        elif high is not None:
            condition += " AND sk <= :high"
        if low:
            values[":low"] = {"S": low}
        if high is not None:
            values[":high"] = {"S": high}
        return {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }


def _key(partition: str, sort: str) -> "dict[str, AttributeValueTypeDef]":
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def _record(item: "Mapping[str, AttributeValueTypeDef]") -> Record:
    return Record(
        item["pk"]["S"], item["sk"]["S"], item["body"]["B"], int(item["rev"]["N"])
    )
