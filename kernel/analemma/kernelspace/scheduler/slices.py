"""Run one slice: look, drive the graph until its limits, seal, say what next.

The order is the safety argument. Claim first: from then on no older slice of
this run can write a checkpoint. Then look, because what to do hangs on what is
pending. Then drive; LangGraph makes every superstep durable before the next one
starts. Then seal the record under its revision. A process that dies between any
two of these leaves a run that the next slice finds whole.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import structlog
from langgraph.types import Command

from analemma.errors import AnalemmaError, LeaseLost, Retryable
from analemma.ids import Owner
from analemma.kernelspace.ledger import Ledger
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.memory.fence import Fenced
from analemma.kernelspace.process_table import ProcessTable, StoredRun
from analemma.kernelspace.program import Program
from analemma.kernelspace.scheduler import opening, verdicts
from analemma.kernelspace.scheduler.batches import Superstep
from analemma.kernelspace.scheduler.boundary import Boundary
from analemma.kernelspace.scheduler.control import StopReason
from analemma.kernelspace.scheduler.driver import Driver
from analemma.kernelspace.scheduler.fan_out import plan
from analemma.kernelspace.scheduler.questions import Questions
from analemma.kernelspace.scheduler.refusals import take_refusal
from analemma.kernelspace.scheduler.renewal import (
    has_renewed,
    must_renew,
    seconds_to_renewal,
)
from analemma.kernelspace.scheduler.turns import make_room, wait_for_turn
from analemma.kernelspace.spending.refused import BudgetReached
from analemma.kernelspace.value_pages import load_value
from analemma.records.approval import ApprovalRecord
from analemma.records.budget import Usage
from analemma.records.envelope import SliceEvent
from analemma.records.run import (
    Attempts,
    Failure,
    RunRecord,
    RunStatus,
    ToleratedFailures,
)
from analemma.records.spending import Refusal
from analemma.records.transition import (
    AwaitApproval,
    Continue,
    Done,
    Failed,
    FanOut,
    Renew,
    Sleep,
    Terminated,
    TerminationReason,
    Transition,
)

_OPENINGS = 3

Log = structlog.typing.FilteringBoundLogger


def run_slice(
    machine: Machine,
    program: Program,
    event: SliceEvent,
    *,
    remaining_seconds: float | None = None,
) -> Transition:
    """Run one slice of a run and return its transition.

    Idempotent: for a run that has ended, and for an execution that was told to
    renew, the transition of then is returned again.

    Args:
        machine: What the kernel runs on.
        program: The run's workflow.
        event: Which run, and which execution asks.
        remaining_seconds: What the invocation may still take; None on a laptop,
            where the policy bounds a slice.

    Raises:
        RunNotFound: there is no such run.
        LeaseLost: another slice took over; this one changed nothing more.
        StoreUnavailable: a store failed; the slice can be repeated.
        Corrupt: stored bytes are not what was written.
    """
    stored = ProcessTable(machine.records).get(event.owner, event.run_id)
    record = stored.record
    said, renewed = record.transition, has_renewed(record, event.execution)
    if said is not None and (record.status.ended or renewed):
        return said
    return _Slice(machine, program, event, stored, remaining_seconds).run()


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A transition, and what the record says once it is sealed."""

    transition: Transition
    status: RunStatus
    changes: dict[str, Any]  # Any: fields of a RunRecord, checked by pydantic


class _Slice:
    def __init__(
        self,
        machine: Machine,
        program: Program,
        event: SliceEvent,
        stored: StoredRun,
        remaining_seconds: float | None,
    ) -> None:
        self._machine = machine
        self._program = program
        self._event = event
        self._stored = stored
        self._table = ProcessTable(machine.records)
        self._pages = machine.pages(Owner(event.owner))
        self._questions = Questions(machine, event.owner, event.run_id)
        self._started_seconds = machine.clock.monotonic_seconds()
        self._log: Log = structlog.get_logger().bind(
            run_id=event.run_id, slice=stored.record.slices + 1
        )
        writer = f"{stored.record.slices + 1}-{machine.ids.run_id()[-8:]}"
        self._ledger = Ledger(machine.records, event.owner, event.run_id, writer)
        self._driver = Driver(
            machine,
            program,
            owner=event.owner,
            run_id=event.run_id,
            writer=writer,
            ledger=self._ledger,
            log=self._log,
        )
        self._limits = opening.slice_limits(
            machine.policy,
            stored.record,
            started_seconds=self._started_seconds,
            remaining_seconds=remaining_seconds,
            fans_out=not program.asynchronous,
        )

    @property
    def _record(self) -> RunRecord:
        return self._stored.record

    def run(self) -> Transition:
        policy, now = self._machine.policy.slices, self._machine.clock.now()
        if must_renew(self._record, policy, self._event.execution, now):
            return self._seal(self._renew())
        if turn := wait_for_turn(self._machine, self._stored, self._event):
            return turn
        try:
            self._driver.saver.claim(
                self._event.run_id, f"slice {self._record.slices + 1}"
            )
            at = self._driver.look()
            if not self._open(at):
                return self._ended()
            self._ledger.load()
            with closing(self._driver.purse(self._record)) as self._purse:
                sealed = self._advance(at)
            return self._seal(sealed)
        except (Fenced, LeaseLost) as fenced:
            if (said := self._cancelled()) is not None:
                return said
            raise LeaseLost(
                f"run {self._event.run_id} was taken over by another slice; this one "
                f"stopped and changed nothing ({fenced})"
            ) from None

    # -- opening and sealing

    def _open(self, at: Boundary | None) -> bool:
        """Mark the run as running; say whether it still is to be run.

        A slice that claimed before us may write the record once more. It cannot
        advance the run any longer, so we look again instead of giving up: else
        two slices that start together could both stop.
        """
        for _ in range(_OPENINGS):
            try:
                self._stored = self._table.replace(
                    self._stored,
                    opening.opened(
                        self._record,
                        at,
                        workflow=self._program.digest,
                        execution=self._event.execution,
                        now=self._machine.clock.now(),
                    ),
                )
            except LeaseLost:
                self._stored = self._table.get(self._event.owner, self._event.run_id)
                if self._record.status.ended:
                    return False
            else:
                return True
        raise LeaseLost(
            f"run {self._event.run_id}: its record keeps changing; this slice stops"
        )

    def _cancelled(self) -> Transition | None:
        """Return how the run ended if a person ended it meanwhile, else None."""
        self._stored = self._table.get(self._event.owner, self._event.run_id)
        said = self._record.transition
        cancelled = (
            isinstance(said, Terminated) and said.reason is TerminationReason.CANCELLED
        )
        return said if cancelled and self._record.status.ended else None

    def _ended(self) -> Transition:
        said = self._record.transition
        if said is None:
            raise LeaseLost(f"run {self._event.run_id} was opened again; try again")
        return said

    def _seal(self, sealed: _Sealed) -> Transition:
        self._stored = self._table.replace(
            self._stored,
            self._record.model_copy(
                update={
                    "status": sealed.status,
                    "transition": sealed.transition,
                    "used": self._used(),
                    "longest_superstep_seconds": self._longest_superstep_seconds(),
                    "opened_at": None,
                    "updated_at": self._machine.clock.now(),
                    **sealed.changes,
                }
            ),
        )
        make_room(self._machine, self._record)
        self._log.info(
            "slice sealed",
            transition=sealed.transition.kind,
            supersteps=self._driver.supersteps,
            seconds=round(self._elapsed_seconds(), 3),
        )
        return sealed.transition

    # -- what is pending decides

    def _advance(self, at: Boundary | None) -> _Sealed:
        waits = None if at is None else self._wait(at)
        if waits is not None:
            return waits
        if at is not None and (gave_up := self._gave_up(at)):
            return gave_up
        outcome = self._driver.drive(
            self._input(at),
            self._limits,
            self._used,
            self._purse,
            self._record.asked_at_step,
        )
        if isinstance(outcome, Exception):
            return self._failure(outcome)
        return self._after(outcome)

    def _gave_up(self, at: Boundary) -> _Sealed | None:
        attempts = self._attempts(at)
        if not opening.keeps_dying(self._event, attempts, self._machine.policy):
            return None
        verdict = verdicts.slices_died(at, attempts.deaths)
        # Whoever resumes the run gets all tries again.
        attempts = attempts.model_copy(update={"deaths": 0})
        return self._failed(verdict, attempts=attempts)

    def _after(self, outcome: StopReason | None) -> _Sealed:
        at = self._driver.look()
        waits = None if at is None else self._wait(at)
        if waits is not None:
            return waits
        if outcome is None and at is not None and not at.questions:
            return self._failed(verdicts.stopped_without_reason())
        return self._running(Continue(**self._ids()))

    def _wait(self, at: Boundary) -> _Sealed | None:
        """Return what the run must do before another superstep, or None.

        The order counts: a run that used its budget up with its last superstep
        is done, and one that has used it up does not fan out.
        """
        if at.finished:
            return self._done(at)
        if open_approvals := self._questions.open(at):
            return self._await_approval(at, open_approvals)
        if self._questions.rejected_breakpoint(at):
            return self._terminated(TerminationReason.CANCELLED, at)
        if reason := self._record.budget.exceeded_by(self._used()):
            return self._terminated(reason, at)
        if self._joins() and (refusal := self._refused(at)):
            return self._terminated(refusal, at)
        if at.failed and self._joins():
            return self._judge_workers(at)
        if not at.questions and self._fans_out(at):
            return self._fan_out(at)
        return None

    def _input(self, at: Boundary | None) -> Any:
        # Any: the input of whatever graph this is.
        if at is None:
            return load_value(self._pages, self._record.input_ref, self._machine.serde)
        answers = self._questions.answers(at)
        return Command(resume=answers) if answers else None

    # -- approvals

    def _await_approval(self, at: Boundary, waiting: list[ApprovalRecord]) -> _Sealed:
        ref = verdicts.park_items(self._pages, waiting)
        policy, now = self._machine.policy.slices, self._machine.clock.now()
        seconds = seconds_to_renewal(self._record, policy, now)
        transition = AwaitApproval(
            **self._ids(), ref=ref, approvals=len(waiting), seconds=seconds
        )
        # In the cloud a slice runs again only when every wait has ended. Waits
        # that end without an answer were never parked.
        said = self._record.transition
        ended_unanswered = bool(self._event.execution) and (
            isinstance(said, AwaitApproval) and said.ref == ref
        )
        parks = self._attempts(at).parks + ended_unanswered
        if parks >= self._machine.policy.fan_out.max_rounds:
            return self._failed(verdicts.not_parked(waiting, parks))
        attempts = self._attempts(at).model_copy(update={"parks": parks})
        return _Sealed(transition, RunStatus.WAITING, {"attempts": attempts})

    # -- fan-out

    def _joins(self) -> bool:
        """Whether the workers of this run's latest fan-out have all ended."""
        said = self._record.transition
        return isinstance(said, FanOut) and said.ref == self._event.joins

    def _rounds(self, at: Boundary) -> int:
        """Return how many rounds of workers have ended at this checkpoint."""
        return self._attempts(at).rounds + self._joins()

    def _attempts(self, at: Boundary) -> Attempts:
        return opening.attempts_at(self._record, at)

    def _fans_out(self, at: Boundary) -> bool:
        limit = self._limits.fan_out_tasks
        if limit is None or not at.sends:
            return False
        return len(at.sends) >= limit or self._attempts(at).fanned_out

    def _fan_out(self, at: Boundary) -> _Sealed:
        policy = self._machine.policy.fan_out
        rounds = self._rounds(at)
        if rounds >= policy.max_rounds:
            return self._failed(verdicts.workers_gave_up(at, rounds))
        ref, batches = plan(
            self._pages,
            owner=self._event.owner,
            run_id=self._event.run_id,
            checkpoint_id=at.checkpoint_id,
            task_ids=at.sends,
            batch_size=policy.batch_size,
            round_number=rounds,
            superstep=Superstep(self._driver.saver, at.unfinished),
        )
        attempts = self._attempts(at).model_copy(
            update={"rounds": rounds, "fanned_out": True}
        )
        return self._running(
            FanOut(**self._ids(), ref=ref, batches=batches), attempts=attempts
        )

    def _judge_workers(self, at: Boundary) -> _Sealed:
        """Judge tasks that failed for good, in the eyes of the orchestrator."""
        if all(verdicts.is_retryable(task.error) for task in at.failed):
            sleep = self._sleep(at, Retryable("a worker's task may yet succeed"))
            if sleep is not None:
                return sleep
        rounds = self._rounds(at)
        policy = self._machine.policy.fan_out
        if not policy.tolerates(len(at.failed), at.sent):
            return self._failed(verdicts.worker_failure(at, rounds))
        if set(at.sends) - {task.id for task in at.failed}:
            # Tasks without a word are no failures yet: they are given out again.
            return self._fan_out(at)
        return self._tolerate(at, rounds)

    def _tolerate(self, at: Boundary, rounds: int) -> _Sealed:
        ref = verdicts.tolerated_failures(self._pages, at, rounds, self._machine.serde)
        self._driver.pass_over(at)
        before = self._record.tolerated
        tasks = len(at.failed) + (0 if before is None else before.tasks)
        self._log.warning("failed tasks tolerated", tasks=len(at.failed), of=at.sent)
        return self._running(
            Continue(**self._ids()), tolerated=ToleratedFailures(tasks=tasks, ref=ref)
        )

    # -- ends and failures

    def _done(self, at: Boundary) -> _Sealed:
        ref = verdicts.result(self._pages, at)
        return _Sealed(
            Done(**self._ids(), ref=ref), RunStatus.DONE, {"result_ref": ref}
        )

    def _refused(self, at: Boundary) -> Refusal | None:
        return take_refusal(self._machine, self._record, self._purse, self._rounds(at))

    def _terminated(self, why: verdicts.Why, at: Boundary | None) -> _Sealed:
        budget, used = self._record.budget, self._used()
        reason, ref = verdicts.evidence(self._pages, why, budget, used, at)
        return _Sealed(
            Terminated(**self._ids(), reason=reason, ref=ref), RunStatus.TERMINATED, {}
        )

    def _failure(self, error: Exception) -> _Sealed:
        at = self._driver.look()
        if isinstance(error, BudgetReached):
            return self._terminated(error.refusal, at)
        in_task = at is not None and bool(at.failed)
        if isinstance(error, AnalemmaError) and not in_task:
            raise error  # ours, below the graph: the orchestrator repeats or buries
        if at is not None and isinstance(error, Retryable):
            sleep = self._sleep(at, error)
            if sleep is not None:
                return sleep
        return self._failed(verdicts.node_failure(error, at, self._driver.attempts))

    def _sleep(self, at: Boundary, error: Retryable) -> _Sealed | None:
        policy = self._machine.policy.tasks
        attempts = self._attempts(at)
        if attempts.sleeps + 1 >= policy.max_attempts:
            return None
        attempts = attempts.model_copy(update={"sleeps": attempts.sleeps + 1})
        seconds = verdicts.sleep_seconds(error, attempts, self._machine.policy.backoff)
        return self._running(Sleep(**self._ids(), seconds=seconds), attempts=attempts)

    def _failed(self, verdict: Failure, **changes: object) -> _Sealed:
        ref = verdicts.failure_page(self._pages, verdict, self._machine.serde)
        self._log.warning("run failed", node=verdict.node, attempt=verdict.attempt)
        return _Sealed(
            Failed(**self._ids(), ref=ref),
            RunStatus.FAILED,
            {"failure": verdict, **changes},
        )

    # -- small things

    def _renew(self) -> _Sealed:
        generation = self._record.generation + 1
        return self._running(
            Renew(**self._ids(), generation=generation),
            generation=generation,
            opened_at=self._record.opened_at,
            status=self._record.status,  # who has no slot still has none
        )

    def _running(self, transition: Transition, **changes: object) -> _Sealed:
        return _Sealed(transition, RunStatus.RUNNING, changes)

    def _ids(self) -> dict[str, Any]:
        # Any: keyword arguments of whichever transition, checked by pydantic.
        return {"run_id": self._event.run_id, "owner": self._event.owner}

    def _longest_superstep_seconds(self) -> float:
        longest = self._driver.longest_superstep_seconds
        return round(max(self._record.longest_superstep_seconds, longest), 3)

    def _elapsed_seconds(self) -> float:
        return self._machine.clock.monotonic_seconds() - self._started_seconds

    def _used(self) -> Usage:
        return Usage(
            supersteps=max(self._record.used.supersteps, self._driver.total_supersteps),
            seconds=round(self._record.used.seconds + self._elapsed_seconds(), 3),
            # The ledger is not read yet when all there is to do is to renew.
            tokens=max(self._record.used.tokens, self._ledger.tokens),
            micro_usd=max(self._record.used.micro_usd, self._ledger.micro_usd),
        )
