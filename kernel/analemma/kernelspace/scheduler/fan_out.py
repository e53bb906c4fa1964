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
from functools import partial
from typing import Any, ClassVar

from langchain_core.runnables import RunnableConfig
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
from analemma.kernelspace.scheduler.batches import (
    Superstep,
    batch_pages,
    load_batch,
)
from analemma.kernelspace.scheduler.tasks import (
    as_failure,
    is_boundary_task,
    is_error_handler_task,
    is_functional_task,
)
from analemma.kernelspace.scheduler.worker_saver import (
    BatchSaver,
    JoinsElsewhere,
    WorkerSaver,
)
from analemma.kernelspace.scheduler.worker_view import narrowed
from analemma.records.envelope import WorkerEvent

_THREADS = 4
"""Tasks of a batch that one worker runs at once; agents mostly wait."""

_INNER_THREADS = 1024
"""For what tasks call: a caller keeps its thread while it waits for the called.

In one pool with the callers they would wait for each other. Threads are made only
when they are needed.
"""


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


def plan(
    pages: PageStore,
    *,
    owner: str,
    run_id: str,
    checkpoint_id: str,
    task_ids: Sequence[str],
    batch_size: int,
    round_number: int,
    superstep: Superstep | None = None,
) -> tuple[PageId, int]:
    """Store a plan; return the page of its worker events, and how many.

    With ``superstep``, and if all tasks were sent, each batch's page holds all
    that its tasks need, and what a worker loads does not grow with the number of
    tasks. Otherwise it holds their ids, and each worker loads the checkpoint.

    Equal arguments store equal pages, so a repeated slice plans nothing new.
    """
    if superstep is not None and superstep.sent_all(task_ids):
        return batch_pages(
            pages,
            superstep,
            owner=owner,
            run_id=run_id,
            checkpoint_id=checkpoint_id,
            task_ids=task_ids,
            batch_size=batch_size,
            round_number=round_number,
        )
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


def planned_tasks(pages: PageStore, ref: str) -> int:
    """Return how many tasks the workers of a fan-out were given."""
    events = list(worker_events(pages, ref))
    if not events or events[0].tasks is not None:
        return sum(event.tasks or 0 for event in events)
    planned = FanOutPlan.model_validate_json(pages.get(PageId(events[0].ref)))
    return sum(len(batch) for batch in planned.batches)


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
    prepared = (
        _with_whole_checkpoint(graph, saver, config, pages, event)
        if event.tasks is None
        else _with_own_tasks(graph, saver, config, pages, event)
    )
    if prepared is None:
        return {}
    worker, submit = prepared
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


def _with_whole_checkpoint(
    graph: Graph,
    saver: PagedSaver,
    config: RunnableConfig,
    pages: PageStore,
    event: WorkerEvent,
) -> "tuple[Graph, _OnlyTasks] | None":
    planned = FanOutPlan.model_validate_json(pages.get(PageId(event.ref)))
    head = saver.get_tuple(config)
    if head is None or head.checkpoint["id"] != planned.checkpoint_id:
        return None
    mine = frozenset(planned.batches[event.batch])
    own = WorkerSaver(saver, mine)
    submit = _OnlyTasks(graph, own, planned.checkpoint_id, mine)
    return graph.copy({"checkpointer": own}), submit


def _with_own_tasks(
    graph: Graph,
    saver: PagedSaver,
    config: RunnableConfig,
    pages: PageStore,
    event: WorkerEvent,
) -> "tuple[Graph, _OnlyTasks] | None":
    batch = load_batch(pages, event, saver.serde)
    log = saver.root_log(str(config["configurable"]["thread_id"]))
    log.trust(batch.checkpoint_id, batch.place)
    if log.is_superseded(batch.place):
        return None
    mine = frozenset(batch.task_ids)
    own = BatchSaver(saver, mine, graph, log, batch)
    submit = _OnlyTasks(graph, own, batch.checkpoint_id, mine)
    return narrowed(graph, own, batch), submit


class _OnlyTasks:
    """LangGraph's submit hook, for the tasks of one batch."""

    def __init__(
        self,
        graph: Graph,
        saver: WorkerSaver,
        checkpoint_id: str,
        mine: frozenset[str],
    ) -> None:
        self._graph = graph
        self._saver = saver
        self._checkpoint_id = checkpoint_id
        self._mine = mine
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="task")
        self._inner = ThreadPoolExecutor(_INNER_THREADS, thread_name_prefix="inner")
        self.outcomes: dict[str, BaseException | None] = {}
        self.interrupted: Retryable | None = None

    def __call__(self) -> Callable[..., Future[Any]]:
        return self._submit

    def close(self) -> None:
        """Wait until every task has ended."""
        self._pool.shutdown()
        self._inner.shutdown()

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
        pool, perform = (
            (self._pool, self._execute) if boundary else (self._inner, self._call)
        )
        run = partial(function, task, *args, **options)
        return pool.submit(copy_context().run, perform, task, run)

    def _call(self, task: PregelExecutableTask, run: Callable[[], Any]) -> Any:
        """Run a functional task, or return what an earlier worker's call did."""
        if is_functional_task(task):
            recorded = self._saver.recorded_call(task.id)
            if recorded is not None:
                task.writes.extend(recorded)
                return recorded[-1][1]
        return run()

    def _execute(self, task: PregelExecutableTask, run: Callable[[], Any]) -> Any:
        run_id = str(task.config["configurable"]["thread_id"])
        try:
            finished = self._saver.has_finished(
                run_id, self._checkpoint_id, task.id
            ) or (
                bool(self._graph.nodes[task.name].error_handler_node)
                and self._saver.was_handed_over(task.id)
            )
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
            result = run()
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
