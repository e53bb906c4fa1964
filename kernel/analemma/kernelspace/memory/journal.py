"""Append to one namespace's log: the fence, and pages before their manifest.

Order is everything here. Pages that do not travel in the record are durable in
the page store before the record is written, so no record ever names a missing
page. And a record relies on other records only for pages that its parent
checkpoint is made of, or that tasks recorded for that: they stand before it in
the log, where a reader going backwards finds them (``reader``), and nothing
that prunes the log takes them away (``pruning``).
"""

from collections.abc import Iterator, Mapping

from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.hardware.ports import (
    ABSENT,
    PageStore,
    Record,
    RecordConflict,
    RecordStore,
)
from analemma.kernelspace.layout import after, log_prefix, parse_log_sort
from analemma.kernelspace.memory.fence import Fenced
from analemma.kernelspace.memory.holding import load_of
from analemma.kernelspace.memory.manifest import (
    Body,
    Checkpoint,
    Claim,
    Lone,
    checkpoint_body,
)
from analemma.kernelspace.memory.pages import Ref
from analemma.kernelspace.memory.reader import (
    ENTRY,
    FINISHED,
    Line,
    LogReader,
    read_line,
    task_kind,
)
from analemma.kernelspace.memory.recollection import Attempt, Recollection, Seen
from analemma.kernelspace.memory.remains import NUMBER, Remains
from analemma.kernelspace.memory.rows import rows_wire
from analemma.kernelspace.memory.seal import Place
from analemma.kernelspace.memory.snapshot import Composed, Snapshot, compose


class Journal:
    """One namespace's log of one run, as one writer knows and extends it.

    ``writer`` is a nonce that no other writer shares. Safe between threads.
    """

    def __init__(
        self,
        records: RecordStore,
        pages: PageStore,
        partition: str,
        namespace: str,
        writer: str,
    ) -> None:
        self.records = records
        self.pages = pages
        self.partition = partition
        self.namespace = namespace
        self.memory = Recollection()
        self._writer = writer
        self._prefix = log_prefix(namespace)

    def reader(self, up_to: int | None = None, *, beside: bool = True) -> LogReader:
        """Return a reader of this log; what it meets is remembered here.

        ``beside`` says whether it also reads what was written beside the entry
        ``up_to``: the writes of the tasks that ran for it.
        """
        return LogReader(
            self.records,
            self.pages,
            self.partition,
            self.namespace,
            up_to=up_to,
            beside=beside,
            on_line=self._remember,
        )

    def append(
        self, snapshot: Snapshot, serde: SerializerProtocol, lone: Attempt | None
    ) -> Seen:
        """Append a checkpoint, and only if this writer owns the log.

        ``lone`` is what the only task wrote that led to the checkpoint; it
        becomes durable with it.

        Raises:
            Fenced: another writer appended first; nothing was changed.
            StoreUnavailable: it may or may not have been appended. Trying
                again with the same checkpoint is safe.
        """
        memory = self.memory
        self.raise_if_fenced()
        memory.wait_for_writes()
        parent = self.locate(snapshot.parent_id) if snapshot.parent_id else None
        number = self._known_head() + 1
        known = memory.known(snapshot.parent_id)
        branches = parent is not None and parent.number != memory.tip
        composed = compose(
            snapshot, self.namespace, number, self._writer, parent, known, serde
        )
        pages = {**composed.pages, **(lone.pages if lone else {})}
        told = (lone, parent.number) if lone and parent else None
        body = self._body(composed, self._fresh(pages, snapshot.parent_id), told)
        self.store(body.stored)
        # Nothing has run yet, and the checkpoint of the first superstep follows.
        is_input = snapshot.metadata.get("source") == "input" and parent is None
        self._win(number, body.sealed, durably=not is_input)
        if branches and parent is not None and self._was_removed(parent.number):
            composed = compose(
                snapshot, self.namespace, number, self._writer, parent, None, serde
            )
            self._stand_alone(composed, lone, told)
        memory.appended(composed.known)
        return Seen(number, composed.known.manifest.hash)

    def claim(self, label: str, claimed_at: str) -> int:
        """Append a claim, past whatever others append meanwhile.

        Returns its number. Every writer that read the log before is fenced.
        """
        memory = self.memory
        with memory.appending:
            number = self.stored_head() + 1
            while not self._try(number, self._claim(number, label, claimed_at)):
                number += 1
            memory.claimed_at(number)
        return number

    def raise_if_fenced(self) -> None:
        """Raise ``Fenced`` if this writer lost the log and has not come back."""
        if self.memory.lost is not None:
            raise Fenced(self.memory.lost)

    def stored_head(self) -> int:
        """Return the number of the last entry in the store; 0 if there is none."""
        prefix = log_prefix(self.namespace)
        for record in self.records.query(
            self.partition, low=prefix, high=after(prefix), descending=True, limit=1
        ):
            return parse_log_sort(record.sort)[1]
        return 0

    def locate(self, checkpoint_id: str) -> Seen | None:
        """Return where a checkpoint stands, reading the log if need be."""
        seen = self.memory.seen(checkpoint_id)
        if seen is not None:
            return seen
        if not self.memory.is_mapped:
            for _ in self.reader().checkpoints():
                pass
            self.memory.mapped()
        else:
            for record in self._from((self.memory.head or 0) + 1):
                self.read(record)
        return self.memory.seen(checkpoint_id)

    def told_after(self, number: int) -> Line | None:
        """Return the entry that tells what the lone task of this one wrote."""
        for record in self._from(number + 1):
            if not record.sort.endswith(f"/{ENTRY}"):
                continue
            line = self.read(record)
            if isinstance(line.entry, Checkpoint):
                lone = line.entry.lone
                return line if lone is not None and lone.number == number else None
        return None

    def has_checkpoint_after(self, number: int) -> bool:
        """Say whether a checkpoint stands above the entry; a claim is none."""
        return any(
            record.sort.endswith(f"/{ENTRY}")
            and isinstance(self.read(record).entry, Checkpoint)
            for record in self._from(number + 1)
        )

    def write(
        self, number: int, kind: str, body: bytes, expected: int
    ) -> Record | None:
        """Write a record beside an entry; return what stands there instead.

        None: it was written.
        """
        try:
            self.records.put(
                self.partition, self.sort(number, kind), body, expected=expected
            )
        except RecordConflict as conflict:
            return conflict.current
        return None

    def fresh(
        self, pages: Mapping[Ref, bytes], checkpoint_id: str
    ) -> Mapping[Ref, bytes]:
        """Return the pages that the checkpoint is not made of."""
        known = self.memory.known(checkpoint_id)
        if known is None:
            return pages
        return {ref: page for ref, page in pages.items() if not known.reaches(ref)}

    def store(self, stored: tuple[bytes, ...]) -> None:
        """Make durable what does not travel in a record."""
        for page in stored:
            self.pages.put(page)

    def read(self, record: Record) -> Line:
        """Read a record of this log and remember what it says."""
        line = read_line(record)
        self._remember(line)
        return line

    def task_record(self, number: int, slot: str, task_id: str) -> Record | None:
        """Return what is recorded of a task beside an entry, if anything is."""
        return self.records.get(
            self.partition, self.sort(number, task_kind(slot, task_id))
        )

    def sort(self, number: int, kind: str = ENTRY) -> str:
        """Return the sort key of a record of this log."""
        return f"{self._prefix}{number:010d}/{kind}"

    def place(self, number: int, kind: str = ENTRY) -> Place:
        """Return where a record of this log stands."""
        return Place(self.partition, self.sort(number, kind))

    def _fresh(
        self, pages: Mapping[Ref, bytes], parent_id: str | None
    ) -> Mapping[Ref, bytes]:
        """Return the pages that neither the parent nor its tasks hold."""
        memory = self.memory
        if parent_id is None:
            return pages
        seen = memory.seen(parent_id)
        number = seen.number if seen else -1
        return {
            ref: page
            for ref, page in self.fresh(pages, parent_id).items()
            if not memory.is_recorded(number, ref)
        }

    def _body(
        self,
        composed: Composed,
        fresh: Mapping[Ref, bytes],
        told: tuple[Attempt, int] | None,
    ) -> Body:
        manifest = composed.known.manifest
        load = load_of(fresh)
        lone = None
        if told is not None:
            attempt, number = told
            lone = Lone(
                number,
                attempt.task_id,
                attempt.task_path,
                rows_wire(attempt.rows, load.carried),
                tuple(load.carried),
            )
        place = self.place(manifest.number)
        return checkpoint_body(place, manifest, composed.of, load, lone)

    def remains(self) -> Record | None:
        """Return the record of what pruning left, if it ever did."""
        return self.records.get(self.partition, self.sort(NUMBER))

    def _was_removed(self, number: int) -> bool:
        """Say whether pruning has taken the entry away, or is about to."""
        record = self.remains()
        if record is None:
            return False
        entry = read_line(record).entry
        return isinstance(entry, Remains) and entry.removed(number)

    def _stand_alone(
        self,
        composed: Composed,
        lone: Attempt | None,
        told: tuple[Attempt, int] | None,
    ) -> None:
        """Write the entry once more, relying on nothing before it.

        A branch leaves from an old checkpoint, which pruning may take away at
        the same moment. Whoever comes second sees the other: pruning looks for
        new entries after it has announced what it removes, and this looks for
        the announcement after its entry stands.
        """
        pages = {**composed.pages, **(lone.pages if lone else {})}
        body = self._body(composed, pages, told)
        self.store(body.stored)
        number = composed.known.manifest.number
        self.write(number, ENTRY, body.sealed, expected=1)

    def _from(self, number: int) -> Iterator[Record]:
        low = self.sort(number, "")
        high = after(log_prefix(self.namespace))
        return self.records.query(self.partition, low=low, high=high)

    def _claim(self, number: int, label: str, claimed_at: str) -> bytes:
        claim = Claim(number, self._writer, label, claimed_at)
        return claim.sealed(self.place(number))

    def _known_head(self) -> int:
        head = self.memory.head
        if head is None:
            # Remembered before the attempt: if its answer is lost, the next
            # attempt must try the same number to find the first.
            head = self.stored_head()
            self.memory.observed_head(head)
        return head

    def _win(self, number: int, body: bytes, *, durably: bool) -> None:
        if not self._try(number, body, durably=durably):
            self.memory.lost = (
                f"{self.partition}, namespace {self.namespace!r}: entry {number} of "
                "the log belongs to another writer, who owns the run now; this one "
                "changed nothing and must stop"
            )
            self.raise_if_fenced()

    def _try(self, number: int, body: bytes, *, durably: bool = True) -> bool:
        """Append under the fence; say whether the entry is ours.

        A first attempt whose answer was lost conflicts with itself.
        """
        try:
            self.records.put(
                self.partition,
                self.sort(number),
                body,
                expected=ABSENT,
                durably=durably,
            )
        except RecordConflict as conflict:
            current = conflict.current
            if current is None:
                return False
            mine = Record(current.partition, current.sort, body, 1)
            return current.body == body or _is_same(current, mine)
        return True

    def _remember(self, line: Line) -> None:
        entry = line.entry
        if isinstance(entry, Checkpoint):
            seen = Seen(line.number, entry.hash)
            self.memory.saw(entry.checkpoint_id, seen)
        elif line.slot == FINISHED:
            self.memory.recorded(line.number, line.holding.pages)


def _is_same(stored: Record, mine: Record) -> bool:
    """Say whether the stored entry is an earlier attempt at this one."""
    one, other = read_line(stored).entry, read_line(mine).entry
    match one, other:
        case Checkpoint(), Checkpoint():
            return (one.checkpoint_id, one.of, one.said_writer) == (
                other.checkpoint_id,
                other.of,
                other.said_writer,
            )
        case Claim(), Claim():
            return (one.writer, one.label) == (other.writer, other.label)
        case _:
            return False
