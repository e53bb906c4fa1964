"""The questions at a boundary, and what people said to them.

A question becomes an approval when a slice first meets it; the approval's id
follows from the question, so that meeting it again opens no second one.
"""

from typing import Any

from analemma.kernelspace.interrupts.approvals import ApprovalDesk
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.scheduler.boundary import Boundary
from analemma.records.approval import ApprovalRecord, ApprovalStatus


class Questions:
    """What one run asks people. Every method opens the approvals it looks at."""

    def __init__(self, machine: Machine, owner: str, run_id: str) -> None:
        self._desk = ApprovalDesk(machine.records, owner)
        self._clock = machine.clock
        self._run_id = run_id

    def open(self, at: Boundary) -> list[ApprovalRecord]:
        """Return the approvals that nobody has answered yet."""
        approvals = [self._approval(at, index) for index in range(len(at.questions))]
        return [each for each in approvals if each.status is ApprovalStatus.OPEN]

    def rejected_breakpoint(self, at: Boundary) -> bool:
        """Say whether somebody refused to let the run go past a breakpoint."""
        return any(
            question.is_breakpoint
            and self._approval(at, index).status is ApprovalStatus.REJECTED
            for index, question in enumerate(at.questions)
        )

    def answers(self, at: Boundary) -> dict[str, Any]:
        """Return what to resume each interrupt with, by its id.

        Any: whatever the person answered, as the graph expects it.
        """
        return {
            question.interrupt_id: self._approval(at, index).resume_value
            for index, question in enumerate(at.questions)
            if not question.is_breakpoint
        }

    def _approval(self, at: Boundary, index: int) -> ApprovalRecord:
        return self._desk.open(self._run_id, at.questions[index], self._clock.now())
