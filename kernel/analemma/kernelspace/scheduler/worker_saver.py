"""The checkpointer of a worker: the run's, minus what only the slice may do.

It records what the worker's own tasks wrote, and drops what LangGraph would say
of others'. Advancing the checkpoint stops the worker.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.errors import GraphBubbleUp

from analemma.kernelspace.memory.rootlog import RootLog
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.program import Graph
from analemma.kernelspace.scheduler.batches import Batch
from analemma.kernelspace.scheduler.worker_view import checkpoint_of


class JoinsElsewhere(GraphBubbleUp):
    """Stops a worker that would advance the checkpoint: the slice does that."""


class WorkerSaver(BaseCheckpointSaver[int]):
    """The run's saver, minus everything that only the slice may do."""

    def __init__(self, saver: PagedSaver, mine: frozenset[str]) -> None:
        super().__init__(serde=saver.serde)
        self._saver = saver
        self._mine = mine

    def has_finished(self, run_id: str, checkpoint_id: str, task_id: str) -> bool:
        """Say whether a finished attempt of a task is recorded by now."""
        return self._saver.has_finished(run_id, checkpoint_id, task_id)

    def was_handed_over(self, task_id: str) -> bool:
        """Say whether a task's error is with its handler.

        Who sees the writes of all tasks needs not ask: LangGraph knows.
        """
        return False

    def recorded_call(self, task_id: str) -> Sequence[tuple[str, Any]] | None:
        """Return what a functional task wrote; the last is what it returned.

        None: nothing is recorded, or LangGraph knows, who sees all writes.
        """
        return None

    def get_next_version(self, current: int | None, channel: None) -> int:
        """Return the version after this one."""
        return self._saver.get_next_version(current, channel)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint."""
        return self._saver.get_tuple(config)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints."""
        return self._saver.list(config, filter=filter, before=before, limit=limit)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Put a subgraph's checkpoint; at the root, stop the worker."""
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
        """Record what the worker's own tasks wrote; drop the rest."""
        root = not config["configurable"].get("checkpoint_ns")
        # A path with a second "~" is a functional task that a task called.
        if root and task_id not in self._mine and task_path.count("~") <= 1:
            return
        self._saver.put_writes(config, writes, task_id, task_path)


class BatchSaver(WorkerSaver):
    """The run's saver, with a root checkpoint in which one batch exists."""

    def __init__(
        self,
        saver: PagedSaver,
        mine: frozenset[str],
        graph: Graph,
        log: RootLog,
        batch: Batch,
    ) -> None:
        super().__init__(saver, mine)
        self._graph = graph
        self._log = log
        self._batch = batch

    def was_handed_over(self, task_id: str) -> bool:
        """Say whether a task's error is with its handler. One read."""
        return self._log.was_handed_over(self._batch.place, task_id)

    def recorded_call(self, task_id: str) -> Sequence[tuple[str, Any]] | None:
        """Return what a functional task wrote, if it finished. One read."""
        return self._log.finished(self._batch.place, task_id)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint; at the root, the one with the batch alone."""
        configurable = config["configurable"]
        batch = self._batch
        wanted = configurable.get("checkpoint_id") or batch.checkpoint_id
        if configurable.get("checkpoint_ns") or wanted != batch.checkpoint_id:
            return self._saver.get_tuple(config)

        def at(checkpoint_id: str) -> RunnableConfig:
            thread_id = str(configurable["thread_id"])
            return {
                "configurable": {
                    "thread_id": thread_id,
                    "checkpoint_ns": "",
                    "checkpoint_id": checkpoint_id,
                }
            }

        return CheckpointTuple(
            config=at(batch.checkpoint_id),
            checkpoint=checkpoint_of(batch, self._graph, self._log, self.serde),
            metadata=batch.metadata,
            parent_config=None if batch.parent_id is None else at(batch.parent_id),
            pending_writes=list(batch.pending),
        )

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return what ``DeltaChannel``s are rebuilt from."""
        return self._saver.get_delta_channel_history(config=config, channels=channels)
