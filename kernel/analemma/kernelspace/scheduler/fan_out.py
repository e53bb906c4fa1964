"""Fan a superstep out: plan batches of tasks, and run one batch on a worker.

A worker executes only its own tasks, through LangGraph's own runner: retries,
caches, interrupts, commands and subgraphs stay LangGraph's. Every task's writes
become one record, first writer wins, so late and duplicate workers are
harmless. The next slice finds all writes there and joins; nothing runs again.

The seam is LangGraph's submit hook (``langgraph_compat``): tasks of others are
answered with ``NotMine``, a bubble-up error that the runner neither records nor
lets cancel its siblings. ``stream_mode=["custom"]`` is needed: without a waiter
a lone task takes an inline path that never asks the hook.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, ClassVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.errors import GraphBubbleUp
from langgraph.types import PregelExecutableTask
from pydantic import BaseModel, ConfigDict

from analemma.errors import Retryable
from analemma.hardware.ports import PageStore
from analemma.ids import PageId
from analemma.kernelspace.langgraph_compat import (
    CONFIG_KEY_RUNNER_SUBMIT,
    ERROR,
    ERROR_SOURCE_NODE,
    task_path_str,
)
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.program import Graph
from analemma.kernelspace.scheduler.tasks import (
    as_failure,
    is_boundary_task,
    is_error_handler_task,
)
from analemma.records.envelope import WorkerEvent

_THREADS = 4
"""Tasks of a batch that one worker runs at once; agents mostly wait."""


class FanOutPlan(BaseModel):
    """Which tasks of which superstep, in which batches. A page, hence JSON.

    ``round`` counts the fan-outs of one superstep, so that each has a page of its
    own even when it gives out the same tasks again.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    checkpoint_id: str
    round: int
    batches: tuple[tuple[str, ...], ...]


class NotMine(GraphBubbleUp):
    """Answers the runner for a task that another worker executes."""


class FailureRecorded(GraphBubbleUp):
    """Answers the runner for a task whose failure we have written down.

    LangGraph would stop its siblings on a failure, and drop what they finish
    meanwhile. Workers let them finish: what is paid for is kept.
    """


class JoinsElsewhere(GraphBubbleUp):
    """Stops a worker that would advance the checkpoint: the slice does that."""


def plan(
    pages: PageStore,
    *,
    owner: str,
    run_id: str,
    checkpoint_id: str,
    task_ids: Sequence[str],
    batch_size: int,
    round_number: int,
) -> tuple[PageId, int]:
    """Store a plan; return the page of its worker events, and how many.

    Equal arguments store equal pages, so a repeated slice plans nothing new.
    """
    batches = tuple(
        tuple(task_ids[start : start + batch_size])
        for start in range(0, len(task_ids), batch_size)
    )
    ref = pages.put(
        FanOutPlan(checkpoint_id=checkpoint_id, round=round_number, batches=batches)
        .model_dump_json()
        .encode()
    )
    events = [
        {"run_id": run_id, "owner": owner, "ref": ref, "batch": number}
        for number in range(len(batches))
    ]
    return pages.put(json.dumps(events).encode()), len(batches)


def worker_events(pages: PageStore, ref: str) -> Iterator[WorkerEvent]:
    """Yield the events that ``plan`` stored."""
    for event in json.loads(pages.get(PageId(ref))):
        yield WorkerEvent.model_validate(event)


def run_batch(
    graph: Graph,
    saver: PagedSaver,
    config: RunnableConfig,
    pages: PageStore,
    event: WorkerEvent,
) -> dict[str, BaseException | None]:
    """Execute one batch; return what each task of it raised (None: nothing).

    A task's own failure is recorded by LangGraph and judged by the join, so it
    is returned, not raised. A batch whose superstep is over runs nothing.

    Raises:
        Retryable: a store failed; the batch can be repeated.
    """
    planned = FanOutPlan.model_validate_json(pages.get(PageId(event.ref)))
    head = saver.get_tuple(config)
    if head is None or head.checkpoint["id"] != planned.checkpoint_id:
        return {}
    mine = frozenset(planned.batches[event.batch])
    own = _WorkerSaver(saver, mine)
    submit = _OnlyTasks(graph, own, planned.checkpoint_id, mine)
    worker = graph.copy({"checkpointer": own})
    config = {
        **config,
        "configurable": {
            **config.get("configurable", {}),
            CONFIG_KEY_RUNNER_SUBMIT: submit,
        },
    }
    try:
        for _ in worker.stream(None, config, stream_mode=["custom"], durability="sync"):
            pass
    except (NotMine, FailureRecorded, JoinsElsewhere):
        pass
    except Exception as error:
        if not any(error is raised for raised in submit.outcomes.values()):
            raise
    finally:
        submit.close()
    if submit.interrupted is not None:
        raise submit.interrupted
    return submit.outcomes


class _OnlyTasks:
    """LangGraph's submit hook, for the tasks of one batch."""

    def __init__(
        self,
        graph: Graph,
        saver: "_WorkerSaver",
        checkpoint_id: str,
        mine: frozenset[str],
    ) -> None:
        self._graph = graph
        self._saver = saver
        self._checkpoint_id = checkpoint_id
        self._mine = mine
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="task")
        self.outcomes: dict[str, BaseException | None] = {}
        self.interrupted: Retryable | None = None

    def __call__(self) -> Callable[..., Future[Any]]:
        return self._submit

    def close(self) -> None:
        """Wait until every task has ended."""
        self._pool.shutdown()

    def _submit(
        self,
        function: Callable[..., Any],
        task: PregelExecutableTask,
        *args: Any,
        **options: Any,
    ) -> Future[Any]:
        # Any: whatever LangGraph's runner hands from its caller to its callee.
        for name in tuple(options):
            if name.startswith("__"):
                del options[name]
        boundary = is_boundary_task(task)
        if is_error_handler_task(task) or (boundary and task.id not in self._mine):
            # Error handlers run once, in the join.
            refused: Future[Any] = Future()
            refused.set_exception(NotMine())
            return refused
        if not boundary:
            return self._pool.submit(
                copy_context().run, lambda: function(task, *args, **options)
            )
        return self._pool.submit(
            copy_context().run, lambda: self._execute(function, task, args, options)
        )

    def _execute(
        self,
        function: Callable[..., Any],
        task: PregelExecutableTask,
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Any:
        run_id = str(task.config["configurable"]["thread_id"])
        try:
            finished = self._saver.has_finished(run_id, self._checkpoint_id, task.id)
        except Retryable as failed:
            # Not the task's failure: LangGraph must neither record it nor cancel
            # its siblings.
            self.interrupted = failed
            raise NotMine from None
        if finished:
            # Another worker was given the same batch, and was faster.
            self.outcomes[task.id] = None
            raise NotMine
        try:
            result = function(task, *args, **options)
        except GraphBubbleUp as stop:  # an interrupt, a command, a used-up budget
            self.outcomes[task.id] = stop
            raise
        except (Exception, SystemExit) as raised:  # noqa: BLE001  # a node may raise it
            error = as_failure(raised)
            self._record(task, error)
            self.outcomes[task.id] = error
            raise FailureRecorded from None
        self.outcomes[task.id] = None
        return result

    def _record(self, task: PregelExecutableTask, error: Exception) -> None:
        """Write down what LangGraph's ``PregelRunner.commit`` would."""
        writes = [*task.writes, (ERROR, error)]
        if self._graph.nodes[task.name].error_handler_node:
            writes.append((ERROR_SOURCE_NODE, task.name))
        configurable = task.config["configurable"]
        config: RunnableConfig = {
            "configurable": {
                "thread_id": configurable["thread_id"],
                "checkpoint_ns": "",
                "checkpoint_id": self._checkpoint_id,
            }
        }
        self._saver.put_writes(config, writes, task.id, task_path_str(task.path))


class _WorkerSaver(BaseCheckpointSaver[int]):
    """The run's saver, minus everything that only the slice may do."""

    def __init__(self, saver: PagedSaver, mine: frozenset[str]) -> None:
        super().__init__(serde=saver.serde)
        self._saver = saver
        self._mine = mine

    def has_finished(self, run_id: str, checkpoint_id: str, task_id: str) -> bool:
        return self._saver.has_finished(run_id, checkpoint_id, task_id)

    def get_next_version(self, current: int | None, channel: None) -> int:
        return self._saver.get_next_version(current, channel)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self._saver.get_tuple(config)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        return self._saver.list(config, filter=filter, before=before, limit=limit)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        if not config["configurable"].get("checkpoint_ns"):
            raise JoinsElsewhere
        return self._saver.put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        root = not config["configurable"].get("checkpoint_ns")
        # A path with a second "~" is a functional task that a task called.
        if root and task_id not in self._mine and task_path.count("~") <= 1:
            return
        self._saver.put_writes(config, writes, task_id, task_path)
