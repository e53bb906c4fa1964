"""Batches of a fan-out: what the slice that plans stores, and a worker loads.

A page holds a few batches whole: the ids of their tasks, their places in the
channel of ``Send``s, the packets themselves, and the checkpoint without its
values. So a worker reads one page and never the checkpoint, which holds the
packets of all tasks.

Several batches share a page because a PUT costs as much as twelve GETs; few do,
because each worker reads its page whole. Both bounds hang on the batches, never
on how many tasks the superstep has.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.types import PregelTask, Send

from analemma.errors import Corrupt
from analemma.hardware.ports import PageStore
from analemma.ids import PageId
from analemma.kernelspace.langgraph_compat import (
    CONTROL_WRITES,
    ERROR_SOURCE_NODE,
    NULL_TASK_ID,
    PUSH,
    TASKS,
)
from analemma.kernelspace.memory.recollection import Seen
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.value_pages import load_value, value_page
from analemma.records.envelope import WorkerEvent

_PAGE_TASKS = 100
_PAGE_BYTES = 256 * 1024
"""What fills a page that already holds a batch."""

_OPEN = CONTROL_WRITES - {ERROR_SOURCE_NODE}
"""What tasks wrote that have not finished, and that no handler goes on with."""

Pending = tuple[str, str, object]
"""Task, channel and value: a pending write as LangGraph knows it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, as a worker loads it.

    ``checkpoint`` holds no channel values; ``channels`` names those that it has.
    ``sent`` counts the superstep's ``Send``s. ``packets`` are the batch's own, as
    the serializer gave them: (index among all, packet) each. ``pending`` are
    interrupts, answers and errors that were recorded when the batch was planned.
    """

    checkpoint: Checkpoint
    metadata: CheckpointMetadata
    parent_id: str | None
    place: Seen
    channels: tuple[str, ...]
    sent: int
    task_ids: tuple[str, ...]
    packets: tuple[str, bytes]
    pending: tuple[Pending, ...]

    @property
    def checkpoint_id(self) -> str:
        """The checkpoint that the tasks run for."""
        return self.checkpoint["id"]

    def sends(self, serde: SerializerProtocol) -> dict[int, Send]:
        """Return the batch's packets by their index among all."""
        return dict(serde.loads_typed(self.packets))


@dataclass(frozen=True, slots=True)
class Superstep:
    """The tasks of the coming superstep, and the saver that knows their packets."""

    saver: PagedSaver
    tasks: Sequence[PregelTask]

    def sent_all(self, task_ids: Iterable[str]) -> bool:
        """Say whether a ``Send`` made every one of these tasks."""
        sent = {task.id for task in self.tasks if task.path[0] == PUSH}
        return sent.issuperset(task_ids)


def batch_pages(
    pages: PageStore,
    superstep: Superstep,
    *,
    owner: str,
    run_id: str,
    checkpoint_id: str,
    task_ids: Sequence[str],
    batch_size: int,
    round_number: int,
) -> tuple[PageId, int]:
    """Store the batches; return the page of their worker events, and how many.

    Reads the checkpoint once: O(tasks) in all.
    """
    saver, serde = superstep.saver, superstep.saver.serde
    place = saver.root_log(run_id).place(checkpoint_id)
    config: RunnableConfig = {
        "configurable": {
            "thread_id": run_id,
            "checkpoint_ns": "",
            "checkpoint_id": checkpoint_id,
        }
    }
    head = saver.get_tuple(config)
    if head is None or place is None:
        raise Corrupt(f"run {run_id}: checkpoint {checkpoint_id} is not in its log")
    values = head.checkpoint["channel_values"]
    packets = cast("Sequence[Send]", values.get(TASKS) or ())
    shared = _shared(head, place, len(packets), round_number)
    writes = _Writes(head, superstep.tasks)
    indexes = {task.id: task.path[1] for task in superstep.tasks}
    batches = [
        task_ids[start : start + batch_size]
        for start in range(0, len(task_ids), batch_size)
    ]
    refs: list[PageId] = []
    waiting: list[dict[str, object]] = []
    size = 0

    def store() -> None:
        page = value_page(
            {**shared, "first": len(refs), "batches": waiting}, serde
        ).store(pages)
        refs.extend([page] * len(waiting))
        waiting.clear()

    for ids in batches:
        kind, payload = serde.dumps_typed(
            [(indexes[each], packets[cast("int", indexes[each])]) for each in ids]
        )
        if waiting and (
            size + len(payload) > _PAGE_BYTES
            or (len(waiting) + 1) * batch_size > _PAGE_TASKS
        ):
            store()
            size = 0
        size += len(payload)
        waiting.append(
            {"ids": list(ids), "sends": [kind, payload], "pending": writes.of(ids)}
        )
    store()
    events = [
        {
            "run_id": run_id,
            "owner": owner,
            "ref": ref,
            "batch": number,
            "tasks": len(batches[number]),
        }
        for number, ref in enumerate(refs)
    ]
    return pages.put(json.dumps(events).encode()), len(events)


def load_batch(
    pages: PageStore, event: WorkerEvent, serde: SerializerProtocol
) -> Batch:
    """Return the batch of an event; reads one page, and its chunks.

    Raises:
        Corrupt: the page holds no such batch.
    """
    page = load_value(pages, event.ref, serde)
    try:
        mine = page["batches"][event.batch - page["first"]]
        number, hash_ = page["place"]
        kind, payload = mine["sends"]
        return Batch(
            checkpoint=page["checkpoint"],
            metadata=page["metadata"],
            parent_id=page["parent_id"],
            place=Seen(number, hash_),
            channels=tuple(page["channels"]),
            sent=page["sent"],
            task_ids=tuple(mine["ids"]),
            packets=(kind, payload),
            pending=tuple((task, channel, v) for task, channel, v in mine["pending"]),
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Corrupt(f"page {event.ref} holds no batch {event.batch}") from error


def _shared(
    head: CheckpointTuple, place: Seen, sent: int, round_number: int
) -> dict[str, Any]:
    # Any: plain values of unlike types, for the serializer.
    parent = head.parent_config
    values = head.checkpoint["channel_values"]
    return {
        # A round of its own has pages of its own, even for the same tasks.
        "round": round_number,
        "checkpoint": {**head.checkpoint, "channel_values": {}},
        "metadata": head.metadata,
        "parent_id": parent and parent["configurable"]["checkpoint_id"],
        "place": [place.number, place.hash],
        "channels": [name for name in values if name != TASKS],
        "sent": sent,
    }


class _Writes:
    """The pending writes of a superstep, by the batches that must know them.

    What a command wrote (``NULL_TASK_ID``) concerns all. So may the questions and
    answers of functional tasks, whose callers nobody knows here. What finished is
    left out: workers look that up when they need it.
    """

    def __init__(self, head: CheckpointTuple, tasks: Iterable[PregelTask]) -> None:
        by_task: dict[str, list[Pending]] = {}
        for write in head.pending_writes or ():
            by_task.setdefault(write[0], []).append(write)
        self._own = {task.id: by_task.pop(task.id, []) for task in tasks}
        self._common = [
            write
            for task_id, writes in by_task.items()
            if task_id == NULL_TASK_ID or {each[1] for each in writes} <= _OPEN
            for write in writes
        ]

    def of(self, ids: Iterable[str]) -> list[list[object]]:
        own = (write for each in ids for write in self._own[each])
        return [list(write) for write in (*self._common, *own)]
