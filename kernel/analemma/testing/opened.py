"""A saver as a check holds it: one set of methods, whichever way they are called."""

from collections.abc import Mapping, Sequence
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

from analemma.testing.caller import AsyncCaller, Caller
from analemma.testing.subject import NotOffered, Saver, Violation


def config_of(
    thread_id: str, namespace: str = "", checkpoint_id: str | None = None
) -> RunnableConfig:
    """Return the config that names a checkpoint, or a namespace's latest."""
    configurable = {"thread_id": thread_id, "checkpoint_ns": namespace}
    if checkpoint_id is not None:
        configurable["checkpoint_id"] = checkpoint_id
    return {"configurable": configurable}


class Opened:
    """One opened saver. Its methods are LangGraph's; they raise what it raises."""

    def __init__(self, saver: Saver, caller: Caller) -> None:
        self.saver = saver
        self._caller = caller

    def needs(self, method: str) -> None:
        """Stop the check if the saver leaves ``method`` to LangGraph's refusal.

        Raises:
            NotOffered: it does.
        """
        name = f"a{method}" if isinstance(self._caller, AsyncCaller) else method
        own = getattr(type(self.saver), name, None)
        if own is None or own is getattr(BaseCheckpointSaver, name):
            raise NotOffered(f"{type(self.saver).__name__} does not implement {name}")

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint below the one that ``config`` names."""
        stored: RunnableConfig = self._caller.call(
            self.saver, "put", config, checkpoint, metadata, new_versions
        )
        return stored

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, object]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what one attempt of a task wrote."""
        self._caller.call(self.saver, "put_writes", config, writes, task_id, task_path)

    def find(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that ``config`` names, or None."""
        found: CheckpointTuple | None = self._caller.call(
            self.saver, "get_tuple", config
        )
        return found

    def load(self, config: RunnableConfig) -> CheckpointTuple:
        """Return the checkpoint that ``config`` names.

        Raises:
            Violation: there is none.
        """
        found = self.find(config)
        if found is None:
            raise Violation(
                f"expected a checkpoint for {config['configurable']}, found none"
            )
        return found

    def latest(self, thread_id: str, namespace: str = "") -> CheckpointTuple:
        """Return the latest checkpoint of a namespace.

        Raises:
            Violation: there is none.
        """
        return self.load(config_of(thread_id, namespace))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        where: Mapping[str, object] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> list[CheckpointTuple]:
        """Return what ``list`` yields; ``where`` is its ``filter``."""
        return self._caller.collect(
            self.saver,
            "list",
            config,
            filter=None if where is None else dict(where),
            before=before,
            limit=limit,
        )

    def delta_history(
        self, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return the writes and seeds of channels above a checkpoint."""
        found: Mapping[str, DeltaChannelHistory] = self._caller.call(
            self.saver, "get_delta_channel_history", config=config, channels=channels
        )
        return found

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread."""
        self._caller.call(self.saver, "delete_thread", thread_id)

    def copy_thread(self, source: str, target: str) -> None:
        """Copy a thread."""
        self._caller.call(self.saver, "copy_thread", source, target)

    def prune(self, *thread_ids: str, strategy: str = "keep_latest") -> None:
        """Prune threads."""
        self._caller.call(self.saver, "prune", list(thread_ids), strategy=strategy)

    def delete_for_runs(self, *run_ids: str) -> None:
        """Delete the checkpoints of runs."""
        self._caller.call(self.saver, "delete_for_runs", list(run_ids))

    def next_version(self, current: object) -> Any:
        """Return the version after ``current``. Any: the saver's own type."""
        return self.saver.get_next_version(current, None)
