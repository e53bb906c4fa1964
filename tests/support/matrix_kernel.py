"""The same run under the kernel: admitted, driven in slices, fanned out, answered."""

from typing import Any

from analemma.hardware.ports import SystemClock
from analemma.ids import LOCAL_OWNER, RandomIds, keyed_run_id
from analemma.kernelspace.interrupts.approvals import Answer
from analemma.kernelspace.machine import Machine
from analemma.records.approval import ApprovalStatus
from kernel_desk import Desk, no_model, policy, program
from matrix_graph import FRESH, INVOCATIONS, TaskLog, comparable, everything
from memory_backends import Backend

SLICE_SUPERSTEPS = 7
FAN_OUT_TASKS = 2
KEY = "matrix"
KERNEL_RUN = keyed_run_id(LOCAL_OWNER, KEY)


def finish_in_slices(backend: Backend, log: TaskLog) -> dict[str, Any]:
    """Take a run from wherever it stands to its end, answering as asked."""
    desk = Desk(
        Machine(
            records=backend.records,
            pages=lambda owner: backend.pages,
            clock=SystemClock(),
            ids=RandomIds(),
            policy=policy(
                slice_supersteps=SLICE_SUPERSTEPS, fan_out_tasks=FAN_OUT_TASKS
            ),
            model=no_model,
        )
    )
    workflow = program(everything(log))
    run_id = desk.admit(workflow, FRESH, key=KEY).run_id
    for _ in range(INVOCATIONS):
        transition = desk.drive(workflow, run_id)
        if transition.kind == "done":
            return comparable(desk.output(workflow, run_id))
        assert transition.kind == "await_approval", transition
        for approval in desk.approvals(run_id):
            if approval.status is ApprovalStatus.OPEN:
                said = f"yes to {approval.question}"
                answer = Answer(approved=True, by="matrix", edited=True, edit=said)
                desk.answer(approval, answer)
    raise AssertionError(f"the run has not ended after {INVOCATIONS} drives")
