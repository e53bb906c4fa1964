"""From a log to what LangGraph works with: the checkpoint tuple."""

import copy
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    PendingWrite,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.kernelspace.memory.manifest import Manifest
from analemma.kernelspace.memory.pages import Ref, encoded_from
from analemma.kernelspace.memory.reader import FINISHED, Loaded, LogReader
from analemma.kernelspace.memory.recollection import Known
from analemma.kernelspace.memory.rows import Row
from analemma.kernelspace.memory.taskwrites import TaskWrites, visible
from analemma.kernelspace.memory.values import Channel, Decoder


@dataclass(frozen=True, slots=True)
class Restored:
    """A checkpoint for LangGraph, and as it is remembered."""

    tuple: CheckpointTuple
    known: Known


@dataclass(frozen=True, slots=True)
class ChannelValue:
    """A channel's value, which may be None."""

    value: object


class Restorer:
    """Puts checkpoints of one log together."""

    def __init__(
        self, reader: LogReader, serde: SerializerProtocol, run_id: str
    ) -> None:
        self._reader = reader
        self._decoder = Decoder(serde, self._page)
        self._run_id = run_id
        self._reached: set[Ref] = set()

    def metadata(self, manifest: Manifest) -> CheckpointMetadata:
        """Return a checkpoint's metadata."""
        # cast: what was put is what comes back; LangGraph types it.
        return cast("CheckpointMetadata", self._plain(manifest, "metadata"))

    def channel(self, loaded: Loaded, name: str) -> ChannelValue | None:
        """Return the value of one channel, or None if the checkpoint has none.

        Raises:
            Corrupt: a page is missing or is not what was written.
        """
        encoded = loaded.manifest.channels.get(name)
        return None if encoded is None else ChannelValue(self._decoder.value(encoded))

    def restore(self, loaded: Loaded) -> Restored:
        """Return the checkpoint, its channels and its pending writes.

        Raises:
            Corrupt: a page is missing or is not what was written.
        """
        manifest = loaded.manifest
        values: dict[str, object] = {}
        channels: dict[str, Channel] = {}
        for name, encoded in manifest.channels.items():
            values[name] = self._decoder.value(encoded)
            channels[name] = Channel(encoded, reached=self._met())
        rest = self._plain(manifest, "checkpoint")
        checkpoint = cast(
            "Checkpoint",
            {
                **rest,
                "id": manifest.checkpoint_id,
                "ts": manifest.created_at,
                "channel_values": values,
            },
        )
        metadata = self.metadata(manifest)
        known = Known(
            manifest=manifest,
            depth=loaded.depth,
            versions=dict(checkpoint["channel_versions"]),
            channels=channels,
            other=self._met(),
        )
        parent = manifest.parent_id
        return Restored(
            CheckpointTuple(
                config=self._config(manifest.namespace, manifest.checkpoint_id),
                checkpoint=checkpoint,
                metadata=metadata,
                parent_config=(
                    self._config(manifest.namespace, parent) if parent else None
                ),
                pending_writes=list(self._pending(loaded.writes)),
            ),
            known,
        )

    def delta_history(
        self, target: str | None, channels: Sequence[str]
    ) -> dict[str, DeltaChannelHistory]:
        """Return what LangGraph rebuilds ``DeltaChannel`` values from.

        One walk: a parent always stands before its child in the log. The
        contract is ``BaseCheckpointSaver.get_delta_channel_history``.
        """
        collected: dict[str, list[PendingWrite]] = {name: [] for name in channels}
        seeds: dict[str, object] = {}
        looking = target
        below = False
        for loaded in self._reader.checkpoints():
            if looking is not None and loaded.manifest.checkpoint_id != looking:
                continue
            remaining = [name for name in channels if name not in seeds]
            if below:
                pending = list(self._pending(loaded.writes, remaining))
                for write in reversed(pending):
                    collected[write[1]].append(write)
                encoded = loaded.manifest.channels
                for name in remaining:
                    if name in encoded:
                        seeds[name] = self._decoder.value(encoded[name])
            below = True
            looking = loaded.manifest.parent_id
            if looking is None or len(seeds) == len(channels):
                break
        return {name: _history(collected[name], seeds, name) for name in collected}

    def _pending(
        self,
        recorded: tuple[tuple[str, TaskWrites], ...],
        channels: Container[str] | None = None,
    ) -> Iterator[PendingWrite]:
        """Yield the writes in the order in which LangGraph applies them."""
        rows = [
            (writes_sort_key(path, task_id, row.index), task_id, row)
            for task_id, path, row in self._rows(recorded)
            if channels is None or row.channel in channels
        ]
        for _, task_id, row in sorted(rows, key=lambda item: item[0]):
            yield (task_id, row.channel, self._decoder.value(row.value))

    def _rows(
        self, recorded: tuple[tuple[str, TaskWrites], ...]
    ) -> Iterator[tuple[str, str, Row]]:
        slots: dict[str, dict[str, TaskWrites]] = {}
        for slot, writes in recorded:
            # What the next checkpoint tells comes last, and it is what counted.
            slots.setdefault(writes.task_id, {})[slot] = writes
        for task_id, by_slot in slots.items():
            parts: dict[bool, list[Row]] = {True: [], False: []}
            for slot, writes in by_slot.items():
                parts[slot == FINISHED] = self._reader.rows(writes)
            path = max(writes.task_path for writes in by_slot.values())
            for row in visible(parts[True], parts[False]):
                yield task_id, path, row

    def _plain(self, manifest: Manifest, part: str) -> dict[str, object]:
        wire = manifest.frame.get(part)
        if isinstance(wire, dict):
            # A copy: LangGraph changes what it is given.
            return cast("dict[str, object]", copy.deepcopy(wire))
        return cast("dict[str, object]", self._decoder.value(encoded_from(wire)))

    def _page(self, ref: Ref) -> bytes:
        self._reached.add(ref)
        return self._reader.page(ref)

    def _met(self) -> frozenset[Ref]:
        """Return the pages fetched since this was last asked."""
        met = frozenset(self._reached)
        self._reached.clear()
        return met

    def _config(self, namespace: str, checkpoint_id: str) -> RunnableConfig:
        return {
            "configurable": {
                "thread_id": self._run_id,
                "checkpoint_ns": namespace,
                "checkpoint_id": checkpoint_id,
            }
        }


def _history(
    writes: Sequence[PendingWrite], seeds: Mapping[str, object], name: str
) -> DeltaChannelHistory:
    history: DeltaChannelHistory = {"writes": list(reversed(writes))}
    if name in seeds:
        history["seed"] = seeds[name]
    return history
