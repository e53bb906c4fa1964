"""Mark a run failed that failed below the kernel."""

from analemma.errors import LeaseLost
from analemma.ids import Owner
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.scheduler.verdicts import failure_page
from analemma.records.envelope import BuryEvent
from analemma.records.run import Failure, RunStatus
from analemma.records.transition import Failed, Transition

_MAX_CAUSE = 500
_TRIES = 5


def bury(machine: Machine, event: BuryEvent) -> Transition:
    """Write down that the orchestrator gave a run up; return how it ended.

    A run that has ended meanwhile keeps its end. Its state is untouched: it can
    be resumed like any failed run.

    Raises:
        RunNotFound: there is no such run.
        LeaseLost: slices kept changing the record, so the run is alive.
    """
    table = ProcessTable(machine.records)
    failure = Failure(cause=f"{event.error}: {event.cause}"[:_MAX_CAUSE])
    for _ in range(_TRIES):
        stored = table.get(event.owner, event.run_id)
        said = stored.record.transition
        if stored.record.status.ended and said is not None:
            return said
        pages = machine.pages(Owner(event.owner))
        ref = failure_page(pages, failure, machine.serde)
        failed = Failed(run_id=event.run_id, owner=event.owner, ref=ref)
        changes = {
            "status": RunStatus.FAILED,
            "transition": failed,
            "failure": failure,
            "updated_at": machine.clock.now(),
        }
        try:
            table.replace(stored, stored.record.model_copy(update=changes))
        except LeaseLost:
            continue
        return failed
    raise LeaseLost(f"run {event.run_id}: its record keeps changing; not buried")
