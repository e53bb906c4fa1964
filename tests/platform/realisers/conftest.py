from collections.abc import Iterator
from pathlib import Path

import pytest

from analemma_platform.realisers.provider import AwsProvider
from engine_emulator import aws_provider, running_emulator


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running.endpoint


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("code")


@pytest.fixture(scope="session")
def provider(endpoint: str, code: Path) -> AwsProvider:
    """One for all tests: to make boto3 clients takes longer than to use them."""
    return aws_provider(endpoint, code)
