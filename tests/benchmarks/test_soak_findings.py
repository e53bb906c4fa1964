"""What a soak complains about."""

from dataclasses import replace

import pytest

from analemma.records.run import RunStatus
from benchmarks.cloud.history import MAX_EVENTS
from benchmarks.soak.soaking import Plan, Soaked

PLAN = Plan(slices=60, renew_after=20)
GOOD = Soaked(
    run_id="run-1",
    status=RunStatus.DONE,
    slices=60,
    events=(150, 160, 24_999),
    endings=("SUCCEEDED", "ABORTED", "SUCCEEDED"),
    asked=2,
    parked=3,
    answered_once=True,
    answers=("19: True", "21: True"),
    crossed=((1, 2), (2, 3)),
    prunings=1,
    removed=10,
    seconds=1.0,
)


def test_soak_as_it_must_be_has_no_complaint() -> None:
    assert list(GOOD.complaints(PLAN)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": RunStatus.FAILED}, "the run ended failed"),
        ({"slices": 61}, "61 slices, not 60"),
        ({"events": (10, MAX_EVENTS)}, "a history of 25,000 events"),
        ({"answered_once": False}, "a question took a second answer"),
        ({"answers": ("19: True",)}, "the agent got"),
        ({"asked": 3}, "3 approvals, not 2"),
        ({"parked": 2}, "parked 2 times, not 3"),
        ({"crossed": ((1, 1), (1, 2))}, "a wait crossed no renewal"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_everything_else_is_named(change: dict[str, object], said: str) -> None:
    # Any field may be the one that is wrong, so the types differ.
    (complaint,) = replace(GOOD, **change).complaints(PLAN)  # type: ignore[arg-type]

    assert said in complaint
