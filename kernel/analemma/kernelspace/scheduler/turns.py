"""A slice and the gate: whether it is the run's turn, and what its record says.

A run that waits is written down as queued, with the sleep it was told. It uses up
nothing of its budget; of its execution's history it does, hence the count.
"""

from analemma.kernelspace.admission_gate import AdmissionGate
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.process_table import ProcessTable, StoredRun
from analemma.kernelspace.scheduler.renewal import slice_counted
from analemma.records.envelope import SliceEvent
from analemma.records.run import RunRecord, RunStatus
from analemma.records.transition import Sleep


def wait_for_turn(
    machine: Machine, stored: StoredRun, event: SliceEvent
) -> Sleep | None:
    """Return None if the run may run now, else the sleep that was written down.

    Raises:
        LeaseLost: another slice changed the run meanwhile; nothing was written.
    """
    record = stored.record
    turn = _gate(machine).enter(record)
    if turn is None:
        return None
    now = machine.clock.now()
    changes = {"status": RunStatus.QUEUED, "transition": turn, "updated_at": now}
    counted = slice_counted(record, event.execution, now)
    queued = record.model_copy(update=changes | counted)
    ProcessTable(machine.records).replace(stored, queued)
    return turn


def make_room(machine: Machine, sealed: RunRecord) -> None:
    """Let others in if the run has ended, or waits for people."""
    if sealed.status.ended or sealed.status is RunStatus.WAITING:
        _gate(machine).leave(sealed)


def _gate(machine: Machine) -> AdmissionGate:
    return AdmissionGate(machine.records, machine.clock, machine.policy.admission)
