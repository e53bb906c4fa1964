"""A saver that keeps every rule of ``analemma.testing``, in this process's memory.

It is small rather than good: one lock, whole copies, nothing shared. What breaks
a rule is derived from it (``testing_defects``), so that a check that fails on a
derived saver fails for that one defect.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME

from analemma.testing import Subject

NULL_TASK = "00000000-0000-0000-0000-000000000000"
ERROR_SOURCE = "__error_source_node__"
CONTROL = {ERROR, ERROR_SOURCE, INTERRUPT, RESUME}

# Any: whatever a saver under test chooses to keep for a value.
Kept = Any
Key = tuple[str, str, str]
Write = tuple[int, str, Kept]
# A method is called ``list``: its class cannot write the type after it.
Keys = list[Key]


class StorageFailed(Exception):
    """What faulty storage raises."""


class Refused(Exception):
    """Another writer was first."""


@dataclass
class Row:
    """One checkpoint."""

    head: Kept
    values: dict[str, Kept]
    metadata: dict[str, Any]
    parent: str | None
    hidden: bool = False


@dataclass
class Task:
    """What one task wrote: a finished attempt, and what came before one."""

    path: str
    finished: list[Write] = field(default_factory=list)
    special: list[Write] = field(default_factory=list)


@dataclass
class Vault:
    """The storage that savers share."""

    rows: dict[Key, Row] = field(default_factory=dict)
    tasks: dict[Key, dict[str, Task]] = field(default_factory=dict)
    revisions: dict[tuple[str, str], int] = field(default_factory=dict)
    # For defects: whatever else a broken saver keeps.
    other: dict[Any, Any] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


class ReferenceSaver(BaseCheckpointSaver[str]):
    """A saver on a vault; ``calls`` is how many calls its storage answers."""

    def __init__(self, vault: Vault, calls: int | None = None) -> None:
        super().__init__()
        self.vault = vault
        self.calls = calls
        self.read: dict[tuple[str, str], int] = {}

    # -- storage

    def touch(self) -> None:
        """Count one storage call."""
        with self.vault.lock:
            if self.calls is not None:
                if self.calls <= 0:
                    raise StorageFailed("the storage does not answer")
                self.calls -= 1

    def encode(self, key: Key, channel: str, value: object) -> Kept:
        return self.serde.dumps_typed(value)

    def decode(self, key: Key, kept: Kept) -> object:
        return self.serde.loads_typed(kept)

    def names(self, thread_id: str, namespace: str | None = None) -> Keys:
        """Return a thread's checkpoints, the newest of each namespace first."""
        found = [
            key
            for key in self.vault.rows
            if key[0] == thread_id and namespace in (None, key[1])
        ]
        return sorted(found, key=lambda key: key[2], reverse=True)

    def latest(self, thread_id: str, namespace: str) -> Key | None:
        names = [
            key
            for key in self.names(thread_id, namespace)
            if not self.vault.rows[key].hidden
        ]
        return names[0] if names else None

    # -- writing

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        key = (*log_of(config), checkpoint["id"])
        with self.vault.lock:
            row = Row(
                head=self.serde.dumps_typed({**checkpoint, "channel_values": {}}),
                values={
                    channel: self.encode(key, channel, value)
                    for channel, value in checkpoint["channel_values"].items()
                },
                metadata=dict(get_checkpoint_metadata(config, metadata)),
                parent=get_checkpoint_id(config),
            )
            self.fence(key[:2])
            self.store(key, row, new_versions)
            revision = self.vault.revisions.get(key[:2], 0) + 1
            self.vault.revisions[key[:2]] = self.read[key[:2]] = revision
        return config_of(key)

    def store(self, key: Key, row: Row, new_versions: ChannelVersions) -> None:
        self.touch()
        self.vault.rows[key] = row

    def fence(self, log: tuple[str, str]) -> None:
        now = self.vault.revisions.get(log, 0)
        if self.read.get(log, now) != now:
            raise Refused(f"{log} was advanced by another writer")

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        key = (*log_of(config), config["configurable"]["checkpoint_id"])
        rows = [
            (WRITES_IDX_MAP.get(channel, n), channel, self.encode(key, channel, value))
            for n, (channel, value) in enumerate(writes)
        ]
        with self.vault.lock:
            self.record(key, task_id, task_path, rows)

    def record(self, key: Key, task_id: str, path: str, rows: list[Write]) -> None:
        self.touch()
        tasks = self.vault.tasks.setdefault(key, {})
        task = tasks.setdefault(task_id, Task(path))
        self.merge(task, task_id, rows)

    def merge(self, task: Task, task_id: str, rows: list[Write]) -> None:
        channels = {channel for _, channel, _ in rows}
        if task_id == NULL_TASK:
            places = {row[0]: row for row in task.special}
            for row in rows:
                if row[0] < 0 or row[0] not in places:
                    places[row[0]] = row
            task.special = [places[place] for place in sorted(places)]
        elif channels - CONTROL and not channels & {ERROR, INTERRUPT}:
            task.finished = task.finished or rows
        else:
            self.merge_special(task, rows)

    def merge_special(self, task: Task, rows: list[Write]) -> None:
        answers = [row for row in rows if row[1] == RESUME]
        outcome = [row for row in rows if row[1] != RESUME]
        task.special = [
            *(outcome or [row for row in task.special if row[1] != RESUME]),
            *(answers or [row for row in task.special if row[1] == RESUME]),
        ]

    # -- reading

    def visible(self, task: Task) -> list[Write]:
        if task.finished:
            taken = {row[0] for row in task.finished}
            return task.finished + [
                row
                for row in task.special
                if row[1] in (INTERRUPT, RESUME) and row[0] not in taken
            ]
        channels = {channel for _, channel, _ in task.special}
        if ERROR in channels and ERROR_SOURCE not in channels:
            return [row for row in task.special if row[1] in CONTROL]
        return task.special

    def sort_key(self, task: Task, task_id: str, place: int) -> Any:
        return writes_sort_key(task.path, task_id, place)

    def pending(self, key: Key) -> list[tuple[str, str, Any]]:
        rows = [
            (self.sort_key(task, task_id, place), task_id, channel, kept)
            for task_id, task in self.vault.tasks.get(key, {}).items()
            for place, channel, kept in self.visible(task)
        ]
        rows.sort(key=lambda row: row[0])
        return [(row[1], row[2], self.decode(key, row[3])) for row in rows]

    def load(self, key: Key) -> CheckpointTuple:
        row = self.vault.rows[key]
        checkpoint = self.serde.loads_typed(row.head)
        checkpoint["channel_values"] = {
            channel: self.decode(key, kept) for channel, kept in row.values.items()
        }
        return CheckpointTuple(
            config=config_of(key),
            checkpoint=checkpoint,
            metadata=dict(row.metadata),  # type: ignore[arg-type]  # as it was put
            parent_config=config_of((*key[:2], row.parent)) if row.parent else None,
            pending_writes=self.pending(key),
        )

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        log = log_of(config)
        wanted = get_checkpoint_id(config)
        with self.vault.lock:
            self.touch()
            key = (*log, wanted) if wanted else self.latest(*log)
            if not wanted:
                self.read[log] = self.vault.revisions.get(log, 0)
            return self.load(key) if key in self.vault.rows else None

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        with self.vault.lock:
            self.touch()
            keys = [
                key
                for key in self.candidates(config)
                if not self.vault.rows[key].hidden
                and self.is_wanted(key, config)
                and self.is_before(key, before)
                and self.matches(self.vault.rows[key].metadata, filter or {})
            ]
            return iter([self.load(key) for key in self.limited(keys, limit)])

    def candidates(self, config: RunnableConfig | None) -> Keys:
        if config is None:
            return list(self.vault.rows)
        named = config["configurable"].get("checkpoint_ns")
        return self.names(config["configurable"]["thread_id"], named)

    def is_wanted(self, key: Key, config: RunnableConfig | None) -> bool:
        wanted = get_checkpoint_id(config) if config else None
        return wanted in (None, key[2])

    def is_before(self, key: Key, before: RunnableConfig | None) -> bool:
        bound = get_checkpoint_id(before) if before else None
        return bound is None or key[2] < bound

    def matches(self, metadata: dict[str, Any], wanted: dict[str, Any]) -> bool:
        return all(metadata.get(name) == value for name, value in wanted.items())

    def limited(self, keys: Keys, limit: int | None) -> Keys:
        return keys if limit is None else keys[:limit]

    # -- the rest

    def drop(self, key: Key) -> None:
        self.vault.rows.pop(key, None)
        self.vault.tasks.pop(key, None)

    def delete_thread(self, thread_id: str) -> None:
        with self.vault.lock:
            self.touch()
            for key in self.names(thread_id):
                self.drop(key)
            for log in [log for log in self.vault.revisions if log[0] == thread_id]:
                del self.vault.revisions[log]

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        with self.vault.lock:
            self.touch()
            for key in self.names(source_thread_id):
                copied = (target_thread_id, *key[1:])
                self.vault.rows[copied] = replace(self.vault.rows[key])
                self.vault.tasks[copied] = {
                    task_id: replace(task)
                    for task_id, task in self.vault.tasks.get(key, {}).items()
                }

    def prune(
        self, thread_ids: Sequence[str], *, strategy: str = "keep_latest"
    ) -> None:
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"no strategy is called {strategy!r}")
        for thread_id in thread_ids:
            if strategy == "delete":
                self.delete_thread(thread_id)
            else:
                with self.vault.lock:
                    self.touch()
                    self.keep_latest(thread_id)

    def keep_latest(self, thread_id: str) -> None:
        for namespace in {key[1] for key in self.names(thread_id)}:
            kept = self.latest(thread_id, namespace)
            assert kept is not None
            head = self.serde.loads_typed(self.vault.rows[kept].head)
            is_delta = set(head["channel_versions"]) > set(self.vault.rows[kept].values)
            for key in self.names(thread_id, namespace):
                if key != kept and is_delta:
                    # What a DeltaChannel is rebuilt from stays, out of sight.
                    self.vault.rows[key].hidden = True
                elif key != kept:
                    self.drop(key)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        with self.vault.lock:
            self.touch()
            for key, row in list(self.vault.rows.items()):
                if row.metadata.get("run_id") in run_ids:
                    self.drop(key)

    def get_next_version(self, current: str | None, channel: None) -> str:
        return InMemorySaver.get_next_version(InMemorySaver(), current, channel)

    # -- the same, on a thread

    async def aput(self, *args: Any) -> RunnableConfig:
        return await asyncio.to_thread(self.put, *args)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        # LangGraph looks for this name and passes no path without it.
        task_path: str = "",
    ) -> None:
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self, config: RunnableConfig | None, **options: Any
    ) -> AsyncIterator[CheckpointTuple]:
        for found in await asyncio.to_thread(self.list, config, **options):
            yield found

    async def aget_delta_channel_history(self, **options: Any) -> Any:
        return await asyncio.to_thread(self.get_delta_channel_history, **options)

    async def adelete_thread(self, thread_id: str) -> None:
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(
        self, thread_ids: Sequence[str], *, strategy: str = "keep_latest"
    ) -> None:
        await asyncio.to_thread(self.prune, thread_ids, strategy=strategy)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await asyncio.to_thread(self.delete_for_runs, run_ids)


def log_of(config: RunnableConfig) -> tuple[str, str]:
    configurable = config["configurable"]
    return configurable["thread_id"], configurable.get("checkpoint_ns", "")


def config_of(key: Key) -> RunnableConfig:
    names = ("thread_id", "checkpoint_ns", "checkpoint_id")
    return {"configurable": dict(zip(names, key, strict=True))}


def subject_of(saver: type[ReferenceSaver] = ReferenceSaver) -> Subject:
    """Return a subject on empty storage."""
    vault = Vault()
    return Subject(
        open=lambda: saver(vault), faulty=lambda after_calls: saver(vault, after_calls)
    )
