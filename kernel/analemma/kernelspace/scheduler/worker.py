"""Run one batch of a fan-out in this process, metered like a slice."""

from collections.abc import Iterable
from contextlib import closing
from functools import partial

import structlog

from analemma.errors import Retryable
from analemma.ids import Owner
from analemma.kernelspace.backoff.breaker import CURRENT_BREAKERS
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.metering import CURRENT_MODEL, MeteredModel
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.program import Program
from analemma.kernelspace.scheduler.fan_out import run_batch
from analemma.kernelspace.scheduler.observer import TaskObserver
from analemma.kernelspace.scheduler.recursion import RecursionLimit
from analemma.kernelspace.scheduler.refusals import leave_note
from analemma.kernelspace.spending.purse import Purse
from analemma.kernelspace.spending.refused import BudgetReached
from analemma.records.envelope import WorkerEvent
from analemma.records.run import RunRecord


def run_worker(machine: Machine, program: Program, event: WorkerEvent) -> None:
    """Execute the batch; what each task did is in the store when this returns.

    Raises:
        Retryable: a task failed with a retryable error, or a store did: the
            batch can be repeated, and only its unfinished tasks run again.
    """
    record = ProcessTable(machine.records).get(event.owner, event.run_id).record
    if record.status.ended:
        return  # cancelled, or joined without this batch: nobody waits for it
    pages = machine.pages(Owner(event.owner))
    writer = f"w{event.batch}-{machine.ids.run_id()[-8:]}"
    log = structlog.get_logger().bind(run_id=event.run_id, batch=event.batch)
    ledger = Ledger(machine.records, event.owner, event.run_id, writer)
    purse = Purse(machine, record, program.digest, ledger, alone=False)
    saver = PagedSaver(
        machine.records,
        pages,
        owner=Owner(event.owner),
        workflow=program.digest,
        writer=writer,
        serde=machine.serde,
    )
    model = MeteredModel(
        partial(machine.guarded_model, program.scripted_answer),
        ledger,
        purse,
    )
    token = CURRENT_MODEL.set(model)
    breakers = CURRENT_BREAKERS.set(machine.breakers)
    try:
        with closing(purse):
            outcomes = run_batch(
                program.graph,
                saver,
                {
                    "configurable": {"thread_id": event.run_id},
                    "callbacks": [TaskObserver(log)],
                    "recursion_limit": RecursionLimit.of(
                        program.recursion_limit, record.asked_at_step
                    ),
                },
                pages,
                event,
            )
    finally:
        CURRENT_MODEL.reset(token)
        CURRENT_BREAKERS.reset(breakers)
    log.info(
        "batch ended",
        tasks=len(outcomes),
        failed=sum(error is not None for error in outcomes.values()),
    )
    _note_refusal(machine, record, outcomes.values())
    for error in outcomes.values():
        if isinstance(error, Retryable):
            raise error


def _note_refusal(
    machine: Machine, record: RunRecord, outcomes: Iterable[BaseException | None]
) -> None:
    """Tell the join that a limit stopped tasks, and which."""
    for error in outcomes:
        if isinstance(error, BudgetReached):
            leave_note(machine.records, record, error.refusal)
            return
