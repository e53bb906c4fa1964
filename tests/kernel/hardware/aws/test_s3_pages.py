"""What the S3 adapter asks of S3: keys, conditions, checksums."""

import base64
import hashlib
from collections.abc import Iterator

import pytest
from botocore.awsrequest import AWSResponse

from analemma.errors import StoreUnavailable
from analemma.hardware.aws.clients import AwsClients
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.ids import Owner, page_id
from stores_aws import EmulatedAws, emulated_aws, settings
from stores_wire import LostAnswer, Wire, bare, s3_error


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
    bucket = aws.new_bucket()
    aws.s3.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
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
    counts = {op: count.calls for (_, op), count in aws.traffic.counts().items()}
    del counts["CreateBucket"]
    assert counts == {"PutObject": 1, "GetObject": 1, "HeadObject": 2}


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
