"""Failed tasks of a fan-out: what the environment's policy makes of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.kernelspace.serializer import PLAIN
from analemma.kernelspace.value_pages import load_value
from analemma.records.envelope import WorkerEvent
from analemma.records.policy import FanOutPolicy
from analemma.records.transition import Done, Failed
from kernel_desk import Desk, open_desk, program
from kernel_graphs import scattering


def desk_with(desk: Desk, **options: Any) -> Desk:
    """Return a desk on the same home whose fan-outs obey ``options``."""
    fan_out = FanOutPolicy(min_tasks=8, batch_size=100, **options)
    policy = desk.machine.policy.model_copy(update={"fan_out": fan_out})
    return Desk(replace(desk.machine, policy=policy))


def numbers(every: int, count: int) -> set[str]:
    return {str(n * every) for n in range(count)}


def drive(
    desk: Desk, tasks: int, failing: set[str], runs: list[str]
) -> tuple[Any, Any]:
    """Run a superstep of ``tasks``; return how the run ended, and its record."""
    workflow = program(scattering(runs, fail=failing))
    run = desk.admit(workflow, {"target": tasks, "seen": []})
    transition = desk.drive(workflow, run.run_id)
    record = desk.record(run.run_id)
    if isinstance(transition, Done):
        expected = [f"did {n}" for n in range(tasks) if str(n) not in failing]
        assert desk.output(workflow, run.run_id)["seen"] == [*expected, "joined"]
    return transition, record


def test_without_a_word_one_failed_task_of_a_hundred_fails_the_run(desk: Desk) -> None:
    transition, record = drive(desk_with(desk), 100, {"41"}, [])

    assert isinstance(transition, Failed)
    assert "task 41 cannot" in record.failure.cause
    assert record.tolerated is None


@pytest.mark.parametrize(
    "options",
    [
        {"on_failure": "tolerate", "tolerated_percent": 5.0},
        {"on_failure": "collect"},
    ],
)
def test_three_failed_tasks_of_a_hundred_are_tolerated_and_named(
    desk: Desk, options: dict[str, Any]
) -> None:
    at, runs = desk_with(desk, **options), list[str]()

    transition, record = drive(at, 100, {"3", "50", "99"}, runs)

    assert isinstance(transition, Done)
    assert sorted(runs, key=int) == [str(n) for n in range(100)]
    assert record.tolerated.tasks == 3
    named = load_value(desk.machine.pages(LOCAL_OWNER), record.tolerated.ref, PLAIN)
    assert [each["cause"].split("'")[1] for each in named] == [
        "task 3 cannot",
        "task 50 cannot",
        "task 99 cannot",
    ]


def test_when_failures_are_collected_all_tasks_may_fail(desk: Desk) -> None:
    at = desk_with(desk, on_failure="collect")

    transition, record = drive(at, 10, numbers(1, 10), [])

    assert isinstance(transition, Done)
    assert record.tolerated.tasks == 10


@pytest.mark.slow
@pytest.mark.parametrize(("failed", "ends_as"), [(99, Done), (101, Failed)])
def test_ten_percent_of_a_thousand_is_a_line_that_is_kept_to_the_task(
    tmp_path: Path, failed: int, ends_as: type[Done | Failed]
) -> None:
    with open_desk(tmp_path / "home") as desk:
        at = desk_with(desk, on_failure="tolerate", tolerated_percent=10.0)
        transition, _ = drive(at, 1000, numbers(7, failed), [])

    assert isinstance(transition, ends_as)


def test_tasks_that_nobody_ran_are_given_out_again_before_failures_count(
    desk: Desk,
) -> None:
    at, runs = desk_with(desk, on_failure="collect"), list[str]()
    workflow = program(scattering(runs, fail={"5"}))
    run = at.admit(workflow, {"target": 100, "seen": []})

    transition = at.drive(
        workflow, run.run_id, workers=_one_dies(at, workflow, batch=1)
    )

    assert isinstance(transition, Done)
    output = at.output(workflow, run.run_id)["seen"]
    assert output == [f"did {n}" for n in range(100) if n != 5] + ["joined"]
    assert [runs.count(str(n)) for n in range(100) if n != 5] == [1] * 99


def _one_dies(
    desk: Desk, workflow: Any, *, batch: int
) -> Callable[[WorkerEvent], None]:
    """Return workers of which the one with ``batch`` does nothing at first."""
    died: list[WorkerEvent] = []

    def work(event: WorkerEvent) -> None:
        if event.batch == batch and not died:
            died.append(event)
        else:
            run_worker(desk.machine, workflow, event)

    return work
