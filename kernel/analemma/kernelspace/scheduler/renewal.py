"""When a run goes on in a fresh execution: before its history is full, or too old.

Pure functions of the record. A laptop has no executions and never renews.
"""

import math
from datetime import datetime

from analemma.records.policy import SlicePolicy
from analemma.records.run import RunRecord


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


def seconds_to_renewal(record: RunRecord, policy: SlicePolicy, now: datetime) -> int:
    """Return how long the present execution may still go on; at least a second."""
    since = record.execution_since
    age = 0.0 if since is None else (now - since).total_seconds()
    return max(1, math.ceil(policy.renew_after_seconds - age))
