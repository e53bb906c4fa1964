"""What one slice or worker may spend: reserved in every scope before a call.

Many threads share a purse. Its lock is held while counters are written, never while
a model is asked. A call that does not fit waits for those of this process that are
on their way, because they nearly always cost less than they might; then, for a
while, for those of other processes; then its answer is cut to what is left; and
only then is it refused.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import structlog

from analemma.errors import AnalemmaError
from analemma.hardware.ports import ModelRequest, ModelUsage
from analemma.kernelspace.backoff.delay import chance_of, delay
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.spending.account import Account, Writer
from analemma.kernelspace.spending.refused import BudgetReached
from analemma.kernelspace.spending.scopes import (
    Scope,
    environment_scope,
    run_scope,
    workflow_scope,
)
from analemma.records.budget import Amount
from analemma.records.concurrency_policy import BackoffPolicy
from analemma.records.run import RunRecord
from analemma.records.spending import Counter, Refusal
from analemma.records.transition import TerminationReason

_POLL = BackoffPolicy(base_seconds=0.2, backoff_rate=1.5, max_seconds=5.0)

_log = structlog.get_logger()

Bound = Callable[[ModelRequest], ModelUsage]


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is held back for one call, and where."""

    bound: Amount
    accounts: tuple[Account, ...]


class Purse:
    """The accounts of one writer. Safe among threads.

    ``alone`` says that no other process spends from the run's own budget while this
    writer does: a slice, but no worker. Its settling can wait for the next write.
    """

    def __init__(
        self,
        machine: Machine,
        record: RunRecord,
        digest: str,
        ledger: Ledger,
        *,
        alone: bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._machine = machine
        self._policy = machine.policy.limits
        self._record = record
        self._digest = digest
        self._ledger = ledger
        self._alone = alone
        self._sleep = sleep
        self._writer = Writer(record.owner, record.run_id, ledger.writer)
        self._turn = threading.Condition()
        self._accounts: dict[tuple[str, str], Account] = {}
        self._on_their_way = 0
        self.budget = record.budget

    def limits(self, *reasons: TerminationReason) -> bool:
        """Say whether any scope limits one of these."""
        return bool(self._scopes(reasons))

    # -- model calls

    def reserve_call(
        self,
        request: ModelRequest,
        bound: Bound,
        reasons: tuple[TerminationReason, ...],
    ) -> tuple[ModelRequest, Reservation]:
        """Hold back the most that ``request`` can cost; return it, perhaps cut.

        Blocks while it waits, as the module says.

        Raises:
            BudgetReached: it does not fit, not even with a short answer.
            StoreUnavailable: a counter could not be written; safe to repeat.
            LeaseLost: a later slice of the run has taken over.
        """
        patience = _Patience(self._policy.wait_seconds, self._writer.name)
        with self._turn:
            while True:
                amount = _amount(bound(request))
                held, refusal = self._reserve(amount, reasons)
                if refusal is None:
                    self._on_their_way += 1
                    return request, held
                cut = None if _may_yet_fit(refusal) else self._cut(request, bound, held)
                if cut is None and self._waited(refusal, held, patience):
                    continue
                cut = cut or self._cut(request, bound, held)
                if cut is None:
                    raise BudgetReached(refusal)
                _log.info("answer cut to the budget", max_tokens=cut.max_tokens)
                request = cut

    def settle_call(self, held: Reservation, cost: Amount | None) -> None:
        """Replace a reservation by what the call cost; None: nobody knows.

        Never raises for a store's sake: what was paid is in the ledger, and the
        next write or the run's next slice says the same.
        """
        with self._turn:
            self._on_their_way -= 1
            for account in held.accounts:
                if cost is None:
                    account.lost(held.bound)  # held as before: nothing to write
                else:
                    account.ended(held.bound, cost)
                    self._write(account)
            self._turn.notify_all()

    def release_call(self, held: Reservation) -> None:
        """Give back what was held for a call that cost nothing and has no entry."""
        with self._turn:
            self._on_their_way -= 1
            for account in held.accounts:
                account.release(held.bound)
                self._write(account)
            self._turn.notify_all()

    # -- other amounts

    def reserve(
        self, amount: Amount, reasons: tuple[TerminationReason, ...]
    ) -> Reservation | Refusal:
        """Hold back ``amount``, without waiting; return why not, if it does not fit."""
        with self._turn:
            held, refusal = self._reserve(amount, reasons)
            return held if refusal is None else refusal

    def settle(self, held: Reservation, cost: Amount) -> None:
        """Replace a reservation by what was used, with the next write."""
        with self._turn:
            for account in held.accounts:
                account.ended(held.bound, cost)

    def left(self, reason: TerminationReason) -> int | None:
        """Return the least that any scope has left, time in ms; None: no limit."""
        with self._turn:
            found = [
                left
                for account in self._open(self._scopes((reason,)))
                if (left := account.left(reason)) is not None
            ]
        return min(found, default=None)

    def still_refused(self, refusal: Refusal) -> Refusal | None:
        """Return why what was refused does not fit now either; None: it would."""
        wanted = Amount(**{refusal.reason.value: refusal.wanted})
        with self._turn:
            for account in self._open(self._scopes((refusal.reason,))):
                if (again := account.refusal_of(wanted)) is not None:
                    return again
        return None

    def close(self) -> None:
        """Store what every scope has still to be told; never raises for it."""
        with self._turn:
            for account in self._accounts.values():
                with _told_on_failure(account.scope):
                    account.close()

    # -- within the lock

    def _reserve(
        self, amount: Amount, reasons: tuple[TerminationReason, ...]
    ) -> tuple[Reservation, Refusal | None]:
        accounts = self._open(self._scopes(reasons))
        held: list[Account] = []
        refusal = None
        try:
            for account in accounts:
                refusal = account.reserve(amount)
                if refusal is not None:
                    break
                held.append(account)
        finally:
            if len(held) < len(accounts):
                for account in held:
                    account.release(amount)
                    self._write(account)
        return Reservation(amount, tuple(accounts)), refusal

    def _waited(
        self, refusal: Refusal, held: Reservation, patience: "_Patience"
    ) -> bool:
        """Wait for what others hold to be settled; False: there is no point in it."""
        shared = any(each.scope.shared for each in held.accounts)
        if self._on_their_way:
            # Their ends wake us. Others may end sooner, but only where there are any.
            self._turn.wait(_POLL.max_seconds if shared or not self._alone else None)
            return True
        if not refusal.reserved:
            return False
        seconds = patience.next_seconds()
        if seconds is None:
            return False
        self._turn.release()
        try:
            self._sleep(seconds)
        finally:
            self._turn.acquire()
        return True

    def _cut(
        self, request: ModelRequest, bound: Bound, held: Reservation
    ) -> ModelRequest | None:
        """Return the request with the longest answer that fits, if long enough."""
        low, high = self._policy.least_answer_tokens, bound(request).output_tokens - 1
        found = None
        while low <= high:
            middle = (low + high) // 2
            shorter = replace(request, max_tokens=middle)
            amount = _amount(bound(shorter))
            if all(account.fits(amount) for account in held.accounts):
                found, low = shorter, middle + 1
            else:
                high = middle - 1
        return found

    def _write(self, account: Account) -> None:
        """Store now what others wait for; else it travels with the next write."""
        if account.scope.shared or not self._alone:
            with _told_on_failure(account.scope):
                account.write()

    def _scopes(self, reasons: tuple[TerminationReason, ...]) -> list[Scope]:
        now = self._machine.clock.now()
        name = self._record.workflow.name
        scopes = (
            run_scope(self._record),
            workflow_scope(self._policy, name, self._digest, now),
            environment_scope(self._policy, now),
        )
        return [scope for scope in scopes if any(_limited(scope, reasons))]

    def _open(self, scopes: list[Scope]) -> list[Account]:
        found = []
        for scope in scopes:
            key = (scope.partition, scope.sort)
            if key not in self._accounts:
                self._accounts[key] = Account(
                    self._machine.records,
                    scope,
                    self._writer,
                    opening=self._opening(scope),
                    sleep=self._sleep,
                )
            found.append(self._accounts[key])
        return found

    def _opening(self, scope: Scope) -> Callable[[Counter, bool], Counter]:
        def opening(counter: Counter, stored: bool) -> Counter:
            if not (scope.shared or stored or self._alone):
                # The run had no limit before, or made no call. A slice has looked.
                self._ledger.load()
            if self._alone:
                counter = self._without_the_dead(counter)
            if not scope.shared and (self._alone or not stored):
                known = counter.settled.at_least(self._ledger.total)
                counter = counter.model_copy(update={"settled": known})
            return counter

        return opening

    def _without_the_dead(self, counter: Counter) -> Counter:
        """Settle what earlier slices and workers of the run have left behind."""
        for name, hold in counter.holds.items():
            own = (hold.owner, hold.run_id) == (self._writer.owner, self._writer.run_id)
            if own and name != self._writer.name:
                told = hold.told(*self._ledger.of_writer(name))
                counter = counter.with_hold(name, told).without(name)
                if told.open:
                    _log.warning(
                        "calls of a dead process counted as their bound",
                        writer=name,
                        tokens=told.open.tokens,
                        micro_usd=told.open.micro_usd,
                    )
        return counter


class _Patience:
    """How long a call may still wait for other processes."""

    def __init__(self, seconds: float, name: str) -> None:
        self._left_seconds = seconds
        self._name = name
        self._attempt = 0

    def next_seconds(self) -> float | None:
        """Return how long to wait next; None: no longer."""
        if self._left_seconds <= 0:
            return None
        self._attempt += 1
        seconds = delay(self._attempt, _POLL, chance_of(self._name, self._attempt))
        seconds = min(max(seconds, 0.05), self._left_seconds)
        self._left_seconds -= seconds
        return seconds


def _amount(usage: ModelUsage) -> Amount:
    return Amount(tokens=usage.tokens, micro_usd=usage.micro_usd)


def _may_yet_fit(refusal: Refusal) -> bool:
    """Say whether it would fit if calls on their way turned out to cost nothing."""
    return refusal.spent + refusal.unknown + refusal.wanted <= refusal.limit


def _limited(
    scope: Scope, reasons: tuple[TerminationReason, ...]
) -> Iterator[TerminationReason]:
    return (reason for reason, _ in scope.limit.limits() if reason in reasons)


@contextmanager
def _told_on_failure(scope: Scope) -> Iterator[None]:
    try:
        yield
    except AnalemmaError as error:
        _log.warning("budget not written", scope=scope.name, error=str(error))
