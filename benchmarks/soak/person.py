"""The person of a soak: waits to be asked, answers, and answers once more.

Answers as ``analemma approve`` does: the record first, then the task token.
"""

import time
from dataclasses import dataclass

from analemma.errors import ApprovalAnswered
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.interrupts.approvals import Answer, ApprovalDesk
from analemma.kernelspace.process_table import ProcessTable
from analemma.records.approval import ApprovalRecord, ApprovalStatus
from analemma.records.run import RunRecord, RunStatus
from analemma.wiring import state_machine, task_tokens
from benchmarks.cloud.stack import BenchStack

_POLL_SECONDS = 0.1
_BY = "soak"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who watches one run."""

    stack: BenchStack
    run_id: str

    def record(self) -> RunRecord:
        """Return the run as it stands."""
        table = ProcessTable(self.stack.looking.records)
        return table.get(LOCAL_OWNER, self.run_id).record

    def asked(self, patience_seconds: float, but: str | None = None) -> ApprovalRecord:
        """Wait until a question is parked, under another token than ``but``.

        Patience is counted from the run's latest slice.

        Raises:
            RuntimeError: the run ended without asking.
            TimeoutError: the run stands still and asks nobody.
        """
        slices, deadline = -1, 0.0
        while True:
            for each in self._desk().of_run(self.run_id):
                parked = each.task_token not in (None, but)
                if parked and each.status is ApprovalStatus.OPEN:
                    return each
            record = self.record()
            if record.slices != slices:
                slices, deadline = record.slices, time.monotonic() + patience_seconds
            if record.status.ended:
                raise RuntimeError(f"run {self.run_id} ended {record.status}: {record}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {self.run_id} asks nobody: {record}")
            time.sleep(_POLL_SECONDS)

    def approve(self, approval: ApprovalRecord) -> bool:
        """Say yes, then yes again, then no; say whether the first one counted.

        True: the same answer again was accepted and did nothing, and the other
        answer was refused.
        """
        answered = self._answer(approval, approved=True)
        again = self._answer(approval, approved=True)
        try:
            self._answer(approval, approved=False)
        except ApprovalAnswered:
            return answered == again
        return False

    def replace_execution(self, generation: int) -> None:
        """Stop the run's execution while it waits, and resume the run.

        What happens to a run whose execution AWS ends after a year.
        """
        self.stack.unwatched.states.stop_execution(
            executionArn=self.stack.execution_arn(self.run_id, generation)
        )
        record = reopen(
            self.stack.looking, owner=LOCAL_OWNER, run_id=self.run_id, restart=True
        )
        if record.status is not RunStatus.WAITING:
            raise RuntimeError(f"run {self.run_id} does not wait: {record.status}")
        state_machine(self.stack.settings).start(
            owner=LOCAL_OWNER, run_id=self.run_id, generation=record.generation
        )

    def _answer(self, approval: ApprovalRecord, *, approved: bool) -> ApprovalRecord:
        said = self._desk().answer(
            self.run_id,
            approval.approval_id,
            Answer(approved=approved, by=_BY),
            self.stack.looking.clock.now(),
        )
        if said.task_token is not None:
            task_tokens(self.stack.settings).release(said.task_token)
        return said

    def _desk(self) -> ApprovalDesk:
        return ApprovalDesk(self.stack.looking.records, LOCAL_OWNER)
