"""Runs before the admission gate, moved as slices would move them.

A slice asks the gate, and then either writes down that the run sleeps or opens
it; the real ones do more between, and nothing else with the gate.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from analemma.hardware.ports import RecordStore
from analemma.kernelspace.admission_gate import AdmissionGate
from analemma.kernelspace.process_table import ProcessTable
from analemma.records.concurrency_policy import AdmissionPolicy
from analemma.records.run import RunRecord, RunStatus, WorkflowRef
from analemma.records.transition import Sleep
from kernel_machines import HandClock, moved, run_record
from memory_stores import MemoryRecordStore


@dataclass
class AdmittedRuns:
    """The runs of an environment with an admission policy."""

    records: RecordStore
    policy: AdmissionPolicy
    clock: HandClock = field(default_factory=HandClock)
    _admitted: int = 0

    @property
    def gate(self) -> AdmissionGate:
        """Return a gate as a fresh process has it."""
        return AdmissionGate(self.records, self.clock, self.policy)

    @property
    def table(self) -> ProcessTable:
        """Return the process table."""
        return ProcessTable(self.records)

    def admit(self, owner: str = "ann", workflow: str = "audit") -> RunRecord:
        """Admit a run, a microsecond after the one before."""
        self._admitted += 1
        at = self.clock.now() + timedelta(microseconds=self._admitted)
        record = run_record(
            # Not in the order of admission, which must not hang on names.
            run_id=f"run-{997 - self._admitted:03d}",
            owner=owner,
            workflow=WorkflowRef(name=workflow, target="m:g"),
            created_at=at,
            updated_at=at,
        )
        return self.table.admit(record)[0].record

    def now(self, run: RunRecord) -> RunRecord:
        """Return the run as it stands."""
        return self.table.get(run.owner, run.run_id).record

    def slice(self, run: RunRecord) -> Sleep | None:
        """Let the run try to begin a slice; return how long it sleeps instead."""
        sleep = self.gate.enter(self.now(run))
        if sleep is None:
            self.change(run, status=RunStatus.RUNNING, slices=self.now(run).slices + 1)
        else:
            self.change(run, status=RunStatus.ADMITTED, transition=sleep)
        return sleep

    def begins(self, run: RunRecord) -> bool:
        """Say whether the run may begin a slice."""
        return self.slice(run) is None

    def seal(self, run: RunRecord, status: RunStatus = RunStatus.DONE) -> None:
        """End the run, or let it wait, and tell the gate."""
        self.gate.leave(self.change(run, status=status))

    def die(self, run: RunRecord, status: RunStatus = RunStatus.DONE) -> None:
        """End the run, or let it wait, and die before the gate is told."""
        self.change(run, status=status)

    def change(self, run: RunRecord, **changes: Any) -> RunRecord:
        """Write a run's record."""
        stored = self.table.get(run.owner, run.run_id)
        changes["updated_at"] = self.clock.now()
        return self.table.replace(stored, moved(stored.record, **changes)).record


class Dying(MemoryRecordStore):
    """A store whose process dies at a call: before it, or after it was applied."""

    left: int | None = None
    applied = False

    def _dies(self) -> bool:
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0

    # Any: whatever the port's own takes.
    def put(self, *args: Any, **kwargs: Any) -> int:
        dies = self._dies()
        if dies and not self.applied:
            raise KeyboardInterrupt
        revision = super().put(*args, **kwargs)
        if dies:
            raise KeyboardInterrupt
        return revision

    def delete(self, partition: str, sort: str) -> None:
        dies = self._dies()
        if dies and not self.applied:
            raise KeyboardInterrupt
        super().delete(partition, sort)
        if dies:
            raise KeyboardInterrupt


def dies_at(
    runs: AdmittedRuns, call: int, applied: bool, act: Callable[[], object]
) -> bool:
    """Let a process die at its write number ``call``; say whether it came to it."""
    store = runs.records
    assert isinstance(store, Dying)
    store.left, store.applied = call, applied
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        store.left = None
    return False
