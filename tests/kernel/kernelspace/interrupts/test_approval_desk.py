"""The desk: one record per question, one answer per record."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from analemma.entrypoints.cli.outcome import public
from analemma.errors import ApprovalAnswered, ApprovalNotFound, Corrupt, InputInvalid
from analemma.hardware.local.home import LocalHome
from analemma.hardware.ports import MAX_BODY_BYTES
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace import layout
from analemma.kernelspace.interrupts.approvals import Answer, ApprovalDesk, Question
from analemma.records.approval import ApprovalRecord, ApprovalStatus
from memory_stores import MemoryRecordStore

RUN = "run-1"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)
YES = Answer(approved=True, by="ann")
NO = Answer(approved=False, by="bob", reason="too dear")


@pytest.fixture
def records() -> MemoryRecordStore:
    return MemoryRecordStore()


@pytest.fixture
def desk(records: MemoryRecordStore) -> ApprovalDesk:
    return ApprovalDesk(records, LOCAL_OWNER)


def question(value: Any = "sure?", **changes: Any) -> Question:
    known: dict[str, Any] = {
        "checkpoint_id": "c1",
        "interrupt_id": "i1",
        "node": "ask",
        "turn": 1,
    }
    return Question(**(known | changes), value=value)


def opened(desk: ApprovalDesk, value: Any = "sure?") -> ApprovalRecord:
    return desk.open(RUN, question(value), NOW)


def test_a_question_is_opened_once_and_found_again(desk: ApprovalDesk) -> None:
    first = opened(desk)

    again = desk.open(RUN, question(), LATER)

    assert again == first
    assert again.created_at == NOW
    assert list(desk.of_run(RUN)) == [first]


@pytest.mark.parametrize(
    "changes",
    [{"checkpoint_id": "c2"}, {"interrupt_id": "i2"}, {"turn": 2}],
)
def test_another_question_is_another_approval(
    desk: ApprovalDesk, changes: dict[str, Any]
) -> None:
    other = desk.open(RUN, question(**changes), NOW)

    assert other.approval_id != opened(desk).approval_id
    assert len(list(desk.of_run(RUN))) == 2


@pytest.mark.parametrize(
    ("answer", "status", "value"),
    [
        (YES, ApprovalStatus.APPROVED, True),
        (NO, ApprovalStatus.REJECTED, False),
        (
            Answer(approved=True, by="a", edited=True, edit={"n": [1]}),
            ApprovalStatus.APPROVED,
            {"n": [1]},
        ),
        (
            Answer(approved=True, by="a", edited=True, edit=None),
            ApprovalStatus.APPROVED,
            None,
        ),
        (Answer(approved=True, by="a", edit=5), ApprovalStatus.APPROVED, True),
        (
            Answer(approved=False, by="a", edited=True, edit=5),
            ApprovalStatus.REJECTED,
            False,
        ),
    ],
)
def test_an_answer_decides_what_the_node_gets_back(
    desk: ApprovalDesk, answer: Answer, status: ApprovalStatus, value: object
) -> None:
    approval = opened(desk)

    answered = desk.answer(RUN, approval.approval_id, answer, LATER)

    assert answered == desk.get(RUN, approval.approval_id)
    assert (answered.status, answered.resume_value) == (status, value)
    assert (answered.answered_by, answered.answered_at) == (answer.by, LATER)
    assert answered.reason == answer.reason


def test_the_same_answer_again_has_no_effect_and_is_no_error(
    desk: ApprovalDesk,
) -> None:
    approval = opened(desk)
    first = desk.answer(RUN, approval.approval_id, YES, NOW)

    again = desk.answer(
        RUN, approval.approval_id, Answer(approved=True, by="someone else"), LATER
    )

    assert again == first


@pytest.mark.parametrize(
    "other", [NO, Answer(approved=True, by="ann", edited=True, edit=1)]
)
def test_another_answer_is_refused_by_name_and_changes_nothing(
    desk: ApprovalDesk, other: Answer
) -> None:
    approval = opened(desk)
    first = desk.answer(RUN, approval.approval_id, YES, NOW)

    with pytest.raises(ApprovalAnswered, match="already approved by ann"):
        desk.answer(RUN, approval.approval_id, other, LATER)

    assert desk.get(RUN, approval.approval_id) == first


def test_of_many_answers_at_once_one_counts(tmp_path: Path) -> None:
    with LocalHome.open(tmp_path / "home") as home:
        desk = ApprovalDesk(home.records, LOCAL_OWNER)
        approval = opened(desk)
        together = Barrier(8)

        def answer(number: int) -> int | None:
            together.wait()
            edit = Answer(approved=True, by=str(number), edited=True, edit=number)
            try:
                desk.answer(RUN, approval.approval_id, edit, NOW)
            except ApprovalAnswered:
                return None
            return number

        with ThreadPoolExecutor(8) as pool:
            counted = [each for each in pool.map(answer, range(8)) if each is not None]

        assert [desk.get(RUN, approval.approval_id).resume_value] == counted


def test_an_answer_meets_a_park_halfway_and_both_are_kept(
    desk: ApprovalDesk, records: MemoryRecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = opened(desk)
    put, parked = records.put, []

    def park_first(*args: Any, **kwargs: Any) -> int:
        if not parked:
            parked.append(True)
            desk.park(RUN, approval.approval_id, "token")
        return put(*args, **kwargs)

    monkeypatch.setattr(records, "put", park_first)

    answered = desk.answer(RUN, approval.approval_id, YES, NOW)

    assert answered.task_token == "token"
    assert answered.status is ApprovalStatus.APPROVED


def test_parking_keeps_the_newest_token_and_the_answer(desk: ApprovalDesk) -> None:
    approval = opened(desk)

    desk.park(RUN, approval.approval_id, "old")
    desk.answer(RUN, approval.approval_id, NO, NOW)
    parked = desk.park(RUN, approval.approval_id, "new")

    assert parked.task_token == "new"
    assert parked.status is ApprovalStatus.REJECTED
    assert parked.reason == "too dear"


def test_a_token_is_neither_in_the_repr_nor_in_what_people_are_shown(
    desk: ApprovalDesk,
) -> None:
    approval = opened(desk)

    parked = desk.park(RUN, approval.approval_id, "s3cr3t-token")

    assert "s3cr3t" not in repr(parked)
    assert "s3cr3t" not in str(parked)
    assert "s3cr3t" not in str(public(parked))
    assert "task_token" not in public(parked)


def test_an_unknown_approval_is_named_whatever_is_asked_of_it(
    desk: ApprovalDesk,
) -> None:
    for ask in (
        lambda: desk.get(RUN, "ap-nowhere"),
        lambda: desk.answer(RUN, "ap-nowhere", YES, NOW),
        lambda: desk.park(RUN, "ap-nowhere", "token"),
    ):
        with pytest.raises(ApprovalNotFound, match="ap-nowhere"):
            ask()


def test_approvals_of_another_owner_are_not_found(
    desk: ApprovalDesk, records: MemoryRecordStore
) -> None:
    approval = opened(desk)

    with pytest.raises(ApprovalNotFound):
        ApprovalDesk(records, "stranger").get(RUN, approval.approval_id)
    assert list(ApprovalDesk(records, "stranger").of_run(RUN)) == []


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    "value",
    [object(), {"x": {1, 2}}, b"\xff", float("nan"), "\ud800", CIRCLE, {("a",): 1}],
    ids=["object", "set", "bytes", "nan", "surrogate", "circle", "tuple key"],
)
def test_a_question_that_is_no_json_is_still_shown(
    desk: ApprovalDesk, value: object
) -> None:
    approval = desk.open(RUN, question(value), NOW)

    assert desk.get(RUN, approval.approval_id).question == approval.question


def test_a_question_too_long_to_read_is_cut_and_says_so(desk: ApprovalDesk) -> None:
    approval = desk.open(RUN, question(["x" * MAX_BODY_BYTES]), NOW)

    assert isinstance(approval.question, dict)
    assert approval.question["characters"] == MAX_BODY_BYTES + 4


def test_an_answer_too_long_to_store_is_refused_and_the_question_stays_open(
    desk: ApprovalDesk,
) -> None:
    approval = opened(desk)
    long = Answer(approved=True, by="a", edited=True, edit="x" * MAX_BODY_BYTES)

    with pytest.raises(InputInvalid, match="give a shorter"):
        desk.answer(RUN, approval.approval_id, long, NOW)

    assert desk.get(RUN, approval.approval_id).status is ApprovalStatus.OPEN


def test_a_record_that_is_no_approval_is_corrupt(
    desk: ApprovalDesk, records: MemoryRecordStore
) -> None:
    records.put(
        layout.run_partition(LOCAL_OWNER, RUN), layout.approval_sort("ap-1"), b"{}"
    )

    with pytest.raises(Corrupt, match="approval/ap-1 is not an approval"):
        desk.get(RUN, "ap-1")


def test_a_breakpoint_asks_about_its_nodes_and_is_told_apart() -> None:
    held = Question.breakpoint("c1", ("a", "b"))

    assert held.is_breakpoint
    assert held.value == {"breakpoint": ["a", "b"]}
    assert not question().is_breakpoint
