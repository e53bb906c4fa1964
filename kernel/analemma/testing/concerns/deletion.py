"""``delete_for_runs``: the checkpoints of some runs go, the others lose nothing.

LangGraph's run id is in a checkpoint's metadata, under ``run_id``; one thread can
hold checkpoints of many.
"""

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, expect_whole, pushed, put, written
from analemma.testing.opened import Opened, config_of
from analemma.testing.sameness import expect_same, expect_values
from analemma.testing.trial import Trial

INNER = "inner:1"
LARGE = "three hundred thousand characters " * 9_000


def checkpoints_and_writes_of_the_runs_go(trial: Trial) -> None:
    """What the named runs put is gone, in every thread and namespace."""
    opened = trial.offered("delete_for_runs")
    drafts = [
        draft
        for thread_id in (trial.thread_id(), trial.thread_id())
        for name in ("", INNER)
        for draft in _history(trial.open(), thread_id, name, ("r1", "r2", "r3"))
    ]
    opened.delete_for_runs("r1", "r3")
    fresh = trial.open()
    for one in drafts:
        is_kept = one.metadata["run_id"] == "r2"
        found = fresh.find(one.config)
        what = f"a checkpoint of run {one.metadata['run_id']}"
        expect_same(f"{what} is found", is_kept, found is not None)
        config = config_of(one.thread_id, one.namespace)
        ids = [each.checkpoint["id"] for each in fresh.list(config)]
        expect_same(f"{what} is listed", is_kept, one.checkpoint["id"] in ids)


def other_runs_keep_their_values(trial: Trial) -> None:
    """A kept checkpoint is whole though the one before it, with its values, went."""
    opened = trial.offered("delete_for_runs")
    thread_id = trial.thread_id()
    drafts = _history(trial.open(), thread_id, "", ("old", "old", "new", "new"))
    opened.delete_for_runs("old")
    fresh = trial.open()
    for one in drafts[2:]:
        found = fresh.load(one.config)
        wanted = one.checkpoint["channel_values"]
        expect_values("a kept checkpoint", wanted, found.checkpoint["channel_values"])
        wrote = written(found, "task")
        expect_same("its writes", [("xs", [one.checkpoint["id"]])], wrote)
    latest = fresh.latest(thread_id)
    expect_same("the latest", drafts[3].checkpoint["id"], latest.checkpoint["id"])


def other_threads_keep_what_they_share(trial: Trial) -> None:
    """Another thread with equal values is whole."""
    opened = trial.offered("delete_for_runs")
    _history(trial.open(), trial.thread_id(), "", ("r1", "r1"))
    drafts = _history(trial.open(), trial.thread_id(), "", ("r2", "r2"))
    opened.delete_for_runs("r1")
    fresh = trial.open()
    for one in drafts:
        expect_whole("another thread's checkpoint", one, fresh.load(one.config))


def a_thread_goes_on_after_its_last_run_went(trial: Trial) -> None:
    """The latest run goes; the thread goes on from the checkpoint before it."""
    opened = trial.offered("delete_for_runs")
    thread_id = trial.thread_id()
    drafts = _history(trial.open(), thread_id, "", ("r1", "r1", "gone"))
    opened.delete_for_runs("gone")
    saver = trial.open()
    found = saver.latest(thread_id)
    expect_whole("the latest", drafts[1], found)
    values = {"xs": ["went on"], "large": LARGE}
    after = put(saver, thread_id, values, parent=drafts[1], run_id="r4")
    expect_whole("the next", after, trial.open().latest(thread_id))


def unknown_runs_change_nothing(trial: Trial) -> None:
    """No run, and runs that are not there or have a similar name, delete nothing."""
    opened = trial.offered("delete_for_runs")
    thread_id = trial.thread_id()
    drafts = _history(trial.open(), thread_id, "", ("r1", "r10", "r_1"))
    opened.delete_for_runs()
    opened.delete_for_runs("r", "r%", "R1", "r__")
    fresh = trial.open()
    for one in drafts:
        expect_whole("a checkpoint of another run", one, fresh.load(one.config))


def _history(
    opened: Opened, thread_id: str, namespace: str, run_ids: tuple[str, ...]
) -> list[Draft]:
    """Store one checkpoint for each run id, each with a write."""
    drafts: list[Draft] = []
    for step, run_id in enumerate(run_ids):
        values = {"xs": [f"element {n} " * 20 for n in range(step)], "large": LARGE}
        one = put(
            opened,
            thread_id,
            values,
            parent=drafts[-1] if drafts else None,
            namespace=namespace,
            changed=None if step == 0 else ["xs"],
            run_id=run_id,
        )
        write = [("xs", [one.checkpoint["id"]])]
        opened.put_writes(one.config, write, "task", pushed(0))
        drafts.append(one)
    return drafts


CHECKS = Concern(
    "deletion",
    (
        checkpoints_and_writes_of_the_runs_go,
        other_runs_keep_their_values,
        other_threads_keep_what_they_share,
        a_thread_goes_on_after_its_last_run_went,
        unknown_runs_change_nothing,
    ),
)
