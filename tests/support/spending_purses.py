"""Purses and meters of writers that share a machine, as slices and workers do."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from analemma.hardware.ports import ModelProvider, RecordStore
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.metering import MeteredModel
from analemma.kernelspace.spending.purse import Purse
from analemma.kernelspace.spending.scopes import (
    Scope,
    environment_scope,
    parse_counter,
    run_scope,
    workflow_scope,
)
from analemma.records.budget import Budget
from analemma.records.limits import LimitsPolicy
from analemma.records.policy import KernelPolicy
from analemma.records.run import RunRecord, WorkflowRef
from analemma.records.spending import Counter
from kernel_machines import MemoryMachine, run_record

DIGEST = "d" * 64


@dataclass
class Writers:
    """Makes writers of runs; ``slept`` is what they waited for others."""

    limits: LimitsPolicy = field(default_factory=LimitsPolicy)
    memory: MemoryMachine = field(default_factory=MemoryMachine)
    slept: list[float] = field(default_factory=list)
    sleep: Callable[[float], None] | None = None

    def record(self, budget: Budget, run: str = "run-1", of: str = "w") -> RunRecord:
        """Return a run with a budget."""
        workflow = WorkflowRef(name=of, target="m:g")
        return run_record(run, budget=budget, workflow=workflow)

    def purse(
        self,
        record: RunRecord,
        writer: str,
        *,
        alone: bool = True,
        records: RecordStore | None = None,
        digest: str = DIGEST,
    ) -> tuple[Purse, Ledger]:
        """Return a writer's purse and its ledger, as a slice or a worker has them."""
        machine = self.memory.machine(KernelPolicy(limits=self.limits))
        store = records or machine.records
        ledger = Ledger(store, record.owner, record.run_id, writer)
        if alone:
            ledger.load()
        purse = Purse(
            replace(machine, records=store),
            record,
            digest,
            ledger,
            alone=alone,
            sleep=self.sleep or self.slept.append,
        )
        return purse, ledger

    def meter(
        self,
        record: RunRecord,
        writer: str,
        model: ModelProvider,
        *,
        alone: bool = True,
        records: RecordStore | None = None,
    ) -> tuple[MeteredModel, Purse]:
        """Return a writer's metered model, and its purse."""
        purse, ledger = self.purse(record, writer, alone=alone, records=records)
        return MeteredModel(lambda: model, ledger, purse), purse

    def scopes(self, record: RunRecord) -> list[Scope]:
        """Return the run's scopes: its own, its workflow's, the environment's."""
        now = self.memory.clock.now()
        return [
            run_scope(record),
            workflow_scope(self.limits, record.workflow.name, DIGEST, now),
            environment_scope(self.limits, now),
        ]

    def counter(self, scope: Scope) -> Counter:
        """Return a scope's counter as it is stored."""
        found = self.memory.records.cells.get((scope.partition, scope.sort))
        if found is None:
            return Counter()
        return parse_counter(found)
