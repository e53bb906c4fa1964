"""Progress: how far a run is, cheap enough to ask several times a second.

Reads the newest end of the log only: the tasks that have finished since the
last sealed superstep, and that superstep's number.
"""

from dataclasses import dataclass

from analemma.hardware.ports import PageStore, RecordStore
from analemma.kernelspace import layout
from analemma.kernelspace.memory.reader import FINISHED, LogReader
from analemma.kernelspace.scheduler.fan_out import planned_tasks
from analemma.records.run import RunRecord
from analemma.records.transition import FanOut


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. ``tasks_pending`` is None where nobody counted them."""

    supersteps: int
    tasks_done: int
    tasks_pending: int | None


def progress(records: RecordStore, pages: PageStore, run: RunRecord) -> Progress:
    """Return how far the run is. Never ahead of what is durable."""
    partition = layout.run_partition(run.owner, run.run_id)
    reader = LogReader(records, pages, partition, layout.ROOT_NAMESPACE)
    done, step = 0, -1
    if (last := next(reader.checkpoints(), None)) is not None:
        done = sum(slot == FINISHED for slot, _ in last.writes)
        step = -1 if last.manifest.step is None else last.manifest.step
    pending = None
    if isinstance(run.transition, FanOut) and not run.status.ended:
        pending = planned_tasks(pages, run.transition.ref)
    return Progress(supersteps=step + 1, tasks_done=done, tasks_pending=pending)
