"""A sweep: what goes, what stays, and what a crash or a writer beside it changes."""

from datetime import timedelta

import pytest

from analemma.ids import LOCAL_OWNER, Owner
from analemma.kernelspace.layout import (
    listing_sort,
    runs_partition,
)
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.sweep import Why, sweep
from analemma.records.run import RunStatus
from matrix_stores import Calls, Moment, WatchedPages
from memory_backends import config_of
from memory_checkpoints import put, values
from sweep_fixture import aws as aws
from sweep_fixture import here as here
from sweep_fixture import place as place
from sweep_places import (
    LATELY,
    LONG_AGO,
    Place,
    ids_of,
    large,
    runs_of,
)

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
    place.check("run-1", last="two")
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
    back = here.orphans("back")
    here.orphans("away")
    here.grow_old()

    def store_again() -> None:
        here.orphans("back")

    # The first call lists the pages, the second one deletes the first of them.
    calls = Calls(2, Moment.BEFORE, store_again)
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
    place.check("run-stays", last="three")


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
    place.check("run-stays", last="shared")


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
    here.check("run-1", last="other")


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
