"""What the S3 adapter asks of S3: keys, conditions, checksums."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from botocore.awsrequest import AWSResponse

from analemma.errors import CloudUnavailable, StoreUnavailable
from analemma.hardware.aws.clients import AwsClients
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.ids import Owner, page_id
from stores_aws import EmulatedAws, emulated_aws, settings
from stores_wire import Answer, LostAnswer, Wire, bare, garbage, s3_error


@pytest.fixture
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        yield emulated


@pytest.mark.parametrize(
    ("owner", "prefix"), [("local", "pages/local/"), ("a/b é", "pages/a%2Fb%20%C3%A9/")]
)
def test_object_is_named_by_owner_and_page(
    aws: EmulatedAws, owner: str, prefix: str
) -> None:
    bucket = aws.new_bucket()
    name = S3PageStore(aws.s3, bucket, Owner(owner)).put(b"page")
    listed = aws.s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [found["Key"] for found in listed] == [prefix + name]


def test_second_put_writes_no_second_version(aws: EmulatedAws) -> None:
    bucket = aws.new_bucket(versions=True)
    store = S3PageStore(aws.s3, bucket, Owner("local"))
    store.put(b"page")
    store.put(b"page")
    assert len(aws.s3.list_object_versions(Bucket=bucket)["Versions"]) == 1


def test_put_whose_answer_was_lost_succeeds(aws: EmulatedAws) -> None:
    store = S3PageStore(aws.s3, aws.new_bucket(), Owner("local"))
    lost = LostAnswer(aws.s3, "PutObject")
    assert store.get(store.put(b"page")) == b"page"
    assert lost.attempts == 2


def test_put_sends_the_page_id_as_the_checksum_to_check(aws: EmulatedAws) -> None:
    headers = []
    aws.s3.meta.events.register(
        "before-send.s3.PutObject",
        lambda request, **_: headers.append(dict(request.headers)),
    )
    S3PageStore(aws.s3, aws.new_bucket(), Owner("local")).put(b"page")
    digest = base64.b64encode(hashlib.sha256(b"page").digest())
    assert headers[0]["x-amz-checksum-sha256"] in (digest, digest.decode())
    assert headers[0]["If-None-Match"] in (b"*", "*")


def test_each_method_is_one_call(aws: EmulatedAws) -> None:
    store = S3PageStore(aws.s3, aws.new_bucket(), Owner("local"))
    name = store.put(b"page")
    store.get(name)
    store.has(name)
    store.has(page_id(b"other"))
    list(store.list())
    assert calls(aws) == {
        "PutObject": 1,
        "GetObject": 1,
        "HeadObject": 2,
        "ListObjectsV2": 1,
    }


def calls(aws: EmulatedAws) -> dict[str, int]:
    counts = {op: count.calls for (_, op), count in aws.traffic.counts().items()}
    return {op: n for op, n in counts.items() if "Bucket" not in op}


def versions(aws: EmulatedAws, bucket: str) -> int:
    return len(aws.s3.list_object_versions(Bucket=bucket).get("Versions", []))


DAY = timedelta(days=1)


@pytest.mark.parametrize("by", [timedelta(0), DAY], ids=["young", "old"])
def test_page_that_was_there_costs_a_head_and_if_it_is_due_a_put(
    aws: EmulatedAws, by: timedelta
) -> None:
    bucket = aws.new_bucket(versions=True)
    store = S3PageStore(aws.s3, bucket, Owner("local"))
    name = store.put(b"page")
    aws.age_object(bucket, f"pages/local/{name}", by)
    store.put(b"page")
    assert calls(aws)["HeadObject"] == 1
    assert calls(aws)["PutObject"] == (3 if by else 2)
    assert versions(aws, bucket) == (2 if by else 1)


def test_page_deleted_while_it_is_put_again_is_stored(aws: EmulatedAws) -> None:
    bucket = aws.new_bucket(versions=True)
    store = S3PageStore(aws.s3, bucket, Owner("local"))
    name = store.put(b"page")

    def sweep(**_: object) -> None:
        aws.s3.meta.events.unregister("before-call.s3.HeadObject", sweep)
        assert store.delete(name, stored_before=datetime.now(UTC) + DAY)

    aws.s3.meta.events.register("before-call.s3.HeadObject", sweep)
    store.put(b"page")
    assert store.get(name) == b"page"


def test_version_put_while_the_page_is_deleted_stays(aws: EmulatedAws) -> None:
    bucket = aws.new_bucket(versions=True)
    store = S3PageStore(aws.s3, bucket, Owner("local"))
    name = store.put(b"page")
    aws.age_object(bucket, f"pages/local/{name}", DAY)

    def write(**_: object) -> None:
        aws.s3.meta.events.unregister("before-call.s3.DeleteObject", write)
        store.put(b"page")

    aws.s3.meta.events.register("before-call.s3.DeleteObject", write)
    assert not store.delete(name, stored_before=datetime.now(UTC) - DAY / 2)
    assert store.get(name) == b"page"
    assert versions(aws, bucket) == 1


def test_delete_leaves_no_version_and_no_marker(aws: EmulatedAws) -> None:
    bucket = aws.new_bucket(versions=True)
    store = S3PageStore(aws.s3, bucket, Owner("local"))
    name = store.put(b"page")
    aws.age_object(bucket, f"pages/local/{name}", DAY)
    store.put(b"page")
    assert versions(aws, bucket) == 2
    assert store.delete(name, stored_before=datetime.now(UTC) + DAY)
    listed = aws.s3.list_object_versions(Bucket=bucket)
    assert {"Versions", "DeleteMarkers"}.isdisjoint(listed)


@pytest.mark.parametrize(
    ("kept", "sent"), [(True, "versionId="), (False, "If-Match")], ids=["kept", "none"]
)
def test_delete_names_the_version_or_else_the_etag(
    aws: EmulatedAws, kept: bool, sent: str
) -> None:
    requests = []
    aws.s3.meta.events.register(
        "before-send.s3.DeleteObject",
        lambda request, **_: requests.append(f"{request.url} {[*request.headers]}"),
    )
    store = S3PageStore(aws.s3, aws.new_bucket(versions=kept), Owner("local"))
    assert store.delete(store.put(b"page"), stored_before=datetime.now(UTC) + DAY)
    assert len(requests) == 1
    assert sent in requests[0]
    assert ("versionId=" in requests[0]) == kept


def test_without_versions_other_bytes_put_meanwhile_stay(aws: EmulatedAws) -> None:
    bucket = aws.new_bucket()
    store = S3PageStore(aws.s3, bucket, Owner("local"))
    name = store.put(b"page")

    def write(**_: object) -> None:
        aws.s3.put_object(Bucket=bucket, Key=f"pages/local/{name}", Body=b"other")

    aws.s3.meta.events.register("before-call.s3.DeleteObject", write)
    assert not store.delete(name, stored_before=datetime.now(UTC) + DAY)
    assert store.has(name)


def test_without_versions_a_page_deleted_twice_at_once_is_no_error(
    aws: EmulatedAws,
) -> None:
    bucket = aws.new_bucket()
    store = S3PageStore(aws.s3, bucket, Owner("local"))
    name = store.put(b"page")

    def faster(**_: object) -> None:
        aws.s3.meta.events.unregister("before-call.s3.DeleteObject", faster)
        aws.s3.delete_object(Bucket=bucket, Key=f"pages/local/{name}")

    aws.s3.meta.events.register("before-call.s3.DeleteObject", faster)
    assert not store.delete(name, stored_before=datetime.now(UTC) + DAY)


def test_page_stored_in_the_second_of_the_moment_stays(aws: EmulatedAws) -> None:
    bucket = aws.new_bucket(versions=True)
    store = S3PageStore(aws.s3, bucket, Owner("local"))
    name = store.put(b"page")
    (found,) = store.list()
    almost = timedelta(microseconds=999_999)
    assert not store.delete(name, stored_before=found.stored_at + almost)
    assert store.delete(name, stored_before=found.stored_at + timedelta(seconds=1))


def test_list_asks_again_for_each_thousand_and_only_when_it_is_read(
    aws: EmulatedAws,
) -> None:
    bucket = aws.new_bucket()
    store = S3PageStore(aws.s3, bucket, Owner("local"))
    for number in range(1001):
        key = f"pages/local/{page_id(b'%d' % number)}"
        aws.s3.put_object(Bucket=bucket, Key=key, Body=b"")
    aws.s3.put_object(Bucket=bucket, Key="pages/local/no page", Body=b"")
    listed = store.list()
    next(listed)
    assert calls(aws)["ListObjectsV2"] == 1
    assert len(list(listed)) == 1000
    assert calls(aws)["ListObjectsV2"] == 2


@pytest.mark.parametrize(
    "answer", [s3_error(503, "SlowDown"), garbage()], ids=["slow down", "a proxy"]
)
def test_list_that_is_not_answered_is_unavailable(answer: Answer) -> None:
    client = AwsClients(settings(attempts=1)).s3()
    Wire(client, answer)
    with pytest.raises(StoreUnavailable, match="b-b-b"):
        list(S3PageStore(client, "b-b-b", Owner("local")).list())


def test_delete_that_s3_refuses_is_told() -> None:
    client = AwsClients(settings(attempts=1)).s3()
    Wire(client, s3_error(403, "AccessDenied"))
    store, name = S3PageStore(client, "b-b-b", Owner("local")), page_id(b"page")
    with pytest.raises(CloudUnavailable, match="AccessDenied"):
        store.delete(name, stored_before=datetime.now(UTC) + DAY)


def test_page_that_another_worker_is_writing_is_written_all_the_same() -> None:
    client = AwsClients(settings(attempts=1)).s3()
    answers = iter([s3_error(409, "ConditionalRequestConflict"), bare(200)])
    conditions = []
    client.meta.events.register(
        "before-send",
        lambda request, **_: conditions.append("If-None-Match" in request.headers),
    )

    def answer(url: str) -> AWSResponse:
        return next(answers)(url)

    wire = Wire(client, answer)
    assert S3PageStore(client, "b-b-b", Owner("local")).put(b"page") == page_id(b"page")
    assert wire.attempts == 2
    assert conditions == [True, False]


def test_second_failure_of_a_contended_page_is_unavailable() -> None:
    client = AwsClients(settings(attempts=1)).s3()
    Wire(client, s3_error(409, "ConditionalRequestConflict"))
    with pytest.raises(StoreUnavailable, match="b-b-b"):
        S3PageStore(client, "b-b-b", Owner("local")).put(b"page")
