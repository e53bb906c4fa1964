"""The gate under races and crashes: the limit holds, and everybody runs."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from admission_runs import AdmittedRuns, Dying, dies_at
from analemma.hardware.ports import RecordStore
from analemma.kernelspace.running_slots import RunningSlots, owner_scope
from analemma.records.concurrency_policy import AdmissionPolicy
from analemma.records.run import RunRecord, RunStatus
from record_stores_fixture import aws as aws
from record_stores_fixture import store as store

# -- races


def race(runs: AdmittedRuns, limit: int, threads: int) -> int:
    """Let every thread's run run once; return how many ran at once at most."""
    lock = threading.Lock()
    together = threading.Barrier(threads)
    running = most = 0

    def live(run: RunRecord) -> None:
        nonlocal running, most
        together.wait()
        while not runs.begins(run):
            pass
        with lock:
            running += 1
            most = max(most, running)
            assert running <= limit
        assert runs.begins(run)
        with lock:
            running -= 1
        runs.seal(run)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(live, [runs.admit() for _ in range(threads)]))
    return most


def test_racing_runs_are_never_more_than_the_limit_and_all_run(
    store: RecordStore,
) -> None:
    policy = AdmissionPolicy(max_running_per_owner=3, max_running_per_workflow=2)
    runs = AdmittedRuns(store, policy)

    assert 1 <= race(runs, limit=2, threads=8) <= 2
    for partition in ("admission/owner/ann", "admission/workflow/audit"):
        left = list(store.query(partition))
        assert all(record.sort.startswith("slot/") for record in left)
        assert all(record.body == b"" for record in left)


def test_two_slices_of_one_run_take_one_slot(store: RecordStore) -> None:
    runs = AdmittedRuns(store, AdmissionPolicy(max_running_per_owner=2))
    run = runs.admit()
    together = threading.Barrier(4)

    def enter(_: int) -> bool:
        together.wait()
        return runs.gate.enter(run) is None

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(enter, range(4))) == [True] * 4
    slots = RunningSlots(store, owner_scope("ann", 2)).read()
    assert sum(slot.holder is not None for slot in slots) == 1


# -- crashes


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("step", ["first enters", "second waits", "first ends"])
def test_whichever_write_a_process_dies_at_all_runs_run_one_at_a_time(
    step: str, applied: bool
) -> None:
    for call in itertools.count():
        policy = AdmissionPolicy(max_running_per_owner=1, max_running_per_workflow=1)
        runs = AdmittedRuns(Dying(), policy)
        first, second, third = admitted = [runs.admit() for _ in range(3)]
        acts = {
            "first enters": lambda run=first, runs=runs: runs.slice(run),
            "second waits": lambda run=second, runs=runs: runs.slice(run),
            "first ends": lambda run=first, runs=runs: runs.seal(run),
        }
        died = False
        for name, act in acts.items():
            if name == step:
                died = dies_at(runs, call, applied, act)
            elif not (died and name == "first ends"):
                act()
        drain(runs, [third, second, first])
        assert all(runs.now(run).status.ended for run in admitted)
        if not died:
            assert call >= 3
            return


def drain(runs: AdmittedRuns, those: list[RunRecord]) -> None:
    """Let orchestrators go on with the runs until they have ended, one at a time."""
    for _ in range(40):
        for run in those:
            if not runs.now(run).status.ended and runs.begins(run):
                running = [
                    each for each in those if runs.now(each).status is RunStatus.RUNNING
                ]
                assert running == [run], running
                runs.seal(run)
        runs.clock.move(30)
