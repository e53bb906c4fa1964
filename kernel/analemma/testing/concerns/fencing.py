"""One writer advances a thread; another that read the same state is refused.

Without it a worker that was thought dead and its successor both go on, and every
effect of the nodes happens twice. A saver that has not read a thread's latest
checkpoint is not fenced: forks from old checkpoints stay possible.
"""

import threading
from collections import Counter
from contextlib import suppress
from functools import partial

from langchain_core.runnables import RunnableConfig
from langgraph.constants import START
from langgraph.graph import StateGraph

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, expect_whole, put
from analemma.testing.graphs import Logged
from analemma.testing.opened import Opened, config_of
from analemma.testing.program import Builder
from analemma.testing.sameness import expect_same
from analemma.testing.subject import expect
from analemma.testing.trial import Trial, attempt, together

WRITERS = 8
PATIENCE_SECONDS = 10


def of_two_writers_one_is_refused(trial: Trial) -> None:
    """Of two savers that read checkpoint A and put a child of it, one raises."""
    base, (first, second) = _readers(trial, 2)
    winner = put(first, base.thread_id, {"x": "first"}, parent=base)
    refused = attempt(lambda: put(second, base.thread_id, {"x": "second"}, parent=base))
    expect(
        isinstance(refused, Exception),
        "two savers read checkpoint A and both put a child of it: expected the "
        "second put to raise, it returned",
    )
    latest = trial.open().latest(base.thread_id)
    expect_whole("the latest checkpoint", winner, latest)


def a_refused_writer_changes_nothing(trial: Trial) -> None:
    """The checkpoint of a refused writer is not in the list."""
    base, (first, second) = _readers(trial, 2)
    put(first, base.thread_id, {"x": "first"}, parent=base)
    attempt(lambda: put(second, base.thread_id, {"x": "second"}, parent=base))
    listed = trial.open().list(config_of(base.thread_id))
    values = [found.checkpoint["channel_values"]["x"] for found in listed]
    expect_same("what the checkpoints hold", ["first", "base"], values)


def of_many_writers_at_once_one_wins(trial: Trial) -> None:
    """Of eight savers that put a child of A at the same time, one returns."""
    base, savers = _readers(trial, WRITERS)
    outcomes = together(
        [
            partial(put, saver, base.thread_id, {"x": f"writer {n}"}, parent=base)
            for n, saver in enumerate(savers)
        ]
    )
    won = [outcome for outcome in outcomes if isinstance(outcome, Draft)]
    expect_same("how many of 8 writers at once won", 1, len(won))
    latest = trial.open().latest(base.thread_id)
    expect_whole("the latest checkpoint", won[0], latest)


def a_writer_that_fell_behind_is_refused(trial: Trial) -> None:
    """A saver that read A cannot go on from it once others are at C."""
    base, (slow, quick) = _readers(trial, 2)
    after = put(quick, base.thread_id, {"x": "B"}, parent=base)
    put(quick, base.thread_id, {"x": "C"}, parent=after)
    late = attempt(lambda: put(slow, base.thread_id, {"x": "late"}, parent=base))
    expect(
        isinstance(late, Exception),
        "a saver read checkpoint A, another one advanced to C: expected the put of "
        "a second child of A to raise, it returned",
    )
    seen = trial.open().latest(base.thread_id).checkpoint["channel_values"]
    expect_same("the latest value", "C", seen["x"])


def after_a_refusal_a_fresh_writer_goes_on(trial: Trial) -> None:
    """A fresh saver that reads the winner's checkpoint can put the next one."""
    base, (first, second) = _readers(trial, 2)
    winner = put(first, base.thread_id, {"x": "first"}, parent=base)
    attempt(lambda: put(second, base.thread_id, {"x": "second"}, parent=base))
    fresh = trial.open()
    # The winner, if the saver refuses as it should.
    found = fresh.latest(base.thread_id)
    expect_whole("what a fresh saver reads", winner, found)
    following = put(fresh, base.thread_id, {"x": "next"}, parent=winner)
    latest = trial.open().latest(base.thread_id)
    expect_whole("the latest checkpoint", following, latest)


def two_workers_run_each_node_once(trial: Trial) -> None:
    """Two workers that resume one thread at once do not both go on.

    Both may run the node they meet at: no saver can know of it before it is
    over. Every later node runs once.
    """
    runs: Counter[str] = Counter()
    config = config_of(trial.thread_id())
    meeting = threading.Barrier(2)
    builder = _met(meeting, runs)
    trial.program(trial.open(), builder).invoke_until("one", {"log": []}, config)

    def worker() -> None:
        try:
            trial.program(trial.open(), builder).invoke(None, config)
        finally:
            # A worker that was refused before the meeting does not come to it.
            meeting.abort()

    together([worker, worker])
    finished = trial.program(trial.open(), builder)
    expect_same("how often the second node ran", 1, runs["two"])
    expect_same("how often the third node ran", 1, runs["three"])
    expect_same(
        "the log", ["one", "two", "three"], finished.state(config).values["log"]
    )
    _expect_one_line(trial.open(), config)


def _readers(trial: Trial, number: int) -> tuple[Draft, list[Opened]]:
    """Return a checkpoint and savers that have read it as the latest."""
    thread_id = trial.thread_id()
    base = put(trial.open(), thread_id, {"x": "base"})
    savers = [trial.open() for _ in range(number)]
    for saver in savers:
        expect_whole("what every saver reads", base, saver.latest(thread_id))
    return base, savers


def _met(meeting: threading.Barrier, runs: Counter[str]) -> Builder:
    """Return three nodes of which the first waits for another worker."""
    lock = threading.Lock()

    def node(name: str) -> dict[str, list[str]]:
        with lock:
            runs[name] += 1
        return {"log": [name]}

    def one(state: Logged) -> dict[str, list[str]]:  # noqa: ARG001 - LangGraph's
        with suppress(threading.BrokenBarrierError):
            meeting.wait(PATIENCE_SECONDS)
        return node("one")

    builder = StateGraph(Logged)
    builder.add_node("one", one)
    builder.add_node("two", lambda state: node("two"))  # noqa: ARG005
    builder.add_node("three", lambda state: node("three"))  # noqa: ARG005
    builder.add_edge(START, "one")
    builder.add_edge("one", "two")
    builder.add_edge("two", "three")
    return builder


def _expect_one_line(opened: Opened, config: RunnableConfig) -> None:
    parents = Counter(
        found.parent_config["configurable"]["checkpoint_id"]
        for found in opened.list(config)
        if found.parent_config
    )
    twice = [parent for parent, children in parents.items() if children > 1]
    expect(not twice, f"expected one child a checkpoint, saw two below {twice}")


CHECKS = Concern(
    "fencing",
    (
        of_two_writers_one_is_refused,
        a_refused_writer_changes_nothing,
        of_many_writers_at_once_one_wins,
        a_writer_that_fell_behind_is_refused,
        after_a_refusal_a_fresh_writer_goes_on,
        two_workers_run_each_node_once,
    ),
)
