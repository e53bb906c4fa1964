"""Waits for people: interrupts and static breakpoints."""

from typing import Any

from analemma.kernelspace.interrupts.approvals import Answer
from analemma.records.run import RunStatus
from analemma.records.transition import (
    AwaitApproval,
    Done,
    Terminated,
    TerminationReason,
)
from kernel_desk import Desk, program
from kernel_graphs import asking, counting

YES = Answer(approved=True, by="tester")


def test_an_interrupt_parks_the_run_until_somebody_answers(desk: Desk) -> None:
    answers: list[Any] = []
    workflow = program(asking(answers))
    run = desk.admit(workflow, {"seen": []})

    waiting = desk.drive(workflow, run.run_id)
    assert isinstance(waiting, AwaitApproval)
    assert desk.record(run.run_id).status is RunStatus.WAITING
    (approval,) = desk.approvals(run.run_id)
    assert approval.question == "question 0"
    assert desk.drive(workflow, run.run_id) == waiting  # still nobody answered
    assert answers == []

    desk.answer(approval, Answer(approved=True, by="t", edited=True, edit={"n": 1}))
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert answers == [{"n": 1}]


def test_two_questions_of_one_node_get_two_approvals(desk: Desk) -> None:
    answers: list[Any] = []
    workflow = program(asking(answers, questions=2))
    run = desk.admit(workflow, {"seen": []})

    desk.drive(workflow, run.run_id)
    (first,) = desk.approvals(run.run_id)
    desk.answer(first, Answer(approved=True, by="t", edited=True, edit="one"))
    assert isinstance(desk.drive(workflow, run.run_id), AwaitApproval)
    (second,) = [
        each
        for each in desk.approvals(run.run_id)
        if each.approval_id != first.approval_id
    ]
    assert second.question == "question 1"
    desk.answer(second, Answer(approved=False, by="t"))
    assert isinstance(desk.drive(workflow, run.run_id), Done)

    assert desk.output(workflow, run.run_id)["seen"] == ["'one'", "False"]


def test_a_static_breakpoint_waits_also_in_a_fresh_process(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(counting(runs).compile(interrupt_before=["step"]))
    desk = desk.with_policy(slice_supersteps=1)
    run = desk.admit(workflow, {"target": 1, "seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), AwaitApproval)
    assert isinstance(desk.drive(workflow, run.run_id), AwaitApproval)
    assert runs == []
    (approval,) = desk.approvals(run.run_id)
    desk.answer(approval, YES)
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert runs == ["0"]


def test_a_breakpoint_after_a_node_waits_once(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(counting(runs).compile(interrupt_after=["step"]))
    run = desk.admit(workflow, {"target": 2, "seen": []})

    assert isinstance(desk.drive(workflow, run.run_id), AwaitApproval)
    assert runs == ["0"]
    (approval,) = desk.approvals(run.run_id)
    desk.answer(approval, YES)
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert runs == ["0", "1"]


def test_a_rejected_breakpoint_ends_the_run(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(counting(runs).compile(interrupt_before=["step"]))
    run = desk.admit(workflow, {"target": 1, "seen": []})
    desk.drive(workflow, run.run_id)
    (approval,) = desk.approvals(run.run_id)
    desk.answer(approval, Answer(approved=False, by="t"))

    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Terminated)
    assert transition.reason is TerminationReason.CANCELLED
    assert runs == []
