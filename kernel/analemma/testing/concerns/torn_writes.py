"""A storage call that fails leaves the old state or the new one, never half.

The storage fails at its first call, then at its second, and so on until what is
tried succeeds. After each failure a fresh saver on sound storage looks. It can
also be that the new state is there although the call raised: an answer was lost.
"""

from collections.abc import Callable, Iterator

from langgraph.checkpoint.base import CheckpointTuple

from analemma.testing.check import Concern
from analemma.testing.checkpoints import (
    Draft,
    draft,
    expect_whole,
    pushed,
    put,
    written,
)
from analemma.testing.graphs import parallel
from analemma.testing.opened import Opened, config_of
from analemma.testing.sameness import expect_same
from analemma.testing.subject import Violation, expect
from analemma.testing.trial import Trial, attempt

LAST_CALL = 400
LARGE = "three hundred thousand characters " * 9_000
WRITES: list[tuple[str, object]] = [("xs", ["one"]), ("ys", LARGE), ("zs", {"k": 3})]


def a_failed_put_leaves_the_old_or_the_new(trial: Trial) -> None:
    """After a failed put the latest checkpoint is whole, and putting it again works.

    What put has returned is durable.
    """
    for calls in _calls():
        old = _old(trial)
        new = draft(trial.open(), old.thread_id, _new_values(old), parent=old)

        def advance(opened: Opened, old: Draft = old, new: Draft = new) -> None:
            opened.latest(old.thread_id)
            new.put(opened)

        failed = _failed(trial, calls, advance)
        fresh = trial.open()
        found = fresh.latest(old.thread_id)
        is_new = found.checkpoint["id"] == new.checkpoint["id"]
        _expect_one_of(calls, found, old, new)
        for listed in fresh.list(config_of(old.thread_id)):
            _expect_one_of(calls, listed, old, new)
        expect(
            failed or is_new,
            f"put returned with storage that fails after {calls} calls; expected "
            "its checkpoint to be durable, a fresh saver does not find it",
        )
        if not is_new:
            new.put(fresh)
        latest = trial.open().latest(old.thread_id)
        expect_whole("the checkpoint that was put again", new, latest)
        if not failed:
            return


def failed_writes_are_whole_or_absent(trial: Trial) -> None:
    """After a failed put_writes all writes of the task are there, or none."""
    for calls in _calls():
        old = _old(trial)

        def record(opened: Opened, old: Draft = old) -> None:
            opened.load(old.config)
            opened.put_writes(old.config, WRITES, "task", pushed(0))

        failed = _failed(trial, calls, record)
        seen = written(trial.open().load(old.config), "task")
        expect(
            seen == WRITES or (failed and not seen),
            f"storage failed after {calls} calls while a task's 3 writes were "
            f"recorded; expected all or none, saw {[name for name, _ in seen]}",
        )
        trial.open().put_writes(old.config, WRITES, "task", pushed(0))
        again = written(trial.open().load(old.config), "task")
        expect_same("the writes that were recorded again", WRITES, again)
        if not failed:
            return


def a_graph_goes_on_wherever_storage_failed(trial: Trial) -> None:
    """A graph whose storage failed at any call ends equal when it goes on."""
    for calls in _calls():
        config = config_of(trial.thread_id())
        wanted = trial.program(trial.reference(), parallel([])).invoke(
            {"log": []}, config
        )

        def run(opened: Opened) -> None:
            trial.program(opened, parallel([])).invoke({"log": []}, config)  # noqa: B023

        failed = _failed(trial, calls, run)
        fresh = trial.open()
        given: object = {"log": []} if fresh.find(config) is None else None
        trial.program(fresh, parallel([])).invoke(given, config)
        seen = trial.program(trial.open(), parallel([])).state(config)
        expect_same(
            f"the log after a failure at {calls}", wanted["log"], seen.values["log"]
        )
        expect_same("what is next in a finished graph", (), seen.next)
        if not failed:
            return


def a_failed_prune_keeps_the_latest(trial: Trial) -> None:
    """However far a failed prune came, the latest checkpoint is whole."""
    trial.offered("prune")
    for calls in _calls():
        one = _grown(trial, _old(trial))
        if not _fails_safely(trial, calls, one):
            return


def a_failed_second_prune_keeps_the_latest(trial: Trial) -> None:
    """The same of a prune of a thread that was pruned before and grew on."""
    trial.offered("prune")
    for calls in _calls():
        one = _grown(trial, _old(trial))
        trial.open().prune(one.thread_id)
        if not _fails_safely(trial, calls, _grown(trial, one)):
            return


def a_failed_copy_leaves_the_source(trial: Trial) -> None:
    """A failed copy changes nothing in its source and can be made once more."""
    trial.offered("copy_thread")
    for calls in _calls():
        one = _old(trial)
        one = put(trial.open(), one.thread_id, _new_values(one), parent=one)
        source, target = one.thread_id, trial.thread_id()

        def copy(saver: Opened, source: str = source, target: str = target) -> None:
            saver.copy_thread(source, target)

        failed = _failed(trial, calls, copy)
        found = trial.open().latest(source)
        expect_whole(f"the source after a copy failed at {calls}", one, found)
        if failed:
            trial.open().delete_thread(target)
            trial.open().copy_thread(source, target)
        copied = trial.open().list(config_of(target))
        expect_same("how many checkpoints the copy has", 2, len(copied))
        if not failed:
            return


def _grown(trial: Trial, one: Draft) -> Draft:
    """Put three checkpoints of a list that grows; return the last."""
    opened = trial.open()
    opened.latest(one.thread_id)
    for _ in range(3):
        xs = [*one.checkpoint["channel_values"]["xs"], "one more " * 9]
        values = {**_new_values(one), "xs": xs}
        one = put(opened, one.thread_id, values, parent=one)
    return one


def _fails_safely(trial: Trial, calls: int, one: Draft) -> bool:
    """Prune with storage that fails, and look; say whether it did fail."""

    def prune(saver: Opened) -> None:
        saver.prune(one.thread_id)

    failed = _failed(trial, calls, prune)
    what = f"the latest after a prune failed at {calls}"
    expect_whole(what, one, trial.open().latest(one.thread_id))
    listed = trial.open().list(config_of(one.thread_id))
    expect_whole(f"{what}, listed", one, listed[0])
    trial.open().prune(one.thread_id)
    expect_whole(f"{what}, pruned again", one, trial.open().latest(one.thread_id))
    left = len(trial.open().list(config_of(one.thread_id)))
    expect_same("how many are left by the prune after it", 1, left)
    return failed


def _calls() -> Iterator[int]:
    """Yield how many calls succeed; end the check if that never suffices."""
    yield from range(LAST_CALL)
    raise Violation(f"expected {LAST_CALL} storage calls to be enough, they were not")


def _failed(trial: Trial, calls: int, act: Callable[[Opened], object]) -> bool:
    """Act with storage that fails after so many calls; say whether it did."""
    outcome = attempt(lambda: act(trial.faulty(calls)))
    failed = isinstance(outcome, Exception)
    expect(
        failed or calls > 0,
        "expected storage that fails at its first call to fail what uses it; the "
        "subject's faulty(0) does nothing",
    )
    return failed


def _old(trial: Trial) -> Draft:
    thread_id = trial.thread_id()
    # Values of its own, so that no other thread holds them too.
    kept = f"kept by {thread_id} " * 50
    values = {"xs": ["one"], "text": "old", "kept": kept, "large": "small yet"}
    return put(trial.open(), thread_id, values)


def _new_values(old: Draft) -> dict[str, object]:
    kept = old.checkpoint["channel_values"]["kept"]
    return {"xs": ["one", "two"], "text": "new", "kept": kept, "large": LARGE}


def _expect_one_of(calls: int, found: CheckpointTuple, old: Draft, new: Draft) -> None:
    for one in (old, new):
        if found.checkpoint["id"] == one.checkpoint["id"]:
            what = f"storage failed after {calls} calls of a put; the checkpoint"
            expect_whole(what, one, found)
            return
    raise Violation(f"expected the old checkpoint or the new one, saw {found.config}")


CHECKS = Concern(
    "torn writes",
    (
        a_failed_put_leaves_the_old_or_the_new,
        failed_writes_are_whole_or_absent,
        a_graph_goes_on_wherever_storage_failed,
        a_failed_prune_keeps_the_latest,
        a_failed_second_prune_keeps_the_latest,
        a_failed_copy_leaves_the_source,
    ),
)
