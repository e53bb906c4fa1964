"""The inbox: what waits for a person, over all runs of an owner."""

from collections.abc import Iterator

from analemma.errors import ApprovalNotFound
from analemma.kernelspace.interrupts.approvals import ApprovalDesk
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.process_table import ProcessTable
from analemma.records.approval import ApprovalRecord, ApprovalStatus
from analemma.records.run import RunStatus


def open_approvals(machine: Machine, owner: str) -> Iterator[ApprovalRecord]:
    """Yield every approval that waits, of the newest run first."""
    desk = ApprovalDesk(machine.records, owner)
    for run in ProcessTable(machine.records).list(owner):
        if run.status is RunStatus.WAITING:
            for approval in desk.of_run(run.run_id):
                if approval.status is ApprovalStatus.OPEN:
                    yield approval


def waits_for_people(machine: Machine, owner: str, run_id: str) -> bool:
    """Say whether an approval of this run is still open."""
    return any(
        approval.status is ApprovalStatus.OPEN
        for approval in ApprovalDesk(machine.records, owner).of_run(run_id)
    )


def find_approval(machine: Machine, owner: str, approval_id: str) -> ApprovalRecord:
    """Return an approval by its id alone, answered ones included.

    Raises:
        ApprovalNotFound: no run of this owner has it.
    """
    desk = ApprovalDesk(machine.records, owner)
    for run in ProcessTable(machine.records).list(owner):
        for approval in desk.of_run(run.run_id):
            if approval.approval_id == approval_id:
                return approval
    raise ApprovalNotFound(
        f"no approval {approval_id!r} of owner {owner!r}; "
        "`analemma approvals` shows what waits"
    )
