"""What the DynamoDB adapter asks of DynamoDB: how many calls, and which."""

from collections.abc import Iterator

import pytest

from analemma.errors import Corrupt
from analemma.hardware.aws.clients import AwsClients
from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.aws.traffic import CallCount
from analemma.hardware.ports import ABSENT, Record, RecordConflict
from stores_aws import EmulatedAws, emulated_aws, settings
from stores_wire import LostAnswer, Wire, dynamo_answer


@pytest.fixture
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        yield emulated


@pytest.fixture
def store(aws: EmulatedAws) -> DynamoRecordStore:
    return DynamoRecordStore(aws.dynamodb, aws.new_table())


def calls(aws: EmulatedAws) -> dict[str, int]:
    return {
        operation: count.calls
        for (_, operation), count in aws.traffic.counts().items()
        if operation != "CreateTable"
    }


def test_item_is_the_one_the_infrastructure_knows(
    aws: EmulatedAws, store: DynamoRecordStore
) -> None:
    store.put("run/local/run-1", "record", b"body")
    table = aws.dynamodb.list_tables()["TableNames"][0]
    assert aws.dynamodb.scan(TableName=table)["Items"] == [
        {
            "pk": {"S": "run/local/run-1"},
            "sk": {"S": "record"},
            "body": {"B": b"body"},
            "rev": {"N": "1"},
        }
    ]


def test_every_put_is_one_call_won_or_lost(
    aws: EmulatedAws, store: DynamoRecordStore
) -> None:
    store.put("p", "s", b"a", expected=ABSENT)
    store.put("p", "s", b"b", expected=1)
    store.put("p", "s", b"c")
    with pytest.raises(RecordConflict):
        store.put("p", "s", b"d", expected=ABSENT)
    assert calls(aws) == {"UpdateItem": 4}


def test_conditional_put_does_not_bring_the_body_back(
    aws: EmulatedAws, store: DynamoRecordStore
) -> None:
    store.put("p", "s", b"x" * 300_000, expected=ABSENT)
    count = aws.traffic.counts()["dynamodb", "UpdateItem"]
    assert count.request_bytes > 400_000  # base64
    assert count.response_bytes < 1_000


@pytest.mark.parametrize("expected", [ABSENT, 1])
def test_put_applied_whose_answer_was_lost_finds_its_own_bytes(
    aws: EmulatedAws, store: DynamoRecordStore, expected: int
) -> None:
    for _ in range(expected):
        store.put("p", "s", b"before")
    lost = LostAnswer(aws.dynamodb, "UpdateItem")
    with pytest.raises(RecordConflict) as conflict:
        store.put("p", "s", b"mine", expected=expected)
    # botocore tried again by itself, and met what the first attempt had written.
    assert lost.attempts == 2
    assert conflict.value.current == Record("p", "s", b"mine", expected + 1)


def test_query_reads_no_further_than_its_caller(
    aws: EmulatedAws, store: DynamoRecordStore
) -> None:
    for number in range(9):
        store.put("p", f"{number}", b"x" * 300_000)
    records = store.query("p")
    assert "Query" not in calls(aws)
    assert next(records).sort == "0"
    assert calls(aws)["Query"] == 1
    assert len(list(records)) == 8
    assert calls(aws)["Query"] == 3


def test_limit_is_passed_on_so_that_less_is_read(
    aws: EmulatedAws, store: DynamoRecordStore
) -> None:
    for number in range(9):
        store.put("p", f"{number}", b"x" * 10_000)
    assert [r.sort for r in store.query("p", descending=True, limit=1)] == ["8"]
    count = aws.traffic.counts()["dynamodb", "Query"]
    assert count.calls == 1
    assert count.response_bytes < 20_000


def test_limit_larger_than_a_page_of_dynamodb_is_still_met(
    aws: EmulatedAws, store: DynamoRecordStore
) -> None:
    for number in range(9):
        store.put("p", f"{number}", b"x" * 300_000)
    assert len(list(store.query("p", limit=7))) == 7


def test_every_read_is_consistent(aws: EmulatedAws, store: DynamoRecordStore) -> None:
    consistent = []
    aws.dynamodb.meta.events.register(
        "provide-client-params.dynamodb.*",
        lambda params, **_: consistent.append(params.get("ConsistentRead")),
    )
    store.get("p", "s")
    list(store.query("p"))
    list(store.scan("p"))
    assert consistent == [True, True, True]


def test_scan_is_one_call_for_each_megabyte_and_lazy(
    aws: EmulatedAws, store: DynamoRecordStore
) -> None:
    for number in range(9):
        store.put("p", f"{number}", b"x" * 300_000)
    records = store.scan("p")
    assert "Scan" not in calls(aws)
    assert next(records).sort == "0"
    assert calls(aws)["Scan"] == 1
    assert len(list(records)) == 8
    assert calls(aws)["Scan"] == 3


@pytest.mark.parametrize(
    "keys",
    [["a/1", "b/1", "a/2"], ["a/2", "a/1"], ["a/1", "a/1"]],
    ids=["two pieces", "out of order", "twice"],
)
def test_scan_that_breaks_its_promise_is_corrupt_and_not_passed_on(
    keys: list[str],
) -> None:
    client = AwsClients(settings(attempts=1)).dynamodb()
    items = []
    for key in keys:
        partition, _, sort = key.partition("/")
        items.append(
            {"pk": {"S": partition}, "sk": {"S": sort}, "body": {"B": ""}}
            | {"rev": {"N": "1"}}
        )
    Wire(client, dynamo_answer({"Items": items}))
    with pytest.raises(Corrupt, match="out of order"):
        list(DynamoRecordStore(client, "table").scan(""))


def test_bad_key_and_impossible_range_cost_no_call(
    aws: EmulatedAws, store: DynamoRecordStore
) -> None:
    assert list(store.query("p", low="b", high="a")) == []
    with pytest.raises(ValueError, match="empty"):
        store.get("p", "")
    assert calls(aws) == {}
    assert aws.traffic.counts().get(("dynamodb", "Query"), CallCount()).calls == 0
