"""The law by which rows that were not run are computed."""

import pytest

from benchmarks.memory.law import Law, fitted


def test_law_is_the_one_that_the_sizes_came_from() -> None:
    law = Law(linear=700.0, quadratic=0.5)

    found = fitted({size: law.at(size) for size in (50, 200, 1000)})

    assert found.at(5000) == pytest.approx(law.at(5000))


def test_law_goes_through_the_two_largest_sizes() -> None:
    found = fitted({50: 9e9, 200: 2_000.0, 1000: 50_000.0})

    assert found.at(200) == pytest.approx(2_000.0)
    assert found.at(1000) == pytest.approx(50_000.0)


def test_one_size_is_no_law() -> None:
    with pytest.raises(ValueError, match="two measured sizes, not 1"):
        fitted({50: 1.0})
