"""The log of a run for people: what was written when, without channel values.

Everything here comes from the records alone; no page is fetched and no value is
deserialized, so a log can be shown whose values nobody can load any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from langgraph.checkpoint.base import CheckpointTuple

from analemma.hardware.ports import RecordStore
from analemma.kernelspace.langgraph_compat import PULL
from analemma.kernelspace.layout import (
    ROOT_NAMESPACE,
    after,
    log_prefix,
    run_partition,
)
from analemma.kernelspace.memory.manifest import Claim, Manifest
from analemma.kernelspace.memory.reader import FINISHED, Line, read_line
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.taskwrites import TaskWrites

_NAMED_PATH = f"~{PULL}, "


class EntryKind(StrEnum):
    """What an entry of a log is."""

    CHECKPOINT = "checkpoint"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class WritesEntry:
    """What one task recorded for a checkpoint.

    ``finished`` tells an attempt that ended well from an interrupt, an error
    or an answer. ``node`` is None where only the value of a ``Send`` names it.
    """

    task_id: str
    task_path: str
    node: str | None
    channels: tuple[str, ...]
    finished: bool
    body_bytes: int
    new_pages: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a namespace's log.

    A claim has a ``label`` and nothing of a checkpoint. ``created_at`` is ISO
    8601. ``body_bytes`` is the entry's own record, ``new_pages`` how many pages
    travel in it.
    """

    namespace: str
    number: int
    kind: EntryKind
    writer: str
    created_at: str
    body_bytes: int
    new_pages: int = 0
    label: str | None = None
    checkpoint_id: str | None = None
    parent_id: str | None = None
    step: int | None = None
    source: str | None = None
    workflow: str | None = None
    hash: str | None = None
    writes: tuple[WritesEntry, ...] = field(default=())


def entries(
    records: RecordStore, owner: str, run_id: str, namespace: str = ROOT_NAMESPACE
) -> Iterator[LogEntry]:
    """Yield the entries of one namespace's log, oldest first.

    Raises:
        ManifestMismatch: a record's bytes are not the written ones.
    """
    prefix = log_prefix(namespace)
    head: Line | None = None
    writes: list[WritesEntry] = []
    for record in records.query(
        run_partition(owner, run_id), low=prefix, high=after(prefix)
    ):
        line = read_line(record)
        if isinstance(line.entry, TaskWrites):
            writes.append(_writes_entry(line, line.entry))
            continue
        if head is not None:
            yield _entry(head, namespace, tuple(writes))
        head, writes = line, []
    if head is not None:
        yield _entry(head, namespace, tuple(writes))


def state_at(
    saver: PagedSaver,
    run_id: str,
    checkpoint_id: str | None = None,
    namespace: str = ROOT_NAMESPACE,
) -> CheckpointTuple | None:
    """Return the state of a run at a checkpoint, or the latest (None: none).

    Raises:
        Corrupt: stored bytes are not what was written.
    """
    configurable = {"thread_id": run_id, "checkpoint_ns": namespace}
    if checkpoint_id is not None:
        configurable["checkpoint_id"] = checkpoint_id
    return saver.get_tuple({"configurable": configurable})


def node_of(task_path: str) -> str | None:
    """Return the node a task path names; None for a task that ``Send`` made."""
    if not task_path.startswith(_NAMED_PATH):
        return None
    return task_path.removeprefix(_NAMED_PATH).split(", ", 1)[0]


def _entry(line: Line, namespace: str, writes: tuple[WritesEntry, ...]) -> LogEntry:
    entry = line.entry
    if isinstance(entry, Manifest):
        return LogEntry(
            namespace=namespace,
            number=line.number,
            kind=EntryKind.CHECKPOINT,
            writer=entry.writer,
            created_at=entry.created_at,
            body_bytes=line.body_bytes,
            new_pages=len(entry.holding.pages),
            checkpoint_id=entry.checkpoint_id,
            parent_id=entry.parent_id,
            step=entry.step,
            source=entry.source,
            workflow=entry.workflow,
            hash=entry.hash.hex(),
            writes=writes,
        )
    claim = entry if isinstance(entry, Claim) else None
    return LogEntry(
        namespace=namespace,
        number=line.number,
        kind=EntryKind.CLAIM,
        writer=claim.writer if claim else "",
        created_at=claim.claimed_at if claim else "",
        body_bytes=line.body_bytes,
        label=claim.label if claim else None,
    )


def _writes_entry(line: Line, writes: TaskWrites) -> WritesEntry:
    return WritesEntry(
        task_id=writes.task_id,
        task_path=writes.task_path,
        node=node_of(writes.task_path),
        channels=writes.channels,
        finished=line.slot == FINISHED,
        body_bytes=line.body_bytes,
        new_pages=len(writes.holding.pages),
    )
