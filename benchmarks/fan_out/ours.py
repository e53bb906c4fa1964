"""One run of so many tasks through the deployed state machine, counted."""

import time
from collections import Counter
from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import admit
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.registry import WorkflowRegistry
from analemma.wiring import state_machine
from benchmarks.cloud.stack import BenchStack

WORKFLOW = "scattering"
_PATIENCE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run asked of AWS.

    ``calls`` are by operation; ``billed_bytes`` those of DynamoDB's items and of
    S3's bodies, as the front counts them, in both directions.
    """

    tasks: int
    calls: Counter[str]
    billed_bytes: int
    seconds: float

    @property
    def calls_per_task(self) -> float:
        """Calls to AWS, of everybody."""
        return self.calls.total() / self.tasks

    @property
    def bytes_per_task(self) -> float:
        """Bytes to and from AWS."""
        return self.billed_bytes / self.tasks


def run(stack: BenchStack, tasks: int) -> Run:
    """Start a run and wait for its end.

    Raises:
        RuntimeError: it did not end well, or its results are not all there in
            task order.
    """
    machine = stack.machine
    stack.front.forget()
    workflow = WorkflowRegistry(machine.records, stack.settings.stack).get(WORKFLOW)
    began = time.monotonic()
    run_id = admit(
        machine,
        owner=LOCAL_OWNER,
        workflow=workflow,
        value={"tasks": tasks, "results": []},
    ).record.run_id
    state_machine(stack.settings).start(owner=LOCAL_OWNER, run_id=run_id, generation=1)
    status = stack.ended(stack.execution_arn(run_id), _PATIENCE_SECONDS)
    seconds = time.monotonic() - began
    calls = stack.front.calls()
    if status != "SUCCEEDED":
        raise RuntimeError(f"run {run_id} of {tasks} tasks ended {status}")
    if _results(stack, run_id) != [number**2 for number in range(tasks)]:
        raise RuntimeError(f"run {run_id} has not the results of its {tasks} tasks")
    return Run(
        tasks=tasks,
        calls=Counter(call.name for call in calls),
        billed_bytes=sum(
            call.billed_request_bytes + call.billed_response_bytes for call in calls
        ),
        seconds=seconds,
    )


def _results(stack: BenchStack, run_id: str) -> object:
    looking = stack.looking
    saver = PagedSaver(
        looking.records,
        looking.pages(LOCAL_OWNER),
        owner=LOCAL_OWNER,
        writer="benchmark",
        serde=looking.serde,
    )
    config: RunnableConfig = {"configurable": {"thread_id": run_id}}
    head = saver.get_tuple(config)
    return None if head is None else head.checkpoint["channel_values"].get("results")
