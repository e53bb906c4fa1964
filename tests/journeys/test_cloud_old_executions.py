"""A question lives longer than the execution it was asked in."""

from pathlib import Path

import pytest

from benchmarks.soak.soaking import Plan, soak

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud")]


@pytest.mark.timeout(300)
def test_run_is_renewed_for_its_age_while_a_question_waits(tmp_path: Path):
    plan = Plan(slices=30, renew_after=20, renew_after_seconds=15)

    soaked = soak(tmp_path, plan)

    assert soaked.answered_once
    assert soaked.answers == tuple(f"{count}: True" for count in plan.asks_at)
    # Parked in two executions, and both of them ended well.
    assert soaked.parked == 3
    assert all(before < after for before, after in soaked.crossed)
    assert set(soaked.endings) == {"SUCCEEDED"}
