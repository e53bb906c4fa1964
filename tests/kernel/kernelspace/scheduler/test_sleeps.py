"""For how long a run sleeps after a failure that may not come again."""

import pytest

from analemma.errors import ProviderThrottled, ProviderUnavailable, Retryable
from analemma.kernelspace.backoff.circuit import CircuitOpen
from analemma.kernelspace.scheduler.verdicts import is_retryable, sleep_seconds
from analemma.records.concurrency_policy import BackoffPolicy
from analemma.records.run import Attempts

POLICY = BackoffPolicy(base_seconds=10, backoff_rate=2, max_seconds=60)


def sleeps(error: Retryable, times: int) -> set[int]:
    """Return what many runs sleep for the so-manieth time."""
    return {
        sleep_seconds(error, Attempts(checkpoint_id=str(n), sleeps=times), POLICY)
        for n in range(2000)
    }


@pytest.mark.parametrize(("times", "bound"), [(1, 10), (2, 20), (3, 40), (4, 60)])
def test_sleeps_are_spread_below_a_bound_that_doubles(times: int, bound: int) -> None:
    assert sleeps(ProviderUnavailable("503"), times) == set(range(1, bound + 1))


@pytest.mark.parametrize(
    "error",
    [
        ProviderThrottled("429", retry_after_seconds=29.5),
        CircuitOpen("model:x is not asked", retry_after_seconds=29.5),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_was_asked_for_is_the_least_sleep(error: Retryable) -> None:
    found = sleeps(error, 1)

    assert min(found) == 30
    assert 39 <= max(found) <= 40


def test_a_slice_that_is_repeated_says_the_same() -> None:
    attempts = Attempts(checkpoint_id="c", sleeps=3)
    error = ProviderThrottled("429")

    assert sleep_seconds(error, attempts, POLICY) == sleep_seconds(
        error, attempts, POLICY
    )


def test_nobody_sleeps_for_more_than_a_day() -> None:
    assert sleeps(ProviderThrottled("429", retry_after_seconds=1e9), 5) == {86_400}


def test_a_refusal_of_a_breaker_that_a_worker_recorded_may_not_come_again() -> None:
    assert is_retryable(repr(CircuitOpen("tool:search is not asked")))
    assert not is_retryable(repr(KeyError("CircuitOpen(")))
