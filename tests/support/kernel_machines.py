"""Machines in memory, and runs as the process table knows them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from analemma.ids import LOCAL_OWNER, Owner, RandomIds
from analemma.kernelspace.machine import Machine
from analemma.records.policy import KernelPolicy
from analemma.records.run import RunRecord, WorkflowRef
from kernel_desk import no_model
from memory_stores import MemoryPageStore, MemoryRecordStore

REF = "a" * 64


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    at: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    seconds: float = 0.0

    def now(self) -> datetime:
        """Return the time that was set."""
        return self.at + timedelta(seconds=self.seconds)

    def monotonic_seconds(self) -> float:
        """Return the seconds that were moved."""
        return self.seconds

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@dataclass
class MemoryMachine:
    """A machine whose stores and clock a test holds in its hands."""

    records: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    clock: HandClock = field(default_factory=HandClock)
    _pages: dict[Owner, MemoryPageStore] = field(default_factory=dict)

    def machine(self, policy: KernelPolicy | None = None) -> Machine:
        """Return the machine."""
        return Machine(
            records=self.records,
            pages=self.pages,
            clock=self.clock,
            ids=RandomIds(),
            policy=policy or KernelPolicy(),
            model=no_model,
        )

    def pages(self, owner: Owner = LOCAL_OWNER) -> MemoryPageStore:
        """Return an owner's pages; nobody else's are in it."""
        return self._pages.setdefault(owner, MemoryPageStore())


def run_record(run_id: str = "run-1", **changes: Any) -> RunRecord:
    """Return a run as it was admitted, with ``changes``."""
    now = HandClock().now()
    known: dict[str, Any] = {
        "run_id": run_id,
        "owner": LOCAL_OWNER,
        "workflow": WorkflowRef(name="w", target="m:g"),
        "input_ref": REF,
        "created_at": now,
        "updated_at": now,
    }
    return RunRecord(**(known | changes))


def moved(record: RunRecord, **changes: Any) -> RunRecord:
    """Return a run with ``changes``."""
    return record.model_copy(update=changes)
