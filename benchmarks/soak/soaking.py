"""Soak one run: start it, be asked, answer, wait for its end, look at everything.

The first question comes in the last slice that an execution may run, so that its
answer is taken by the next execution. The second one comes two slices later, and
its execution is stopped while it waits: the run is resumed in another one, and
the question parked anew under another token.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import admit
from analemma.kernelspace.interrupts.approvals import ApprovalDesk
from analemma.kernelspace.memory.log import state_at
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.registry import WorkflowRegistry
from analemma.records.run import RunStatus
from analemma.wiring import state_machine
from benchmarks.cloud.history import MAX_EVENTS, history
from benchmarks.cloud.project import Wanted
from benchmarks.cloud.stack import BenchStack, deployed
from benchmarks.soak.keeper import Keeper
from benchmarks.soak.person import Person

WORKFLOW = "counting"
_DEPLOYED = Path(__file__).with_name("deployed")
_PATIENCE_SECONDS = 120.0
_POLL_SECONDS = 0.05
_LONG_SECONDS = 86_400

# LangGraph's ``__start__`` is a superstep too, so a count is one behind its slice.
_START_SLICES = 1
# A question takes a slice to ask and another to go on; the second one is asked
# again, in a slice of the execution that replaces the stopped one.
_QUESTIONS = 2
_ASKED_AGAIN = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """How many slices in all; after how many to renew, and to prune."""

    slices: int
    renew_after: int
    prune_every: int = 100
    renew_after_seconds: int | None = None
    """If given: the second question waits until its execution is this old."""

    @property
    def target(self) -> int:
        """To what the agent counts."""
        return self.slices - _START_SLICES - _QUESTIONS - _ASKED_AGAIN

    @property
    def asks_at(self) -> list[int]:
        """At which counts it asks: in an execution's last slice, and soon after."""
        last = self.renew_after - _START_SLICES
        return [last, last + 2]


@dataclass(frozen=True, slots=True)
class Soaked:
    """What is known of a run after its end."""

    run_id: str
    status: RunStatus
    slices: int
    events: tuple[int, ...]
    """Of each execution, in order."""
    endings: tuple[str, ...]
    asked: int
    parked: int
    """How many times a question was parked."""
    answered_once: bool
    answers: tuple[str, ...]
    crossed: tuple[tuple[int, int], ...]
    """Of each question: the execution that asked, and the one that took the answer."""
    prunings: int
    removed: int
    """Entries that pruning took away."""
    seconds: float

    def complaints(self, plan: Plan) -> Iterator[str]:
        """Yield what should have been otherwise."""
        if self.status is not RunStatus.DONE:
            yield f"the run ended {self.status}"
        if self.slices != plan.slices:
            yield f"{self.slices:,} slices, not {plan.slices:,}"
        if max(self.events) >= MAX_EVENTS:
            yield f"a history of {max(self.events):,} events"
        if not self.answered_once:
            yield "a question took a second answer"
        wanted = tuple(f"{count}: True" for count in plan.asks_at)
        if self.answers != wanted:
            yield f"the agent got {self.answers}, not {wanted}"
        if self.asked != len(wanted):
            yield f"{self.asked} approvals, not {len(wanted)}"
        if self.parked != len(wanted) + _ASKED_AGAIN:
            yield f"parked {self.parked} times, not {len(wanted) + _ASKED_AGAIN}"
        if any(before >= after for before, after in self.crossed):
            yield f"a wait crossed no renewal: {self.crossed}"


def soak(folder: Path, plan: Plan) -> Soaked:
    """Deploy in ``folder``, run, and tear down.

    Raises:
        RuntimeError: the run did not do what it can be asked about.
        TimeoutError: it stands still.
    """
    wanted = Wanted(
        _DEPLOYED,
        [WORKFLOW],
        kernel={
            "slices": {
                "supersteps": 1,
                "renew_after_slices": plan.renew_after,
                **(
                    {"renew_after_seconds": plan.renew_after_seconds}
                    if plan.renew_after_seconds
                    else {}
                ),
            },
            "budget": {"supersteps": 2 * plan.slices, "seconds": _LONG_SECONDS},
        },
    )
    with deployed(folder, wanted) as stack:
        return _soak(stack, plan)


def _soak(stack: BenchStack, plan: Plan) -> Soaked:
    person = Person(stack, _start(stack, plan))
    keeper = Keeper(stack.looking, person.run_id, plan.prune_every)
    with keeper.keeping():
        return _accompanied(person, keeper, by_age=bool(plan.renew_after_seconds))


def _accompanied(person: Person, keeper: Keeper, *, by_age: bool) -> Soaked:
    """Answer what the run asks, and return what is known of it after its end."""
    stack, began = person.stack, time.monotonic()
    crossed, tokens, once = [], set(), True
    for question in range(_QUESTIONS):
        approval = person.asked(_PATIENCE_SECONDS)
        tokens.add(approval.task_token)
        before = person.record().generation
        if question == 1:
            if not by_age:
                person.replace_execution(before)
            approval = person.asked(_PATIENCE_SECONDS, but=approval.task_token)
            tokens.add(approval.task_token)
        sealed = _slices_when_waiting(person)
        once = person.approve(approval) and once
        crossed.append((before, _taken_in(person, before, sealed)))
    _wait(person)
    record = person.record()
    arns = [
        stack.execution_arn(person.run_id, generation)
        for generation in range(1, record.generation + 1)
    ]
    endings = tuple(stack.ended(arn, _PATIENCE_SECONDS) for arn in arns)
    desk = ApprovalDesk(stack.looking.records, LOCAL_OWNER)
    return Soaked(
        run_id=person.run_id,
        status=record.status,
        slices=record.slices,
        events=tuple(history(stack.unwatched.states, arn).events for arn in arns),
        endings=endings,
        asked=sum(1 for _ in desk.of_run(person.run_id)),
        parked=len(tokens),
        answered_once=once,
        answers=_answers(stack, person.run_id),
        crossed=tuple(crossed),
        prunings=keeper.prunings,
        removed=keeper.removed,
        seconds=time.monotonic() - began,
    )


def _start(stack: BenchStack, plan: Plan) -> str:
    machine = stack.looking
    workflow = WorkflowRegistry(machine.records, stack.settings.stack).get(WORKFLOW)
    value = {"target": plan.target, "asks_at": plan.asks_at, "count": 0, "answers": []}
    record = admit(machine, owner=LOCAL_OWNER, workflow=workflow, value=value).record
    state_machine(stack.settings).start(
        owner=LOCAL_OWNER, run_id=record.run_id, generation=1
    )
    return record.run_id


def _slices_when_waiting(person: Person) -> int:
    """Return how many slices are sealed once the slice that asked is one of them.

    Raises:
        TimeoutError: it is not sealed.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (record := person.record()).status is not RunStatus.WAITING:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the slice that asked was never sealed: {record}")
        time.sleep(_POLL_SECONDS)
    return record.slices


def _taken_in(person: Person, asked_in: int, slices: int) -> int:
    """Wait until more than ``slices`` are sealed; return the execution that did."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (record := person.record()).slices <= slices:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the answer given in {asked_in} moved nothing")
        time.sleep(_POLL_SECONDS)
    return record.generation


def _wait(person: Person) -> None:
    """Wait for the end, as long as the run moves.

    Raises:
        TimeoutError: no slice was sealed for two minutes.
    """
    slices, since = -1, time.monotonic()
    while not (record := person.record()).status.ended:
        if record.slices != slices:
            slices, since = record.slices, time.monotonic()
        if time.monotonic() - since > _PATIENCE_SECONDS:
            raise TimeoutError(f"run {person.run_id} stands still: {record}")
        time.sleep(1.0)


def _answers(stack: BenchStack, run_id: str) -> tuple[str, ...]:
    machine = stack.looking
    saver = PagedSaver(
        machine.records,
        machine.pages(LOCAL_OWNER),
        owner=LOCAL_OWNER,
        writer="reader",
        serde=machine.serde,
    )
    state = state_at(saver, run_id)
    return () if state is None else tuple(state.checkpoint["channel_values"]["answers"])
