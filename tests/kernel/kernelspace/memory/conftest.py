"""Back ends for the tests of the memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from memory_backends import Backend, MemoryBackend, aws_backend, local_backend
from stores_aws import EmulatedAws, Turnstile, emulated_aws


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        Turnstile(emulated.dynamodb)
        Turnstile(emulated.s3)
        yield emulated


@pytest.fixture(params=["memory", "laptop", "cloud"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    match request.param:
        case "memory":
            yield MemoryBackend()
        case "laptop":
            with local_backend(tmp_path) as local:
                yield local
        case _:
            yield aws_backend(request.getfixturevalue("aws"))


@pytest.fixture
def memory() -> MemoryBackend:
    return MemoryBackend()
