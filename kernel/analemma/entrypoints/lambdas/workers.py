"""Lambda: run one batch of a fan-out's tasks.

Answers ``{}``: what the tasks did stands in the store, and the join judges.
"""

from analemma.entrypoints.lambdas.invocation import (
    LambdaContext,
    answer,
    machine,
    program,
)
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.envelope import WorkerEvent


def handle(event: object, context: LambdaContext) -> dict[str, object]:
    """Take a ``WorkerEvent``; return an empty object."""

    def work(asked: WorkerEvent) -> dict[str, object]:
        stored = ProcessTable(machine().records).get(asked.owner, asked.run_id)
        run_worker(machine(), program(stored.record.workflow.name), asked)
        return {}

    return answer(WorkerEvent, event, context, work)
