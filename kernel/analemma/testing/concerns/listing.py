"""``list``: the newest first, and exactly those that were asked for."""

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, expect_whole, put
from analemma.testing.opened import config_of
from analemma.testing.sameness import expect_same
from analemma.testing.trial import Trial

INNER = "inner:1"
LENGTH = 6


def the_newest_come_first(trial: Trial) -> None:
    """A thread's checkpoints come newest first, each whole."""
    drafts = _thread(trial)
    listed = trial.open().list(config_of(drafts[0].thread_id))
    _expect_steps([5, 4, 3, 2, 1, 0], listed)
    for one, found in zip(reversed(drafts), listed, strict=True):
        expect_whole("a listed checkpoint", one, found)


def before_leaves_out_what_is_not_older(trial: Trial) -> None:
    """``before`` leaves out its checkpoint and all newer ones."""
    drafts = _thread(trial)
    config = config_of(drafts[0].thread_id)
    saver = trial.open()
    _expect_steps([2, 1, 0], saver.list(config, before=drafts[3].config))
    _expect_steps([], saver.list(config, before=drafts[0].config))


def limit_counts_what_is_returned(trial: Trial) -> None:
    """``limit`` is the most that is returned; it counts after the filters."""
    drafts = _thread(trial)
    config = config_of(drafts[0].thread_id)
    saver = trial.open()
    _expect_steps([5, 4], saver.list(config, limit=2))
    _expect_steps([5, 4, 3, 2, 1, 0], saver.list(config, limit=99))
    _expect_steps([2, 1], saver.list(config, before=drafts[3].config, limit=2))
    _expect_steps([4, 2], saver.list(config, where={"kind": "even"}, limit=2))


def a_limit_of_nothing_returns_nothing(trial: Trial) -> None:
    """``limit=0`` is a limit."""
    drafts = _thread(trial)
    _expect_steps([], trial.open().list(config_of(drafts[0].thread_id), limit=0))


def metadata_filters_by_every_key(trial: Trial) -> None:
    """A filter's keys must all be equal, of LangGraph's metadata and of others."""
    drafts = _thread(trial)
    config = config_of(drafts[0].thread_id)
    saver = trial.open()
    _expect_steps([4, 2, 0], saver.list(config, where={"kind": "even"}))
    _expect_steps([4], saver.list(config, where={"kind": "even", "step": 4}))
    _expect_steps([], saver.list(config, where={"kind": "even", "step": 3}))
    _expect_steps([0], saver.list(config, where={"source": "input"}))
    _expect_steps([], saver.list(config, where={"no_such_key": "even"}))


def metadata_filters_by_values_of_other_kinds(trial: Trial) -> None:
    """A filter finds whole numbers, floats, booleans and texts with quotes."""
    drafts = _thread(trial)
    config = config_of(drafts[0].thread_id)
    saver = trial.open()
    _expect_steps([3], saver.list(config, where={"score": 1.5}))
    _expect_steps([5, 3, 1], saver.list(config, where={"odd": True}))
    _expect_steps([2], saver.list(config, where={"said": 'it\'s 100%_"so"'}))


def everything_at_once(trial: Trial) -> None:
    """Filter, before and limit work together."""
    drafts = _thread(trial)
    found = trial.open().list(
        config_of(drafts[0].thread_id),
        where={"kind": "even"},
        before=drafts[4].config,
        limit=1,
    )
    _expect_steps([2], found)


def a_named_checkpoint_is_listed_alone(trial: Trial) -> None:
    """A config that names a checkpoint lists it and no other."""
    drafts = _thread(trial)
    _expect_steps([3], trial.open().list(drafts[3].config))


def a_namespace_is_listed_alone(trial: Trial) -> None:
    """A config with a namespace lists that one, the root's too."""
    root, inner = _two_namespaces(trial)
    saver = trial.open()
    for drafts, name in ((root, ""), (inner, INNER)):
        found = saver.list(config_of(drafts[0].thread_id, name))
        seen = [each.config["configurable"]["checkpoint_ns"] for each in found]
        expect_same(f"the namespaces of the list of {name!r}", [name] * 3, seen)


def without_a_namespace_all_are_listed(trial: Trial) -> None:
    """A config without one lists every namespace, each newest first."""
    root, inner = _two_namespaces(trial)
    saver = trial.open()
    config: RunnableConfig = {"configurable": {"thread_id": root[0].thread_id}}
    found = saver.list(config)
    for drafts, name in ((root, ""), (inner, INNER)):
        ids = [
            each.checkpoint["id"]
            for each in found
            if each.config["configurable"]["checkpoint_ns"] == name
        ]
        wanted = [one.checkpoint["id"] for one in reversed(drafts)]
        expect_same(f"the checkpoints of {name!r}", wanted, ids)
    expect_same("how many there are", 6, len(found))
    steps = [each.metadata["step"] for each in saver.list(config, where={"step": 1})]
    expect_same("the steps of the filtered list", [1, 1], steps)


def other_threads_are_not_listed(trial: Trial) -> None:
    """A thread's list has none of another's, and an unknown one is empty."""
    first, second = _thread(trial), _thread(trial)
    saver = trial.open()
    for drafts in (first, second):
        ids = [
            each.checkpoint["id"] for each in saver.list(config_of(drafts[0].thread_id))
        ]
        wanted = [one.checkpoint["id"] for one in reversed(drafts)]
        expect_same("the listed ids", wanted, ids)
    expect_same(
        "an unknown thread's list", [], saver.list(config_of(trial.thread_id()))
    )


def _thread(trial: Trial) -> list[Draft]:
    """Store six checkpoints, told apart by what their metadata says."""
    opened = trial.open()
    thread_id = trial.thread_id()
    drafts: list[Draft] = []
    for step in range(LENGTH):
        more: dict[str, object] = {"kind": "odd" if step % 2 else "even"}
        if step % 2:
            more["odd"] = True
        if step == 2:
            more["said"] = 'it\'s 100%_"so"'
        if step == 3:
            more["score"] = 1.5
        drafts.append(
            put(
                opened,
                thread_id,
                {"xs": list(range(step))},
                parent=drafts[-1] if drafts else None,
                step=step,
                source="loop" if step else "input",
                **more,
            )
        )
    return drafts


def _two_namespaces(trial: Trial) -> tuple[list[Draft], list[Draft]]:
    opened = trial.open()
    thread_id = trial.thread_id()
    both: dict[str, list[Draft]] = {"": [], INNER: []}
    for step in range(3):
        for name, drafts in both.items():
            parent = drafts[-1] if drafts else None
            values = {"x": f"{name} {step}"}
            one = put(
                opened, thread_id, values, namespace=name, parent=parent, step=step
            )
            drafts.append(one)
    return both[""], both[INNER]


def _expect_steps(wanted: list[int], found: list[CheckpointTuple]) -> None:
    seen = [each.metadata["step"] for each in found]
    expect_same("the steps of the listed checkpoints", wanted, seen)


CHECKS = Concern(
    "listing",
    (
        the_newest_come_first,
        before_leaves_out_what_is_not_older,
        limit_counts_what_is_returned,
        a_limit_of_nothing_returns_nothing,
        metadata_filters_by_every_key,
        metadata_filters_by_values_of_other_kinds,
        everything_at_once,
        a_named_checkpoint_is_listed_alone,
        a_namespace_is_listed_alone,
        without_a_namespace_all_are_listed,
        other_threads_are_not_listed,
    ),
)
