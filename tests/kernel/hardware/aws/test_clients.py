"""Clients are built from settings, and from nothing read on the side."""

import pytest

from analemma.errors import CloudUnavailable
from analemma.hardware.aws.clients import AwsClients, AwsSettings
from stores_wire import Wire, bare

LOOPBACK = "http://127.0.0.1:4566"


def made(endpoint_url: str | None = None, region: str = "eu-west-3") -> AwsClients:
    return AwsClients(
        AwsSettings(
            region=region,
            endpoint_url=endpoint_url,
            access_key_id="000000000000",
            secret_access_key="hidden-secret",
        )
    )


def test_settings_never_show_their_secret() -> None:
    settings = AwsSettings("eu-west-3", None, "000000000000", "hidden-secret")
    assert "hidden-secret" not in repr(settings)


def test_region_and_endpoint_are_those_of_the_settings() -> None:
    clients = made(LOOPBACK)
    for client in (clients.dynamodb(), clients.s3(), clients.stepfunctions()):
        assert client.meta.region_name == "eu-west-3"
        assert client.meta.endpoint_url == LOOPBACK


def test_without_an_endpoint_aws_itself_is_meant() -> None:
    endpoint = made().dynamodb().meta.endpoint_url
    assert endpoint == "https://dynamodb.eu-west-3.amazonaws.com"


@pytest.mark.parametrize(
    ("endpoint_url", "expected"),
    [
        (LOOPBACK, "http://127.0.0.1:4566/the-bucket/k"),
        (None, "https://the-bucket.s3.eu-west-3.amazonaws.com/k"),
    ],
)
def test_emulated_s3_is_addressed_by_path(
    endpoint_url: str | None, expected: str
) -> None:
    client = made(endpoint_url).s3()
    urls = []
    Wire(client, lambda url: (urls.append(url), bare(200)(url))[1])
    client.head_object(Bucket="the-bucket", Key="k")
    assert urls == [expected]


def test_clients_are_patient_within_bounds() -> None:
    for client in (made().dynamodb(), made().s3(), made().stepfunctions()):
        config = client.meta.config
        assert config.retries == {"mode": "standard", "total_max_attempts": 4}
        assert (config.connect_timeout, config.read_timeout) == (3.0, 15.0)


@pytest.mark.parametrize("region", ["", "no region"])
def test_impossible_region_is_refused_by_name(region: str) -> None:
    with pytest.raises(CloudUnavailable, match=f"'{region}'"):
        made(region=region).dynamodb()


def test_impossible_endpoint_is_refused() -> None:
    with pytest.raises(CloudUnavailable, match="not a url"):
        made("not a url").s3()
