"""Records: the smallest that is read, and everything that is refused."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from analemma.records.approval import ApprovalRecord
from analemma.records.budget import Budget, Usage
from analemma.records.envelope import (
    BuryEvent,
    ParkEvent,
    ParkItem,
    SliceEvent,
    WorkerEvent,
)
from analemma.records.policy import (
    FanOutPolicy,
    KernelPolicy,
    RetryPolicy,
    SlicePolicy,
    TaskPolicy,
)
from analemma.records.run import Attempts, Failure, RunRecord, RunStatus, WorkflowRef
from analemma.records.transition import (
    MAX_TRANSITION_BYTES,
    TRANSITION,
    Continue,
    TerminationReason,
    Transition,
)
from kernel_machines import REF, run_record

IDS = {"run_id": "run-1", "owner": "local"}
NOW = "2026-01-02T03:04:05Z"
SMALLEST: dict[type[BaseModel], dict[str, Any]] = {
    SliceEvent: IDS,
    WorkerEvent: {**IDS, "ref": REF, "batch": 0},
    ParkItem: {**IDS, "approval_id": "ap-1"},
    ParkEvent: {**IDS, "approval_id": "ap-1", "token": "t"},
    BuryEvent: {**IDS, "error": "E"},
    Budget: {},
    Usage: {},
    RetryPolicy: {},
    FanOutPolicy: {},
    SlicePolicy: {},
    TaskPolicy: {},
    KernelPolicy: {},
    WorkflowRef: {"name": "w", "target": "m:g"},
    Failure: {"cause": "c"},
    Attempts: {"checkpoint_id": "c"},
    ApprovalRecord: {
        **IDS,
        "approval_id": "ap-1",
        "node": "n",
        "interrupt_id": "i",
        "question": None,
        "created_at": NOW,
    },
    RunRecord: {
        **IDS,
        "workflow": {"name": "w", "target": "m:g"},
        "input_ref": REF,
        "created_at": NOW,
        "updated_at": NOW,
    },
}
LONGEST = {"run_id": "r" * 64, "owner": "o" * 64}
TRANSITIONS: dict[str, dict[str, Any]] = {
    "continue": {},
    "fan_out": {"ref": REF, "batches": 10**9},
    "await_approval": {"ref": REF, "approvals": 10**9},
    "sleep": {"seconds": 31_536_000},
    "renew": {"generation": 10**9},
    "done": {"ref": REF},
    "failed": {"ref": REF},
    "terminated": {"reason": "micro_usd", "ref": REF},
}

models = pytest.mark.parametrize("model", SMALLEST, ids=lambda model: model.__name__)
kinds = pytest.mark.parametrize("kind", TRANSITIONS)


@models
def test_a_record_is_read_back_as_it_was_written(model: type[BaseModel]) -> None:
    record = model.model_validate(SMALLEST[model])

    assert model.model_validate_json(record.model_dump_json()) == record


@models
def test_a_field_that_nobody_knows_is_refused(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model.model_validate({**SMALLEST[model], "surprise": 1})


@models
def test_a_required_field_is_required(model: type[BaseModel]) -> None:
    required = {
        name for name, field in model.model_fields.items() if field.is_required()
    }
    assert required == set(SMALLEST[model])
    for name in SMALLEST[model]:
        rest = {key: value for key, value in SMALLEST[model].items() if key != name}
        with pytest.raises(ValidationError, match=name):
            model.model_validate(rest)


@models
def test_a_record_cannot_be_changed_in_place(model: type[BaseModel]) -> None:
    record = model.model_validate(SMALLEST[model])
    name = next(iter(model.model_fields))

    with pytest.raises(ValidationError, match="frozen"):
        setattr(record, name, None)


@kinds
def test_every_transition_is_under_its_limit_with_the_longest_ids(kind: str) -> None:
    text = TRANSITION.dump_json(
        TRANSITION.validate_python({"kind": kind, **LONGEST, **TRANSITIONS[kind]})
    )

    assert len(text) < MAX_TRANSITION_BYTES / 2
    assert TRANSITION.validate_json(text).kind == kind


def test_there_is_no_transition_that_is_not_tried_here() -> None:
    union = get_args(get_args(Transition)[0])

    assert {each.model_fields["kind"].default for each in union} == set(TRANSITIONS)


@kinds
def test_a_transition_carries_nothing_that_nobody_knows(kind: str) -> None:
    with pytest.raises(ValidationError):
        TRANSITION.validate_python(
            {"kind": kind, **IDS, **TRANSITIONS[kind], "state": "user data"}
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "dream"},
        {"kind": "sleep", "seconds": 0},
        {"kind": "sleep", "seconds": 31_536_001},
        {"kind": "renew", "generation": 1},
        {"kind": "fan_out", "ref": REF, "batches": 0},
        {"kind": "done", "ref": "A" * 64},
        {"kind": "done", "ref": "../secret"},
        {"kind": "terminated", "reason": "boredom", "ref": REF},
        {"kind": "continue", "run_id": "a/b"},
        {"kind": "continue", "owner": ""},
        {"kind": "continue", "owner": "o" * 65},
    ],
    ids=str,
)
def test_a_transition_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TRANSITION.validate_python({**IDS, **wrong})


@pytest.mark.parametrize(
    ("limits", "used", "reason"),
    [
        ({}, {"supersteps": 10**9}, None),
        ({"supersteps": 5}, {"supersteps": 4}, None),
        ({"supersteps": 5}, {"supersteps": 5}, TerminationReason.SUPERSTEPS),
        ({"seconds": 5}, {"seconds": 4.99}, None),
        ({"seconds": 5}, {"seconds": 5.0}, TerminationReason.SECONDS),
        ({"tokens": 5, "micro_usd": 5}, {"tokens": 6}, TerminationReason.TOKENS),
        ({"micro_usd": 5}, {"tokens": 99, "micro_usd": 5}, TerminationReason.MICRO_USD),
    ],
)
def test_a_budget_is_reached_when_nothing_of_it_is_left(
    limits: dict[str, int], used: dict[str, float], reason: TerminationReason | None
) -> None:
    budget = Budget.model_validate(limits)

    assert budget.exceeded_by(Usage.model_validate(used)) is reason


def test_changes_of_a_budget_leave_the_other_limits() -> None:
    budget = Budget(supersteps=1, tokens=2)

    assert budget.with_changes(Budget(tokens=3, seconds=4)) == Budget(
        supersteps=1, tokens=3, seconds=4
    )


@pytest.mark.parametrize("limit", list(Budget.model_fields))
def test_a_limit_of_nothing_is_refused(limit: str) -> None:
    with pytest.raises(ValidationError, match=limit):
        Budget.model_validate({limit: 0})


def test_secrets_are_not_in_the_repr_of_an_event() -> None:
    event = ParkEvent(**IDS, approval_id="ap-1", token="s3cr3t")

    assert "s3cr3t" not in repr(event)
    assert "s3cr3t" not in str(event)


def test_a_run_record_holds_the_transition_it_was_sealed_with() -> None:
    record = run_record(transition=Continue(**IDS))

    read = RunRecord.model_validate_json(record.model_dump_json(exclude_none=True))

    assert read == record


def test_three_statuses_are_ends() -> None:
    assert {each for each in RunStatus if each.ended} == {
        RunStatus.DONE,
        RunStatus.FAILED,
        RunStatus.TERMINATED,
    }
