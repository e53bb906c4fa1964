"""What a slice begins with: its entry in the run's record, and its limits.

Pure functions of the record. A record that is still open when a slice begins
tells that the slice before it died, and where.
"""

from datetime import datetime

from analemma.ids import WorkflowDigest
from analemma.kernelspace.scheduler.boundary import Boundary
from analemma.kernelspace.scheduler.control import SliceLimits
from analemma.kernelspace.scheduler.renewal import slice_counted
from analemma.records.envelope import SliceEvent
from analemma.records.policy import KernelPolicy
from analemma.records.run import Attempts, RunRecord, RunStatus


def opened(
    record: RunRecord,
    at: Boundary | None,
    *,
    workflow: WorkflowDigest,
    execution: str,
    now: datetime,
) -> RunRecord:
    """Return the record of a run that a slice takes up at ``now``.

    Args:
        record: What the run's record says.
        at: Where the run stands; None before its first checkpoint.
        workflow: The version that the slice has loaded.
        execution: Which execution asks; empty on a laptop.
        now: The moment.
    """
    lost, attempts = 0.0, record.attempts
    if record.opened_at is not None and at is not None:
        # A slice died: its time counts until its last checkpoint.
        lost = max(0.0, (at.sealed_at - record.opened_at).total_seconds())
        tried = attempts_at(record, at)
        attempts = tried.model_copy(update={"deaths": tried.deaths + 1})
    return record.model_copy(
        update={
            "status": RunStatus.RUNNING,
            "workflow": record.workflow.model_copy(update={"digest": workflow}),
            "used": record.used.model_copy(
                update={"seconds": round(record.used.seconds + lost, 3)}
            ),
            "attempts": attempts,
            "asked_at_step": at.step if at and at.questions else record.asked_at_step,
            "slices": record.slices + 1,
            **slice_counted(record, execution, now),
            "opened_at": now,
            "updated_at": now,
        }
    )


def attempts_at(record: RunRecord, at: Boundary) -> Attempts:
    """Return what was tried at this checkpoint before."""
    attempts = record.attempts
    if attempts is None or attempts.checkpoint_id != at.checkpoint_id:
        return Attempts(checkpoint_id=at.checkpoint_id)
    return attempts


def keeps_dying(event: SliceEvent, attempts: Attempts, policy: KernelPolicy) -> bool:
    """Say whether slices died here more often than the orchestrator tries.

    It buries the run first, with the cause that Lambda gave; this ends a run that
    is started again and again without being opened anew.

    On a laptop nobody tries again by himself: a person who kills a run and resumes
    it may do so as often as he likes.
    """
    tries = max(1, policy.retry.max_attempts)
    return bool(event.execution) and attempts.deaths > tries


def slice_limits(
    policy: KernelPolicy,
    record: RunRecord,
    *,
    started_seconds: float,
    remaining_seconds: float | None,
    fans_out: bool,
) -> SliceLimits:
    """Return what a slice may use.

    Args:
        policy: What the environment allows.
        record: The run; its longest superstep is what the next may take.
        started_seconds: When the slice began, on the machine's monotonic clock.
        remaining_seconds: What the invocation may still take; None on a laptop.
        fans_out: Whether the workflow's supersteps can run on workers.
    """
    seconds = policy.slices.seconds
    if remaining_seconds is not None:
        seconds = remaining_seconds * (1.0 - policy.slices.seal_reserve)
    return SliceLimits(
        stop_at_seconds=None if seconds is None else started_seconds + seconds,
        supersteps=policy.slices.supersteps,
        fan_out_tasks=policy.fan_out.min_tasks if fans_out else None,
        expected_superstep_seconds=record.longest_superstep_seconds,
    )
