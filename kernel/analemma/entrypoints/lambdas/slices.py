"""Lambda: run one slice of a run and return its transition."""

from analemma.entrypoints.lambdas.invocation import (
    LambdaContext,
    answer,
    machine,
    program,
)
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.records.envelope import SliceEvent


def handle(event: object, context: LambdaContext) -> dict[str, object]:
    """Take a ``SliceEvent``; return a transition as JSON."""

    def work(asked: SliceEvent) -> dict[str, object]:
        stored = ProcessTable(machine().records).get(asked.owner, asked.run_id)
        transition = run_slice(
            machine(),
            program(stored.record.workflow.name),
            asked,
            remaining_seconds=context.get_remaining_time_in_millis() / 1000,
        )
        return transition.model_dump(mode="json")

    return answer(SliceEvent, event, context, work)
