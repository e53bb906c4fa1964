"""The entries of a log: checkpoints, claims, and what pruning leaves behind.

A manifest names the pages of every channel and the manifest before it, so its
hash covers the whole history of the run: equal content under another parent has
another hash. It is written last, when every page it names is durable.

What is written is not the manifest but what changed since an earlier entry of
the log (``of``), at most ``CHAIN`` changes in a row. The hash is that of the
whole manifest, so however it was written, it is the same:
    SHA-256 over the MessagePack of [namespace, number, checkpoint id, parent
    id, parent's hash, workflow, checkpoint, metadata, channels]
A page's name is its SHA-256, so the hash covers the pages without reading them.
The format, with bytes: docs/formats/manifest.md.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from analemma.errors import ManifestMismatch
from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.holding import (
    EMPTY,
    Holding,
    Load,
    holding_of,
    table,
)
from analemma.kernelspace.memory.pages import (
    Draft,
    Encoded,
    Ref,
    encoded_from,
    lengthened,
    roots,
    shortened,
)
from analemma.kernelspace.memory.patch import patch_of, patched
from analemma.kernelspace.memory.plain import id_from, id_wire, time_from
from analemma.kernelspace.memory.seal import Fields, Place, Wire, pack, seal

CHECKPOINT = "checkpoint"
CLAIM = "claim"
REMOVED = "removed"

CHAIN = 64
"""How many entries in a row may say only what changed."""

UNLINKED = b""
"""As ``parent_hash``: no parent, or one that this log does not hold."""

Frame = dict[str, Wire]
"""What a checkpoint says beside its id and its parent:

    workflow    digest of the workflow that wrote it, or None
    writer      the writer's nonce
    at          when LangGraph made it
    checkpoint  LangGraph's, without id, time and channel values; or an entry
    metadata    LangGraph's; or an entry
    channels    {name: value}
"""


@dataclass(frozen=True, slots=True)
class Lone:
    """What the only task of a superstep wrote, told by the next checkpoint.

    ``number`` is the entry of the checkpoint that the task ran for. ``rows`` is
    the wire form of a table of writes in a record that carries ``carried``.
    """

    number: int
    task_id: str
    task_path: str
    rows: Wire
    carried: tuple[Ref, ...]


@dataclass(frozen=True)
class Manifest:
    """One checkpoint of one namespace, whole."""

    namespace: str
    number: int
    checkpoint_id: str
    parent_id: str | None
    parent_hash: bytes
    frame: Frame

    @property
    def workflow(self) -> str | None:
        """The digest of the workflow that wrote it."""
        value = self.frame.get("workflow")
        return value if isinstance(value, str) else None

    @property
    def writer(self) -> str:
        """The nonce of the writer."""
        return str(self.frame.get("writer", ""))

    @property
    def created_at(self) -> str:
        """When LangGraph made it, as LangGraph writes it."""
        return time_from(self.frame.get("at"))

    @property
    def channels(self) -> dict[str, Encoded]:
        """The values of the channels."""
        wire = self.frame.get("channels")
        if not isinstance(wire, dict):
            raise ManifestMismatch("a table of channels is malformed")
        return {name: encoded_from(value) for name, value in wire.items()}

    @property
    def step(self) -> int | None:
        """The superstep, as the metadata says."""
        step = self._metadata("step")
        return step if isinstance(step, int) else None

    @property
    def source(self) -> str | None:
        """What made the checkpoint, as the metadata says."""
        source = self._metadata("source")
        return source if isinstance(source, str) else None

    @property
    def roots(self) -> tuple[Ref, ...]:
        """Every reference the manifest holds."""
        named = [ref for value in self.channels.values() for ref in roots(value)]
        for part in ("checkpoint", "metadata"):
            wire = self.frame.get(part)
            if not isinstance(wire, dict):
                named.extend(roots(encoded_from(wire)))
        return tuple(named)

    @cached_property
    def hash(self) -> bytes:
        """What the next manifest names as its parent's hash."""
        covered: list[Wire] = [
            self.namespace,
            self.number,
            self.checkpoint_id,
            self.parent_id,
            self.parent_hash,
            self.frame.get("workflow"),
            self.frame.get("checkpoint"),
            self.frame.get("metadata"),
            self.frame.get("channels"),
        ]
        return hashlib.sha256(pack(covered)).digest()

    def _metadata(self, name: str) -> Wire:
        metadata = self.frame.get("metadata")
        return metadata.get(name) if isinstance(metadata, dict) else None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as it stands in its record.

    With ``of``, ``frame`` is a patch of the frame of that entry, and so is the
    parent unless it is given. A reference in place of ``frame`` names the page
    of a frame too long for the record.
    """

    number: int
    checkpoint_id: str
    hash: bytes
    of: int | None
    parent: str | None
    has_parent: bool
    parent_hash: bytes
    frame: Wire
    lone: Lone | None
    holding: Holding

    @property
    def said_writer(self) -> Wire:
        """The writer, as far as the record says it; equal in equal attempts."""
        if not isinstance(self.frame, dict):
            return None
        put = self.frame.get("set") if self.of is not None else self.frame
        return put.get("writer") if isinstance(put, dict) else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A slice took the run. ``claimed_at`` is an ISO 8601 time."""

    number: int
    writer: str
    label: str
    claimed_at: str
    holding: Holding = EMPTY

    def sealed(self, place: Place) -> bytes:
        """Return the record's body."""
        return seal(
            place,
            CLAIM,
            {
                "writer": self.writer,
                "label": self.label,
                "claimed_at": self.claimed_at,
            },
        )


@dataclass(frozen=True, slots=True)
class Removed:
    """The last entry of a log, deleted. Its number stays taken."""

    number: int
    holding: Holding = EMPTY

    def sealed(self, place: Place) -> bytes:
        """Return the record's body."""
        return seal(place, REMOVED, {})


@dataclass(frozen=True, slots=True)
class Body:
    """A checkpoint's record, and what must be in the page store before it."""

    sealed: bytes
    stored: tuple[bytes, ...]


def checkpoint_body(
    place: Place,
    manifest: Manifest,
    of: Manifest | None,
    load: Load,
    lone: Lone | None = None,
) -> Body:
    """Return the body of a checkpoint's record.

    Args:
        place: Where the record will stand.
        manifest: What to write.
        of: The entry to tell the difference from; None tells everything.
        load: The pages that the record holds.
        lone: What the superstep's only task wrote.
    """
    late = Draft()
    frame = manifest.frame
    carried = load.carried
    short: Frame = {
        **frame,
        "channels": _each_channel(frame, lambda wire: shortened(wire, carried)),
    }
    patch = None if of is None else patch_of(of.frame, short)
    if patch is not None and len(pack(patch)) > placement.INLINE_TABLE_BYTES:
        of = patch = None
    fields: dict[str, Wire] = {
        "id": id_wire(manifest.checkpoint_id),
        "hash": manifest.hash,
        "frame": table(short, late) if patch is None else patch,
        **load.fields,
    }
    if of is not None:
        fields["of"] = of.number
    if of is None or manifest.parent_id != of.checkpoint_id:
        parent = manifest.parent_id
        fields["parent"] = None if parent is None else id_wire(parent)
        fields["parent_hash"] = manifest.parent_hash
    if lone is not None:
        rows = table(lone.rows, late)
        fields["lone"] = [lone.number, id_wire(lone.task_id), lone.task_path, rows]
    stored = (*load.stored, *late.pages.values())
    return Body(seal(place, CHECKPOINT, fields), stored)


def entry_of(fields: Fields, number: int) -> Checkpoint | Claim | Removed:
    """Read an entry of a log.

    Raises:
        ManifestMismatch: it is none.
    """
    match fields.kind:
        case "checkpoint":
            return _checkpoint_of(fields, number)
        case "claim":
            return Claim(
                number=number,
                writer=fields.text("writer"),
                label=fields.text("label"),
                claimed_at=fields.text("claimed_at"),
            )
        case "removed":
            return Removed(number)
        case kind:
            raise ManifestMismatch(f"{fields.where}: {kind!r} is no entry of a log")


def whole(
    namespace: str, entry: Checkpoint, of: Manifest | None, frame: Wire
) -> Manifest:
    """Return the manifest that an entry stands for.

    Args:
        namespace: Of the log.
        entry: The entry.
        of: The manifest it is a change of, if it is one.
        frame: Its frame, opened if it stands on a page.

    Raises:
        ManifestMismatch: its hash is not that of its content.
    """
    carried = entry.holding.carried
    if not isinstance(frame, dict):
        raise ManifestMismatch(f"entry {entry.number}: its frame is malformed")
    if of is not None:
        frame = patched(of.frame, frame)
    frame = {
        **frame,
        "channels": _each_channel(frame, lambda wire: lengthened(wire, carried)),
    }
    if entry.has_parent or of is None:
        parent_id, parent_hash = entry.parent, entry.parent_hash
    else:
        parent_id, parent_hash = of.checkpoint_id, of.hash
    manifest = Manifest(
        namespace, entry.number, entry.checkpoint_id, parent_id, parent_hash, frame
    )
    if manifest.hash != entry.hash:
        raise ManifestMismatch(
            f"entry {entry.number} of namespace {namespace!r}: its hash is not that of "
            "its content and its parent"
        )
    return manifest


def _each_channel(frame: Frame, change: Callable[[Wire], Wire]) -> Wire:
    channels = frame.get("channels")
    if not isinstance(channels, dict):
        raise ManifestMismatch("a table of channels is malformed")
    return {name: change(wire) for name, wire in channels.items()}


def _checkpoint_of(fields: Fields, number: int) -> Checkpoint:
    of = fields.optional_number("of")
    if of is not None and not 0 <= of < number:
        raise ManifestMismatch(f"{fields.where}: is a change of entry {of}")
    has_parent = fields.has("parent")
    parent = fields.wire("parent")
    holding = holding_of(fields)
    return Checkpoint(
        number=number,
        checkpoint_id=id_from(fields.wire("id")),
        hash=fields.raw("hash"),
        of=of,
        parent=None if parent is None else id_from(parent),
        has_parent=has_parent,
        parent_hash=fields.raw("parent_hash") if has_parent else UNLINKED,
        frame=fields.wire("frame"),
        lone=_lone_from(fields.wire("lone"), holding),
        holding=holding,
    )


def _lone_from(wire: Wire, holding: Holding) -> Lone | None:
    match wire:
        case None:
            return None
        case [int() as number, task, str() as path, rows]:
            return Lone(number, id_from(task), path, rows, holding.carried)
        case _:
            raise ManifestMismatch("the writes of a lone task are malformed")
