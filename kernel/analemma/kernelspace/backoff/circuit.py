"""A circuit: what a breaker's record says, and what may follow it. Pure.

    closed ──failures in a window──▶ open ──its time is over──▶ half-open
       ▲                              ▲                             │
       │                              └────────the probe fails──────┤
       └───────────────────────────────────────the probe succeeds───┘

Half-open is one probe that is under way. Until it ends, or its time is over,
everybody else is refused as if the circuit were open.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from analemma.errors import Retryable
from analemma.kernelspace.backoff.delay import delay
from analemma.records.concurrency_policy import BackoffPolicy, BreakerPolicy


class CircuitOpen(Retryable):
    """A model or a tool failed too often and is not asked for a while.

    ``retry_after_seconds`` says for how long. Not one of ``analemma.errors``, and
    so no name that Step Functions retries by: within its seconds nothing would
    change, and the run sleeps instead.
    """

    def __init__(self, message: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class CircuitState(StrEnum):
    """Whether calls go through: all, none, or one."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Circuit(BaseModel):
    """The state of one breaker. As it starts, it is closed and clean.

    ``failed_at`` are the failures that count while it is closed. ``openings`` is
    how often it opened in a row. ``until`` is when it may be probed while it is
    open, and when its probe counts as dead while it is half-open.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    state: CircuitState = CircuitState.CLOSED
    failed_at: tuple[datetime, ...] = ()
    openings: int = Field(default=0, ge=0)
    until: datetime | None = None

    def refuses_seconds(self, now: datetime, policy: BreakerPolicy) -> float:
        """Return for how long to stay away; 0 when a call or a probe may go.

        A probe is expected to end soon, so nobody is sent away until its time is
        over, but for ``open_seconds`` at most.
        """
        if self.until is None:
            return 0.0
        left = max(0.0, (self.until - now).total_seconds())
        if self.state is CircuitState.HALF_OPEN:
            return min(left, policy.open_seconds)
        return left

    def is_clean(self, now: datetime, policy: BreakerPolicy) -> bool:
        """Say whether a success has nothing to change here."""
        closed = self.state is CircuitState.CLOSED
        return not closed or not self._recent(now, policy)

    def probed(self, now: datetime, policy: BreakerPolicy) -> "Circuit":
        """Return it half-open, with a probe under way."""
        return Circuit(
            state=CircuitState.HALF_OPEN,
            openings=self.openings,
            until=now + timedelta(seconds=policy.probe_seconds),
        )

    def given_back(self, now: datetime) -> "Circuit":
        """Return it open and to be probed at once: the probe said nothing."""
        return Circuit(state=CircuitState.OPEN, openings=self.openings, until=now)

    def failed(
        self,
        now: datetime,
        policy: BreakerPolicy,
        chance: float,
        *,
        retry_after_seconds: float | None = None,
    ) -> "Circuit":
        """Return it one failure later: of a call while closed, else of its probe."""
        failed_at = (*self._recent(now, policy), now)
        closed = self.state is CircuitState.CLOSED
        if closed and len(failed_at) < policy.failures:
            return Circuit(failed_at=failed_at)
        openings = self.openings + 1
        jitter = BackoffPolicy(
            base_seconds=policy.open_seconds, max_seconds=policy.max_open_seconds
        )
        least = max(policy.open_seconds, retry_after_seconds or 0.0)
        seconds = delay(openings, jitter, chance, retry_after_seconds=least)
        return Circuit(
            state=CircuitState.OPEN,
            openings=openings,
            until=now + timedelta(seconds=seconds),
        )

    def _recent(self, now: datetime, policy: BreakerPolicy) -> tuple[datetime, ...]:
        since = now - timedelta(seconds=policy.window_seconds)
        return tuple(each for each in self.failed_at if each > since)
