"""The gate: never more than the limit run, nobody is lost, and the first go first."""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from admission_runs import AdmittedRuns
from analemma.errors import Corrupt
from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.local.sqlite_records import SqliteRecordStore
from analemma.hardware.ports import RecordStore
from analemma.kernelspace.running_slots import Holder, RunningSlots, owner_scope
from analemma.records.concurrency_policy import AdmissionPolicy
from analemma.records.run import RunRecord, RunStatus
from memory_stores import MemoryRecordStore
from stores_aws import EmulatedAws, Turnstile, emulated_aws

ONE_EACH = AdmissionPolicy(max_running_per_owner=1)
HOUR = 3600.0


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        Turnstile(emulated.dynamodb)
        yield emulated


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RecordStore]:
    if request.param == "memory":
        yield MemoryRecordStore()
    elif request.param == "sqlite":
        with SqliteRecordStore(tmp_path / "records.sqlite") as sqlite:
            yield sqlite
    else:
        emulated = request.getfixturevalue("aws")
        yield DynamoRecordStore(emulated.dynamodb, emulated.new_table())


def beginning(runs: AdmittedRuns, those: list[RunRecord]) -> list[RunRecord]:
    """Return which of the runs may begin, asked in this order; none that ended."""
    alive = [run for run in those if not runs.now(run).status.ended]
    return [run for run in alive if runs.begins(run)]


# -- limits


def test_without_limits_everybody_goes_and_the_store_is_not_asked() -> None:
    store = MemoryRecordStore()
    runs = AdmittedRuns(store, AdmissionPolicy())
    admitted = [runs.admit() for _ in range(5)]
    store.calls.clear()

    assert [runs.gate.enter(run) for run in admitted] == [None] * 5
    assert not store.calls


def test_an_owner_s_runs_beyond_the_limit_wait(store: RecordStore) -> None:
    runs = AdmittedRuns(store, AdmissionPolicy(max_running_per_owner=2))
    admitted = [runs.admit() for _ in range(4)]

    assert beginning(runs, admitted) == admitted[:2]
    assert runs.begins(runs.admit(owner="bob"))


def test_a_workflow_s_runs_beyond_the_limit_wait_whoever_they_belong_to(
    store: RecordStore,
) -> None:
    policy = AdmissionPolicy(max_running_per_workflow=1, workflows={"wide": 2})
    runs = AdmittedRuns(store, policy)
    admitted = [
        runs.admit(owner, workflow)
        for workflow in ("audit", "wide")
        for owner in ("ann", "bob", "cid")
    ]

    assert beginning(runs, admitted) == [admitted[0], *admitted[3:5]]


def test_a_run_needs_a_slot_of_its_owner_and_of_its_workflow(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(
        store, AdmissionPolicy(max_running_per_owner=2, max_running_per_workflow=1)
    )
    first, second = runs.admit(), runs.admit()
    other = runs.admit(workflow="other")
    third = runs.admit(workflow="third")

    # The second waits for the workflow, and keeps no slot of the owner's meanwhile.
    assert beginning(runs, [first, second, other, third]) == [first, other]


def test_a_run_that_died_between_two_slots_gives_the_first_up_if_it_must_wait() -> None:
    policy = AdmissionPolicy(max_running_per_owner=1, max_running_per_workflow=1)
    runs = AdmittedRuns(Dying(), policy)
    died, other = runs.admit(), runs.admit(owner="bob")
    assert dies_at(runs, 1, False, lambda: runs.slice(died))
    assert runs.begins(other)  # and the workflow's one slot is taken

    assert not runs.begins(died)
    assert runs.begins(runs.admit(workflow="other"))


def test_a_run_in_two_slots_leaves_no_third_and_empties_both(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(store, AdmissionPolicy(max_running_per_owner=2))
    twice, other = runs.admit(), runs.admit()
    holder = Holder(owner="ann", run_id=twice.run_id, slices=0, since=runs.clock.now())
    slots = RunningSlots(store, owner_scope("ann", 2))
    assert all(slots.put(slot, holder) for slot in slots.read())
    assert runs.begins(twice)

    assert not runs.begins(other)
    runs.seal(twice)
    assert all(slot.holder is None for slot in slots.read())
    assert runs.begins(other)


def test_the_ticket_of_a_run_that_got_in_and_died_holds_nobody_up() -> None:
    runs = AdmittedRuns(Dying(), AdmissionPolicy(max_running_per_owner=2))
    first, second, got_in, behind = (runs.admit() for _ in range(4))
    assert beginning(runs, [first, second, got_in]) == [first, second]
    runs.seal(first)
    assert dies_at(runs, 0, True, lambda: runs.gate.enter(runs.now(got_in)))
    runs.seal(second)

    assert runs.begins(behind)


def test_a_name_with_a_slash_is_a_scope_of_its_own(store: RecordStore) -> None:
    runs = AdmittedRuns(store, AdmissionPolicy(max_running_per_workflow=1))

    assert runs.begins(runs.admit(workflow="a/slot"))
    assert runs.begins(runs.admit(workflow="a"))
    assert not runs.begins(runs.admit(workflow="a/slot"))


def test_a_run_that_runs_goes_on_and_costs_nothing() -> None:
    store = MemoryRecordStore()
    runs = AdmittedRuns(store, ONE_EACH)
    run = runs.admit()
    assert runs.begins(run)
    running = runs.now(run)
    store.calls.clear()

    assert runs.gate.enter(running) is None
    assert not store.calls


def test_a_slice_that_died_before_it_opened_the_run_has_its_slot(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    run = runs.admit()
    assert runs.gate.enter(run) is None  # and dies

    assert runs.begins(run)
    assert not runs.begins(runs.admit())


def test_a_lower_limit_lets_nobody_in_until_enough_have_ended(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(store, AdmissionPolicy(max_running_per_owner=3))
    running = [runs.admit() for _ in range(3)]
    assert beginning(runs, running) == running
    runs.policy = AdmissionPolicy(max_running_per_owner=2)
    waiting = runs.admit()

    assert not runs.begins(waiting)
    runs.seal(running[0])
    assert not runs.begins(waiting)
    runs.seal(running[1])
    assert runs.begins(waiting)


def test_slots_above_a_lowered_limit_are_not_taken_again() -> None:
    store = MemoryRecordStore()
    runs = AdmittedRuns(store, AdmissionPolicy(max_running_per_owner=4))
    for run in [runs.admit() for _ in range(8)]:
        assert runs.begins(run)
        runs.seal(run)
    runs.policy = ONE_EACH
    for run in [runs.admit() for _ in range(8)]:
        assert runs.begins(run)
        slots = RunningSlots(store, owner_scope("ann", 1)).read()
        assert [slot.number for slot in slots if slot.holder] == [0]
        runs.seal(run)


def test_a_higher_limit_lets_more_in(store: RecordStore) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    admitted = [runs.admit() for _ in range(4)]
    assert beginning(runs, admitted) == admitted[:1]
    runs.policy = AdmissionPolicy(max_running_per_owner=3)

    assert beginning(runs, admitted) == admitted[:3]


def test_asking_in_vain_costs_four_calls_however_many_run_and_wait() -> None:
    store = MemoryRecordStore()
    runs = AdmittedRuns(store, AdmissionPolicy(max_running_per_owner=50))
    running = [runs.admit() for _ in range(50)]
    assert beginning(runs, running) == running
    waiting = [runs.admit() for _ in range(100)]
    assert beginning(runs, waiting) == []
    store.calls.clear()

    assert runs.gate.enter(runs.now(waiting[-1])) is not None
    # The run's own record; then the slots, two of their runs, and the ticket.
    assert store.calls == {"get": 1 + 2, "query": 1, "put": 1}


# -- order


def test_the_next_is_the_one_that_was_admitted_first(store: RecordStore) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    admitted = [runs.admit() for _ in range(5)]
    assert beginning(runs, admitted) == admitted[:1]

    order = [admitted[0]]
    while len(order) < 5:
        runs.seal(order[-1])
        order += beginning(runs, admitted[::-1])  # the last one asks first

    assert order == admitted


def test_two_empty_slots_are_for_the_first_two(store: RecordStore) -> None:
    runs = AdmittedRuns(store, AdmissionPolicy(max_running_per_owner=2))
    admitted = [runs.admit() for _ in range(5)]
    assert beginning(runs, admitted) == admitted[:2]
    for run in admitted[:2]:
        runs.seal(run)

    assert beginning(runs, admitted[:1:-1]) == [admitted[3], admitted[2]]


def test_a_newcomer_does_not_pass_those_who_wait(store: RecordStore) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    first, second = runs.admit(), runs.admit()
    assert beginning(runs, [first, second]) == [first]
    runs.seal(first)
    newcomer = runs.admit()

    assert not runs.begins(newcomer)
    assert runs.begins(second)


def test_who_waits_for_another_scope_does_not_hold_up_those_behind(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(
        store, AdmissionPolicy(max_running_per_owner=2, workflows={"narrow": 1})
    )
    narrow = [runs.admit(workflow="narrow") for _ in range(3)]
    assert beginning(runs, narrow) == narrow[:1]
    wide = runs.admit(workflow="wide")

    assert runs.begins(wide)
    runs.seal(narrow[0])
    # Now the owner's one empty slot is for the next of the narrow ones.
    assert not runs.begins(runs.admit(workflow="wide"))
    assert beginning(runs, narrow[1:]) == narrow[1:2]


def test_the_sleep_is_spread_over_the_policy_s_time() -> None:
    policy = AdmissionPolicy(max_running_per_owner=1, poll_seconds=30)
    runs = AdmittedRuns(MemoryRecordStore(), policy)
    assert runs.begins(runs.admit())
    sleeps = [runs.slice(runs.admit()) for _ in range(200)]
    seconds = {sleep.seconds for sleep in sleeps if sleep is not None}

    assert seconds == set(range(1, 31))


# -- ends, waits and deaths


@pytest.mark.parametrize(
    "status",
    [
        RunStatus.DONE,
        RunStatus.FAILED,
        RunStatus.TERMINATED,
        RunStatus.WAITING,
    ],
)
@pytest.mark.parametrize("ends", [AdmittedRuns.seal, AdmittedRuns.die])
def test_a_run_that_ended_or_waits_for_people_makes_room(
    store: RecordStore,
    status: RunStatus,
    ends: Callable[[AdmittedRuns, RunRecord, RunStatus], None],
) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    run, waiting = runs.admit(), runs.admit()
    assert beginning(runs, [run, waiting]) == [run]
    ends(runs, run, status)

    assert runs.begins(waiting)


def test_a_run_that_was_answered_waits_for_a_slot_before_those_after_it(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    answered, running, last = (runs.admit() for _ in range(3))
    assert runs.begins(answered)
    runs.seal(answered, RunStatus.WAITING)
    assert beginning(runs, [running, last, answered]) == [running]
    runs.seal(running)

    assert beginning(runs, [last, answered]) == [answered]


def test_a_slot_taken_again_after_a_wait_is_not_taken_for_left_behind(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    answered, waiting = runs.admit(), runs.admit()
    assert runs.begins(answered)
    runs.die(answered, RunStatus.WAITING)
    # Its next slice has been let in, and has not opened the run yet.
    assert runs.gate.enter(runs.now(answered)) is None

    assert not runs.begins(waiting)


def test_leaving_late_does_not_empty_the_slot_of_a_later_slice(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    run, waiting = runs.admit(), runs.admit()
    assert runs.begins(run)
    sealed = runs.change(run, status=RunStatus.WAITING)
    assert runs.gate.enter(sealed) is None
    runs.gate.leave(sealed)

    assert not runs.begins(waiting)


def test_an_ended_run_that_is_opened_again_waits_like_any_other(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    failed, running = runs.admit(), runs.admit()
    assert runs.begins(failed)
    runs.seal(failed, RunStatus.FAILED)
    assert runs.begins(running)
    runs.change(failed, status=RunStatus.ADMITTED)

    assert not runs.begins(failed)
    runs.seal(running)
    assert runs.begins(failed)


def test_the_slot_of_a_run_that_was_swept_is_empty(store: RecordStore) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    swept, waiting = runs.admit(), runs.admit()
    assert runs.begins(swept)
    store.delete(f"run/ann/{swept.run_id}", "record")

    assert runs.begins(waiting)


def test_slots_of_dead_runs_are_found_however_many_there_are(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(store, AdmissionPolicy(max_running_per_owner=6))
    dead = [runs.admit() for _ in range(6)]
    assert beginning(runs, dead) == dead
    waiting = runs.admit()
    runs.die(dead[4])
    polls = 0
    while not runs.begins(waiting):
        runs.clock.move(1)
        polls += 1

    assert polls < 60


def test_a_run_that_nobody_drives_any_more_gives_its_slot_up_in_time(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    abandoned, waiting = runs.admit(), runs.admit()
    assert runs.begins(abandoned)

    runs.clock.move(6 * HOUR)
    assert not runs.begins(waiting)
    runs.clock.move(1)
    assert runs.begins(waiting)
    # It was not dead, and has to wait for its turn now, like any other.
    assert not runs.begins(abandoned)
    runs.seal(waiting)
    assert runs.begins(abandoned)


def test_a_run_takes_its_slot_anew_before_others_may_think_it_abandoned() -> None:
    store = MemoryRecordStore()
    runs = AdmittedRuns(store, ONE_EACH)
    run = runs.admit()
    assert runs.begins(run)
    slot = ("admission/owner/ann", "slot/00000")

    runs.clock.move(5 * HOUR)
    assert runs.gate.enter(runs.now(run)) is None
    assert store.cells[slot].revision == 1
    runs.clock.move(HOUR / 2)
    assert runs.gate.enter(runs.now(run)) is None
    assert store.cells[slot].revision == 2


def test_a_run_that_sleeps_long_is_not_abandoned(store: RecordStore) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    sleeping, waiting = runs.admit(), runs.admit()
    assert runs.begins(sleeping)
    sleep = runs.slice(waiting)
    assert sleep is not None
    day = sleep.model_copy(update={"seconds": 24 * 3600, "run_id": sleeping.run_id})
    runs.change(sleeping, transition=day)

    runs.clock.move(29 * HOUR)
    assert not runs.begins(waiting)
    runs.clock.move(HOUR + 1)
    assert runs.begins(waiting)


def test_a_run_that_stopped_asking_does_not_hold_up_those_behind_for_long(
    store: RecordStore,
) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    running, gone, waiting = (runs.admit() for _ in range(3))
    assert beginning(runs, [running, gone, waiting]) == [running]
    runs.seal(running)

    runs.clock.move(3 * runs.policy.poll_seconds + 60)
    assert not runs.begins(waiting)
    runs.clock.move(1)
    assert runs.begins(waiting)
    # It comes back, and has its old place again.
    after = runs.admit()
    assert beginning(runs, [gone, after]) == []
    runs.seal(waiting)
    assert beginning(runs, [after, gone]) == [gone]


def test_a_run_that_ends_while_it_waits_leaves_no_ticket(store: RecordStore) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    running, cancelled, waiting = (runs.admit() for _ in range(3))
    assert beginning(runs, [running, cancelled, waiting]) == [running]
    runs.seal(cancelled, RunStatus.TERMINATED)
    runs.seal(running)

    assert runs.begins(waiting)


def test_a_body_that_is_no_slot_is_corrupt(store: RecordStore) -> None:
    runs = AdmittedRuns(store, ONE_EACH)
    store.put("admission/owner/ann", "slot/00000", b"{}")

    with pytest.raises(Corrupt, match="slot/00000 is no Holder"):
        runs.begins(runs.admit())


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


class Dying(MemoryRecordStore):
    """A store whose process dies at a call: before it, or after it was applied."""

    left: int | None = None
    applied = False

    def _dies(self) -> bool:
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0

    def put(self, *args, **kwargs) -> int:
        dies = self._dies()
        if dies and not self.applied:
            raise KeyboardInterrupt
        revision = super().put(*args, **kwargs)
        if dies:
            raise KeyboardInterrupt
        return revision

    def delete(self, partition: str, sort: str) -> None:
        dies = self._dies()
        if dies and not self.applied:
            raise KeyboardInterrupt
        super().delete(partition, sort)
        if dies:
            raise KeyboardInterrupt


def dies_at(
    runs: AdmittedRuns, call: int, applied: bool, act: Callable[[], object]
) -> bool:
    """Let a process die at its write number ``call``; say whether it came to it."""
    store = runs.records
    assert isinstance(store, Dying)
    store.left, store.applied = call, applied
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        store.left = None
    return False


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
