"""A sweep between the slices of runs that the kernel drives: they do not notice."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analemma.hardware.local.home import PAGES
from analemma.ids import LOCAL_OWNER, PageId
from analemma.kernelspace.interrupts.approvals import Answer
from analemma.kernelspace.scheduler.fan_out import worker_events
from analemma.kernelspace.sweep import sweep
from analemma.kernelspace.value_pages import load_value
from analemma.records.budget import Budget
from analemma.records.transition import (
    AwaitApproval,
    Continue,
    Done,
    Failed,
    FanOut,
    Terminated,
)
from kernel_desk import Desk, open_desk, program
from kernel_graphs import State, asking, counting, scattering

LONG = "long " * 2000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    with open_desk(home) as opened:
        yield opened


def swept(desk: Desk, home: Path) -> int:
    """Sweep when every page is old; return how many are left."""
    pages = desk.machine.pages(LOCAL_OWNER)
    orphan = pages.put(b"an orphan")
    then = time.time() - 3 * 24 * 3600
    for page in list(pages.list()):
        os.utime(home / PAGES / LOCAL_OWNER / page.id[:2] / page.id, (then, then))
    report = sweep(desk.machine, LOCAL_OWNER)
    assert orphan in [page.id for page in report.pages]
    return report.kept_pages


def ref_of(transition: Done | Failed | Terminated | FanOut | AwaitApproval) -> PageId:
    return PageId(transition.ref)


def test_plan_of_a_fan_out_survives_until_its_workers_run(
    desk: Desk, home: Path
) -> None:
    workflow = program(scattering([]))
    plain = scattering([]).compile().invoke({"target": 23, "seen": [LONG]})
    run = desk.admit(workflow, {"target": 23, "seen": [LONG]})
    first = desk.slice(workflow, run.run_id)
    assert isinstance(first, FanOut)

    assert swept(desk, home) >= 3
    events = list(worker_events(desk.machine.pages(LOCAL_OWNER), ref_of(first)))
    assert desk.machine.pages(LOCAL_OWNER).get(PageId(events[0].ref))
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert swept(desk, home) >= 3
    assert desk.output(workflow, run.run_id) == plain


def test_run_that_waits_can_be_answered_after_a_sweep(desk: Desk, home: Path) -> None:
    workflow = program(asking([]))
    run = desk.admit(workflow, {"seen": [LONG]})
    waits = desk.drive(workflow, run.run_id)
    assert isinstance(waits, AwaitApproval)

    swept(desk, home)
    assert desk.machine.pages(LOCAL_OWNER).get(ref_of(waits))
    (approval,) = desk.approvals(run.run_id)
    desk.answer(approval, Answer(approved=True, by="a person"))
    assert isinstance(desk.drive(workflow, run.run_id), Done)
    assert desk.output(workflow, run.run_id)["seen"] == [LONG, "True"]


def test_failure_of_a_run_survives(desk: Desk, home: Path) -> None:
    workflow = program(scattering([], fail={"3"}))
    run = desk.admit(workflow, {"target": 5, "seen": [LONG]})
    failed = desk.drive(workflow, run.run_id)
    assert isinstance(failed, Failed)

    swept(desk, home)

    told = load_value(desk.machine.pages(LOCAL_OWNER), ref_of(failed))
    assert "task 3 cannot" in told["cause"]


def test_evidence_of_a_used_up_budget_survives(desk: Desk, home: Path) -> None:
    workflow = program(counting([]))
    run = desk.admit(workflow, {"target": 50, "seen": []}, budget=Budget(supersteps=7))
    ended = desk.drive(workflow, run.run_id)
    assert isinstance(ended, Terminated)

    swept(desk, home)

    assert b'"used"' in desk.machine.pages(LOCAL_OWNER).get(ref_of(ended))


def test_run_that_is_swept_after_every_slice_ends_as_a_plain_one(
    desk: Desk, home: Path
) -> None:
    desk = desk.with_policy(slice_supersteps=1)
    workflow = program(counting([]))
    given: State = {"target": 6, "seen": [LONG]}
    plain = counting([]).compile().invoke(given)
    run = desk.admit(workflow, given)
    swept(desk, home)
    while isinstance(desk.slice(workflow, run.run_id), Continue):
        swept(desk, home)
        desk.saver("pruner").keep_latest(run.run_id)

    record = desk.record(run.run_id)
    assert record.result_ref is not None
    assert desk.output(workflow, run.run_id) == plain
