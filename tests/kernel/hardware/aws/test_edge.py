"""What AWS answers when it does not do what it was asked, and what that means.

The bytes of each refusal go through botocore's own parser.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore import exceptions as errors
from botocore.awsrequest import AWSResponse

from analemma.errors import CloudUnavailable, StoreUnavailable
from analemma.hardware.aws.clients import AwsClients, AwsSettings
from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.ids import Owner, page_id
from stores_aws import settings
from stores_wire import Answer, Wire, bare, dynamo_error, garbage, raising, s3_error

URL = "https://nowhere.invalid/"
PAGE = page_id(b"page")


@pytest.fixture(scope="module")
def clients() -> AwsClients:
    return AwsClients(settings(attempts=1))


def dynamo(clients: AwsClients, answer: Answer) -> tuple[DynamoRecordStore, Wire]:
    client = clients.dynamodb()
    return DynamoRecordStore(client, "the-table"), Wire(client, answer)


def s3(clients: AwsClients, answer: Answer) -> S3PageStore:
    client = clients.s3()
    Wire(client, answer)
    return S3PageStore(client, "the-bucket", Owner("local"))


def dynamo_calls(store: DynamoRecordStore) -> list[Callable[[], object]]:
    return [
        lambda: store.get("p", "s"),
        lambda: store.put("p", "s", b""),
        lambda: store.put("p", "s", b"", expected=0),
        lambda: store.delete("p", "s"),
        lambda: list(store.query("p")),
    ]


def s3_calls(store: S3PageStore) -> list[Callable[[], object]]:
    return [
        lambda: store.put(b"page"),
        lambda: store.get(PAGE),
        lambda: store.has(PAGE),
    ]


TRANSIENT: dict[str, Answer] = {
    "connect timeout": raising(errors.ConnectTimeoutError(endpoint_url=URL)),
    "read timeout": raising(errors.ReadTimeoutError(endpoint_url=URL)),
    "no connection": raising(errors.EndpointConnectionError(endpoint_url=URL)),
    "connection closed": raising(errors.ConnectionClosedError(endpoint_url=URL)),
    "no proxy": raising(errors.ProxyConnectionError(proxy_url=URL)),
    "tls": raising(errors.SSLError(endpoint_url=URL, error="x")),
    "503 of a proxy": garbage(503),
    "200 of a portal": garbage(200),
}
TRANSIENT_DYNAMODB: dict[str, Answer] = TRANSIENT | {
    "throughput": dynamo_error(400, "ProvisionedThroughputExceededException"),
    "throttling": dynamo_error(400, "ThrottlingException"),
    "limit": dynamo_error(400, "RequestLimitExceeded"),
    "transaction": dynamo_error(400, "TransactionConflictException"),
    "internal": dynamo_error(500, "InternalServerError"),
    "unknown 503": dynamo_error(503, "SomethingNewOnTheirSide"),
    "unknown 429": dynamo_error(429, "SomethingNewAboutRates"),
}
TRANSIENT_S3: dict[str, Answer] = TRANSIENT | {
    "slow down": s3_error(503, "SlowDown"),
    "internal": s3_error(500, "InternalError"),
    "timeout": s3_error(400, "RequestTimeout"),
}


@pytest.mark.parametrize("answer", TRANSIENT_DYNAMODB.values(), ids=TRANSIENT_DYNAMODB)
def test_dynamodb_that_may_answer_later_is_unavailable(
    clients: AwsClients, answer: Answer
) -> None:
    store, _ = dynamo(clients, answer)
    for call in dynamo_calls(store):
        with pytest.raises(StoreUnavailable, match="the-table"):
            call()


@pytest.mark.parametrize(
    "code",
    [
        "ResourceNotFoundException",
        "AccessDeniedException",
        "ValidationException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
        "SomethingNewAboutUs",
    ],
)
def test_dynamodb_that_refuses_names_table_and_next_step(
    clients: AwsClients, code: str
) -> None:
    store, _ = dynamo(clients, dynamo_error(400, code))
    for call in dynamo_calls(store):
        with pytest.raises(
            CloudUnavailable, match=rf"the-table .*{code}.*check that the stack"
        ):
            call()


@pytest.mark.parametrize("answer", TRANSIENT_S3.values(), ids=TRANSIENT_S3)
def test_s3_that_may_answer_later_is_unavailable(
    clients: AwsClients, answer: Answer
) -> None:
    for call in s3_calls(s3(clients, answer)):
        with pytest.raises(StoreUnavailable, match="the-bucket"):
            call()


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "NewOne"])
def test_s3_that_refuses_names_bucket_and_next_step(
    clients: AwsClients, code: str
) -> None:
    for call in s3_calls(s3(clients, s3_error(403, code))):
        with pytest.raises(CloudUnavailable, match=r"the-bucket .*check that"):
            call()


def test_missing_bucket_is_not_a_missing_page(clients: AwsClients) -> None:
    store = s3(clients, s3_error(404, "NoSuchBucket"))
    for call in (lambda: store.put(b"page"), lambda: store.get(PAGE)):
        with pytest.raises(CloudUnavailable, match="the-bucket"):
            call()


def test_404_of_a_portal_is_not_a_missing_page(clients: AwsClients) -> None:
    store = s3(clients, garbage(404))
    with pytest.raises(StoreUnavailable, match="something else did"):
        store.has(PAGE)
    with pytest.raises(CloudUnavailable, match="the-bucket"):
        store.get(PAGE)


def test_head_of_a_server_that_fails_is_unavailable(clients: AwsClients) -> None:
    with pytest.raises(StoreUnavailable, match="the-bucket"):
        s3(clients, bare(503)).has(PAGE)


def test_body_cut_on_the_way_is_unavailable(clients: AwsClients) -> None:
    def cut(url: str) -> AWSResponse:
        answer = bare(200)(url)
        answer.headers["content-length"] = "1000"
        return answer

    with pytest.raises(StoreUnavailable, match="the-bucket"):
        s3(clients, cut).get(PAGE)


def test_missing_credentials_refuse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    clients = AwsClients(AwsSettings("eu-west-3"))
    with pytest.raises(CloudUnavailable, match="credentials"):
        DynamoRecordStore(clients.dynamodb(), "the-table").get("p", "s")
