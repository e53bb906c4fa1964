"""When a run goes on in a fresh execution: before its history is full, or too old.

Pure functions of the record. A laptop has no executions and never renews.
"""

import math
from datetime import datetime

from analemma.records.policy import SlicePolicy
from analemma.records.run import RunRecord
from analemma.records.transition import Renew


def must_renew(
    record: RunRecord, policy: SlicePolicy, execution: str, now: datetime
) -> bool:
    """Say whether the execution that asks for a slice has run long enough."""
    if not execution or record.execution != execution:
        return False
    return (
        record.execution_slices >= policy.renew_after_slices
        # A second early: a wait that ended for this must not begin once more.
        or seconds_to_renewal(record, policy, now) <= 1
    )


def has_renewed(record: RunRecord, execution: str) -> bool:
    """Say whether this execution was told to renew, and asks again."""
    return isinstance(record.transition, Renew) and record.execution == execution


def slice_counted(
    record: RunRecord, execution: str, now: datetime
) -> dict[str, object]:
    """Return what a run's record says of an execution that ran one slice more."""
    same = record.execution == execution
    return {
        "execution": execution,
        "execution_slices": record.execution_slices + 1 if same else 1,
        "execution_since": record.execution_since or now if same else now,
    }


def seconds_to_renewal(record: RunRecord, policy: SlicePolicy, now: datetime) -> int:
    """Return how long the present execution may still go on; at least a second."""
    since = record.execution_since
    age = 0.0 if since is None else (now - since).total_seconds()
    return max(1, math.ceil(policy.renew_after_seconds - age))
