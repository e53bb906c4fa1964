"""Namespaces share content and mix nothing.

A saver that stores a value once and finds it by scanning must scan as far as it
deduplicates: a value first stored under a subgraph's namespace has been seen to
be missing from the root.
"""

from collections.abc import Mapping

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, draft, expect_whole, put, written
from analemma.testing.opened import config_of
from analemma.testing.sameness import expect_same, expect_values
from analemma.testing.trial import Trial

INNER = "inner:1f0e7a00-0000-6000-8000-000000000000"
SIMILAR = ("", "a", "a:1", "a:1|b:2", "a%", "a_1", "A:1", "a|", "ab")


def contents() -> Mapping[str, object]:
    """Return values of every size that a saver may store apart."""
    return {
        "small": "a short text",
        "medium": "several hundred characters " * 40,
        "large": "three hundred thousand characters " * 9_000,
        "listed": ["element " * 30, "another element " * 30],
        "keyed": {"first": "value " * 30, "second": "another value " * 30},
    }


def a_value_of_a_subgraph_is_found_from_the_root(trial: Trial) -> None:
    """A value first stored under a subgraph's namespace loads from the root."""
    _expect_found(trial, first=INNER, second="")


def a_value_of_the_root_is_found_from_a_subgraph(trial: Trial) -> None:
    """A value first stored in the root loads from a subgraph's namespace."""
    _expect_found(trial, first="", second=INNER)


def a_value_of_a_task_is_found_from_the_other_namespace(trial: Trial) -> None:
    """A value that a subgraph's task wrote loads from the root's checkpoint."""
    opened = trial.open()
    thread_id = trial.thread_id()
    inner = put(opened, thread_id, {"x": 0}, namespace=INNER)
    opened.put_writes(inner.config, list(contents().items()), "task")
    root = put(opened, thread_id, contents())
    expect_whole("the root's checkpoint", root, trial.open().load(root.config))


def a_value_outlives_the_thread_that_stored_it_first(trial: Trial) -> None:
    """A value that two threads hold loads after the first one was deleted."""
    opened = trial.open()
    first = put(opened, trial.thread_id(), contents())
    second = put(opened, trial.thread_id(), contents())
    trial.open().delete_thread(first.thread_id)
    fresh = trial.open()
    expect_whole("the second thread", second, fresh.load(second.config))


def namespaces_with_similar_names_do_not_mix(trial: Trial) -> None:
    """Names that are prefixes or patterns of each other stay apart."""
    thread_id = trial.thread_id()
    opened = trial.open()
    drafts = {
        name: put(opened, thread_id, {"x": f"value of {name!r}"}, namespace=name)
        for name in SIMILAR
    }
    fresh = trial.open()
    for name, one in drafts.items():
        what = f"the latest checkpoint of namespace {name!r}"
        expect_whole(what, one, fresh.latest(thread_id, name))
        listed = fresh.list(config_of(thread_id, name))
        ids = [found.checkpoint["id"] for found in listed]
        expect_same(f"the list of namespace {name!r}", [one.checkpoint["id"]], ids)


def one_id_in_two_namespaces_is_two_checkpoints(trial: Trial) -> None:
    """Checkpoints and writes of the same ids in two namespaces stay apart."""
    opened = trial.open()
    thread_id = trial.thread_id()
    outer = draft(opened, thread_id, {"x": "outer"})
    inner = draft(opened, thread_id, {"x": "inner"}, namespace=INNER)
    inner.checkpoint["id"] = outer.checkpoint["id"]
    for one, value in ((outer, "outer"), (inner, "inner")):
        one.put(opened)
        opened.put_writes(one.config, [("x", f"{value} write")], "task")
    fresh = trial.open()
    for one, value in ((outer, "outer"), (inner, "inner")):
        found = fresh.load(one.config)
        expect_whole(f"the {value} checkpoint", one, found)
        expect_same(
            f"the {value} writes", [("x", f"{value} write")], written(found, "task")
        )


def delete_thread_deletes_every_namespace(trial: Trial) -> None:
    """Nothing of a deleted thread is left, and no other thread loses anything."""
    opened = trial.open()
    thread_id = trial.thread_id()
    drafts = _populated(trial, thread_id)
    others = [f"{thread_id}-", f"{thread_id}%", thread_id[:-1]]
    kept = [put(opened, other, {"x": other}) for other in others]
    trial.open().delete_thread(thread_id)
    fresh = trial.open()
    expect_same("the list", [], fresh.list({"configurable": {"thread_id": thread_id}}))
    for one in drafts:
        expect_same("a deleted checkpoint", None, fresh.find(one.config))
        latest = fresh.find(config_of(thread_id, one.namespace))
        expect_same(f"the latest of {one.namespace!r}", None, latest)
    for one in kept:
        what = f"thread {one.thread_id!r} beside the deleted {thread_id!r}"
        expect_whole(what, one, fresh.load(one.config))


def a_deleted_thread_can_begin_anew(trial: Trial) -> None:
    """A thread put again after its deletion shows none of its old writes."""
    thread_id = trial.thread_id()
    drafts = _populated(trial, thread_id)
    trial.open().delete_thread(thread_id)
    for one in drafts:
        opened = trial.open()
        one.put(opened)
        found = trial.open().load(one.config)
        expect_whole("a checkpoint that was put again", one, found)
        expect_same("its writes", [], list(found.pending_writes or ()))


def _populated(trial: Trial, thread_id: str) -> list[Draft]:
    """Store a checkpoint with writes in three namespaces."""
    opened = trial.open()
    drafts = []
    for name in ("", INNER, f"{INNER}|deeper:2"):
        one = put(opened, thread_id, {"x": f"value of {name!r}"}, namespace=name)
        opened.put_writes(one.config, [("x", f"write of {name!r}")], "task")
        drafts.append(one)
    return drafts


def _expect_found(trial: Trial, first: str, second: str) -> None:
    opened = trial.open()
    thread_id = trial.thread_id()
    before = put(opened, thread_id, contents(), namespace=first)
    after = put(opened, thread_id, contents(), namespace=second)
    # Once more, so that neither is the newest of its kind.
    later = put(opened, thread_id, contents(), namespace=first, parent=before)
    for one in (before, after, later):
        # A saver of its own for each: what one load found is not at hand.
        found = trial.open().load(one.config)
        what = f"a checkpoint of namespace {one.namespace!r}"
        expect_values(what, contents(), found.checkpoint["channel_values"])


CHECKS = Concern(
    "namespaces",
    (
        a_value_of_a_subgraph_is_found_from_the_root,
        a_value_of_the_root_is_found_from_a_subgraph,
        a_value_of_a_task_is_found_from_the_other_namespace,
        a_value_outlives_the_thread_that_stored_it_first,
        namespaces_with_similar_names_do_not_mix,
        one_id_in_two_namespaces_is_two_checkpoints,
        delete_thread_deletes_every_namespace,
        a_deleted_thread_can_begin_anew,
    ),
)
