"""A sweep: what goes, what stays, and what a crash or a writer beside it changes."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from analemma.errors import Corrupt, ManifestMismatch, StoreUnavailable
from analemma.ids import LOCAL_OWNER, Owner
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.layout import (
    RECORD,
    listing_sort,
    log_sort,
    run_partition,
    runs_partition,
)
from analemma.kernelspace.memory.verify import verify
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.sweep import Why, sweep
from analemma.kernelspace.value_pages import load_value
from analemma.records.run import RunStatus
from matrix_stores import Calls, Moment, WatchedPages, WatchedRecords, unavailable
from memory_backends import config_of
from memory_checkpoints import put, values
from stores_aws import EmulatedAws, Turnstile, emulated_aws
from sweep_places import (
    LATELY,
    LONG_AGO,
    Passed,
    Place,
    cloud_place,
    ids_of,
    large,
    memory_place,
    runs_of,
)


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        Turnstile(emulated.dynamodb)
        Turnstile(emulated.s3)
        yield emulated


@pytest.fixture(params=["memory", "cloud"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        return memory_place()
    return cloud_place(request.getfixturevalue("aws"))


@pytest.fixture
def here() -> Place:
    return memory_place()


def check(place: Place, run_id: str, *, last: str) -> None:
    """See that a run is whole, and that its last text is that one."""
    found = verify(place.records, place.pages, LOCAL_OWNER, run_id)
    assert found.ok, found.first
    saver = place.saver()
    assert values(saver, config_of(run_id=run_id))["text"] == large(last)
    states = list(saver.list(config_of(run_id=run_id)))
    assert all(each.pending_writes for each in states)
    record = ProcessTable(place.records).get(LOCAL_OWNER, run_id).record
    assert load_value(place.pages, record.input_ref) == large(f"input of {run_id}")
    assert record.result_ref is not None
    assert load_value(place.pages, record.result_ref) == large(f"result of {run_id}")


# -- pages


def test_old_page_that_nothing_names_goes_and_those_of_runs_stay(place: Place) -> None:
    place.run("run-1", "one", "two")
    kept = place.stored()
    gone = place.orphans("an orphan", "another")
    place.grow_old()

    report = place.sweep()

    assert ids_of(report) == gone
    assert {page.why for page in report.pages} == {Why.NAMED_BY_NOTHING}
    assert report.freed_bytes == len("an orphan") + len("another")
    assert (report.kept_pages, report.young_pages) == (len(kept), 0)
    assert place.stored() == kept
    check(place, "run-1", last="two")
    assert place.sweep().pages == ()


def test_young_page_stays_though_nothing_names_it(place: Place) -> None:
    gone = place.orphans("old")
    place.grow_old()
    young = place.orphans("young")

    report = place.sweep()

    assert ids_of(report) == gone
    assert report.young_pages == 1
    assert place.stored() == young


def test_old_orphan_that_is_stored_again_is_young(place: Place) -> None:
    place.orphans("back", "away")
    place.grow_old()
    back = place.orphans("back")

    assert place.stored() - ids_of(place.sweep()) == back


def test_page_stored_again_after_it_was_listed_stays(here: Place) -> None:
    here.orphans("away")
    back = here.orphans("back")
    here.grow_old()
    # The first call lists the pages, the second one deletes one of them.
    calls = Calls(2, Moment.BEFORE, strike=lambda: here.orphans("back") and None)
    report = here.on(here.records, WatchedPages(here.pages, calls)).sweep()

    assert calls.struck == "pages.delete"
    assert (len(report.pages), report.young_pages) == (1, 1)
    assert here.stored() == back


def test_pages_of_another_owner_are_left_alone(place: Place) -> None:
    other = Owner("other")
    place.run("run-1", "one", owner=other, ago=LONG_AGO)
    place.orphans("an orphan", owner=other)
    place.grow_old(other)
    pages, records = place.stored(other), place.contents(other)
    place.orphans("an orphan")
    place.grow_old()

    report = place.sweep()

    assert len(report.pages) == 1
    assert report.kept_pages == 0
    assert place.stored(other) == pages
    assert place.contents(other) == records


def test_owner_whose_name_begins_another_s_does_not_sweep_it(here: Place) -> None:
    longer = Owner(f"{LOCAL_OWNER}er")
    here.run("run-1", "one", owner=longer, ago=LONG_AGO)
    records = here.contents(longer)

    assert here.sweep().runs == ()
    assert here.contents(longer) == records


# -- ended runs


def test_run_past_its_retention_goes_with_all_it_stored(place: Place) -> None:
    gone = place.run("run-gone", "one", "two", ago=LONG_AGO)
    pages = place.stored()
    place.run("run-stays", "three", ago=LATELY)
    kept = place.stored() - pages
    place.grow_old()

    report = place.sweep()

    assert runs_of(report) == ["run-gone"]
    assert report.runs[0].ended_at == gone.updated_at
    assert ids_of(report) == pages
    assert {page.why for page in report.pages} == {Why.RUN_EXPIRED}
    assert place.stored() == kept
    left = place.contents()
    assert not [key for key in left if "run-gone" in f"{key}"]
    assert [run.run_id for run in ProcessTable(place.records).list(LOCAL_OWNER)] == [
        "run-stays"
    ]
    check(place, "run-stays", last="three")


@pytest.mark.parametrize(
    "status", [RunStatus.ADMITTED, RunStatus.RUNNING, RunStatus.WAITING]
)
def test_run_that_has_not_ended_stays_however_old(
    here: Place, status: RunStatus
) -> None:
    here.run("run-1", "one", status=status, ago=10 * LONG_AGO)
    before, pages = here.contents(), here.stored()
    here.grow_old()

    assert here.sweep().runs == ()
    assert here.contents() == before
    assert here.stored() == pages


@pytest.mark.parametrize(
    "status", [RunStatus.DONE, RunStatus.FAILED, RunStatus.TERMINATED]
)
def test_every_end_of_a_run_is_an_end(here: Place, status: RunStatus) -> None:
    here.run("run-1", "one", status=status, ago=LONG_AGO)

    assert runs_of(here.sweep()) == ["run-1"]
    assert here.contents() == {}


def test_retention_counts_from_the_end_to_the_day(here: Place) -> None:
    here.run("run-on-the-day", "one", ago=timedelta(days=30))
    here.run("run-before-it", "two", ago=timedelta(days=30, seconds=1))

    assert runs_of(here.sweep()) == ["run-before-it"]


def test_policy_that_says_nothing_keeps_ended_runs_for_ever(here: Place) -> None:
    here.run("run-1", "one", ago=1000 * LONG_AGO)
    here.ended_runs_days = None
    before, pages = here.contents(), here.stored()
    here.grow_old()

    assert here.sweep().runs == ()
    assert (here.contents(), here.stored()) == (before, pages)


def test_page_that_a_run_shares_with_one_that_goes_stays(place: Place) -> None:
    place.run("run-gone", "shared", "own", ago=LONG_AGO)
    place.run("run-stays", "shared")
    place.grow_old()

    report = place.sweep()

    assert report.pages
    check(place, "run-stays", last="shared")


def test_run_without_a_run_record_never_ends(here: Place) -> None:
    put(here.saver(), config_of(run_id="run-1"), text=large("one"))
    here.grow_old()
    here.clock.move(LONG_AGO.total_seconds())

    report = here.sweep()

    assert (report.runs, report.pages) == ((), ())
    assert values(here.saver(), config_of(run_id="run-1"))["text"] == large("one")


def test_key_of_a_run_that_went_can_be_used_again(here: Place) -> None:
    old = here.run("run-1", "one", ago=LONG_AGO, key="daily")
    here.sweep()

    assert here.run("run-1", "other", key="daily") != old
    check(here, "run-1", last="other")


def test_pages_of_a_run_that_goes_wait_until_they_are_old(here: Place) -> None:
    here.run("run-1", "one", ago=LONG_AGO)
    pages = here.stored()

    report = here.sweep()

    assert (runs_of(report), report.pages) == (["run-1"], ())
    assert report.young_pages == len(pages)
    here.grow_old()
    assert ids_of(here.sweep()) == pages


def test_listing_of_no_run_goes_when_it_is_past_retention(here: Place) -> None:
    now, listings = here.clock.now(), runs_partition(LOCAL_OWNER)
    young = listing_sort(now - LATELY, "run-young")
    for sort in (young, listing_sort(now - LONG_AGO, "run-old")):
        here.records.put(listings, sort, b"")

    here.sweep(dry_run=True)
    assert len(list(here.records.query(listings))) == 2
    here.sweep()
    assert [each.sort for each in here.records.query(listings)] == [young]


# -- saying what would go


def test_dry_run_changes_nothing_and_says_what_the_sweep_then_deletes(
    place: Place,
) -> None:
    place.run("run-gone", "one", ago=LONG_AGO)
    place.run("run-stays", "two")
    place.orphans("an orphan")
    place.grow_old()
    place.orphans("a young one")
    before, pages = place.contents(), place.stored()

    said = place.sweep(dry_run=True)

    assert said.dry_run
    assert (place.contents(), place.stored()) == (before, pages)
    done = place.sweep()
    assert not done.dry_run
    assert said.runs == done.runs != ()
    assert set(said.pages) == set(done.pages) != set()
    assert {page.why for page in said.pages} == set(Why)
    assert (said.kept_pages, said.kept_bytes, said.young_pages) == (
        done.kept_pages,
        done.kept_bytes,
        done.young_pages,
    )
    assert said.scanned_records == done.scanned_records == len(before) - 2


def test_progress_is_told_before_each_part(here: Place) -> None:
    told: list[str] = []

    sweep(here.machine, LOCAL_OWNER, on_progress=told.append)

    assert told == [
        "looking for runs that ended long ago",
        "reading what the runs name",
        "looking through the pages",
    ]


# -- what cannot be read


def damage(place: Place, run_id: str, sort: str) -> None:
    """Flip a bit of a record."""
    partition = run_partition(LOCAL_OWNER, run_id)
    found = place.records.get(partition, sort)
    assert found is not None
    place.records.put(partition, sort, bytes([found.body[0] ^ 1]) + found.body[1:])


@pytest.mark.parametrize("sort", [log_sort("", 1), RECORD])
def test_damaged_record_stops_a_sweep_before_it_deletes_anything(
    place: Place, sort: str
) -> None:
    place.run("run-gone", "one", ago=LONG_AGO)
    place.run("run-damaged", "two")
    place.orphans("an orphan")
    place.grow_old()
    damage(place, "run-damaged", sort)
    before, pages = place.contents(), place.stored()

    with pytest.raises(Corrupt):
        place.sweep()
    with pytest.raises(Corrupt):
        place.sweep(dry_run=True)

    assert (place.contents(), place.stored()) == (before, pages)


def test_run_past_its_retention_goes_though_a_record_of_it_is_damaged(
    here: Place,
) -> None:
    here.run("run-1", "one", "two", ago=LONG_AGO)
    here.grow_old()
    pages = here.stored()
    damage(here, "run-1", log_sort("", 1))

    assert runs_of(here.sweep(dry_run=True)) == ["run-1"]
    report = here.sweep()

    assert runs_of(report) == ["run-1"]
    assert ids_of(report) == pages
    assert here.contents() == {}


# -- beside others


def test_run_that_is_taken_up_again_during_the_sweep_stays_whole(here: Place) -> None:
    here.run("run-1", "one", status=RunStatus.FAILED, ago=LONG_AGO)
    here.run("run-2", "two", status=RunStatus.FAILED, ago=LONG_AGO)
    here.grow_old()

    def take_up() -> None:
        reopen(here.machine, owner=LOCAL_OWNER, run_id="run-1")
        put(here.saver(), config_of(run_id="run-1"), step=1, text=large("new"))

    records = Passed(here.records, 0, take_up)
    report = here.on(records, here.pages).sweep()

    assert runs_of(report) == ["run-2"]
    assert report.pages
    found = verify(here.records, here.pages, LOCAL_OWNER, "run-1")
    assert (found.ok, found.entries) == (True, 2)
    assert [run.run_id for run in ProcessTable(here.records).list(LOCAL_OWNER)] == [
        "run-1"
    ]


def test_damaged_run_that_is_taken_up_again_meanwhile_stops_the_sweep(
    here: Place,
) -> None:
    here.run("run-1", "one", status=RunStatus.FAILED, ago=LONG_AGO)
    here.grow_old()
    pages = here.stored()
    damage(here, "run-1", log_sort("", 1))

    def take_up() -> None:
        reopen(here.machine, owner=LOCAL_OWNER, run_id="run-1")

    with pytest.raises(ManifestMismatch):
        here.on(Passed(here.records, 0, take_up), here.pages).sweep()

    assert here.stored() == pages


def test_run_that_comes_back_at_any_point_of_the_reading_keeps_its_pages() -> None:
    at = 0
    while True:
        place = memory_place()
        place.run("run-1", "one", "two")
        for partition, sort in place.contents():
            place.records.delete(partition, sort)
        place.run("run-2", "three")
        place.run("run-0", "four")
        # Now all that run-1 will store is there, old, and named by nothing.
        place.grow_old()
        records = Passed(place.records, at, lambda: place.run("run-1", "one", "two"))

        place.on(records, place.pages).sweep()

        assert records.acted
        for run_id, last in {"run-0": "four", "run-1": "two", "run-2": "three"}.items():
            check(place, run_id, last=last)
        at += 1
        if at > records.given:
            break
    assert at > 10


def test_pruning_at_any_point_of_the_reading_takes_no_page_from_a_run() -> None:
    at = 0
    while True:
        place = memory_place()
        place.run("run-1", "one", "two", "three", "two")
        place.grow_old()
        records = Passed(place.records, at, lambda: place.saver().keep_latest("run-1"))

        place.on(records, place.pages).sweep()

        assert records.acted
        check(place, "run-1", last="two")
        # What pruning made an orphan goes with this sweep or with the next one.
        place.sweep()
        check(place, "run-1", last="two")
        at += 1
        if at > records.given:
            break
    assert at > 10


@pytest.mark.parametrize("at", [0, 4, 100])
def test_pruning_cut_short_at_any_call_beside_a_sweep_takes_no_page(at: int) -> None:
    call = 0
    while True:
        call += 1
        place = memory_place()
        place.run("run-1", "one", "two", "three", "two")
        place.grow_old()
        calls = Calls(call, Moment.AFTER, unavailable)
        pruned = place.on(
            WatchedRecords(place.records, calls), WatchedPages(place.pages, calls)
        )

        def prune(pruned: Place = pruned) -> None:
            with contextlib.suppress(StoreUnavailable):
                pruned.saver().keep_latest("run-1")

        place.on(Passed(place.records, at, prune), place.pages).sweep()
        check(place, "run-1", last="two")
        place.saver().keep_latest("run-1")
        place.grow_old()
        place.sweep()

        check(place, "run-1", last="two")
        if not calls.struck:
            break
    assert call > 10


def test_orphans_of_pruning_go(place: Place) -> None:
    place.run("run-1", "one", "two", "three")
    before = place.stored()
    place.saver().keep_latest("run-1")
    place.grow_old()

    report = place.sweep()

    assert 0 < len(report.pages) < len(before)
    check(place, "run-1", last="three")


# -- crashes


@pytest.mark.parametrize("moment", list(Moment))
def test_sweep_cut_short_at_any_call_is_finished_by_the_next(moment: Moment) -> None:
    def prepared() -> Place:
        place = memory_place()
        place.run("run-gone", "one", "two", ago=LONG_AGO)
        place.run("run-stays", "shared", ago=LATELY)
        place.orphans("an orphan")
        place.grow_old()
        return place

    whole = prepared()
    whole.sweep()
    at = 0
    while True:
        at += 1
        place, calls = prepared(), Calls(at, moment, unavailable)
        watched = place.on(
            WatchedRecords(place.records, calls), WatchedPages(place.pages, calls)
        )
        try:
            watched.sweep()
        except StoreUnavailable:
            check(place, "run-stays", last="shared")
            check_shorter(place, "run-gone")
        place.sweep()

        assert place.contents().keys() == whole.contents().keys(), (at, calls.struck)
        assert place.stored() == whole.stored(), (at, calls.struck)
        check(place, "run-stays", last="shared")
        if not calls.struck:
            break
    assert at > 20


def check_shorter(place: Place, run_id: str) -> None:
    """See that what is left of a run's log is a log, and that all pages are there.

    The sweep that deletes its records has not come to the pages yet.
    """
    if place.records.get(run_partition(LOCAL_OWNER, run_id), RECORD) is not None:
        found = verify(place.records, place.pages, LOCAL_OWNER, run_id)
        assert found.ok, found.first
