"""The log of a run for people: what was written when, without channel values.

Everything here comes from the records; no value is deserialized, so a log can be
shown whose values nobody can load any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from langgraph.checkpoint.base import CheckpointTuple

from analemma.errors import Corrupt, ManifestMismatch
from analemma.hardware.ports import PageStore, RecordStore
from analemma.kernelspace.langgraph_compat import PULL
from analemma.kernelspace.layout import (
    ROOT_NAMESPACE,
    after,
    log_prefix,
    run_partition,
)
from analemma.kernelspace.memory.manifest import (
    Checkpoint,
    Claim,
    Manifest,
    Removed,
    whole,
)
from analemma.kernelspace.memory.namespaces import prunings
from analemma.kernelspace.memory.reader import SPECIAL, Line, open_table, read_line
from analemma.kernelspace.memory.remains import Remains, frames_from
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.taskwrites import TaskWrites, lone_writes

_NAMED_PATH = f"~{PULL}, "


class EntryKind(StrEnum):
    """What an entry of a log is."""

    CHECKPOINT = "checkpoint"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class WritesEntry:
    """What one task recorded for a checkpoint.

    ``finished`` tells an attempt that ended well from an interrupt, an error
    or an answer. ``body_bytes`` is 0 if the next checkpoint's record tells it.
    ``node`` is None where only the value of a ``Send`` names it.
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
    records: RecordStore,
    pages: PageStore,
    owner: str,
    run_id: str,
    namespace: str = ROOT_NAMESPACE,
) -> Iterator[LogEntry]:
    """Yield the entries of one namespace's log, oldest first.

    Raises:
        ManifestMismatch: a record's bytes are not the written ones.
    """
    partition = run_partition(owner, run_id)
    while True:
        before = prunings(records, partition)
        try:
            told = list(_entries(records, pages, partition, namespace))
        except Corrupt:
            if prunings(records, partition) == before:
                raise
        else:
            yield from told
            return


def _entries(
    records: RecordStore, pages: PageStore, partition: str, namespace: str
) -> Iterator[LogEntry]:
    history = _Told(namespace, pages)
    prefix = log_prefix(namespace)
    for record in records.query(partition, low=prefix, high=after(prefix)):
        yield from history.hear(read_line(record))
    yield from history.rest()


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


@dataclass(slots=True)
class _Told:
    """A log as it is heard, oldest record first.

    Entries wait until the next checkpoint, because it tells what a lone task
    wrote for the one before it.
    """

    namespace: str
    pages: PageStore
    _known: dict[int, Manifest] = field(default_factory=dict)
    _waiting: list[LogEntry] = field(default_factory=list)

    def hear(self, line: Line) -> Iterator[LogEntry]:
        """Take the next record; yield what is complete now."""
        entry = line.entry
        match entry:
            case TaskWrites():
                self._add(_writes_entry(line, entry))
            case Remains():
                frames = open_table(entry.frames, self.pages)
                self._known.update(frames_from(self.namespace, frames))
            case Checkpoint():
                if entry.lone is not None:
                    told = lone_writes(entry.lone)
                    self._add(_writes_entry(line, told), told.number)
                yield from self.rest()
                self._waiting.append(self._checkpoint(line, entry))
            case Claim():
                self._waiting.append(_claim(line, entry, self.namespace))
            case Removed():
                yield from self.rest()

    def rest(self) -> Iterator[LogEntry]:
        """Yield what still waits."""
        yield from self._waiting
        self._waiting.clear()

    def _add(self, writes: WritesEntry, number: int | None = None) -> None:
        for place, each in enumerate(self._waiting):
            if each.kind is EntryKind.CHECKPOINT and number in (None, each.number):
                self._waiting[place] = replace(each, writes=(*each.writes, writes))

    def _checkpoint(self, line: Line, entry: Checkpoint) -> LogEntry:
        of = None
        if entry.of is not None:
            of = self._known.get(entry.of)
            if of is None:
                raise ManifestMismatch(
                    f"entry {entry.number} of namespace {self.namespace!r} says what "
                    f"changed since entry {entry.of}, which is not in the log"
                )
        frame = open_table(entry.frame, self.pages)
        manifest = whole(self.namespace, entry, of, frame)
        # A branch can leave from any earlier entry, so all are kept.
        self._known[entry.number] = manifest
        return LogEntry(
            namespace=self.namespace,
            number=line.number,
            kind=EntryKind.CHECKPOINT,
            writer=manifest.writer,
            created_at=manifest.created_at,
            body_bytes=line.body_bytes,
            new_pages=len(entry.holding.pages),
            checkpoint_id=manifest.checkpoint_id,
            parent_id=manifest.parent_id,
            step=manifest.step,
            source=manifest.source,
            workflow=manifest.workflow,
            hash=entry.hash.hex(),
        )


def _claim(line: Line, claim: Claim, namespace: str) -> LogEntry:
    return LogEntry(
        namespace=namespace,
        number=line.number,
        kind=EntryKind.CLAIM,
        writer=claim.writer,
        created_at=claim.claimed_at,
        body_bytes=line.body_bytes,
        label=claim.label,
    )


def _writes_entry(line: Line, writes: TaskWrites) -> WritesEntry:
    return WritesEntry(
        task_id=writes.task_id,
        task_path=writes.task_path,
        node=node_of(writes.task_path),
        channels=writes.channels,
        finished=line.slot != SPECIAL,
        body_bytes=line.body_bytes if writes.at_home else 0,
        new_pages=len(writes.holding.pages),
    )
