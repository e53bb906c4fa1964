"""How long to wait: grows, is spread, and never less than was asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analemma.kernelspace.backoff.delay import LONGEST_SECONDS, chance_of, delay
from analemma.records.concurrency_policy import BackoffPolicy

POLICY = BackoffPolicy(base_seconds=2, backoff_rate=3, max_seconds=50)
CHANCES = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("attempt", "bound"), [(1, 2), (2, 6), (3, 18), (4, 50), (5, 50), (10_000, 50)]
)
def test_bound_of_the_wait_grows_with_each_attempt_up_to_the_policy_s(
    attempt: int, bound: float
) -> None:
    assert delay(attempt, POLICY, 0.0) == 0
    assert delay(attempt, POLICY, 0.5) == pytest.approx(bound / 2)
    assert delay(attempt, POLICY, 0.999999) == pytest.approx(bound, rel=1e-5)


@given(attempt=st.integers(1, 500), chance=CHANCES, asked=st.floats(0, 1e6))
def test_what_was_asked_for_is_the_least_wait_and_the_jitter_comes_on_top(
    attempt: int, chance: float, asked: float
) -> None:
    seconds = delay(attempt, POLICY, chance, retry_after_seconds=asked)

    heard = min(asked, LONGEST_SECONDS)
    assert heard <= seconds <= heard + POLICY.max_seconds


def test_who_asks_for_more_than_a_day_is_asked_again_after_a_day() -> None:
    assert delay(1, POLICY, 0.0, retry_after_seconds=1e9) == LONGEST_SECONDS


def test_a_wait_that_was_asked_for_in_the_past_counts_as_none() -> None:
    assert delay(1, POLICY, 0.5, retry_after_seconds=-3) == delay(1, POLICY, 0.5)


def test_runs_that_were_told_the_same_come_back_apart() -> None:
    waits = {
        delay(1, POLICY, chance_of(f"run-{n}"), retry_after_seconds=30)
        for n in range(100)
    }

    assert len(waits) == 100
    assert min(waits) >= 30


def test_chances_are_spread_evenly() -> None:
    tenths = [0] * 10
    for number in range(10_000):
        tenths[int(chance_of("run", number) * 10)] += 1

    assert min(tenths) > 900
    assert max(tenths) < 1100


def test_the_same_parts_have_the_same_chance_and_no_others_do() -> None:
    assert chance_of("run-1", 2) == chance_of("run-1", "2")
    assert chance_of("run-1", 2) != chance_of("run-12")
    assert chance_of("\ud800") < 1  # what UTF-8 does not hold


@pytest.mark.parametrize(("attempt", "chance"), [(0, 0.5), (1, 1.0), (1, -0.1)])
def test_attempts_count_from_one_and_chances_are_below_one(
    attempt: int, chance: float
) -> None:
    with pytest.raises(ValueError, match="attempt"):
        delay(attempt, POLICY, chance)


def test_a_rate_of_one_does_not_grow() -> None:
    steady = BackoffPolicy(base_seconds=4, backoff_rate=1, max_seconds=60)

    assert delay(50, steady, 0.5) == pytest.approx(2)


def test_a_base_above_the_bound_is_the_bound() -> None:
    assert delay(1, BackoffPolicy(base_seconds=90, max_seconds=60), 0.5) == 30
