"""``prune``: one checkpoint a namespace stays, whole, whoever writes meanwhile.

Values that were first stored with a checkpoint that goes must stay with the one
that does not.
"""

import threading
from functools import partial

from langgraph.types import Command

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, expect_whole, pushed, put, written
from analemma.testing.graphs import asking, chain
from analemma.testing.opened import Opened, config_of
from analemma.testing.sameness import expect_same, expect_values
from analemma.testing.trial import Trial, attempt, together

INNER = "inner:1"
PUTS = 100
LARGE = "three hundred thousand characters " * 9_000


def the_latest_of_every_namespace_stays_whole(trial: Trial) -> None:
    """One checkpoint a namespace is left, with its values, metadata and writes."""
    opened = trial.offered("prune")
    thread_id = trial.thread_id()
    latest = [_grown(trial.open(), thread_id, name) for name in ("", INNER)]
    opened.prune(thread_id)
    fresh = trial.open()
    expect_same("how many are left", 2, len(_listed(fresh, thread_id)))
    for one in latest:
        found = fresh.latest(thread_id, one.namespace)
        _expect_kept(one, found.checkpoint["channel_values"], found.metadata["step"])
        expect_same("its id", one.checkpoint["id"], found.checkpoint["id"])
        expect_same("its writes", [("xs", ["next"])], written(found, "task"))


def pruning_again_changes_nothing(trial: Trial) -> None:
    """A second prune, and one of a thread that is not there, change nothing."""
    opened = trial.offered("prune")
    thread_id = trial.thread_id()
    one = _grown(trial.open(), thread_id)
    for _ in range(2):
        opened.prune(thread_id, trial.thread_id())
        found = trial.open().latest(thread_id)
        _expect_kept(one, found.checkpoint["channel_values"], found.metadata["step"])
        expect_same("how many are left", 1, len(_listed(trial.open(), thread_id)))


def a_pruned_thread_grows_on(trial: Trial) -> None:
    """Checkpoints put after a prune, by the same saver and a fresh one, are whole."""
    opened = trial.offered("prune")
    thread_id = trial.thread_id()
    one = _grown(opened, thread_id)
    opened.prune(thread_id)
    for saver in (opened, trial.open()):
        found = saver.latest(thread_id)
        xs = [*found.checkpoint["channel_values"]["xs"], "grown after the prune " * 9]
        one = put(saver, thread_id, {"xs": xs, "large": LARGE}, parent=one)
        expect_whole("a checkpoint after a prune", one, trial.open().latest(thread_id))
    trial.open().prune(thread_id)
    latest = trial.open().latest(thread_id).checkpoint["channel_values"]
    expect_values("the latest", one.checkpoint["channel_values"], latest)


def a_waiting_graph_goes_on_after_prune(trial: Trial) -> None:
    """A run that waits for answers still waits after a prune, and takes them."""
    opened = trial.offered("prune")
    config = config_of(trial.thread_id())
    program = trial.program(opened, asking([]))
    program.invoke({"log": []}, config)
    trial.open().prune(config["configurable"]["thread_id"])
    again = trial.program(trial.open(), asking([]))
    waiting = again.state(config).interrupts
    expect_same("how many questions wait", 2, len(waiting))
    while waiting:
        again.invoke(Command(resume={waiting[0].id: "yes"}), config)
        waiting = again.state(config).interrupts
    expect_same(
        "the log", ["yes", "yes", "yes", "last"], again.state(config).values["log"]
    )


def prune_delete_leaves_nothing(trial: Trial) -> None:
    """``strategy="delete"`` removes the threads that are named and no others."""
    opened = trial.offered("prune")
    thread_id, other = trial.thread_id(), trial.thread_id()
    for name in ("", INNER):
        _grown(trial.open(), thread_id, name)
    kept = _grown(trial.open(), other)
    opened.prune(thread_id, strategy="delete")
    expect_same("what is left", 0, len(_listed(trial.open(), thread_id)))
    expect_same("the latest", None, trial.open().find(config_of(thread_id)))
    expect_whole("the other thread", kept, trial.open().latest(other))
    finished = trial.program(trial.open(), chain([]))
    result = finished.invoke({"log": []}, config_of(thread_id))
    expect_same("a new run's log", ["one", "two", "three"], result["log"])


def other_threads_keep_what_they_share(trial: Trial) -> None:
    """A thread that holds the values of a pruned one keeps all of them."""
    opened = trial.offered("prune")
    pruned, other = trial.thread_id(), trial.thread_id()
    _grown(trial.open(), pruned)
    drafts = []
    kept = None
    for step in range(3):
        values = {"xs": _texts(step + 3), "large": LARGE}
        kept = put(trial.open(), other, values, parent=kept)
        drafts.append(kept)
    opened.prune(pruned)
    trial.open().prune(pruned, strategy="delete")
    fresh = trial.open()
    for one in drafts:
        expect_whole("the other thread's checkpoint", one, fresh.load(one.config))


def a_writer_is_not_disturbed(trial: Trial) -> None:
    """While a writer puts 100 checkpoints, another saver prunes all the time.

    Each put's checkpoint loads whole, and after a last prune one is left.
    """
    trial.offered("prune")
    thread_id = trial.thread_id()
    writer = trial.open()
    last = [put(writer, thread_id, {"xs": [], "large": LARGE})]
    done = threading.Event()

    def write() -> None:
        try:
            for length in range(1, PUTS + 1):
                last.append(_append(writer, last[-1], length))
                found = (writer if length % 10 else trial.open()).latest(thread_id)
                wanted = last[-1].checkpoint["channel_values"]
                expect_same(
                    "the latest id", last[-1].checkpoint["id"], found.checkpoint["id"]
                )
                expect_values(
                    f"the latest after put {length}",
                    wanted,
                    found.checkpoint["channel_values"],
                )
        finally:
            done.set()

    def prune() -> None:
        while not done.is_set():
            trial.open().prune(thread_id)

    for outcome in together([write, prune]):
        if isinstance(outcome, Exception):
            raise outcome
    trial.open().prune(thread_id)
    fresh = trial.open()
    expect_same("how many are left", 1, len(_listed(fresh, thread_id)))
    found = fresh.latest(thread_id).checkpoint["channel_values"]
    expect_values("what is left", last[-1].checkpoint["channel_values"], found)


def writes_beside_a_prune_are_kept(trial: Trial) -> None:
    """Writes recorded for the latest checkpoint during a prune are all there."""
    trial.offered("prune")
    for _ in range(5):
        thread_id = trial.thread_id()
        writer = trial.open()
        one = _grown(writer, thread_id)
        pruner = trial.open()

        def record(writer: Opened, one: Draft) -> None:
            for number in range(12):
                write = [("xs", [f"beside {number}"])]
                writer.put_writes(one.config, write, f"{50 - number}", pushed(number))

        outcomes = together(
            [partial(record, writer, one), partial(pruner.prune, thread_id)]
        )
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        found = trial.open().latest(thread_id)
        wrote = [
            value[0] for task, _, value in found.pending_writes or () if task != "task"
        ]
        wanted = [f"beside {number}" for number in range(12)]
        expect_same("the writes recorded beside a prune", wanted, wrote)


def an_unknown_strategy_is_refused_or_does_nothing(trial: Trial) -> None:
    """A strategy that the saver does not know removes nothing."""
    opened = trial.offered("prune")
    thread_id = trial.thread_id()
    _grown(trial.open(), thread_id)
    attempt(lambda: opened.prune(thread_id, strategy="no such strategy"))
    expect_same("how many there are", 6, len(_listed(trial.open(), thread_id)))


def _grown(opened: Opened, thread_id: str, namespace: str = "") -> Draft:
    """Store six checkpoints of a list that grows; the last one has a write."""
    one = put(opened, thread_id, {"xs": [], "large": LARGE}, namespace=namespace)
    for length in range(1, 6):
        one = _append(opened, one, length)
    opened.put_writes(one.config, [("xs", ["next"])], "task", pushed(0))
    return one


def _append(opened: Opened, one: Draft, length: int) -> Draft:
    opened.put_writes(one.config, [("xs", _texts(length)[-1:])], "task", pushed(0))
    return put(
        opened,
        one.thread_id,
        {"xs": _texts(length), "large": LARGE},
        parent=one,
        namespace=one.namespace,
        changed=["xs"],
    )


def _texts(length: int) -> list[str]:
    return [f"element {n} of the pruned list " * 6 for n in range(length)]


def _listed(opened: Opened, thread_id: str) -> list[object]:
    return list(opened.list({"configurable": {"thread_id": thread_id}}))


def _expect_kept(one: Draft, values: dict[str, object], step: int) -> None:
    expect_values("what is kept", one.checkpoint["channel_values"], values)
    expect_same("its step", one.metadata["step"], step)


CHECKS = Concern(
    "pruning",
    (
        the_latest_of_every_namespace_stays_whole,
        pruning_again_changes_nothing,
        a_pruned_thread_grows_on,
        a_waiting_graph_goes_on_after_prune,
        prune_delete_leaves_nothing,
        other_threads_keep_what_they_share,
        a_writer_is_not_disturbed,
        writes_beside_a_prune_are_kept,
        an_unknown_strategy_is_refused_or_does_nothing,
    ),
)
