"""Retry and Catch: which errors they see, and how long a retry waits.

``States.ALL`` does not see ``States.DataLimitExceeded``; ``States.TaskFailed``
sees everything but time-outs. ``States.Runtime`` never gets here.

Rules: AWS, "Handling errors in Step Functions workflows".
"""

from collections.abc import Callable, Sequence

from analemma_platform.emulator.step_functions.definition import Catcher, Retrier
from analemma_platform.emulator.step_functions.failures import (
    ALL,
    DATA_LIMIT,
    TASK_FAILED,
    TIMEOUT,
    StateFailed,
)


def sees(names: Sequence[str], error: str) -> bool:
    """Say whether an ``ErrorEquals`` list matches ``error``."""
    if error in names:
        return True
    if error == DATA_LIMIT:
        return False
    return ALL in names or (TASK_FAILED in names and error != TIMEOUT)


class Retries:
    """The attempts of one entry into one state.

    Each retrier counts for itself, and the first that sees an error decides:
    when its attempts are spent, no later retrier is asked.

    Args:
        retriers: The state's ``Retry``.
        draw: Returns a number between 0 and its argument, for full jitter.
    """

    def __init__(
        self, retriers: Sequence[Retrier], draw: Callable[[float], float]
    ) -> None:
        self._retriers = retriers
        self._draw = draw
        self._used = [0] * len(retriers)

    @property
    def count(self) -> int:
        """How many retries there were, over all retriers."""
        return sum(self._used)

    def delay_seconds(self, failure: StateFailed) -> float | None:
        """Return how long to wait before the next attempt; None: give up."""
        for number, retrier in enumerate(self._retriers):
            if not sees(retrier.error_equals, failure.error):
                continue
            if self._used[number] >= retrier.max_attempts:
                return None
            seconds = retrier.interval_seconds * (
                retrier.backoff_rate ** self._used[number]
            )
            if retrier.max_delay_seconds is not None:
                seconds = min(seconds, retrier.max_delay_seconds)
            self._used[number] += 1
            return self._draw(seconds) if retrier.jitter == "FULL" else seconds
        return None


def catcher_for(catchers: Sequence[Catcher], failure: StateFailed) -> Catcher | None:
    """Return the first catcher that sees ``failure``."""
    for catcher in catchers:
        if sees(catcher.error_equals, failure.error):
            return catcher
    return None
