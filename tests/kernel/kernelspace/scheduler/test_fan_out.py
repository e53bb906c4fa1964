"""Fan-out: batches on workers, and the join that judges by what they stored."""

from dataclasses import replace

import pytest

from analemma.errors import StoreUnavailable
from analemma.hardware.ports import Record
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.scheduler.fan_out import worker_events
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.transition import (
    Done,
    Failed,
    FanOut,
)
from kernel_desk import Desk, program
from kernel_graphs import scattering
from stores_through import ThroughRecords


def test_many_sends_leave_the_slice_and_join_in_task_order(desk: Desk) -> None:
    plain = scattering([]).compile().invoke({"target": 23, "seen": []})
    runs: list[str] = []
    workflow = program(scattering(runs))
    run = desk.admit(workflow, {"target": 23, "seen": []})

    first = desk.slice(workflow, run.run_id)
    assert isinstance(first, FanOut)
    assert first.batches == 3
    assert runs == []
    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Done)
    assert desk.output(workflow, run.run_id) == plain
    assert sorted(runs, key=int) == [str(n) for n in range(23)]


def test_a_failed_task_of_a_fan_out_fails_the_run_by_name(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(scattering(runs, fail={"7"}))
    run = desk.admit(workflow, {"target": 12, "seen": []})

    transition = desk.drive(workflow, run.run_id)

    assert isinstance(transition, Failed)
    failure = desk.record(run.run_id).failure
    assert failure is not None
    assert failure.node == "work"
    assert "task 7 cannot" in failure.cause


def test_workers_that_die_without_a_word_are_given_up_on(desk: Desk) -> None:
    workflow = program(scattering([]))
    run = desk.admit(workflow, {"target": 12, "seen": []})
    rounds: list[int] = []

    transition = desk.drive(
        workflow, run.run_id, workers=lambda event: rounds.append(event.batch)
    )

    assert isinstance(transition, Failed)
    assert len(rounds) == 2 * desk.machine.policy.fan_out.max_rounds
    failure = desk.record(run.run_id).failure
    assert failure is not None
    assert "12 tasks were still unfinished after 3 rounds" in failure.cause


def test_an_orchestrator_that_dies_does_not_speak_against_the_workers(
    desk: Desk,
) -> None:
    workflow = program(scattering([]))
    run = desk.admit(workflow, {"target": 12, "seen": []})

    for _ in range(desk.machine.policy.fan_out.max_rounds + 2):
        assert isinstance(desk.slice(workflow, run.run_id), FanOut)

    assert isinstance(desk.drive(workflow, run.run_id), Done)


def test_late_and_duplicate_workers_change_nothing(desk: Desk) -> None:
    runs: list[str] = []
    workflow = program(scattering(runs))
    run = desk.admit(workflow, {"target": 9, "seen": []})
    transition = desk.slice(workflow, run.run_id)
    assert isinstance(transition, FanOut)
    (event,) = worker_events(desk.machine.pages(LOCAL_OWNER), transition.ref)

    run_worker(desk.machine, workflow, event)
    run_worker(desk.machine, workflow, event)
    assert sorted(runs) == [str(n) for n in range(9)]
    desk.drive(workflow, run.run_id)
    ended = desk.output(workflow, run.run_id)
    run_worker(desk.machine, workflow, event)

    assert len(runs) == 9
    assert desk.output(workflow, run.run_id) == ended


class Forgetful(ThroughRecords):
    """A record store that does not answer once when asked for a task's writes."""

    silent = True

    def get(self, partition: str, sort: str) -> Record | None:
        if "/w/" in sort and self.silent:
            self.silent = False
            raise StoreUnavailable("gone for a moment")
        return super().get(partition, sort)


def test_a_store_that_does_not_answer_a_worker_is_not_the_tasks_failure(
    desk: Desk,
) -> None:
    runs: list[str] = []
    workflow = program(scattering(runs))
    run = desk.admit(workflow, {"target": 9, "seen": []})
    transition = desk.slice(workflow, run.run_id)
    assert isinstance(transition, FanOut)
    (event,) = worker_events(desk.machine.pages(LOCAL_OWNER), transition.ref)

    forgetful = replace(desk.machine, records=Forgetful(desk.machine.records))
    with pytest.raises(StoreUnavailable):
        run_worker(forgetful, workflow, event)
    run_worker(forgetful, workflow, event)

    assert sorted(runs) == [str(n) for n in range(9)]
    assert isinstance(desk.drive(workflow, run.run_id), Done)
