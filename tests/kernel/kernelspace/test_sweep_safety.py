"""A sweep beside writers, beside damage, and cut short at any of its calls."""

import contextlib
from functools import partial

import pytest

from analemma.errors import Corrupt, ManifestMismatch, StoreUnavailable
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import reopen
from analemma.kernelspace.layout import RECORD, log_sort, run_partition
from analemma.kernelspace.memory.verify import verify
from analemma.kernelspace.process_table import ProcessTable
from analemma.records.run import RunStatus
from matrix_stores import Calls, Moment, WatchedPages, WatchedRecords, unavailable
from memory_backends import config_of
from memory_checkpoints import put
from sweep_fixture import aws as aws
from sweep_fixture import here as here
from sweep_fixture import place as place
from sweep_places import (
    LATELY,
    LONG_AGO,
    Passed,
    Place,
    ids_of,
    large,
    memory_place,
    runs_of,
)

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
        records = Passed(place.records, at, partial(place.run, "run-1", "one", "two"))

        place.on(records, place.pages).sweep()

        assert records.acted
        for run_id, last in {"run-0": "four", "run-1": "two", "run-2": "three"}.items():
            place.check(run_id, last=last)
        at += 1
        if at > records.given:
            break
    assert at > 10


def pruned_before() -> Place:
    """Return a place whose run was pruned and went on, and may be pruned again.

    What was new then in channel ``kept`` only the first of two later entries says.
    """
    place = memory_place()
    place.run("run-1", "one", "two")
    place.saver().keep_latest("run-1")
    saver = place.saver()
    at = saver.get_tuple(config_of(run_id="run-1"))
    assert at is not None
    kept = large("kept")
    config = put(saver, at.config, step=2, text=large("three"), kept=kept)
    config = put(saver, config, step=3, text=large("two"), kept=kept)
    saver.put_writes(config, [("text", large("two written"))], "task-3")
    place.grow_old()
    return place


def test_pruning_at_any_point_of_the_reading_takes_no_page_from_a_run() -> None:
    at = 0
    while True:
        place = pruned_before()
        prune = partial(place.saver().keep_latest, "run-1")
        records = Passed(place.records, at, prune)

        place.on(records, place.pages).sweep()

        assert records.acted
        place.check("run-1", last="two")
        # What pruning made an orphan goes with this sweep or with the next one.
        place.sweep()
        place.check("run-1", last="two")
        at += 1
        if at > records.given:
            break
    assert at > 6


@pytest.mark.parametrize("at", [0, 4, 100])
def test_pruning_cut_short_at_any_call_beside_a_sweep_takes_no_page(at: int) -> None:
    call = 0
    while True:
        call += 1
        place = pruned_before()
        calls = Calls(call, Moment.AFTER, unavailable)
        pruned = place.on(
            WatchedRecords(place.records, calls), WatchedPages(place.pages, calls)
        )

        def prune(pruned: Place = pruned) -> None:
            with contextlib.suppress(StoreUnavailable):
                pruned.saver().keep_latest("run-1")

        place.on(Passed(place.records, at, prune), place.pages).sweep()
        place.check("run-1", last="two")
        place.saver().keep_latest("run-1")
        place.grow_old()
        place.sweep()

        place.check("run-1", last="two")
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
    place.check("run-1", last="three")


def test_two_sweeps_at_once_delete_what_one_does() -> None:
    at = 0
    while True:
        place = memory_place()
        place.run("run-gone", "one", "two", ago=LONG_AGO)
        place.run("run-stays", "shared", ago=LATELY)
        place.orphans("an orphan")
        place.grow_old()
        records = Passed(place.records, at, place.sweep)

        place.on(records, place.pages).sweep()

        assert records.acted
        assert not [key for key in place.contents() if "run-gone" in f"{key}"]
        place.check("run-stays", last="shared")
        assert place.sweep().pages == ()
        at += 1
        if at > records.given:
            break
    assert at > 5


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
            place.check("run-stays", last="shared")
            check_shorter(place, "run-gone")
        place.sweep()

        assert place.contents().keys() == whole.contents().keys(), (at, calls.struck)
        assert place.stored() == whole.stored(), (at, calls.struck)
        place.check("run-stays", last="shared")
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
