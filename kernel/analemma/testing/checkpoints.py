"""Checkpoints made by hand, as LangGraph would hand them to a saver.

Versions are asked of the saver: it may key what it stores by channel and
version, and then two branches of a thread must not share one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    writes_sort_key,
)
from langgraph.checkpoint.base.id import uuid6

from analemma.testing.opened import Opened, config_of
from analemma.testing.sameness import expect_same, expect_values
from analemma.testing.subject import expect

NULL_TASK = "00000000-0000-0000-0000-000000000000"
"""LangGraph's id for writes that no task made: input and answers."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A checkpoint that can be put again and again: it is always the same one."""

    thread_id: str
    namespace: str
    parent_id: str | None
    checkpoint: Checkpoint
    metadata: CheckpointMetadata
    new_versions: ChannelVersions

    @property
    def config(self) -> RunnableConfig:
        """The config that names it once it is stored."""
        return config_of(self.thread_id, self.namespace, self.checkpoint["id"])

    def put(self, opened: Opened) -> "Draft":
        """Store it and return it.

        Raises:
            Violation: ``put`` returned a config that names something else.
        """
        below = config_of(self.thread_id, self.namespace, self.parent_id)
        stored = opened.put(below, self.checkpoint, self.metadata, self.new_versions)
        named = stored["configurable"].get("checkpoint_id")
        expect(
            named == self.checkpoint["id"],
            f"expected put to return a config that names checkpoint "
            f"{self.checkpoint['id']}, saw {named}",
        )
        return self


# Any: metadata is open to whatever a graph's author adds.
def draft(
    opened: Opened,
    thread_id: str,
    values: Mapping[str, object],
    *,
    parent: Draft | None = None,
    namespace: str = "",
    changed: Collection[str] | None = None,
    unstored: Sequence[str] = (),
    **metadata: Any,
) -> Draft:
    """Return a checkpoint of these channels, not stored yet.

    Args:
        opened: Whose versions are used.
        thread_id: The thread.
        values: All channels that have a value.
        parent: The checkpoint before it.
        namespace: The namespace.
        changed: The channels with a new version; None: all of ``values``.
        unstored: Channels with a new version and no value, as a
            ``DeltaChannel`` has between its snapshots.
        metadata: More metadata; ``step`` counts from the parent's.
    """
    versions = dict(parent.checkpoint["channel_versions"]) if parent else {}
    new = {
        channel: opened.next_version(versions.get(channel))
        for channel in (*(values if changed is None else changed), *unstored)
    }
    before = parent.metadata["step"] if parent else -2
    told = {"source": "loop", "step": before + 1, "parents": {}, **metadata}
    checkpoint: Checkpoint = {
        "v": 4,
        "id": str(uuid6(clock_seq=before + 1)),
        "ts": datetime.now(UTC).isoformat(),
        "channel_values": dict(values),
        "channel_versions": {**versions, **new},
        "versions_seen": {"node": {**versions}},
        "updated_channels": sorted(new),
    }
    return Draft(
        thread_id=thread_id,
        namespace=namespace,
        parent_id=parent.checkpoint["id"] if parent else None,
        checkpoint=checkpoint,
        metadata=cast(CheckpointMetadata, told),
        new_versions=new,
    )


# Any: as above.
def put(
    opened: Opened, thread_id: str, values: Mapping[str, object], **options: Any
) -> Draft:
    """Store a checkpoint and return it; ``options`` are those of ``draft``."""
    return draft(opened, thread_id, values, **options).put(opened)


def expect_whole(what: str, expected: Draft, found: CheckpointTuple) -> None:
    """Raise ``Violation`` unless a checkpoint came back as it was put."""
    seen = found.checkpoint
    expect_same(f"{what}, id", expected.checkpoint["id"], seen["id"])
    expect_values(what, expected.checkpoint["channel_values"], seen["channel_values"])
    expect_values(
        f"{what}, versions",
        expected.checkpoint["channel_versions"],
        seen["channel_versions"],
    )
    for node, versions in expected.checkpoint["versions_seen"].items():
        of_node = seen["versions_seen"].get(node, {})
        expect_values(f"{what}, versions seen by {node!r}", versions, of_node)
    for key, value in expected.metadata.items():
        expect_same(f"{what}, metadata {key!r}", value, found.metadata.get(key))
    parent = found.parent_config
    parent_id = parent["configurable"]["checkpoint_id"] if parent else None
    expect_same(f"{what}, parent", expected.parent_id, parent_id)


def written(found: CheckpointTuple, task_id: str) -> list[tuple[str, object]]:
    """Return the pending writes of one task, in the order they were given."""
    return [
        (channel, value)
        for task, channel, value in found.pending_writes or ()
        if task == task_id
    ]


def pushed(number: int) -> str:
    """Return the path of the task that a ``Send`` of this number makes."""
    return f"~__pregel_push, {number:010d}"


__all__ = [
    "NULL_TASK",
    "Draft",
    "draft",
    "expect_whole",
    "pushed",
    "put",
    "writes_sort_key",
    "written",
]
