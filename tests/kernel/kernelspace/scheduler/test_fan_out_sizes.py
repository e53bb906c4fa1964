"""What one worker of a fan-out asks of the stores does not hang on how many
tasks the superstep has."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from langgraph.func import task
from langgraph.graph import START, StateGraph
from langgraph.types import Send

from analemma.hardware.ports import PageStore, Record
from analemma.ids import LOCAL_OWNER, PageId
from analemma.kernelspace.program import Program
from analemma.kernelspace.scheduler.fan_out import worker_events
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.envelope import WorkerEvent
from analemma.records.transition import Done, FanOut
from kernel_desk import Desk, program
from kernel_graphs import State, scattering
from stores_through import ThroughRecords


@dataclass
class Asked:
    """Calls and bytes read."""

    calls: int = 0
    bytes_read: int = 0


class CountingRecords(ThroughRecords):
    """A record store that counts what it is asked for."""

    def __init__(self, store: Any, asked: Asked) -> None:
        super().__init__(store)
        self.asked = asked

    def get(self, partition: str, sort: str) -> Record | None:
        found = super().get(partition, sort)
        self.asked.calls += 1
        self.asked.bytes_read += 0 if found is None else len(found.body)
        return found

    def put(self, *args: Any, **options: Any) -> int:
        self.asked.calls += 1
        return super().put(*args, **options)

    def query(self, *args: Any, **options: Any) -> Iterator[Record]:
        self.asked.calls += 1
        for record in super().query(*args, **options):
            self.asked.bytes_read += len(record.body)
            yield record


class CountingPages:
    """A page store that counts what it is asked for."""

    def __init__(self, store: PageStore, asked: Asked) -> None:
        self.store = store
        self.asked = asked

    def get(self, page: PageId) -> bytes:
        found = self.store.get(page)
        self.asked.calls += 1
        self.asked.bytes_read += len(found)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def fanned_out(
    desk: Desk, workflow: Program, tasks: int
) -> tuple[str, list[WorkerEvent]]:
    """Bring a run to its fan-out; return its id and its workers' events."""
    run = desk.admit(workflow, {"target": tasks, "seen": []})
    return run.run_id, planned(desk, workflow, run.run_id)


def planned(desk: Desk, workflow: Program, run_id: str) -> list[WorkerEvent]:
    """Run a slice that fans out; return the events of its workers."""
    transition = desk.slice(workflow, run_id)
    assert isinstance(transition, FanOut)
    return list(worker_events(desk.machine.pages(LOCAL_OWNER), transition.ref))


def asked_by(desk: Desk, workflow: Program, event: WorkerEvent) -> Asked:
    """Run one worker and return what it asked of the stores."""
    asked = Asked()
    pages = desk.machine.pages
    counting = replace(
        desk.machine,
        records=CountingRecords(desk.machine.records, asked),
        pages=lambda owner: CountingPages(pages(owner), asked),
    )
    run_worker(counting, workflow, event)
    return asked


def test_worker_reads_no_more_of_a_thousand_tasks_than_of_a_hundred(
    desk: Desk,
) -> None:
    workflow = program(scattering([]))
    _, few = fanned_out(desk, workflow, 100)
    _, many = fanned_out(desk, workflow, 1000)

    # The last workers of each, after others have recorded what they did.
    for event in (*few[:-1], *many[:20]):
        run_worker(desk.machine, workflow, event)
    one, other = (asked_by(desk, workflow, each[-1]) for each in (few, many))

    assert one.calls == other.calls
    assert other.bytes_read <= one.bytes_read * 1.2


def test_thousand_tasks_run_once_each_and_join_in_task_order(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(scattering(runs))
    run_id, events = fanned_out(desk, workflow, 1000)

    for event in reversed(events):
        run_worker(desk.machine, workflow, event)
        run_worker(desk.machine, workflow, event)

    assert isinstance(desk.drive(workflow, run_id), Done)
    seen = desk.output(workflow, run_id)["seen"]
    assert seen == [*(f"did {n}" for n in range(1000)), "joined"]
    assert sorted(runs, key=int) == [str(n) for n in range(1000)]


def test_worker_of_a_superstep_that_is_over_runs_nothing(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(scattering(runs).compile(interrupt_before=["join"]))
    run_id, events = fanned_out(desk, workflow, 12)
    desk.drive(workflow, run_id)
    assert len(runs) == 12

    for event in events:
        run_worker(desk.machine, workflow, event)

    assert len(runs) == 12


@pytest.mark.parametrize("batch", [0, 1])
def test_tasks_left_by_a_dead_worker_are_planned_alone(desk: Desk, batch: int) -> None:
    runs: list[str] = []
    workflow = program(scattering(runs))
    run_id, events = fanned_out(desk, workflow, 20)
    run_worker(desk.machine, workflow, events[batch])

    (left,) = planned(desk, workflow, run_id)
    assert left.tasks == 10
    run_worker(desk.machine, workflow, left)

    assert sorted(runs, key=int) == [str(n) for n in range(20)]


def test_functional_task_of_a_failed_attempt_is_not_run_again(
    desk: Desk,
) -> None:
    calls: list[int] = []
    deaths = [True]

    @task
    def paid(number: int) -> int:
        calls.append(number)
        return number * 10

    def work(state: State) -> State:
        number = paid(int(state["seen"][0])).result()
        if deaths.pop() if deaths else False:
            raise ValueError("after it had paid")
        return {"seen": [f"paid {number}"]}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_conditional_edges(
        START,
        lambda state: [Send("work", {"seen": [str(n)]}) for n in range(8)],
        ["work"],
    )
    workflow = program(graph)
    run_id, (event,) = fanned_out(desk, workflow, 8)

    run_worker(desk.machine, workflow, event)
    run_worker(desk.machine, workflow, event)

    assert isinstance(desk.drive(workflow, run_id), Done)
    seen = desk.output(workflow, run_id)["seen"]
    assert seen == [f"paid {n * 10}" for n in range(8)]
    assert sorted(calls) == list(range(8))


def test_routing_after_a_sent_task_reads_the_state_of_the_run(desk: Desk) -> None:
    def route(state: State) -> str:
        return "join" if state["target"] == 12 else "lost"

    graph = StateGraph(State)
    graph.add_node("work", lambda state: {"seen": list(state["seen"])})
    graph.add_node("join", lambda state: {"seen": ["joined"]})
    graph.add_node("lost", lambda state: {"seen": ["lost"]})
    graph.add_conditional_edges(
        START,
        lambda state: [
            Send("work", {"seen": [str(n)]}) for n in range(state["target"])
        ],
        ["work"],
    )
    graph.add_conditional_edges("work", route, ["join", "lost"])
    workflow = program(graph)
    run_id, events = fanned_out(desk, workflow, 12)

    for event in events:
        run_worker(desk.machine, workflow, event)

    assert isinstance(desk.drive(workflow, run_id), Done)
    seen = desk.output(workflow, run_id)["seen"]
    assert seen == [*(str(n) for n in range(12)), "joined"]
