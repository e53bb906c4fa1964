"""Checkpoints made by hand, for tests that need no graph."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.base.id import uuid6

from analemma.kernelspace.memory.saver import PagedSaver
from memory_backends import config_of


def checkpoint_of(**values: object) -> Checkpoint:
    """Return a checkpoint of these channels, each at version 1."""
    return {
        "v": 4,
        "id": str(uuid6()),
        "ts": "2026-01-02T03:04:05+00:00",
        "channel_values": dict(values),
        "channel_versions": dict.fromkeys(values, 1),
        "versions_seen": {},
        "updated_channels": None,
    }


def put(
    saver: PagedSaver,
    parent: RunnableConfig | None = None,
    *,
    step: int = 0,
    namespace: str = "",
    **values: object,
) -> RunnableConfig:
    """Put a checkpoint of these channels below ``parent``; return its config."""
    checkpoint = checkpoint_of(**values)
    metadata: CheckpointMetadata = {"source": "loop", "step": step, "parents": {}}
    return saver.put(
        parent or config_of(namespace=namespace),
        checkpoint,
        metadata,
        checkpoint["channel_versions"],
    )


def loaded(saver: PagedSaver, config: RunnableConfig | None = None) -> CheckpointTuple:
    """Return a checkpoint that must be there."""
    found = saver.get_tuple(config or config_of())
    assert found is not None
    return found


def values(saver: PagedSaver, config: RunnableConfig | None = None) -> dict[str, Any]:
    """Return the channels of a checkpoint that must be there."""
    return loaded(saver, config).checkpoint["channel_values"]


def pending(saver: PagedSaver, config: RunnableConfig) -> list[tuple[str, str, Any]]:
    """Return the writes recorded for a checkpoint."""
    return list(loaded(saver, config).pending_writes or ())
