"""The entries of a log: manifests, each one checkpoint, and claims.

A manifest names the pages of every channel and the manifest before it, so its
hash covers the whole history of the run: equal content under another parent has
another hash. It is written last, when every page it names is durable.

The hash is SHA-256 over the MessagePack of this list:
    [namespace, number, checkpoint id, parent id, parent's hash, workflow,
     checkpoint, metadata, channels]
A page's name is its SHA-256, so the hash covers the pages without reading them.
The format, with bytes: docs/formats/manifest.md.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from analemma.errors import ManifestMismatch
from analemma.kernelspace.memory.holding import EMPTY, Holding, holding_of
from analemma.kernelspace.memory.pages import (
    Encoded,
    Entry,
    Inline,
    Ref,
    encoded_from,
    entry_from,
    entry_wire,
)
from analemma.kernelspace.memory.seal import Fields, Wire, pack, seal

CHECKPOINT = "checkpoint"
CLAIM = "claim"

UNLINKED = b""
"""As ``parent_hash``: no parent, or one that this log does not hold."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One checkpoint of one namespace.

    ``channels`` is the wire form of ``{name: value}``, or the reference of the
    page that holds it. ``step``, ``source`` and ``created_at`` repeat what the
    checkpoint and its metadata say, for readers that load neither.
    """

    namespace: str
    number: int
    checkpoint_id: str
    parent_id: str | None
    parent_hash: bytes
    workflow: str | None
    writer: str
    step: int | None
    source: str | None
    created_at: str
    checkpoint: Entry
    metadata: Entry
    channels: Wire
    holding: Holding = EMPTY

    @property
    def hash(self) -> bytes:
        """What the next manifest names as its parent's hash."""
        covered: list[Wire] = [
            self.namespace,
            self.number,
            self.checkpoint_id,
            self.parent_id,
            self.parent_hash,
            self.workflow,
            entry_wire(self.checkpoint),
            entry_wire(self.metadata),
            self.channels,
        ]
        return hashlib.sha256(pack(covered)).digest()

    def sealed(self, held: Mapping[str, Wire]) -> bytes:
        """Return the record's body; ``held`` are the fields of its holding."""
        return seal(
            CHECKPOINT,
            {
                "namespace": self.namespace,
                "number": self.number,
                "id": self.checkpoint_id,
                "parent": self.parent_id,
                "parent_hash": self.parent_hash,
                "hash": self.hash,
                "workflow": self.workflow,
                "writer": self.writer,
                "step": self.step,
                "source": self.source,
                "created_at": self.created_at,
                "checkpoint": entry_wire(self.checkpoint),
                "metadata": entry_wire(self.metadata),
                "channels": self.channels,
                **held,
            },
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """A slice took the run. ``claimed_at`` is an ISO 8601 time."""

    number: int
    writer: str
    label: str
    claimed_at: str

    def sealed(self) -> bytes:
        """Return the record's body."""
        return seal(
            CLAIM,
            {
                "number": self.number,
                "writer": self.writer,
                "label": self.label,
                "claimed_at": self.claimed_at,
            },
        )


def entry_of(fields: Fields) -> Manifest | Claim:
    """Read an entry of a log.

    Raises:
        ManifestMismatch: it is neither, or its hash is not that of its content.
    """
    match fields.kind:
        case "checkpoint":
            return _manifest_of(fields)
        case "claim":
            return Claim(
                number=fields.number("number"),
                writer=fields.text("writer"),
                label=fields.text("label"),
                claimed_at=fields.text("claimed_at"),
            )
        case kind:
            raise ManifestMismatch(f"{fields.where}: {kind!r} is no entry of a log")


def channels_from(wire: Wire) -> dict[str, Encoded]:
    """Read the table of channels."""
    if not isinstance(wire, dict):
        raise ManifestMismatch("a table of channels is malformed")
    return {name: encoded_from(value) for name, value in wire.items()}


def manifest_roots(manifest: Manifest) -> tuple[Ref, ...]:
    """Return the references that a manifest holds beside its channels'."""
    return tuple(
        entry
        for entry in (manifest.checkpoint, manifest.metadata)
        if not isinstance(entry, Inline)
    )


def _manifest_of(fields: Fields) -> Manifest:
    manifest = Manifest(
        namespace=fields.text("namespace"),
        number=fields.number("number"),
        checkpoint_id=fields.text("id"),
        parent_id=fields.optional_text("parent"),
        parent_hash=fields.raw("parent_hash"),
        workflow=fields.optional_text("workflow"),
        writer=fields.text("writer"),
        step=fields.optional_number("step"),
        source=fields.optional_text("source"),
        created_at=fields.text("created_at"),
        checkpoint=entry_from(fields.wire("checkpoint")),
        metadata=entry_from(fields.wire("metadata")),
        channels=fields.wire("channels"),
        holding=holding_of(fields),
    )
    if manifest.hash != fields.raw("hash"):
        raise ManifestMismatch(f"{fields.where}: the hash is not that of the content")
    return manifest
