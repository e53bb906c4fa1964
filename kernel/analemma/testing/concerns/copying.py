"""``copy_thread``: complete, and from then on nobody's but its own.

A copy must not lean on its source: whatever is put, pruned or deleted there
later, the copy stays as it was, and the other way round.
"""

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.types import Command

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, pushed, put
from analemma.testing.graphs import asking
from analemma.testing.opened import Opened, config_of
from analemma.testing.sameness import expect_same, expect_values
from analemma.testing.trial import Trial

INNER = "inner:1"
LARGE = "three hundred thousand characters " * 9_000


def a_copy_is_complete(trial: Trial) -> None:
    """Every namespace, checkpoint, metadata, parent and write is copied."""
    opened = trial.offered("copy_thread")
    source, target = _source(trial)[0].thread_id, trial.thread_id()
    opened.copy_thread(source, target)
    fresh = trial.open()
    _expect_equal(fresh, source, target)
    expect_same(
        "how many checkpoints",
        8,
        len(fresh.list({"configurable": {"thread_id": target}})),
    )


def a_copys_checkpoints_are_found_by_their_ids(trial: Trial) -> None:
    """A checkpoint of the source is found under its id in the copy, whole."""
    opened = trial.offered("copy_thread")
    drafts, target = _source(trial), trial.thread_id()
    opened.copy_thread(drafts[0].thread_id, target)
    for one in drafts:
        found = trial.open().load(
            config_of(target, one.namespace, one.checkpoint["id"])
        )
        values = found.checkpoint["channel_values"]
        expect_values("a copied checkpoint", one.checkpoint["channel_values"], values)
        named = found.config["configurable"]["thread_id"]
        expect_same("the thread that it names", target, named)


def a_later_put_to_the_source_is_not_in_the_copy(trial: Trial) -> None:
    """What the source gains after the copy stays out of the copy."""
    _expect_independent(trial, is_source_changed=True)


def a_later_put_to_the_copy_is_not_in_the_source(trial: Trial) -> None:
    """What the copy gains stays out of the source."""
    _expect_independent(trial, is_source_changed=False)


def a_copy_outlives_its_source(trial: Trial) -> None:
    """A copy is whole after its source was deleted."""
    opened = trial.offered("copy_thread")
    drafts, target = _source(trial), trial.thread_id()
    opened.copy_thread(drafts[0].thread_id, target)
    before = _all(trial.open(), target)
    trial.open().delete_thread(drafts[0].thread_id)
    expect_same("the copy", before, _all(trial.open(), target))
    expect_same("how much there is", 8, len(before))


def a_source_outlives_its_copy(trial: Trial) -> None:
    """A source is whole after its copy was deleted."""
    opened = trial.offered("copy_thread")
    drafts, target = _source(trial), trial.thread_id()
    opened.copy_thread(drafts[0].thread_id, target)
    before = _all(trial.open(), drafts[0].thread_id)
    trial.open().delete_thread(target)
    expect_same("the source", before, _all(trial.open(), drafts[0].thread_id))
    expect_same("the deleted copy", [], _all(trial.open(), target))


def a_waiting_graph_goes_on_in_its_copy(trial: Trial) -> None:
    """A copied run that waits is answered in the copy; the source still waits."""
    opened = trial.offered("copy_thread")
    source, target = trial.thread_id(), trial.thread_id()
    program = trial.program(opened, asking([]))
    program.invoke({"log": []}, config_of(source))
    opened.copy_thread(source, target)
    copied = trial.program(trial.open(), asking([]))
    answers = ["one", "two", "three"]
    while waiting := copied.state(config_of(target)).interrupts:
        # The newest first, so that both tasks are answered in turn.
        answer = {waiting[-1].id: answers.pop(0)}
        copied.invoke(Command(resume=answer), config_of(target))
    log = copied.state(config_of(target)).values["log"]
    expect_same("the copy's log", ["last"], log[-1:])
    expect_same("the copy's answers", ["one", "three", "two"], sorted(log[:-1]))
    waits = trial.program(trial.open(), asking([])).state(config_of(source))
    expect_same("how many questions the source waits for", 2, len(waits.interrupts))
    expect_same("the source's log", [], waits.values["log"])


def _expect_independent(trial: Trial, *, is_source_changed: bool) -> None:
    opened = trial.offered("copy_thread")
    drafts, target = _source(trial), trial.thread_id()
    source = drafts[0].thread_id
    opened.copy_thread(source, target)
    changed, other = (source, target) if is_source_changed else (target, source)
    before = _all(trial.open(), other)
    writer = trial.open()
    found = writer.latest(changed)
    writer.put_writes(found.config, [("xs", "only here")], "a new task", pushed(9))
    values = {"xs": ["only here"], "large": LARGE + "!"}
    later = put(writer, changed, values)
    expect_same("the thread that was not changed", before, _all(trial.open(), other))
    seen = trial.open().load(later.config).checkpoint["channel_values"]
    expect_values("the later checkpoint", values, seen)


def _source(trial: Trial) -> list[Draft]:
    """Store two namespaces of four checkpoints, with writes."""
    opened = trial.open()
    thread_id = trial.thread_id()
    drafts: list[Draft] = []
    for name in ("", INNER):
        parent = None
        for step in range(4):
            values = {"xs": [f"{name} {n} " * 20 for n in range(step)], "large": LARGE}
            parent = put(
                opened, thread_id, values, parent=parent, namespace=name, kind="copied"
            )
            for task in range(2):
                writes = [("xs", [f"{name} {step} " * 20]), ("n", task)]
                opened.put_writes(parent.config, writes, f"{9 - task}", pushed(task))
            drafts.append(parent)
    return drafts


def _all(opened: Opened, thread_id: str) -> list[object]:
    """Return all that a thread is, but for its id."""
    listed = opened.list({"configurable": {"thread_id": thread_id}})
    listed.sort(key=_name)
    return [_told(found) for found in listed]


def _name(found: CheckpointTuple) -> tuple[str, str]:
    return found.config["configurable"]["checkpoint_ns"], found.checkpoint["id"]


def _told(found: CheckpointTuple) -> dict[str, object]:
    parent = found.parent_config
    return {
        "namespace": found.config["configurable"]["checkpoint_ns"],
        "id": found.checkpoint["id"],
        "values": dict(sorted(found.checkpoint["channel_values"].items())),
        "versions": dict(sorted(found.checkpoint["channel_versions"].items())),
        "metadata": {
            key: found.metadata.get(key) for key in ("source", "step", "kind")
        },
        "parent": parent["configurable"]["checkpoint_id"] if parent else None,
        "writes": [tuple(write) for write in found.pending_writes or ()],
    }


def _expect_equal(opened: Opened, source: str, target: str) -> None:
    expect_same("the copy", _all(opened, source), _all(opened, target))


CHECKS = Concern(
    "copying",
    (
        a_copy_is_complete,
        a_copys_checkpoints_are_found_by_their_ids,
        a_later_put_to_the_source_is_not_in_the_copy,
        a_later_put_to_the_copy_is_not_in_the_source,
        a_copy_outlives_its_source,
        a_source_outlives_its_copy,
        a_waiting_graph_goes_on_in_its_copy,
    ),
)
