"""The gate: never more than the limit run, nobody is lost, and the first go first."""

from collections.abc import Callable

import pytest

from admission_runs import AdmittedRuns, Dying, dies_at
from analemma.errors import Corrupt
from analemma.hardware.ports import RecordStore
from analemma.kernelspace.running_slots import Holder, RunningSlots, owner_scope
from analemma.records.concurrency_policy import AdmissionPolicy
from analemma.records.run import RunRecord, RunStatus
from memory_stores import MemoryRecordStore
from record_stores_fixture import aws as aws
from record_stores_fixture import store as store

ONE_EACH = AdmissionPolicy(max_running_per_owner=1)
HOUR = 3600.0


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
