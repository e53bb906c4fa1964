"""Delete entries in the middle of a log that others rely on.

Three steps, each safe to die after. What entries that stay still need is
written down (``remains``); then the log is read once more, for branches that
left from a doomed entry meanwhile; then the doomed records go, newest first, so
that those not yet gone always find what they rely on.

A writer that appends at the head is not disturbed: it relies only on the last
checkpoint, whose pages are kept or written down.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import cast
from urllib.parse import quote

from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.hardware.ports import ABSENT, PageStore, RecordConflict, RecordStore
from analemma.kernelspace.layout import after, log_sort
from analemma.kernelspace.memory.history import (
    History,
    named_by,
    read_history,
    values_of,
)
from analemma.kernelspace.memory.holding import load_of
from analemma.kernelspace.memory.manifest import (
    UNLINKED,
    Checkpoint,
    Manifest,
    Removed,
)
from analemma.kernelspace.memory.pages import Ref, encoded_from, is_stored, roots
from analemma.kernelspace.memory.reader import ENTRY, FINISHED, Line, rows_of
from analemma.kernelspace.memory.remains import NUMBER, Remains, remains_body
from analemma.kernelspace.memory.seal import Place
from analemma.kernelspace.memory.taskwrites import (
    lone_writes,
    writes_body,
)
from analemma.kernelspace.memory.values import Decoder

Choice = Callable[[History], set[int]]
"""Says which entries are to go, by number."""

_COUNTERS = "counters_since_delta_snapshot"
"""Where LangGraph 1.2 names the ``DeltaChannel``s that a checkpoint has no value of."""


class Pruner:
    """Prunes one namespace's log. ``partition`` is the run's."""

    def __init__(
        self, records: RecordStore, pages: PageStore, partition: str, namespace: str
    ) -> None:
        self._records = records
        self._pages = pages
        self._partition = partition
        self._namespace = namespace

    def remove(self, choose: Choice) -> int:
        """Delete the chosen entries with their writes; return how many went.

        Raises:
            Corrupt: stored bytes are not what was written; nothing was deleted.
        """
        while True:
            history = self._read()
            doomed = choose(history) - {NUMBER}
            if not doomed:
                return 0
            if self._write_remains(history, doomed) and not self._branched(
                history, doomed
            ):
                break
        self._delete(history, doomed)
        return len(doomed)

    def _read(self) -> History:
        return read_history(
            self._records, self._pages, self._partition, self._namespace
        )

    def _write_remains(self, history: History, doomed: set[int]) -> bool:
        """Write down what is still needed; say whether nobody else did meanwhile.

        What another pruning has announced counts as gone already, because it may
        be deleting at this moment.
        """
        before = history.remains
        gone = doomed | _announced(history)
        self._record_lone(history, gone)
        stay = [line for line in history.lines if line.number not in doomed]
        frames = _frames_needed(history, stay, gone)
        needed = [ref for line in stay for ref in named_by(line, history)]
        last = _last(history)
        if last is not None and last.number in gone:
            # Whoever appends next tells what changed since this one, and relies on
            # what its tasks recorded.
            frames[last.number] = last
            needed.extend(last.roots)
            for line in history.lines:
                if line.number == last.number:
                    needed.extend(named_by(line, history))
        body, stored = remains_body(
            Place(self._partition, self._sort(NUMBER)),
            gone,
            (frames[number] for number in sorted(frames)),
            _links(history, gone),
            load_of(_rescued(history, needed, gone)),
        )
        for page in stored:
            self._pages.put(page)
        try:
            self._records.put(
                self._partition,
                self._sort(NUMBER),
                body,
                expected=ABSENT if before is None else before.revision,
            )
        except RecordConflict as conflict:
            return conflict.current is not None and conflict.current.body == body
        return True

    def _record_lone(self, history: History, gone: set[int]) -> None:
        """Give a record of its own to what a doomed entry tells of one that stays."""
        for number, entry in history.checkpoints.items():
            lone = entry.lone
            if number not in gone or lone is None or lone.number in gone:
                continue
            writes = lone_writes(lone)
            named = [
                ref for value in values_of(writes, self._pages) for ref in roots(value)
            ]
            own = {
                ref: history.pages[ref]
                for ref in history.reached(named)
                if ref in history.pages
            }
            kind = f"{FINISHED}/{quote(lone.task_id, safe='')}"
            body, stored = writes_body(
                Place(self._partition, self._sort(lone.number, kind)),
                lone.task_id,
                lone.task_path,
                rows_of(writes, self._pages),
                load_of(own),
            )
            for page in stored:
                self._pages.put(page)
            try:
                self._records.put(
                    self._partition,
                    self._sort(lone.number, kind),
                    body,
                    expected=ABSENT,
                )
            except RecordConflict:
                continue  # recorded before, by an attempt that was cut short

    def _branched(self, history: History, doomed: set[int]) -> bool:
        """Say whether an entry that came meanwhile relies on a doomed one."""
        ids = {
            history.manifests[n].checkpoint_id for n in doomed & set(history.manifests)
        }
        latest = self._read()
        return any(
            number > history.head
            and (entry.of in doomed or latest.manifests[number].parent_id in ids)
            for number, entry in latest.checkpoints.items()
        )

    def _delete(self, history: History, doomed: set[int]) -> None:
        for number in sorted(doomed, reverse=True):
            found = self._records.query(
                self._partition,
                low=self._sort(number, ""),
                high=self._sort(number, after("")),
                descending=True,
            )
            for record in list(found):
                if number == history.head and record.sort.endswith(f"/{ENTRY}"):
                    self._bury(number, record.revision)
                else:
                    self._records.delete(self._partition, record.sort)

    def _bury(self, number: int, revision: int) -> None:
        """Replace the last entry: its number must not be given out again."""
        place = Place(self._partition, self._sort(number))
        self._records.put(
            self._partition,
            self._sort(number),
            Removed(number).sealed(place),
            expected=revision,
        )

    def _sort(self, number: int, kind: str = ENTRY) -> str:
        return log_sort(self._namespace, number, kind)


def all_but_latest(serde: SerializerProtocol) -> Choice:
    """Return what chooses all but the last checkpoint and what it is rebuilt from."""

    def choose(history: History) -> set[int]:
        if not history.manifests:
            return set()
        latest = max(history.manifests)
        needed = _delta_ancestors(history, {latest}, serde)
        return {
            line.number
            for line in history.lines
            if line.number < latest and line.number not in needed
        }

    return choose


def of_invocations(run_ids: Sequence[str], serde: SerializerProtocol) -> Choice:
    """Return what chooses the checkpoints whose metadata have one of these ids."""
    wanted = set(run_ids)

    def choose(history: History) -> set[int]:
        chosen = {
            number
            for number, manifest in history.manifests.items()
            if _metadata(manifest, history, serde).get("run_id") in wanted
        }
        stay = set(history.manifests) - chosen
        return chosen - _delta_ancestors(history, stay, serde)

    return choose


def _metadata(
    manifest: Manifest, history: History, serde: SerializerProtocol
) -> dict[str, object]:
    wire = manifest.frame.get("metadata")
    if isinstance(wire, dict):
        return cast("dict[str, object]", wire)
    decoder = Decoder(serde, history.page)
    return cast("dict[str, object]", decoder.value(encoded_from(wire)))


def _announced(history: History) -> set[int]:
    """Return the numbers that prunings before this one have announced."""
    entry = history.remains.entry if history.remains else None
    ranges = entry.ranges if isinstance(entry, Remains) else ()
    return {n for first, last in ranges for n in range(first, last + 1)}


def _rescued(
    history: History, named: Iterable[Ref], gone: set[int]
) -> dict[Ref, bytes]:
    """Return the pages that will not be in the records that have them now.

    What an earlier pruning left also serves the doomed, until they are gone. And
    if nobody has gone on from a deleted last checkpoint, all of it stays: what its
    tasks recorded is told nowhere else.
    """
    needed = history.reached(named)
    older = history.reached(
        ref for line in history.lines for ref in named_by(line, history)
    )
    last = _last(history)
    if last is not None and last.number not in history.manifests:
        older |= set(history.pages)
    return {
        ref: history.pages[ref]
        for ref in sorted(needed | older)
        if not is_stored(ref)
        and ref in history.pages
        and (
            history.homes[ref] == NUMBER
            or (ref in needed and history.homes[ref] in gone)
        )
    }


def _frames_needed(
    history: History, stay: Iterable[Line], gone: set[int]
) -> dict[int, Manifest]:
    """Return the manifests that entries are changes of and that will not be there.

    Those that an earlier pruning left also serve the doomed, until they are gone.
    """
    needed: dict[int, Manifest] = {}
    for entry in history.checkpoints.values():
        if entry.of is not None and entry.of not in history.manifests:
            needed[entry.of] = history.frames[entry.of]
    for line in stay:
        of = line.entry.of if isinstance(line.entry, Checkpoint) else None
        if of is not None and of in gone and of in history.manifests:
            needed[of] = history.manifests[of]
    return needed


def _last(history: History) -> Manifest | None:
    """Return the last checkpoint, also if it was deleted before."""
    known = {**history.frames, **history.manifests}
    return known[max(known)] if known else None


def _links(history: History, gone: set[int]) -> dict[str, bytes]:
    """Return the hashes of parents that will not be there, by id."""
    there = {
        manifest.checkpoint_id
        for number, manifest in history.manifests.items()
        if number not in gone
    }
    return {
        manifest.parent_id: manifest.parent_hash
        for number, manifest in history.manifests.items()
        if number not in gone
        and manifest.parent_id is not None
        and manifest.parent_id not in there
        and manifest.parent_hash != UNLINKED
    }


def _delta_ancestors(
    history: History, kept: set[int], serde: SerializerProtocol
) -> set[int]:
    """Return the checkpoints from which LangGraph rebuilds what is kept."""
    by_id = {m.checkpoint_id: m for m in history.manifests.values()}
    needed: set[int] = set()
    for number in kept:
        manifest: Manifest | None = history.manifests[number]
        counters = _metadata(history.manifests[number], history, serde).get(_COUNTERS)
        missing = set(counters) if isinstance(counters, dict) else set()
        while missing and manifest is not None:
            manifest = by_id.get(manifest.parent_id or "")
            if manifest is not None:
                needed.add(manifest.number)
                missing -= set(manifest.channels)
    return needed
