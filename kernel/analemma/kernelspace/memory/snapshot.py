"""One checkpoint on its way into a log: what LangGraph handed over, encoded.

A channel whose version has not changed since the parent checkpoint keeps its
encoding: LangGraph bumps the version of every channel a superstep writes, and
its own savers store nothing else either. Everything else is serialized again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.holding import table
from analemma.kernelspace.memory.manifest import UNLINKED, Manifest
from analemma.kernelspace.memory.pages import Draft, Encoded, encoded_wire
from analemma.kernelspace.memory.recollection import Channels, Seen
from analemma.kernelspace.memory.seal import Wire
from analemma.kernelspace.memory.values import Encoder


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What ``BaseCheckpointSaver.put`` was called with."""

    checkpoint: Checkpoint
    metadata: CheckpointMetadata
    new_versions: ChannelVersions
    parent_id: str | None
    workflow: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry goes, and who writes it."""

    namespace: str
    number: int
    writer: str
    parent: Seen | None


@dataclass(frozen=True, slots=True)
class Composed:
    """A manifest without its pages, and the draft they are in."""

    manifest: Manifest
    draft: Draft
    channels: Channels


def compose(
    snapshot: Snapshot, place: Place, serde: SerializerProtocol, last: Channels | None
) -> Composed:
    """Encode a checkpoint for its place in the log.

    Args:
        snapshot: What to store.
        place: The entry it becomes.
        serde: Serializes values.
        last: The channels this saver wrote or read last, if any.

    Raises:
        TypeError: a value cannot be serialized.
    """
    draft = Draft()
    encoder = Encoder(serde, draft)
    checkpoint = snapshot.checkpoint
    unchanged = _unchanged(snapshot, last)
    encoded: dict[str, Encoded] = {
        name: unchanged[name] if name in unchanged else encoder.value(value)
        for name, value in checkpoint["channel_values"].items()
    }
    names: dict[str, Wire] = {name: encoded_wire(v) for name, v in encoded.items()}
    rest = {name: v for name, v in checkpoint.items() if name != "channel_values"}
    metadata: Mapping[str, object] = snapshot.metadata
    step, source = metadata.get("step"), metadata.get("source")
    manifest = Manifest(
        namespace=place.namespace,
        number=place.number,
        checkpoint_id=checkpoint["id"],
        parent_id=snapshot.parent_id,
        parent_hash=place.parent.hash if place.parent else UNLINKED,
        workflow=snapshot.workflow,
        writer=place.writer,
        step=step if isinstance(step, int) else None,
        source=source if isinstance(source, str) else None,
        created_at=checkpoint["ts"],
        checkpoint=encoder.entry(rest, placement.INLINE_BLOB_BYTES),
        metadata=encoder.entry(metadata, placement.INLINE_BLOB_BYTES),
        channels=table(names, draft),
    )
    versions = dict(checkpoint["channel_versions"])
    return Composed(manifest, draft, Channels(checkpoint["id"], versions, encoded))


def _unchanged(snapshot: Snapshot, last: Channels | None) -> Mapping[str, Encoded]:
    """Return the encodings of the parent that hold for this checkpoint too."""
    if last is None or last.checkpoint_id != snapshot.parent_id:
        return {}
    versions = snapshot.checkpoint["channel_versions"]
    return {
        name: encoded
        for name, encoded in last.encoded.items()
        if name not in snapshot.new_versions
        and name in versions
        and last.versions.get(name) == versions[name]
    }
