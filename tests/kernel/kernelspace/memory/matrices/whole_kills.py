"""Every point of every matrix: minutes, so only when asked for by name.

    pytest tests/kernel/kernelspace/memory/matrices/whole_kills.py -s

``test_kills.py`` and ``test_faults.py`` run a part of this each time.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator_fixture import Emulator
from matrix_faults import Fault, FaultyAws, faults_in_the_cloud, faults_on_a_laptop
from matrix_kills import check_all, executioner
from matrix_points import Attach, Outcome, Point
from matrix_stores import Moment

FORGET_AFTER = 16
"""So many points may leave their pages in the emulated AWS."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("attach", Attach)
@pytest.mark.parametrize("moment", Moment)
def test_every_kill_on_a_laptop(
    tmp_path: Path, expected: dict[str, Any], attach: Attach, moment: Moment
) -> None:
    with executioner(tmp_path) as killer, told("laptop", attach, moment) as count:
        count += check_all(killer.kill_at_every(attach, moment), expected)


@pytest.mark.parametrize("attach", Attach)
@pytest.mark.parametrize("moment", Moment)
def test_every_kill_in_the_cloud(
    tmp_path: Path,
    expected: dict[str, Any],
    emulator: Emulator,
    attach: Attach,
    moment: Moment,
) -> None:
    with (
        executioner(tmp_path, emulator.endpoint) as killer,
        told("cloud", attach, moment) as count,
    ):
        points = forgetting(emulator, killer.kill_at_every(attach, moment))
        count += check_all(points, expected)


@pytest.mark.parametrize("attach", Attach)
@pytest.mark.parametrize("moment", Moment)
def test_every_fault_on_a_laptop(
    tmp_path: Path, expected: dict[str, Any], attach: Attach, moment: Moment
) -> None:
    with told("laptop", attach, f"fault {moment}") as count:
        count += check_all(faults_on_a_laptop(tmp_path, attach, moment), expected)


@pytest.mark.parametrize("attach", Attach)
@pytest.mark.parametrize("fault", Fault)
def test_every_fault_in_the_cloud(
    tmp_path: Path,
    expected: dict[str, Any],
    faulty: FaultyAws,
    attach: Attach,
    fault: Fault,
) -> None:
    with told("cloud", attach, fault) as count:
        points = faults_in_the_cloud(tmp_path, faulty, attach, fault)
        count += check_all(points, expected)


@contextmanager
def told(*what: str) -> Iterator[list[Outcome]]:
    """Print how many points there were, and how long they took."""
    started = time.monotonic()
    outcomes: list[Outcome] = []
    yield outcomes
    assert len(outcomes) > 60
    seconds = time.monotonic() - started
    sys.stdout.write(
        f"\n{', '.join(what)}: {len(outcomes)} points in {seconds:.0f} s\n"
    )


def forgetting(
    emulator: Emulator, points: Iterable[tuple[Point, Outcome]]
) -> Iterator[tuple[Point, Outcome]]:
    """Empty the emulated AWS between points, now and then."""
    for number, point in enumerate(points, 1):
        yield point
        if number % FORGET_AFTER == 0:
            emulator.reset()
