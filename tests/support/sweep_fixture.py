"""Fixtures of sweeps: places to sweep, in memory and on an emulated AWS."""

from collections.abc import Iterator

import pytest

from stores_aws import EmulatedAws, Turnstile, emulated_aws
from sweep_places import Place, cloud_place, memory_place


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    """DynamoDB and S3, one request at a time."""
    with emulated_aws() as emulated:
        Turnstile(emulated.dynamodb)
        Turnstile(emulated.s3)
        yield emulated


@pytest.fixture(params=["memory", "cloud"])
def place(request: pytest.FixtureRequest) -> Place:
    """An empty place, of both kinds."""
    if request.param == "memory":
        return memory_place()
    return cloud_place(request.getfixturevalue("aws"))


@pytest.fixture
def here() -> Place:
    """An empty place in memory."""
    return memory_place()
