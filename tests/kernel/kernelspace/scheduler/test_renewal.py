"""A run is renewed for its slices or for its age, and only in the cloud."""

from datetime import UTC, datetime, timedelta

import pytest

from analemma.kernelspace.scheduler.renewal import must_renew, seconds_to_renewal
from analemma.records.policy import SlicePolicy
from analemma.records.run import RunRecord, WorkflowRef

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = SlicePolicy(renew_after_slices=10, renew_after_seconds=100)


def record(slices: int, age_seconds: float | None) -> RunRecord:
    since = None if age_seconds is None else NOW - timedelta(seconds=age_seconds)
    return RunRecord(
        run_id="run-1",
        owner="local",
        workflow=WorkflowRef(name="w", target="m:g"),
        input_ref="a" * 64,
        execution="arn:one",
        execution_slices=slices,
        execution_since=since,
        created_at=NOW,
        updated_at=NOW,
    )


@pytest.mark.parametrize(
    ("slices", "age_seconds", "renews"),
    [
        (9, 0, False),
        (10, 0, True),
        (1, 98, False),
        (1, 99, True),
        (1, 1000, True),
        (1, None, False),
    ],
)
def test_execution_is_renewed_for_its_slices_or_its_age(
    slices: int, age_seconds: float | None, renews: bool
) -> None:
    found = record(slices, age_seconds)

    assert must_renew(found, POLICY, "arn:one", NOW) is renews


@pytest.mark.parametrize("execution", ["", "arn:two"])
def test_laptop_and_a_fresh_execution_are_not_renewed(execution: str) -> None:
    assert not must_renew(record(99, 999), POLICY, execution, NOW)


@pytest.mark.parametrize(
    ("age_seconds", "left"), [(None, 100), (0, 100), (40.5, 60), (100, 1), (999, 1)]
)
def test_wait_may_last_until_its_execution_is_renewed(
    age_seconds: float | None, left: int
) -> None:
    assert seconds_to_renewal(record(1, age_seconds), POLICY, NOW) == left
