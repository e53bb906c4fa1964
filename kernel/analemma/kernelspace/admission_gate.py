"""The gate before a slice: so many runs of an owner and of a workflow run at once.

A run that finds no slot is told to sleep and asks again; its ticket keeps its
place. Nobody has to start it, so nobody can forget to, and it waits on whichever
orchestrator it has.

The order. A run may take a slot of a scope if fewer runs wait before it than slots
are empty. A run that waits for a slot of another scope does not hold up those
behind it. Of all runs for which every slot they need is empty, the one admitted
first has nobody before it anywhere: so somebody always goes.

What can die where. A slot is emptied when its run has ended or waits for people
(``leave``). Who died before that left a slot whose run is over, and runs that wait
look at one such slot or two each time they ask. A ticket whose run does not ask
any more lapses. A slot is taken before the run's record says that it runs; the
number of slices in it tells that apart from a slot that was left behind.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from analemma.errors import RunNotFound
from analemma.hardware.ports import Clock, RecordStore
from analemma.kernelspace.backoff.delay import chance_of
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.running_slots import (
    Holder,
    RunningSlots,
    Scope,
    Slot,
    owner_scope,
    workflow_scope,
)
from analemma.records.concurrency_policy import AdmissionPolicy
from analemma.records.run import RunRecord, RunStatus
from analemma.records.transition import Sleep

_LOOKS = 2
"""How many slots a run that waits looks at, in case their runs are over."""

_TRIES = 16
"""How often a run tries again that others were ahead of, before it waits."""

_MISSED_POLLS = 3
_LATE_SECONDS = 60
"""A ticket lapses when its run did not ask so often, and a throttled slice more."""

_MARGIN = 0.9
"""A run counts itself as abandoned earlier than others do: clocks differ."""

_log = structlog.get_logger()


class AdmissionGate:
    """Lets runs of an environment in, as many as its policy says."""

    def __init__(
        self, records: RecordStore, clock: Clock, policy: AdmissionPolicy
    ) -> None:
        self._records = records
        self._clock = clock
        self._policy = policy
        self._table = ProcessTable(records)

    def enter(self, record: RunRecord) -> Sleep | None:
        """Return None if the run may run now, else how long it has to sleep.

        To be asked before each slice, with the run's record as it stands; the
        record is not written. No store call for a run that runs already, and none
        where nothing is limited. Idempotent: a run that holds its slots keeps them.

        Raises:
            Corrupt: a slot or a ticket is not what was written.
        """
        scopes = self._scopes(record.owner, record.workflow.name)
        if not scopes or self._runs(record):
            return None
        holds = False
        for attempt in range(_TRIES):
            view = _View(self._records)
            holds |= any(view.held_by(scope, record) for scope in scopes)
            if not all(self._admits(view, scope, record) for scope in scopes):
                break
            holds = True  # of one scope perhaps, before others were faster
            if all(self._take(view, scope, record, attempt) for scope in scopes):
                for scope in scopes:
                    view.slots(scope).forget(record)
                return None
        return self._wait(scopes, record, holds=holds)

    def leave(self, record: RunRecord) -> None:
        """Empty the slots of a run that has ended or waits, and forget its tickets.

        To be called with the record as it was sealed. A slot that a later slice
        of the run has taken meanwhile is its own.
        """
        for scope in self._scopes(record.owner, record.workflow.name):
            slots = RunningSlots(self._records, scope)
            for slot in slots.read():
                holder = slot.holder
                if holder and holder.is_run(record) and holder.slices < record.slices:
                    slots.put(slot, None)
            slots.forget(record)

    def _scopes(self, owner: str, workflow: str) -> tuple[Scope, ...]:
        policy = self._policy
        of_workflow = policy.limit_of_workflow(workflow)
        scopes = []
        if policy.max_running_per_owner is not None:
            scopes.append(owner_scope(owner, policy.max_running_per_owner))
        if of_workflow is not None:
            scopes.append(workflow_scope(workflow, of_workflow))
        return tuple(scopes)

    # -- may it go?

    def _admits(self, view: "_View", scope: Scope, record: RunRecord) -> bool:
        if view.held_by(scope, record) is not None:
            return True
        if view.empty(scope) <= 0:
            self._look_at_some(view, scope, record)
        empty = view.empty(scope)
        for _ in self._before(view, scope, record):
            empty -= 1
            if empty <= 0:
                break
        return empty > 0

    def _before(self, view: "_View", scope: Scope, record: RunRecord) -> Iterator[None]:
        """Yield once for each run that goes first: not in, and not held elsewhere."""
        if view.empty(scope) <= 0:
            return
        inside = view.inside(scope)
        policy = self._policy
        patience = _MISSED_POLLS * policy.poll_seconds + _LATE_SECONDS
        since = self._clock.now() - timedelta(seconds=patience)
        for ticket in view.slots(scope).ahead(record, seen_since=since):
            others = self._scopes(ticket.owner, ticket.workflow)
            if ticket.name not in inside and all(
                other == scope or view.empty(other) > 0 for other in others
            ):
                yield

    def _take(
        self, view: "_View", scope: Scope, record: RunRecord, attempt: int
    ) -> bool:
        """Write the run into its slot again, or into an empty one."""
        holder = Holder(
            owner=record.owner,
            run_id=record.run_id,
            slices=record.slices,
            since=self._clock.now(),
        )
        slot = view.held_by(scope, record)
        if slot is None:
            free = [
                each
                for each in view.read(scope)
                if each.holder is None and each.number < scope.limit
            ]
            if not free:
                return False
            chance = chance_of(record.owner, record.run_id, attempt)
            slot = free[int(chance * len(free))]
        return view.slots(scope).put(slot, holder)

    # -- waiting

    def _wait(
        self, scopes: tuple[Scope, ...], record: RunRecord, *, holds: bool
    ) -> Sleep:
        now = self._clock.now()
        for scope in scopes:
            # Before the slots: whoever finds them empty then finds the ticket too.
            RunningSlots(self._records, scope).wait(record, now)
            if holds:
                self._give_up(scope, record)
        chance = chance_of(record.owner, record.run_id, now)
        seconds = 1 + int(chance * self._policy.poll_seconds)
        _log.info("run queued", run_id=record.run_id, seconds=seconds)
        return Sleep(owner=record.owner, run_id=record.run_id, seconds=seconds)

    def _give_up(self, scope: Scope, record: RunRecord) -> None:
        """Empty the run's slot, which it cannot use without those of all scopes."""
        slots = RunningSlots(self._records, scope)
        for slot in slots.read():
            if slot.holder is not None and slot.holder.is_run(record):
                slots.put(slot, None)

    # -- whose run is over?

    def _look_at_some(self, view: "_View", scope: Scope, record: RunRecord) -> None:
        """Empty slots whose run is over, if chance falls on them."""
        held = [slot for slot in view.read(scope) if slot.holder is not None]
        start = int(chance_of(record.run_id, self._clock.now()) * len(held))
        for slot in (held[start:] + held[:start])[:_LOOKS]:
            assert slot.holder is not None
            if self._is_over(slot.holder):
                _log.info("slot emptied", scope=scope.partition, slot=slot.number)
                view.slots(scope).put(slot, None)
                view.forget(scope)

    def _is_over(self, holder: Holder) -> bool:
        try:
            record = self._table.get(holder.owner, holder.run_id).record
        except RunNotFound:
            return True  # swept
        if record.status.ended:
            return True
        if record.status is RunStatus.WAITING and record.slices > holder.slices:
            return True
        return self._idle_seconds(record, holder.since) > self._abandoned_after

    def _runs(self, record: RunRecord) -> bool:
        """Say whether the run is in, and nobody can have taken its slot."""
        return (
            record.status is RunStatus.RUNNING
            and self._idle_seconds(record) <= self._abandoned_after * _MARGIN
        )

    @property
    def _abandoned_after(self) -> int:
        return self._policy.abandoned_after_seconds

    def _idle_seconds(self, record: RunRecord, since: datetime | None = None) -> float:
        """Return for how long the run should have moved and has not."""
        due = record.updated_at
        if isinstance(record.transition, Sleep):
            due += timedelta(seconds=record.transition.seconds)
        if since is not None:
            due = max(due, since)
        return (self._clock.now() - due).total_seconds()


class _View:
    """The slots of the scopes that one question is about, each read once."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records
        self._read: dict[Scope, list[Slot]] = {}

    def slots(self, scope: Scope) -> RunningSlots:
        return RunningSlots(self._records, scope)

    def read(self, scope: Scope) -> list[Slot]:
        if scope not in self._read:
            self._read[scope] = self.slots(scope).read()
        return self._read[scope]

    def forget(self, scope: Scope) -> None:
        self._read.pop(scope, None)

    def empty(self, scope: Scope) -> int:
        """Return how many more may run; negative after the limit was lowered."""
        return scope.limit - len(self.inside(scope))

    def inside(self, scope: Scope) -> set[tuple[str, str]]:
        """Return the runs in the slots, by owner and run."""
        return {slot.holder.name for slot in self.read(scope) if slot.holder}

    def held_by(self, scope: Scope, record: RunRecord) -> Slot | None:
        for slot in self.read(scope):
            if slot.holder is not None and slot.holder.is_run(record):
                return slot
        return None
