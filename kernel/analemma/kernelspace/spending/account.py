"""One writer's part in one scope's counter, changed by compare-and-set.

What is written is not "so much more" but the writer's totals. So nothing is counted
twice if an answer of the store is lost, and a change that can wait travels with the
next one: while a run has only a limit of its own and one process, that is one write
a call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from analemma.errors import LeaseLost, StoreUnavailable
from analemma.hardware.ports import ABSENT, Record, RecordConflict, RecordStore
from analemma.kernelspace.backoff.delay import chance_of, delay
from analemma.kernelspace.spending.scopes import Scope, parse_counter
from analemma.records.budget import NOTHING, Amount
from analemma.records.concurrency_policy import BackoffPolicy
from analemma.records.spending import MAX_HOLDS, Counter, Hold, Refusal
from analemma.records.transition import TerminationReason

TRIES: Final = 50
"""How often a write that others were ahead of is tried: half a minute in all."""

_BACKOFF = BackoffPolicy(base_seconds=0.02, backoff_rate=2.0, max_seconds=1.0)

Opening = Callable[[Counter, bool], Counter]
"""What to make of a counter before the first write to it; ``True``: it is stored."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who holds: a slice or a worker of a run, by the name in its ledger entries."""

    owner: str
    run_id: str
    name: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """A counter as it was stored under a revision."""

    counter: Counter
    revision: int


class Account:
    """What one writer reserves, settles and gives back in one scope.

    Not safe among threads; whoever holds it has a lock.
    """

    def __init__(
        self,
        records: RecordStore,
        scope: Scope,
        writer: Writer,
        *,
        opening: Opening,
        sleep: Callable[[float], None],
    ) -> None:
        self._records = records
        self._writer = writer
        self._opening = opening
        self._sleep = sleep
        self._seen: _Seen | None = None
        self._touched = self._written = False
        self._open = NOTHING
        self._lost = NOTHING
        self._entered = NOTHING
        self._settled = NOTHING
        self.scope = scope

    def reserve(self, amount: Amount) -> Refusal | None:
        """Hold back ``amount`` if it fits; return why it does not, else None.

        Refuses only by what the store says now.

        Raises:
            StoreUnavailable: the store did not answer, or others were always
                faster; nothing is reserved that counts for long.
            LeaseLost: a later slice of the run has taken this writer for dead.
            Corrupt: the record is no counter.
        """
        fresh = self._seen is None
        for attempt in range(1, TRIES + 1):
            seen = self._current()
            counter = self._opened(seen)
            refusal = self.scope.refuses(self._with_own(counter, self._open), amount)
            if refusal is not None:
                if fresh:
                    return refusal
                self._seen, fresh = None, True
                continue
            if len(counter.holds) >= MAX_HOLDS and self._writer.name not in (
                counter.holds
            ):
                raise StoreUnavailable(
                    f"{MAX_HOLDS} slices and workers spend from {self.scope.name} at "
                    "once; try again when some have ended"
                )
            if self._put(seen, self._with_own(counter, self._open + amount)):
                self._open += amount
                return None
            fresh = True  # the conflict told what is stored
            self._pause(attempt)
        raise self._crowded()

    def ended(self, bound: Amount, cost: Amount) -> None:
        """Take down what a call cost that has a ledger entry, for the next write."""
        self._open -= bound
        self._entered += bound
        self._settled += cost

    def release(self, bound: Amount) -> None:
        """Take down that a reservation is not used, for the next write.

        Not for a call that cost nothing but has a ledger entry: who settles for a
        dead writer goes by entries.
        """
        self._open -= bound

    def lost(self, bound: Amount) -> None:
        """Take down that nobody knows what a call cost: it stays held, for good."""
        self._lost += bound

    def left(self, reason: TerminationReason) -> int | None:
        """Return how much is left by what was last seen; None: there is no limit."""
        counter = self._with_own(self._opened(self._current()), self._open)
        return self.scope.left(counter, reason)

    def fits(self, amount: Amount) -> bool:
        """Say whether ``amount`` would fit by what was last seen."""
        counter = self._with_own(self._opened(self._current()), self._open)
        return self.scope.refuses(counter, amount) is None

    def refusal_of(self, amount: Amount) -> Refusal | None:
        """Return why ``amount`` would not fit now. Reads, and reserves nothing."""
        self._seen = None
        counter = self._with_own(self._opened(self._current()), self._open)
        return self.scope.refuses(counter, amount)

    def write(self) -> None:
        """Store what was taken down.

        Raises:
            StoreUnavailable, LeaseLost, Corrupt: as ``reserve``.
        """
        self._store(lambda counter: self._with_own(counter, self._open))

    def close(self) -> None:
        """Store what was taken down, and leave; no store call if nothing was held.

        What is still on its way stays held, as that of a process that died. What
        was lost counts as unknown.
        """
        if not self._touched:
            return
        if self._open != self._lost:
            self.write()
            return
        name = self._writer.name
        self._store(lambda counter: self._with_own(counter, self._open).without(name))
        self._touched = self._written = False
        self._open = self._lost = self._entered = self._settled = NOTHING

    def _store(self, change: Callable[[Counter], Counter]) -> None:
        for attempt in range(1, TRIES + 1):
            seen = self._current()
            if self._put(seen, change(self._opened(seen))):
                return
            self._pause(attempt)
        raise self._crowded()

    def _with_own(self, counter: Counter, held: Amount) -> Counter:
        hold = Hold(
            owner=self._writer.owner,
            run_id=self._writer.run_id,
            open=held,
            entered=self._entered,
            settled=self._settled,
        )
        return counter.with_hold(self._writer.name, hold)

    def _opened(self, seen: _Seen) -> Counter:
        if self._written and self._writer.name not in seen.counter.holds:
            raise LeaseLost(
                f"run {self._writer.run_id}: a later slice has taken this one for "
                "dead; it makes no more calls"
            )
        return seen.counter

    def _current(self) -> _Seen:
        if self._seen is None:
            partition, sort = self.scope.partition, self.scope.sort
            self._seen = self._read(self._records.get(partition, sort))
        return self._seen

    def _read(self, found: Record | None) -> _Seen:
        """Return a counter as it was found; before the first write, as it opens."""
        counter, revision = Counter(), ABSENT
        if found is not None:
            counter = parse_counter(found)
            revision = found.revision
        if not self._written:
            counter = self._opening(counter, revision != ABSENT)
        return _Seen(counter, revision)

    def _put(self, seen: _Seen, counter: Counter) -> bool:
        """Write where ``seen`` is; False, with what is there kept, if it is not."""
        partition, sort = self.scope.partition, self.scope.sort
        body = counter.model_dump_json(exclude_defaults=True).encode()
        self._seen = None  # if the answer is lost, nobody knows what is there
        self._touched = True
        try:
            revision = self._records.put(partition, sort, body, expected=seen.revision)
        except RecordConflict as conflict:
            current = conflict.current
            if current is None or current.body != body:
                self._seen = self._read(current)
                return False
            revision = current.revision  # our own, applied before its answer was lost
        self._seen = _Seen(counter, revision)
        self._written = True
        return True

    def _pause(self, attempt: int) -> None:
        chance = chance_of(self._writer.name, self.scope.partition, attempt)
        self._sleep(delay(attempt, _BACKOFF, chance))

    def _crowded(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"what is spent of {self.scope.name} changes too fast: {TRIES} attempts to "
            "write it met another's; try again"
        )
