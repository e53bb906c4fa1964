"""Lambda: remember the task token under which an approval waits.

Somebody may have answered before the token arrived. Then the wait is ended
here, because whoever answered found no token to end it with.
"""

import os

from analemma.entrypoints.lambdas.invocation import LambdaContext, answer, machine
from analemma.kernelspace.interrupts.approvals import ApprovalDesk
from analemma.records.approval import ApprovalStatus
from analemma.records.envelope import ParkEvent
from analemma.wiring import settings_of_lambda, task_tokens


def handle(event: object, context: LambdaContext) -> dict[str, object]:
    """Take a ``ParkEvent``; return an empty object. The state goes on waiting."""

    def work(asked: ParkEvent) -> dict[str, object]:
        desk = ApprovalDesk(machine().records, asked.owner)
        parked = desk.park(asked.run_id, asked.approval_id, asked.token)
        if parked.status is not ApprovalStatus.OPEN:
            task_tokens(settings_of_lambda(os.environ)).release(asked.token)
        return {}

    return answer(ParkEvent, event, context, work)
