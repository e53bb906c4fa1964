"""What is counted as stored in DynamoDB and S3, and as sent there."""

from collections.abc import Iterator

import pytest

from benchmarks.memory.cloud import Cloud, CloudClients, cloud, item_bytes


@pytest.fixture(scope="module")
def clients() -> CloudClients:
    return CloudClients()


@pytest.fixture
def opened(clients: CloudClients) -> Iterator[Cloud]:
    with cloud(clients, "pk", "sk") as made:
        yield made


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"pk": {"S": "aé"}}, 2 + 3),
        ({"body": {"B": b"12345"}}, 4 + 5),
        ({"rev": {"N": "1"}}, 3 + 2),
        ({"rev": {"N": "-12345"}}, 3 + 4),
        ({"gone": {"BOOL": True}}, 4 + 1),
        ({"l": {"L": [{"S": "ab"}, {"NULL": True}]}}, 1 + 3 + (1 + 2) + (1 + 1)),
        ({"m": {"M": {"k": {"S": "ab"}}}}, 1 + 3 + (1 + 1 + 2)),
    ],
    ids=lambda value: str(value)[:30],
)
def test_item_is_as_large_as_dynamodb_says(
    item: dict[str, dict[str, object]], size: int
) -> None:
    assert item_bytes(item) == size


def test_attribute_of_an_unknown_type_is_not_taken_for_nothing() -> None:
    with pytest.raises(ValueError, match="type NS"):
        item_bytes({"n": {"NS": ["1"]}})


def test_items_and_objects_are_stored_bytes_and_reading_them_is_no_call(
    opened: Cloud,
) -> None:
    clients, before = opened.clients, opened.calls()
    clients.dynamodb.put_item(
        TableName=opened.name, Item={"pk": {"S": "a"}, "sk": {"S": "b"}}
    )
    clients.s3.put_object(Bucket=opened.name, Key="k", Body=b"x" * 1000)

    stored = opened.stored_bytes()

    assert stored == (2 + 1) + (2 + 1) + 1000
    assert (opened.calls() - before).writes == 2
    assert (opened.calls() - before).reads == 0


def test_object_that_goes_out_in_chunks_is_sent_bytes(opened: Cloud) -> None:
    # A saver's own client adds a trailing checksum and names no Content-Length.
    s3 = opened.clients.session.client("s3")
    opened.clients.watch(s3)
    before = opened.calls()

    s3.put_object(Bucket=opened.name, Key="k", Body=b"x" * 100_000)

    assert (opened.calls() - before).sent_bytes == 100_000


def test_store_is_empty_each_time_it_is_opened(clients: CloudClients) -> None:
    for _ in range(2):
        with cloud(clients, "pk", "sk") as opened:
            assert opened.stored_bytes() == 0
            clients.dynamodb.put_item(
                TableName=opened.name, Item={"pk": {"S": "a"}, "sk": {"S": "b"}}
            )
