"""What the tests of the scheduler share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel_desk import Desk, open_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk at a home of its own."""
    with open_desk(tmp_path / "home") as opened:
        yield opened
