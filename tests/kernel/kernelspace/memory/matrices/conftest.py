"""What the matrices compare with, and the AWS that outlives a killed process."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from emulator_fixture import emulator as emulator
from emulator_fixture import emulator_server as emulator_server
from matrix_faults import FaultyAws
from matrix_graph import SUPERSTEPS, TaskLog
from matrix_points import plainly


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The final values of a plain run of the same graph."""
    values = plainly(TaskLog(tmp_path_factory.mktemp("plain") / "tasks"))
    assert values["round"] * 5 == SUPERSTEPS
    return values


@pytest.fixture(scope="module")
def faulty() -> Iterator[FaultyAws]:
    """DynamoDB and S3 by moto, whose requests can be made to fail."""
    with mock_aws():
        yield FaultyAws()
