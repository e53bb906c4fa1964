"""The timeline: a run's log as supersteps and slices, in the order of time.

A task's writes stand with the checkpoint it started from. Here they are shown
with the superstep that applied them, which is where a reader looks for them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from langgraph.types import Send

from analemma.ids import Owner
from analemma.kernelspace.langgraph_compat import PUSH, TASKS
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.memory.log import (
    EntryKind,
    LogEntry,
    WritesEntry,
    entries,
    state_at,
)
from analemma.kernelspace.memory.saver import PagedSaver

_PUSHED = f"~{PUSH}, "


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a timeline: a slice that began, or a superstep that was sealed.

    ``nodes`` counts the finished tasks that the superstep applied, by node.
    ``open_tasks`` counts attempts that ended in an interrupt or an error.
    ``stored_bytes`` is what the superstep added to the record store.
    """

    number: int
    at: str
    slice_label: str | None
    step: int | None
    source: str | None
    checkpoint_id: str | None
    nodes: dict[str, int]
    open_tasks: int
    stored_bytes: int


def timeline(machine: Machine, owner: str, run_id: str) -> Iterator[Moment]:
    """Yield the moments of a run, oldest first.

    The last one, if tasks have finished that no superstep has applied yet, has
    no checkpoint of its own.
    """
    pages = machine.pages(Owner(owner))
    saver = PagedSaver(
        machine.records,
        pages,
        owner=owner,
        writer="read",
        serde=machine.serde,
    )
    before: LogEntry | None = None
    for entry in entries(machine.records, pages, owner, run_id):
        if entry.kind is EntryKind.CLAIM:
            yield _claim(entry)
            continue
        yield _moment(saver, run_id, entry, before)
        before = entry
    if before is not None and before.writes:
        yield _moment(saver, run_id, None, before)


def _claim(entry: LogEntry) -> Moment:
    return Moment(
        number=entry.number,
        at=entry.created_at,
        slice_label=entry.label,
        step=None,
        source=None,
        checkpoint_id=None,
        nodes={},
        open_tasks=0,
        stored_bytes=entry.body_bytes,
    )


def _moment(
    saver: PagedSaver, run_id: str, entry: LogEntry | None, before: LogEntry | None
) -> Moment:
    writes = () if before is None else before.writes
    last = entry or before
    return Moment(
        number=0 if last is None else last.number,
        at="" if last is None else last.created_at,
        slice_label=None,
        step=None if entry is None else entry.step,
        source=None if entry is None else entry.source,
        checkpoint_id=None if entry is None else entry.checkpoint_id,
        nodes=_nodes(saver, run_id, before, writes),
        open_tasks=sum(not write.finished and _is_task(write) for write in writes),
        stored_bytes=(0 if entry is None else entry.body_bytes)
        + sum(write.body_bytes for write in writes),
    )


def _nodes(
    saver: PagedSaver,
    run_id: str,
    before: LogEntry | None,
    writes: Sequence[WritesEntry],
) -> dict[str, int]:
    finished = [write for write in writes if write.finished]
    sends: Sequence[Send] = ()
    if before is not None and any(write.node is None for write in finished):
        state = state_at(saver, run_id, before.checkpoint_id)
        if state is not None:
            sends = state.checkpoint["channel_values"].get(TASKS) or ()
    counted = Counter(write.node or _sent_to(write, sends) for write in finished)
    return dict(sorted(counted.items()))


def _sent_to(write: WritesEntry, sends: Sequence[Send]) -> str:
    index = write.task_path.removeprefix(_PUSHED).split(", ", 1)[0]
    if write.task_path.startswith(_PUSHED) and index.isdecimal():
        number = int(index)
        if number < len(sends):
            return sends[number].node
    return "?"


def _is_task(write: WritesEntry) -> bool:
    return bool(write.task_path)
