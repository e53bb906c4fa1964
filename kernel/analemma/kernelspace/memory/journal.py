"""Append to one namespace's log: the fence, and pages before their manifest.

Order is everything here. Pages that do not travel in the record are durable in
the page store before the record is written, so no record ever names a missing
page; and a record relies only on pages of records before it in the log, so a
reader going backwards finds them (``reader``).
"""

from collections.abc import Mapping

from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.hardware.ports import (
    ABSENT,
    PageStore,
    Record,
    RecordConflict,
    RecordStore,
)
from analemma.kernelspace.layout import after, log_prefix, log_sort, parse_log_sort
from analemma.kernelspace.memory.fence import Fenced
from analemma.kernelspace.memory.holding import hold
from analemma.kernelspace.memory.manifest import Claim, Manifest
from analemma.kernelspace.memory.pages import Draft, digest_of
from analemma.kernelspace.memory.reader import FINISHED, Line, LogReader, read_line
from analemma.kernelspace.memory.recollection import Recollection, Seen
from analemma.kernelspace.memory.seal import Wire
from analemma.kernelspace.memory.snapshot import Place, Snapshot, compose

ENTRY = "!"


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
        self._stored: set[bytes] = set()

    def reader(self, up_to: int | None = None) -> LogReader:
        """Return a reader of this log; what it meets is remembered here."""
        return LogReader(
            self.records,
            self.pages,
            self.partition,
            self.namespace,
            up_to=up_to,
            on_line=self._remember,
        )

    def append(self, snapshot: Snapshot, serde: SerializerProtocol) -> Seen:
        """Append a checkpoint, and only if this writer owns the log.

        Raises:
            Fenced: another writer appended first; nothing was changed.
            StoreUnavailable: it may or may not have been appended. Trying
                again with the same checkpoint is safe.
        """
        memory = self.memory
        with memory.appending:
            self.raise_if_fenced()
            memory.wait_for_writes()
            parent = self.locate(snapshot.parent_id) if snapshot.parent_id else None
            number = self._known_head() + 1
            place = Place(self.namespace, number, self._writer, parent)
            composed = compose(snapshot, place, serde, memory.channels)
            fresh, held = self.hold(composed.draft, f"{number:010d}/{ENTRY}")
            self.store(composed.draft)
            self._win(number, composed.manifest.sealed(held), composed.manifest)
            memory.appended(number)
            memory.learn(f"{number:010d}/{ENTRY}", fresh)
            memory.channels = composed.channels
        return Seen(number, composed.manifest.hash)

    def claim(self, label: str, claimed_at: str) -> int:
        """Append a claim, past whatever others append meanwhile.

        Returns its number. Every writer that read the log before is fenced.
        """
        memory = self.memory
        with memory.appending:
            number = self.stored_head() + 1
            claim = Claim(number, self._writer, label, claimed_at)
            while not self._try(number, claim.sealed(), claim):
                number += 1
                claim = Claim(number, self._writer, label, claimed_at)
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
            self._read_past_head()
        return self.memory.seen(checkpoint_id)

    def hold(
        self, draft: Draft, home: str, *, alone: bool = False
    ) -> tuple[list[bytes], Mapping[str, Wire]]:
        """Return which of the draft's pages a record must hold, and its fields.

        Args:
            draft: The pages its values are made of.
            home: The record's place in the log.
            alone: Whether it must hold them all, because it can be replaced.
        """
        fresh = {
            digest: page
            for digest, page in draft.in_log.items()
            if alone or not self.memory.is_home_before(digest, home)
        }
        return list(fresh), hold(fresh.values(), draft)

    def store(self, draft: Draft) -> None:
        """Make durable what does not travel in the record."""
        for digest, page in draft.in_store.items():
            if digest not in self._stored:
                self.pages.put(page)
                self._stored.add(digest)

    def read(self, record: Record) -> Line:
        """Read a record of this log and remember what it holds."""
        line = read_line(record)
        self._remember(line)
        return line

    def sort(self, number: int, kind: str) -> str:
        """Return the sort key of a record of this log."""
        return log_sort(self.namespace, number, kind)

    def _known_head(self) -> int:
        head = self.memory.head
        if head is None:
            # Remembered before the attempt: if its answer is lost, the next
            # attempt must try the same number to find the first.
            head = self.stored_head()
            self.memory.observed_head(head)
        return head

    def _win(self, number: int, body: bytes, entry: Manifest) -> None:
        if not self._try(number, body, entry):
            self.memory.lost = (
                f"{self.partition}, namespace {self.namespace!r}: entry {number} of "
                "the log belongs to another writer, who owns the run now; this one "
                "changed nothing and must stop"
            )
            self.raise_if_fenced()

    def _try(self, number: int, body: bytes, entry: Manifest | Claim) -> bool:
        """Append under the fence; say whether the entry is ours.

        A first attempt whose answer was lost conflicts with itself.
        """
        try:
            self.records.put(
                self.partition, self.sort(number, ENTRY), body, expected=ABSENT
            )
        except RecordConflict as conflict:
            current = conflict.current
            if current is None:
                return False
            return current.body == body or _is_same(read_line(current).entry, entry)
        return True

    def _read_past_head(self) -> None:
        low = self.sort((self.memory.head or 0) + 1, "")
        high = after(log_prefix(self.namespace))
        for record in self.records.query(self.partition, low=low, high=high):
            self.read(record)

    def _remember(self, line: Line) -> None:
        if line.slot in (ENTRY, FINISHED):
            self.memory.learn(line.home, map(digest_of, line.holding.pages))
        if isinstance(line.entry, Manifest):
            seen = Seen(line.number, line.entry.hash)
            self.memory.saw(line.entry.checkpoint_id, seen)


def _is_same(stored: object, entry: Manifest | Claim) -> bool:
    """Say whether the stored entry is an earlier attempt at this one."""
    match stored, entry:
        case Manifest(), Manifest():
            return (stored.writer, stored.checkpoint_id) == (
                entry.writer,
                entry.checkpoint_id,
            )
        case Claim(), Claim():
            return (stored.writer, stored.label) == (entry.writer, entry.label)
        case _:
            return False
