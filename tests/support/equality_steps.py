"""A run under the kernel, one process's work at a time.

``Process`` does what one process does and keeps nothing: it opens the stores,
builds the graph, does one thing and closes them. Whether it really is a process
is up to who calls: ``to_the_end`` takes what performs a piece of work, in here
(``here``) or in a forked child (``equality_server``).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, TypeVar
from unittest.mock import patch

from langchain_core.runnables import RunnableConfig

from analemma.hardware.ports import SystemClock
from analemma.ids import LOCAL_OWNER, RandomIds
from analemma.kernelspace.interrupts.approvals import Answer
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.scheduler.boundary import Boundary, look
from analemma.kernelspace.scheduler.fan_out import worker_events
from analemma.kernelspace.scheduler.slices import run_slice
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.approval import ApprovalRecord, ApprovalStatus
from analemma.records.envelope import SliceEvent, WorkerEvent
from analemma.records.policy import FanOutPolicy
from analemma.records.transition import TRANSITION, FanOut, Transition
from equality_plain import MOST_STOPS, Seen, Stop, called, seen_of
from graphs_case import Case, Runs
from kernel_desk import Desk, no_model, policy, program
from memory_backends import Backend

T = TypeVar("T")
Stores = Callable[[], AbstractContextManager[Backend]]

NEVER = 999
"""A superstep of this size fans out: none has."""

KEY = "equal"
"""Names the run, so that admitting it again is to find it."""

MOST_SLICES = 400


@dataclass(frozen=True)
class Cut:
    """How a run is cut: the size of its slices, and what leaves them.

    ``everything`` hands every task of every superstep to a worker of its own,
    also those that no ``Send`` made and those that are alone. The kernel's policy
    offers no such thing; ``_everything_fans_out`` makes it so.
    """

    name: str
    supersteps: int | None = None
    fan_out_tasks: int = NEVER
    batch_size: int = 1
    everything: bool = False

    def __str__(self) -> str:
        return self.name


ONE = Cut("slices of one superstep", 1)
TWO = Cut("slices of two supersteps", 2)
THREE = Cut("slices of three supersteps", 3)
SEVEN = Cut("slices of seven supersteps", 7)
UNCUT = Cut("one slice")
SENDS = Cut("every Send on a worker of its own", None, 2)
EVERYTHING = Cut("every task on a worker of its own", 1, 1, everything=True)
CUTS = (ONE, TWO, THREE, SEVEN, UNCUT, SENDS, EVERYTHING)


@dataclass(frozen=True)
class Said:
    """What a slice said, and the workers that it wants: JSON, both."""

    transition: str
    events: tuple[str, ...]


@dataclass
class Process:
    """The things that one process does for a run."""

    stores: Stores
    case: Case
    runs: Runs
    cut: Cut

    def admit(self) -> str:
        """Admit the run, if it is not yet; return its id."""
        with self._desk() as desk:
            return desk.admit(
                program(self.case.build(self.runs)), self.case.value, key=KEY
            ).run_id

    def slice(self, run_id: str, joins: str | None) -> Said:
        """Run one slice."""
        event = SliceEvent(run_id=run_id, owner=LOCAL_OWNER, joins=joins)
        with self._desk() as desk, self._fan_out():
            workflow = program(self.case.build(self.runs))
            said = run_slice(desk.machine, workflow, event)
            events: tuple[str, ...] = ()
            if isinstance(said, FanOut):
                pages = desk.machine.pages(LOCAL_OWNER)
                events = tuple(
                    each.model_dump_json() for each in worker_events(pages, said.ref)
                )
            return Said(TRANSITION.dump_json(said).decode(), events)

    def work(self, event: str) -> None:
        """Run one batch."""
        with self._desk() as desk:
            workflow = program(self.case.build(self.runs))
            run_worker(desk.machine, workflow, WorkerEvent.model_validate_json(event))

    def answer(self, run_id: str) -> Stop:
        """Say yes to every breakpoint and answer every question; return them."""
        with self._desk() as desk:
            graph, config = self._reader(desk, run_id)
            stop = Stop.of(graph.get_state(config))
            for approval in desk.approvals(run_id):
                if approval.status is ApprovalStatus.OPEN:
                    desk.answer(approval, self._said_to(approval))
            return stop

    def see(self, run_id: str, stops: list[Stop]) -> Seen:
        """Look at the run."""
        with self._desk() as desk:
            graph, config = self._reader(desk, run_id)
            failure = desk.record(run_id).failure
            cause = "" if failure is None else called(failure.cause)
            seen = seen_of(graph, config, stops, cause)
            if failure is not None:
                return replace(seen, runs=Counter(self.runs))
            output = desk.output(program(graph), run_id)
            return replace(seen, output=output, runs=Counter(self.runs))

    def _reader(self, desk: Desk, run_id: str) -> tuple[Any, RunnableConfig]:
        graph = self.case.build(self.runs).copy({"checkpointer": desk.saver("reader")})
        return graph, {"configurable": {"thread_id": run_id}}

    def _said_to(self, approval: ApprovalRecord) -> Answer:
        if approval.interrupt_id == "breakpoint":
            return Answer(approved=True, by="tester")
        said = self.case.answer(approval.question)
        return Answer(approved=True, by="tester", edited=True, edit=said)

    @contextmanager
    def _desk(self) -> Iterator[Desk]:
        with self.stores() as backend:
            yield Desk(machine_on(backend, self.cut))

    @contextmanager
    def _fan_out(self) -> Iterator[None]:
        with ExitStack() as stack:
            if self.cut.everything:
                stack.enter_context(_everything_fans_out())
            yield


def machine_on(backend: Backend, cut: Cut) -> Machine:
    """Return a machine on the stores that cuts runs as told."""
    fan_out = FanOutPolicy(
        min_tasks=max(2, cut.fan_out_tasks), batch_size=cut.batch_size
    )
    if cut.everything:  # not even a policy that was checked has this
        fan_out = fan_out.model_copy(update={"min_tasks": cut.fan_out_tasks})
    return Machine(
        records=backend.records,
        pages=lambda owner: backend.pages,
        clock=SystemClock(),
        ids=RandomIds(),
        policy=policy(slice_supersteps=cut.supersteps).model_copy(
            update={"fan_out": fan_out}
        ),
        model=no_model,
    )


@contextmanager
def _everything_fans_out() -> Iterator[None]:
    """Let the kernel take every task for one that a ``Send`` made.

    What it then does with them is its own.
    """

    def widened(*args: Any, **options: Any) -> Boundary | None:  # look's own
        at = look(*args, **options)
        if at is None:
            return None
        return replace(
            at, sends=tuple(task.id for task in at.unfinished if not task.interrupts)
        )

    with patch("analemma.kernelspace.scheduler.driver.look", widened):
        yield


def here(work: Callable[[], T]) -> T:
    """Do a piece of work in this process."""
    return work()


def to_the_end(process: Process, perform: "Performer") -> Seen:
    """Run to the end from wherever the run stands, as an orchestrator would."""
    run_id = perform(process.admit)
    stops: list[Stop] = []
    while True:
        said = _to_rest(process, run_id, perform)
        if said.kind != "await_approval":
            return perform(partial(process.see, run_id, stops))
        stops.append(perform(partial(process.answer, run_id)))
        assert len(stops) < MOST_STOPS, "the run asks for ever"


def _to_rest(process: Process, run_id: str, perform: "Performer") -> Transition:
    joins: str | None = None
    for _ in range(MOST_SLICES):
        said = perform(partial(process.slice, run_id, joins))
        transition = TRANSITION.validate_json(said.transition)
        joins = None
        if isinstance(transition, FanOut):
            for event in said.events:
                perform(partial(process.work, event))
            joins = transition.ref
        elif transition.kind != "continue":
            return transition
    raise AssertionError("the run goes on for ever")


class Performer(Protocol):
    """What does a piece of work of a process, and returns what came of it."""

    def __call__(self, work: Callable[[], T]) -> T:
        """Do it."""
        ...
