"""A run costs the calls that are recorded, and no more."""

import pytest

from benchmarks.cost.__main__ import main

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud")]


@pytest.mark.timeout(300)
def test_run_of_a_hundred_supersteps_costs_what_is_recorded(
    capfd: pytest.CaptureFixture[str],
):
    code = main([])

    said = capfd.readouterr().out
    assert code == 0, said
    assert "NOT as it must be" not in said
