"""The byte counter counts attempts and bodies, per operation, once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from analemma.errors import StoreUnavailable
from analemma.hardware.aws.clients import AwsClients
from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.aws.traffic import CallCount, Traffic
from stores_aws import EmulatedAws, emulated_aws, settings
from stores_wire import LostAnswer, Wire, bare, dynamo_error


@pytest.fixture
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        yield emulated


def test_body_bytes_are_counted_both_ways(aws: EmulatedAws) -> None:
    bucket = aws.new_bucket()
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 1234, ChecksumSHA256="")
    aws.s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    counts = aws.traffic.counts()
    assert counts["s3", "PutObject"].request_bytes == 1234
    assert counts["s3", "GetObject"] == CallCount(1, 0, 1234)


def test_body_with_a_trailing_checksum_is_counted_without_its_frames(
    aws: EmulatedAws,
) -> None:
    bucket = aws.new_bucket()
    # botocore adds a checksum of its own where the caller names none, behind the
    # body, which it then sends in chunks.
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100_000)
    assert aws.traffic.counts()["s3", "PutObject"] == CallCount(1, 100_000, 0)


def test_attaching_twice_counts_once(aws: EmulatedAws) -> None:
    aws.traffic.attach(aws.dynamodb)
    aws.dynamodb.list_tables()
    assert aws.traffic.counts()["dynamodb", "ListTables"].calls == 1


def test_attempts_whose_answer_was_lost_are_counted(aws: EmulatedAws) -> None:
    table = aws.new_table()
    LostAnswer(aws.dynamodb, "GetItem")
    DynamoRecordStore(aws.dynamodb, table).get("p", "s")
    assert aws.traffic.counts()["dynamodb", "GetItem"].calls == 2


def test_refusals_are_counted_with_their_bytes() -> None:
    traffic = Traffic()
    client = AwsClients(settings(attempts=1), traffic).dynamodb()
    Wire(client, dynamo_error(500, "InternalServerError"))
    with pytest.raises(StoreUnavailable):
        DynamoRecordStore(client, "t-t-t").get("p", "s")
    count = traffic.counts()["dynamodb", "GetItem"]
    assert count.calls == 1
    assert count.request_bytes > 50
    assert count.response_bytes > 50


def test_clients_of_one_counter_add_up() -> None:
    traffic = Traffic()
    clients = AwsClients(settings(attempts=1), traffic)
    for client in (clients.s3(), clients.s3()):
        Wire(client, bare(200))
        client.head_object(Bucket="b-b-b", Key="k")
    assert traffic.counts() == {("s3", "HeadObject"): CallCount(2, 0, 0)}


def test_threads_lose_no_count() -> None:
    traffic = Traffic()
    client = AwsClients(settings(attempts=1), traffic).s3()
    Wire(client, bare(200))
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda n: client.head_object(Bucket="b-b-b", Key=f"{n}"), range(100)
            )
        )
    assert traffic.counts()["s3", "HeadObject"].calls == 100


def test_counts_are_a_copy() -> None:
    traffic = Traffic()
    traffic.counts()["s3", "PutObject"] = CallCount(1, 1, 1)
    assert traffic.counts() == {}
