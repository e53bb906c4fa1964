"""A run outlives its executions; a question outlives them too."""

from pathlib import Path

import pytest

from benchmarks.soak.soaking import Plan, soak

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud")]


@pytest.mark.timeout(300)
def test_run_goes_on_over_renewals_and_each_question_is_answered_once(tmp_path: Path):
    plan = Plan(slices=60, renew_after=20, prune_every=25)

    soaked = soak(tmp_path, plan)

    assert list(soaked.complaints(plan)) == []
    # Three by their number of slices, and one that was stopped while it waited.
    assert len(soaked.events) == 4
    assert sorted(soaked.endings) == ["ABORTED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]
    assert soaked.prunings > 0
    # Seven events a slice, two waits and the renewal.
    assert max(soaked.events) < 10 * plan.renew_after
