"""A LangGraph checkpointer on two ports: records for facts, pages for content.

A checkpoint costs what changed, it is one conditional record, and that one
condition is also the fence that lets a single writer advance a run (``fence``).
LangGraph's thread is our run: ``thread_id`` is the run's id.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
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
from analemma.kernelspace.layout import ROOT_NAMESPACE, run_partition
from analemma.kernelspace.memory.asynchronous import ThreadedSaver
from analemma.kernelspace.memory.copying import copy_logs, delete_logs
from analemma.kernelspace.memory.fence import Fenced
from analemma.kernelspace.memory.journal import Journal
from analemma.kernelspace.memory.loading import Loader
from analemma.kernelspace.memory.lone import LoneTasks
from analemma.kernelspace.memory.namespaces import namespaces, runs, stored_runs
from analemma.kernelspace.memory.pruning import Pruner, all_but_latest, of_invocations
from analemma.kernelspace.memory.reader import Loaded
from analemma.kernelspace.memory.recollection import Held
from analemma.kernelspace.memory.restore import Restorer
from analemma.kernelspace.memory.rootlog import RootLog
from analemma.kernelspace.memory.snapshot import Snapshot
from analemma.kernelspace.memory.taskrecorder import TaskRecorder, special_revision
from analemma.kernelspace.program import Graph

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


class PagedSaver(ThreadedSaver):
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
        self._lone: LoneTasks | None = None
        self._journals: dict[tuple[str, str], Journal] = {}
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    def bind(self, graph: Graph) -> Graph:
        """Return ``graph`` with this saver as its checkpointer.

        Knowing the graph, the saver can tell when a task is alone in its
        superstep. Its writes then become durable with the checkpoint that
        follows at once, in one write instead of two; nothing finished is lost by
        that. Call ``flush`` when an invocation ended badly.
        """
        self._lone = LoneTasks(graph)
        return graph.copy({"checkpointer": self})

    def flush(self, run_id: str) -> None:
        """Record what lone tasks wrote whose next checkpoint did not come.

        Raises:
            StoreUnavailable: safe to try again.
        """
        for journal in self._journals_of(run_id):
            TaskRecorder(journal, self.serde).flush()

    def claim(self, run_id: str, label: str) -> int:
        """Take the run: every older writer of its root log is fenced.

        Returns the number of the claim in the log. From here on this saver
        only ever continues from its own entries.

        Raises:
            StoreUnavailable: it may or may not have been claimed; safe to retry.
        """
        claimed_at = self._clock.now().isoformat()
        number = self._journal(run_id, ROOT_NAMESPACE).claim(label, claimed_at)
        self._claimed.add(run_id)
        return number

    def raise_if_fenced(self, run_id: str) -> None:
        """Raise ``Fenced`` if a checkpoint of this run was refused to this saver.

        To be asked after every invocation: LangGraph drops a refusal that
        comes in the background when the graph stops before its next save.
        """
        for journal in self._journals_of(run_id):
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
        log = self.root_log(run_id)
        place = log.place(checkpoint_id)
        return place is not None and log.has_finished(place, task_id)

    def root_log(self, run_id: str) -> RootLog:
        """Return the run's root log, for reading single records of it."""
        return RootLog(self._journal(run_id, ROOT_NAMESPACE), self.serde, run_id)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Append a checkpoint to its log; durable when it returns.

        The input's checkpoint alone may be lost with the machine's power until
        that of the first superstep is put: no node has run before that.

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
        memory, recorder = journal.memory, TaskRecorder(journal, self.serde)
        checkpoint_id = checkpoint["id"]
        with memory.appending:
            ran = metadata.get("source") == "loop"
            waiting = memory.waiting(snapshot.parent_id if ran else None)
            if waiting is not None and waiting.checkpoint_id != snapshot.parent_id:
                recorder.flush()
                waiting = None
            lone = None if waiting is None else waiting.attempt
            seen = journal.append(snapshot, self.serde, lone)
            memory.stop_waiting()
            memory.lone = (
                checkpoint_id if self._is_lone(namespace, checkpoint) else None
            )
        while held := memory.release_writes(checkpoint_id, seen):
            for writes in held:
                recorder.take(checkpoint_id, seen, writes)
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

        Durable when it returns, with two exceptions. If LangGraph calls before
        it has put the checkpoint: then when that is. If the graph is known
        (``bind``) and no other task runs beside this one: then with the next
        checkpoint. The first finished attempt stays.

        Raises:
            StoreUnavailable: it may or may not have been stored; safe to retry.
            TypeError: a value cannot be serialized; nothing was stored.
        """
        if not writes:
            return
        run_id, namespace = _log_of(config)
        journal = self._journal(run_id, namespace)
        checkpoint_id = config["configurable"]["checkpoint_id"]
        held = Held(tuple(writes), task_id, task_path)
        # Nobody else adds checkpoints to a run that is ours: one that we have
        # neither loaded nor put is being put, and reading the log finds nothing.
        ours = run_id in self._claimed
        seen = (journal.memory.seen if ours else journal.locate)(checkpoint_id)
        seen = seen or journal.memory.hold_writes(checkpoint_id, held)
        if seen is not None:
            TaskRecorder(journal, self.serde).take(checkpoint_id, seen, held)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint ``config`` names, or the latest one.

        Never half of one: a checkpoint is one record, written last.

        Raises:
            Corrupt: stored bytes are not what was written.
        """
        run_id, namespace = _log_of(config)
        journal = self._journal(run_id, namespace)
        TaskRecorder(journal, self.serde).flush()
        wanted = get_checkpoint_id(config)
        found = Loader(journal, self.serde, run_id).find(wanted)
        if found is None:
            return None
        loaded = found.restored.tuple
        if wanted is None and not found.has_finished_tasks:
            alone = self._is_lone(namespace, loaded.checkpoint)
            journal.memory.lone = loaded.checkpoint["id"] if alone else None
        return loaded

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

        def chosen(loaded: Loaded, restorer: Restorer) -> bool:
            return _is_wanted(loaded, wanted, bound) and _matches(
                restorer.metadata(loaded.manifest), filter
            )

        for run_id, namespace in self._logs(config):
            if left is not None and left <= 0:
                return
            journal = self._journal(run_id, namespace)
            TaskRecorder(journal, self.serde).flush()
            for found in Loader(journal, self.serde, run_id).all(chosen):
                if left is not None and left <= 0:
                    return
                left = None if left is None else left - 1
                yield found

    def delete_thread(self, thread_id: str) -> None:
        """Delete every log of a run, newest entries first.

        Pages in the page store stay until they are swept: another run of the
        owner may name them. A crash midway leaves a shorter, whole log.
        """
        delete_logs(self._records, run_partition(self._owner, thread_id))
        self._forget(thread_id)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every log of a run to a run that has none: all of its history.

        A copy that was cut short is continued by the next one.

        Raises:
            RecordConflict: the target holds something else.
            Corrupt: stored bytes are not what was written.
        """
        self.flush(source_thread_id)
        copy_logs(
            self._records,
            run_partition(self._owner, source_thread_id),
            run_partition(self._owner, target_thread_id),
        )
        self._forget(target_thread_id)

    def prune(
        self, thread_ids: Sequence[str], *, strategy: str = "keep_latest"
    ) -> None:
        """Delete old checkpoints; safe beside a writer that appends new ones.

        ``keep_latest`` does ``keep_latest``, ``delete`` deletes all.

        Raises:
            ValueError: an unknown strategy; nothing was changed.
            Corrupt: stored bytes are not what was written; nothing was deleted.
        """
        act = {"keep_latest": self.keep_latest, "delete": self.delete_thread}
        if strategy not in act:
            raise ValueError(
                f"strategy {strategy!r} is unknown; take 'keep_latest' or 'delete'"
            )
        for run_id in thread_ids:
            act[strategy](run_id)

    def keep_latest(self, run_id: str) -> int:
        """Delete all but the last checkpoint of each namespace of a run.

        Those from which LangGraph rebuilds a ``DeltaChannel`` stay as well.
        Returns how many entries of logs were deleted.

        Raises:
            Corrupt: stored bytes are not what was written; nothing was deleted.
        """
        return sum(
            self._pruner(run_id, namespace).remove(all_but_latest(self.serde))
            for namespace in namespaces(self._records, self._owner, run_id)
        )

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete what invocations with these ``run_id``s (metadata) stored.

        Reads every record of the owner, because any run may have some. Pages
        that later checkpoints are made of stay, and so does what a
        ``DeltaChannel`` is rebuilt from.

        Raises:
            Corrupt: stored bytes are not what was written; nothing was deleted.
        """
        doomed = of_invocations(run_ids, self.serde)
        for run_id in list(stored_runs(self._records, self._owner)):
            for namespace in namespaces(self._records, self._owner, run_id):
                self._pruner(run_id, namespace).remove(doomed)

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

    def _is_lone(self, namespace: str, checkpoint: Checkpoint) -> bool:
        return self._lone is not None and self._lone.follows(namespace, checkpoint)

    def _pruner(self, run_id: str, namespace: str) -> Pruner:
        partition = run_partition(self._owner, run_id)
        return Pruner(self._records, self._pages, partition, namespace)

    def _forget(self, run_id: str) -> None:
        with self._lock:
            for key in [key for key in self._journals if key[0] == run_id]:
                del self._journals[key]
            self._claimed.discard(run_id)

    def _journals_of(self, run_id: str) -> Sequence[Journal]:
        with self._lock:
            return [j for (run, _), j in self._journals.items() if run == run_id]

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
