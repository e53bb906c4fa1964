"""A LangGraph checkpointer on two ports: records for facts, pages for content.

A growing list costs what it grew by, one checkpoint is one conditional record,
and that one condition is also the fence that lets a single writer advance a run
(``fence``). LangGraph's thread is our run: ``thread_id`` is the run's id.

What is not offered, ``prune``, ``copy_thread`` and ``delete_for_runs``, would
have to move pages that later entries rely on; it is left to LangGraph's
refusal rather than done halfway.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.hardware.ports import Clock, PageStore, RecordStore, SystemClock
from analemma.ids import WorkflowDigest
from analemma.kernelspace.langgraph_compat import TASKS
from analemma.kernelspace.layout import (
    ROOT_NAMESPACE,
    after,
    log_sort,
    run_partition,
)
from analemma.kernelspace.memory.fence import Fenced
from analemma.kernelspace.memory.journal import Journal
from analemma.kernelspace.memory.namespaces import LOGS, namespaces, runs
from analemma.kernelspace.memory.reader import Loaded
from analemma.kernelspace.memory.recollection import Held
from analemma.kernelspace.memory.restore import Restored, Restorer
from analemma.kernelspace.memory.snapshot import Snapshot
from analemma.kernelspace.memory.taskrecorder import record_writes, special_revision

__all__ = ["Fenced", "PagedSaver", "RootCheckpoint"]


@dataclass(frozen=True, slots=True)
class RootCheckpoint:
    """A checkpoint of the root graph that has just become durable.

    ``pending_sends`` counts the tasks that ``Send`` asks for in the next
    superstep.
    """

    step: int
    checkpoint_id: str
    pending_sends: int


class PagedSaver(BaseCheckpointSaver[int]):
    """The memory of one owner's runs, as one writer sees and extends it.

    Values go through LangGraph's ``JsonPlusSerializer`` without its pickle
    fallback, under LangGraph's own rule for types it does not know: allowed
    with one log line a type, or, with ``LANGGRAPH_STRICT_MSGPACK=true``, only
    those that the graph's schema names.

    Safe to share between threads.
    """

    def __init__(
        self,
        records: RecordStore,
        pages: PageStore,
        *,
        owner: str,
        writer: str,
        serde: SerializerProtocol | None = None,
        workflow: WorkflowDigest | None = None,
        on_root_checkpoint: Callable[[RootCheckpoint], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Open the memory of ``owner``.

        Args:
            records: Where logs are kept.
            pages: The owner's pages.
            owner: Whose runs; no other owner's can be reached.
            writer: A nonce that no other saver ever uses.
            serde: Serializes values.
            workflow: The version of the workflow that writes; part of the chain.
            on_root_checkpoint: Called after each durable root checkpoint, on
                the thread that stored it.
            clock: Dates claims.
        """
        super().__init__(serde=serde or JsonPlusSerializer(pickle_fallback=False))
        self._records = records
        self._pages = pages
        self._owner = owner
        self._writer = writer
        self._workflow = workflow
        self._on_root_checkpoint = on_root_checkpoint
        self._clock = clock or SystemClock()
        self._journals: dict[tuple[str, str], Journal] = {}
        self._lock = threading.Lock()

    def claim(self, run_id: str, label: str) -> int:
        """Take the run: every older writer of its root log is fenced.

        Returns the number of the claim in the log. From here on this saver
        only ever continues from its own entries.

        Raises:
            StoreUnavailable: it may or may not have been claimed; safe to retry.
        """
        claimed_at = self._clock.now().isoformat()
        return self._journal(run_id, ROOT_NAMESPACE).claim(label, claimed_at)

    def raise_if_fenced(self, run_id: str) -> None:
        """Raise ``Fenced`` if a checkpoint of this run was refused to this saver.

        To be asked after every invocation: LangGraph drops a refusal that
        comes in the background when the graph stops before its next save.
        """
        with self._lock:
            journals = [j for (run, _), j in self._journals.items() if run == run_id]
        for journal in journals:
            journal.raise_if_fenced()

    def parkings(self, run_id: str, checkpoint_id: str, task_id: str) -> int:
        """Return how often a root task was parked or failed at a checkpoint.

        An interrupt's id does not tell the second question of a task from its
        first; this number does: it counts what was recorded. A task that only
        asks the same question again, with the same answers given, records
        nothing new.
        """
        journal = self._journal(run_id, ROOT_NAMESPACE)
        seen = journal.locate(checkpoint_id)
        return 0 if seen is None else special_revision(journal, seen.number, task_id)

    def has_finished(self, run_id: str, checkpoint_id: str, task_id: str) -> bool:
        """Say whether a finished attempt of a root task is recorded by now."""
        seen = self._journal(run_id, ROOT_NAMESPACE).locate(checkpoint_id)
        if seen is None:
            return False
        found = self._records.get(
            run_partition(self._owner, run_id),
            log_sort(ROOT_NAMESPACE, seen.number, f"w/{task_id}"),
        )
        return found is not None

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Append a checkpoint to its log; durable when it returns.

        Raises:
            Fenced: another writer advanced the run; nothing was changed.
            StoreUnavailable: it may or may not have been stored; safe to retry.
            TypeError: a value cannot be serialized; nothing was changed.
        """
        run_id, namespace = _log_of(config)
        journal = self._journal(run_id, namespace)
        snapshot = Snapshot(
            checkpoint=checkpoint,
            metadata=get_checkpoint_metadata(config, metadata),
            new_versions=new_versions,
            parent_id=get_checkpoint_id(config),
            workflow=self._workflow,
        )
        seen = journal.append(snapshot, self.serde)
        checkpoint_id = checkpoint["id"]
        while held := journal.memory.release_writes(checkpoint_id, seen):
            for writes in held:
                record_writes(journal, seen.number, writes, self.serde)
        if namespace == ROOT_NAMESPACE and self._on_root_checkpoint is not None:
            self._on_root_checkpoint(
                RootCheckpoint(
                    step=metadata.get("step", 0),
                    checkpoint_id=checkpoint_id,
                    pending_sends=len(checkpoint["channel_values"].get(TASKS) or ()),
                )
            )
        return {
            "configurable": {
                "thread_id": run_id,
                "checkpoint_ns": namespace,
                "checkpoint_id": checkpoint_id,
            }
        }

    def put_writes(
        self,
        config: RunnableConfig,
        # Any: LangGraph's signature; a write can be anything.
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Record what one attempt of a task wrote, as one record.

        Durable when it returns, unless LangGraph calls before it has put the
        checkpoint: then when that is. The first finished attempt stays.

        Raises:
            StoreUnavailable: it may or may not have been stored; safe to retry.
            TypeError: a value cannot be serialized; nothing was stored.
        """
        if not writes:
            return
        journal = self._journal(*_log_of(config))
        checkpoint_id = config["configurable"]["checkpoint_id"]
        held = Held(tuple(writes), task_id, task_path)
        seen = journal.locate(checkpoint_id)
        seen = seen or journal.memory.hold_writes(checkpoint_id, held)
        if seen is not None:
            record_writes(journal, seen.number, held, self.serde)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint ``config`` names, or the latest one.

        Never half of one: a checkpoint is one record, written last.

        Raises:
            Corrupt: stored bytes are not what was written.
        """
        run_id, namespace = _log_of(config)
        journal = self._journal(run_id, namespace)
        wanted = get_checkpoint_id(config)
        seen = journal.memory.seen(wanted) if wanted else None
        reader = journal.reader(up_to=seen.number if seen else None)
        restorer = Restorer(reader, self.serde, run_id)
        restored: Restored | None = None
        for loaded in reader.checkpoints():
            if wanted is None or loaded.manifest.checkpoint_id == wanted:
                restored = restorer.restore(loaded)
                break
        if wanted is None:
            journal.memory.observed_head(reader.head or 0)
        if restored is None:
            return None
        journal.memory.channels = restored.channels
        return restored.tuple

    def list(
        self,
        config: RunnableConfig | None,
        *,
        # Any: LangGraph's signature; metadata can be anything.
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield matching checkpoints, the newest of each namespace first.

        Without ``config``, of every run in the owner's process table.

        Raises:
            Corrupt: stored bytes are not what was written.
        """
        left = limit
        bound = get_checkpoint_id(before) if before else None
        wanted = get_checkpoint_id(config) if config else None
        for run_id, namespace in self._logs(config):
            reader = self._journal(run_id, namespace).reader()
            restorer = Restorer(reader, self.serde, run_id)
            for loaded in reader.checkpoints():
                if left is not None and left <= 0:
                    return
                if _is_wanted(loaded, wanted, bound) and _matches(
                    restorer.metadata(loaded.manifest), filter
                ):
                    left = None if left is None else left - 1
                    yield restorer.restore(loaded).tuple

    def delete_thread(self, thread_id: str) -> None:
        """Delete every log of a run, newest entries first.

        Pages in the page store stay until they are swept: another run of the
        owner may name them. A crash midway leaves a shorter, whole log.
        """
        partition = run_partition(self._owner, thread_id)
        found = self._records.query(
            partition, low=LOGS, high=after(LOGS), descending=True
        )
        for sort in [record.sort for record in found]:
            self._records.delete(partition, sort)
        with self._lock:
            for key in [key for key in self._journals if key[0] == thread_id]:
                del self._journals[key]

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return the writes and seeds of ``DeltaChannel``s, in one walk.

        Raises:
            Corrupt: stored bytes are not what was written.
        """
        if not channels:
            return {}
        run_id, namespace = _log_of(config)
        journal = self._journal(run_id, namespace)
        target = get_checkpoint_id(config)
        seen = journal.memory.seen(target) if target else None
        reader = journal.reader(up_to=seen.number if seen else None)
        return Restorer(reader, self.serde, run_id).delta_history(target, channels)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Do what ``get_delta_channel_history`` does, on a thread."""
        return await asyncio.to_thread(
            self.get_delta_channel_history, config=config, channels=channels
        )

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Do what ``put`` does, on a thread."""
        return await asyncio.to_thread(
            self.put, config, checkpoint, metadata, new_versions
        )

    async def aput_writes(
        self,
        config: RunnableConfig,
        # Any: LangGraph's signature; a write can be anything.
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Do what ``put_writes`` does, on a thread."""
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do what ``get_tuple`` does, on a thread."""
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        # Any: LangGraph's signature; metadata can be anything.
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Do what ``list`` does, each step on a thread."""
        found = self.list(config, filter=filter, before=before, limit=limit)
        while (item := await asyncio.to_thread(next, found, None)) is not None:
            yield item

    async def adelete_thread(self, thread_id: str) -> None:
        """Do what ``delete_thread`` does, on a thread."""
        await asyncio.to_thread(self.delete_thread, thread_id)

    def _journal(self, run_id: str, namespace: str) -> Journal:
        with self._lock:
            journal = self._journals.get((run_id, namespace))
            if journal is None:
                journal = Journal(
                    self._records,
                    self._pages,
                    run_partition(self._owner, run_id),
                    namespace,
                    self._writer,
                )
                self._journals[run_id, namespace] = journal
            return journal

    def _logs(self, config: RunnableConfig | None) -> Iterator[tuple[str, str]]:
        if config is None:
            run_ids = list(runs(self._records, self._owner))
        else:
            run_ids = [str(config["configurable"]["thread_id"])]
        named = None if config is None else config["configurable"].get("checkpoint_ns")
        for run_id in run_ids:
            found = (
                namespaces(self._records, self._owner, run_id)
                if named is None
                else iter([named])
            )
            for namespace in found:
                yield run_id, namespace


def _log_of(config: RunnableConfig) -> tuple[str, str]:
    configurable = config["configurable"]
    return str(configurable["thread_id"]), configurable.get("checkpoint_ns", "")


def _is_wanted(loaded: Loaded, wanted: str | None, bound: str | None) -> bool:
    """Say whether a checkpoint is the wanted one and older than the bound.

    LangGraph compares ids across namespaces here: they sort by time.
    """
    own = loaded.manifest.checkpoint_id
    return (wanted is None or own == wanted) and (bound is None or own < bound)


def _matches(
    metadata: Mapping[str, object], wanted: Mapping[str, object] | None
) -> bool:
    return all(metadata.get(key) == value for key, value in (wanted or {}).items())
