"""The embedded orchestrator: obey transitions on one machine.

It keeps nothing in memory that matters. Each transition was sealed into the
run's record before it is obeyed, so a process that dies here is replaced by
calling ``drive`` again: the first slice finds where the run stands.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, assert_never

import structlog
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from analemma.errors import LeaseLost, Retryable
from analemma.ids import Owner
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.scheduler.fan_out import worker_events
from analemma.records.envelope import SliceEvent, WorkerEvent
from analemma.records.policy import RetryPolicy
from analemma.records.transition import (
    AwaitApproval,
    Continue,
    Done,
    Failed,
    FanOut,
    Renew,
    Sleep,
    Terminated,
    Transition,
)

Rest = AwaitApproval | Done | Failed | Terminated
"""A transition at which the embedded orchestrator lets go of a run."""

_log = structlog.get_logger()


class WorkerPool(Protocol):
    """Where the batches of a fan-out run."""

    def run(self, events: Sequence[WorkerEvent], max_concurrency: int) -> None:
        """Execute every batch; return when each has ended or given up.

        Never raises for a batch: the records in the store say what each did,
        and the next slice judges by them.
        """
        ...


def drive(
    machine: Machine,
    *,
    owner: Owner,
    run_id: str,
    run_slice: Callable[[SliceEvent], Transition],
    workers: WorkerPool,
    sleep: Callable[[float], None],
) -> Rest:
    """Drive a run until it ends or waits for a person; return that transition.

    Raises:
        LeaseLost: another process drives the run; this one changed nothing more.
        StoreUnavailable: the store still failed after the policy's retries.
    """
    attempt = _retrying(machine.policy.retry, sleep)
    joins: str | None = None
    while True:
        event = SliceEvent(run_id=run_id, owner=owner, joins=joins)
        transition = attempt(run_slice, event)
        joins = None
        match transition:
            case Continue() | Renew():
                continue
            case FanOut():
                workers.run(
                    list(worker_events(machine.pages(owner), transition.ref)),
                    machine.policy.fan_out.max_concurrency,
                )
                joins = transition.ref
            case Sleep():
                _log.info("run sleeping", run_id=run_id, seconds=transition.seconds)
                sleep(transition.seconds)
            case AwaitApproval() | Done() | Failed() | Terminated():
                return transition
            case _:
                assert_never(transition)


def _retrying(policy: RetryPolicy, sleep: Callable[[float], None]) -> Retrying:
    return Retrying(
        # Who lost the lease must not come back: the other process is alive.
        retry=retry_if_exception(
            lambda error: (
                isinstance(error, Retryable) and not isinstance(error, LeaseLost)
            )
        ),
        stop=stop_after_attempt(policy.max_attempts + 1),
        wait=wait_random_exponential(
            multiplier=policy.interval_seconds,
            exp_base=policy.backoff_rate,
            max=policy.max_delay_seconds,
        ),
        sleep=sleep,
        reraise=True,
    )
