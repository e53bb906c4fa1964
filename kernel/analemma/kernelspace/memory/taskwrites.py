"""A task's writes: one record, so that two attempts never mix.

LangGraph's savers keep one row a write; two attempts of one task with different
writes then end up interleaved, and are applied as if one attempt had made both.
Here an attempt that finished is one record under ``w/``, first writer wins.

Everything else goes under ``s/``, last writer wins: an interrupt, an error with
whatever the failed attempt had written, the answers people gave, and the writes
of no task (``NULL_TASK_ID``: a command's). Three rules, each from how LangGraph
1.2 reads them back (``langgraph.pregel._task_status``):

* An attempt's outcome replaces the outcome before it; answers (``RESUME``) are
  kept until newer answers come, so that a failure does not ask people again.
* LangGraph takes a task with any output for finished. What a failed attempt had
  written before it failed is therefore left out when read, unless the error was
  handed to an error handler (``ERROR_SOURCE_NODE``): then the superstep goes on
  with it, as it does when nothing crashes.
* When a finished attempt is there, the errors of others are left out. Interrupts
  and answers stay: LangGraph shows them in a run's history.

The format, with bytes: docs/formats/task-writes.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from langgraph.checkpoint.base import WRITES_IDX_MAP

from analemma.errors import ManifestMismatch
from analemma.kernelspace.langgraph_compat import (
    CONTROL_WRITES,
    ERROR,
    ERROR_SOURCE_NODE,
    INTERRUPT,
    NULL_TASK_ID,
    RESUME,
    SCHEDULED,
)
from analemma.kernelspace.memory.holding import (
    EMPTY,
    Holding,
    Load,
    holding_of,
    table,
)
from analemma.kernelspace.memory.manifest import Lone
from analemma.kernelspace.memory.pages import Draft, Ref
from analemma.kernelspace.memory.plain import id_from, id_wire
from analemma.kernelspace.memory.rows import Row, rows_wire
from analemma.kernelspace.memory.seal import Fields, Place, Wire, seal

WRITES = "writes"

_CONTROL = CONTROL_WRITES | {SCHEDULED}


@dataclass(frozen=True, slots=True)
class TaskWrites:
    """The writes of one attempt of one task for the checkpoint at ``number``.

    ``rows`` is the wire form of a table of writes in a record that carries
    ``carried``, or the reference of the page that holds it. ``channels`` repeats
    their channels, for readers that load no page. What a lone task wrote has no
    record of its own (``at_home``): it travels in the next checkpoint's.
    """

    number: int
    task_id: str
    task_path: str
    channels: tuple[str, ...]
    rows: Wire
    carried: tuple[Ref, ...]
    holding: Holding = EMPTY
    at_home: bool = True


def writes_body(
    place: Place, task_id: str, task_path: str, rows: Sequence[Row], load: Load
) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the body of a record of writes, and what must be stored before it."""
    late = Draft()
    wire = table(rows_wire(rows, load.carried), late)
    fields: dict[str, Wire] = {
        "task": id_wire(task_id),
        "path": task_path,
        "rows": wire,
        **load.fields,
    }
    if isinstance(wire, bytes):
        fields["channels"] = [row.channel for row in rows]
    return seal(place, WRITES, fields), (*load.stored, *late.pages.values())


def lone_writes(lone: Lone) -> TaskWrites:
    """Return what a checkpoint's record says of the task before it."""
    return TaskWrites(
        number=lone.number,
        task_id=lone.task_id,
        task_path=lone.task_path,
        channels=_channels_in(lone.rows),
        rows=lone.rows,
        carried=lone.carried,
        at_home=False,
    )


def finishes(writes: Sequence[tuple[str, object]], task_id: str) -> bool:
    """Say whether these are the writes of an attempt that finished."""
    channels = {channel for channel, _ in writes}
    return (
        task_id != NULL_TASK_ID
        and not channels <= _CONTROL
        and ERROR not in channels
        and INTERRUPT not in channels
    )


def index_of(channel: str, position: int) -> int:
    """Return where a write stands among its task's, as LangGraph counts."""
    return WRITES_IDX_MAP.get(channel, position)


def merged(held: Sequence[Row], new: Sequence[Row], task_id: str) -> list[Row]:
    """Return what stands under ``s/`` after ``new`` came to what was ``held``."""
    if task_id == NULL_TASK_ID:
        # LangGraph saves the whole list again each time: a place once taken
        # keeps its write, and special writes are replaced, as in its savers.
        places = {row.index: row for row in held}
        for row in new:
            if row.index < 0 or row.index not in places:
                places[row.index] = row
        return sorted(places.values(), key=lambda row: row.index)
    answers = _only(new, RESUME) or _only(held, RESUME)
    outcome = _without(new, RESUME) or _without(held, RESUME)
    return [*outcome, *answers]


def visible(finished: Sequence[Row], special: Sequence[Row]) -> list[Row]:
    """Return one task's writes as LangGraph is to see them.

    ``finished`` stands under ``w/``, ``special`` under ``s/``.
    """
    if finished:
        taken = {row.index for row in finished}
        return [
            *finished,
            *(
                row
                for row in special
                if row.channel in (INTERRUPT, RESUME) and row.index not in taken
            ),
        ]
    channels = {row.channel for row in special}
    if ERROR in channels and ERROR_SOURCE_NODE not in channels:
        return [row for row in special if row.channel in _CONTROL]
    return list(special)


def task_writes_of(fields: Fields, number: int) -> TaskWrites:
    """Read a record of writes.

    Raises:
        ManifestMismatch: it is something else.
    """
    if fields.kind != WRITES:
        raise ManifestMismatch(f"{fields.where}: {fields.kind!r} are no writes")
    holding, rows = holding_of(fields), fields.wire("rows")
    said = tuple(c for c in fields.items("channels") if isinstance(c, str))
    return TaskWrites(
        number=number,
        task_id=id_from(fields.wire("task")),
        task_path=fields.text("path"),
        channels=said or _channels_in(rows),
        rows=rows,
        carried=holding.carried,
        holding=holding,
    )


def _channels_in(rows: Wire) -> tuple[str, ...]:
    if not isinstance(rows, list):
        return ()
    return tuple(
        row[1]
        for row in rows
        if isinstance(row, list) and len(row) > 1 and isinstance(row[1], str)
    )


def _only(rows: Sequence[Row], channel: str) -> list[Row]:
    return [row for row in rows if row.channel == channel]


def _without(rows: Sequence[Row], channel: str) -> list[Row]:
    return [row for row in rows if row.channel != channel]
