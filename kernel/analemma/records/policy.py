"""Policy: what an environment allows, read from its stack file or the defaults.

Two readers: the state machine is generated from ``RetryPolicy`` and
``FanOutPolicy.max_concurrency``; the kernel obeys the rest. A policy is data,
the same on a laptop and in the cloud.
"""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from analemma.records.budget import Budget
from analemma.records.concurrency_policy import (
    AdmissionPolicy,
    BackoffPolicy,
    BreakerPolicy,
)
from analemma.records.limits import LimitsPolicy


class _Policy(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class RetryPolicy(_Policy):
    """How often the orchestrator repeats what failed below the run.

    The delay before attempt n is ``interval_seconds * backoff_rate ** (n - 1)``,
    at most ``max_delay_seconds``, with full jitter. Amazon States Language
    names the same fields IntervalSeconds, BackoffRate, MaxAttempts and
    MaxDelaySeconds.
    """

    max_attempts: int = Field(default=3, ge=0, le=20)
    interval_seconds: int = Field(default=1, ge=1, le=300)
    backoff_rate: float = Field(default=2.0, ge=1.0, le=10.0)
    max_delay_seconds: int = Field(default=60, ge=1, le=3600)


class FanOutPolicy(_Policy):
    """When a superstep leaves its slice, and on how many workers it runs.

    A superstep with at least ``min_tasks`` pending tasks fans out, in batches
    of ``batch_size`` tasks, on at most ``max_concurrency`` workers at once. When
    workers die, what is left fans out again, up to ``max_rounds`` times.

    ``on_failure`` says what failed tasks mean once all have ended. ``fail``: one
    fails the run. ``tolerate``: more than ``tolerated_percent`` of the superstep's
    sent tasks fail it. ``collect``: none does. A task that is tolerated writes
    nothing; its error stays in the log, and on the page ``RunRecord.tolerated``
    names.
    """

    min_tasks: int = Field(default=8, ge=2)
    batch_size: int = Field(default=10, ge=1, le=100)
    max_concurrency: int = Field(default=4, ge=1, le=1000)
    max_rounds: int = Field(default=3, ge=1, le=100)
    on_failure: Literal["fail", "tolerate", "collect"] = "fail"
    tolerated_percent: float = Field(default=0.0, ge=0.0, le=100.0)

    def tolerates(self, failed: int, tasks: int) -> bool:
        """Say whether a superstep of ``tasks`` may go on without ``failed``."""
        match self.on_failure:
            case "fail":
                return failed == 0
            case "tolerate":
                return failed * 100 <= self.tolerated_percent * tasks
            case "collect":
                return True


class SlicePolicy(_Policy):
    """When a slice stops by itself.

    ``seconds`` bounds a slice on a laptop; in Lambda the time the invocation
    has left does. ``seal_reserve`` is the share of it kept for sealing.
    ``renew_after_slices`` starts a fresh execution well before the 25,000
    events that end a Step Functions execution, ``renew_after_seconds`` well
    before the year that does: also while approvals wait.
    """

    supersteps: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=60.0, gt=0)
    seal_reserve: float = Field(default=0.1, ge=0.0, lt=1.0)
    renew_after_slices: int = Field(default=1000, ge=1)
    renew_after_seconds: int = Field(default=300 * 86_400, ge=1, le=360 * 86_400)


class TaskPolicy(_Policy):
    """How often the kernel repeats a task that failed with a ``Retryable`` error.

    Such as a model provider that asked to wait: the run sleeps, as ``backoff``
    says, and tries again, up to ``max_attempts`` times in all. Everything else a
    node raises is the graph's own affair (LangGraph's retry policies) and fails
    the run.
    """

    max_attempts: int = Field(default=5, ge=1, le=100)


class RetentionPolicy(_Policy):
    """What a sweep deletes, and when.

    A run that ended more than ``ended_runs_days`` ago goes with all it stored
    (None: never). A page that nothing names goes once nobody has stored it for
    ``page_grace_hours``: whoever stores a page names it soon after.
    """

    ended_runs_days: int | None = Field(default=None, ge=1)
    page_grace_hours: int = Field(default=48, ge=3, le=24 * 365)


class KernelPolicy(_Policy):
    """Everything the kernel obeys at run time."""

    budget: Budget = Budget(supersteps=1000)
    limits: LimitsPolicy = LimitsPolicy()
    tasks: TaskPolicy = TaskPolicy()
    backoff: BackoffPolicy = BackoffPolicy()
    breaker: BreakerPolicy = BreakerPolicy()
    admission: AdmissionPolicy = AdmissionPolicy()
    slices: SlicePolicy = SlicePolicy()
    fan_out: FanOutPolicy = FanOutPolicy()
    retry: RetryPolicy = RetryPolicy()
    retention: RetentionPolicy = RetentionPolicy()
