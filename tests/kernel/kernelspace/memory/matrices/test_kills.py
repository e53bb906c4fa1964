"""Killed before or after a store call, a run ends as if it had not been.

Real processes, killed with SIGKILL. Here a bound graph on SQLite and files dies
before every call: what is durable after a call is what is durable before the
next. Of the other points here is a part; ``whole_kills.py`` has them all.
"""

from pathlib import Path
from typing import Any

import pytest

from emulator_fixture import Emulator
from matrix_kills import check_all, executioner
from matrix_points import Attach
from matrix_stores import Moment

PARALLEL = {"work 0.0", "work 0.1", "side 0", "work 3.0", "work 3.1", "side 3"}
PLAIN_STRIDE = 16
AFTER_STRIDE = 16
KERNEL_STRIDE = 160
CLOUD_STRIDE = 40

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_bound_run_killed_before_any_store_call_ends_as_if_it_had_not_been(
    tmp_path: Path, expected: dict[str, Any]
) -> None:
    with executioner(tmp_path) as killer:
        points = killer.kill_at_every(Attach.BOUND, Moment.BEFORE)
        outcomes = check_all(points, expected)
    assert len(outcomes) > 60
    # Some died between the records of two parallel tasks, some in a task.
    assert any(len(PARALLEL & set(each.finished)) % 3 for each in outcomes)
    assert any(PARALLEL & each.cut_tasks for each in outcomes)
    assert any("large 4" in each.cut_tasks for each in outcomes)


def test_bound_run_killed_after_a_store_call_ends_as_if_it_had_not_been(
    tmp_path: Path, expected: dict[str, Any]
) -> None:
    with executioner(tmp_path) as killer:
        points = killer.kill_at_every(Attach.BOUND, Moment.AFTER, AFTER_STRIDE)
        assert len(check_all(points, expected)) > 60 // AFTER_STRIDE


@pytest.mark.parametrize("moment", Moment)
def test_plain_run_killed_at_a_store_call_ends_as_if_it_had_not_been(
    tmp_path: Path, expected: dict[str, Any], moment: Moment
) -> None:
    first = 1 if moment is Moment.BEFORE else 1 + PLAIN_STRIDE // 2
    with executioner(tmp_path) as killer:
        points = killer.kill_at_every(Attach.PLAIN, moment, PLAIN_STRIDE, first)
        assert len(check_all(points, expected)) > 60 // PLAIN_STRIDE


@pytest.mark.parametrize("moment", Moment)
def test_run_of_the_kernel_killed_at_a_store_call_ends_as_if_it_had_not_been(
    tmp_path: Path, expected: dict[str, Any], moment: Moment
) -> None:
    first = 1 if moment is Moment.BEFORE else 1 + KERNEL_STRIDE // 2
    with executioner(tmp_path) as killer:
        points = killer.kill_at_every(Attach.KERNEL, moment, KERNEL_STRIDE, first)
        assert len(check_all(points, expected)) > 0


@pytest.mark.parametrize("attach", [Attach.BOUND, Attach.PLAIN])
@pytest.mark.parametrize("moment", Moment)
def test_run_in_the_cloud_killed_at_a_store_call_ends_as_if_it_had_not_been(
    tmp_path: Path,
    expected: dict[str, Any],
    emulator: Emulator,
    attach: Attach,
    moment: Moment,
) -> None:
    first = 2 + 7 * list(Attach).index(attach) + 20 * list(Moment).index(moment)
    with executioner(tmp_path, emulator.endpoint) as killer:
        points = killer.kill_at_every(attach, moment, CLOUD_STRIDE, first)
        assert len(check_all(points, expected)) > 30 // CLOUD_STRIDE
