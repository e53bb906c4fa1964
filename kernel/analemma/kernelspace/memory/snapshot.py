"""One checkpoint on its way into a log: what LangGraph handed over, encoded.

A channel whose version has not changed since the parent checkpoint keeps its
encoding: LangGraph bumps the version of every channel a superstep writes, and
its own savers store nothing else either.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from langgraph.checkpoint.base import ChannelVersions, CheckpointMetadata
from langgraph.checkpoint.base import Checkpoint as LangGraphCheckpoint
from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.manifest import CHAIN, UNLINKED, Frame, Manifest
from analemma.kernelspace.memory.pages import Draft, Ref, entry_wire
from analemma.kernelspace.memory.plain import as_wire, time_wire
from analemma.kernelspace.memory.recollection import Known, Seen
from analemma.kernelspace.memory.seal import Wire
from analemma.kernelspace.memory.values import Channel, Encoder


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What ``BaseCheckpointSaver.put`` was called with."""

    checkpoint: LangGraphCheckpoint
    metadata: CheckpointMetadata
    new_versions: ChannelVersions
    parent_id: str | None
    workflow: str | None


@dataclass(frozen=True, slots=True)
class Composed:
    """A checkpoint encoded: what it will be known as, and its pages.

    ``pages`` are those that were encoded now; ``of`` is the manifest whose
    changes the record will tell, None for all of it.
    """

    known: Known
    pages: Mapping[Ref, bytes]
    of: Manifest | None


def compose(
    snapshot: Snapshot,
    namespace: str,
    number: int,
    writer: str,
    parent: Seen | None,
    known: Known | None,
    serde: SerializerProtocol,
) -> Composed:
    """Encode a checkpoint for its place in the log.

    Args:
        snapshot: What to store.
        namespace: Of the log.
        number: Of the entry it becomes.
        writer: Who writes it.
        parent: Where its parent stands, if this log holds it.
        known: The parent as it is remembered, if it is.
        serde: Serializes values.

    Raises:
        TypeError: a value cannot be serialized.
    """
    checkpoint = snapshot.checkpoint
    pages: dict[Ref, bytes] = {}
    channels: dict[str, Channel] = {}
    for name, value in checkpoint["channel_values"].items():
        before = known.channels.get(name) if known else None
        if before is not None and _is_unchanged(name, snapshot, known):
            channels[name] = before
            continue
        draft = Draft()
        channels[name] = Encoder(serde, draft).channel(value, before)
        pages.update(draft.pages)
    draft = Draft()
    rest = {
        name: value
        for name, value in checkpoint.items()
        if name not in ("channel_values", "id", "ts")
    }
    frame: Frame = {
        "workflow": snapshot.workflow,
        "writer": writer,
        "at": time_wire(checkpoint["ts"]),
        "checkpoint": _whole(rest, serde, draft),
        "metadata": _whole(snapshot.metadata, serde, draft),
        "channels": {name: channel.wire for name, channel in channels.items()},
    }
    pages.update(draft.pages)
    manifest = Manifest(
        namespace=namespace,
        number=number,
        checkpoint_id=checkpoint["id"],
        parent_id=snapshot.parent_id,
        parent_hash=parent.hash if parent else UNLINKED,
        frame=frame,
    )
    of = known.manifest if known and known.depth + 1 < CHAIN else None
    return Composed(
        known=Known(
            manifest=manifest,
            depth=known.depth + 1 if of and known else 0,
            versions=dict(checkpoint["channel_versions"]),
            channels=channels,
            other=frozenset(draft.pages),
        ),
        pages=pages,
        of=of,
    )


def _is_unchanged(name: str, snapshot: Snapshot, known: Known | None) -> bool:
    """Say whether the channel has the version it has in the parent."""
    versions = snapshot.checkpoint["channel_versions"]
    return (
        known is not None
        and name not in snapshot.new_versions
        and name in versions
        and known.versions.get(name) == versions[name]
    )


def _whole(value: object, serde: SerializerProtocol, draft: Draft) -> Wire:
    """Return a map as it stands, or as an entry if it needs a serializer."""
    plain = as_wire(value)
    if plain is not None:
        return plain
    return entry_wire(Encoder(serde, draft).entry(value, placement.INLINE_BLOB_BYTES))
