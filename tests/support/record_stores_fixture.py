"""Record stores of every kind, for what is decided by compare-and-set."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.local.sqlite_records import SqliteRecordStore
from analemma.hardware.ports import RecordStore
from memory_stores import MemoryRecordStore
from stores_aws import EmulatedAws, Turnstile, emulated_aws


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        Turnstile(emulated.dynamodb)
        yield emulated


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RecordStore]:
    if request.param == "memory":
        yield MemoryRecordStore()
    elif request.param == "sqlite":
        with SqliteRecordStore(tmp_path / "records.sqlite") as sqlite:
            yield sqlite
    else:
        emulated = request.getfixturevalue("aws")
        yield DynamoRecordStore(emulated.dynamodb, emulated.new_table())
