"""Many threads at once: nothing is lost, nothing is mixed up.

These rules say nothing about who wins (``fencing`` does): a put that returned is
there, whole, and a put that raised is not.
"""

import random
from functools import partial

from analemma.testing.check import Concern
from analemma.testing.checkpoints import (
    Draft,
    draft,
    expect_whole,
    pushed,
    put,
    written,
)
from analemma.testing.graphs import chain
from analemma.testing.opened import Opened, config_of
from analemma.testing.sameness import expect_same
from analemma.testing.subject import expect
from analemma.testing.trial import Trial, together

THREADS = 50
RUNS = 100
WORKERS = 16
STEPS = 4


def fifty_tasks_record_at_once(trial: Trial) -> None:
    """The writes of 50 tasks that one saver records at once are all there."""
    _expect_recorded(trial, [trial.open()])


def fifty_savers_record_at_once(trial: Trial) -> None:
    """The writes of 50 tasks, each recorded by a saver of its own, are all there."""
    _expect_recorded(trial, [trial.open() for _ in range(THREADS)])


def fifty_puts_of_one_saver(trial: Trial) -> None:
    """Of 50 puts to one thread by one saver, those that returned are there."""
    saver = trial.open()
    _expect_put(trial, [saver] * THREADS)


def fifty_puts_of_fifty_savers(trial: Trial) -> None:
    """Of 50 puts to one thread by 50 savers, those that returned are there."""
    _expect_put(trial, [trial.open() for _ in range(THREADS)])


def interleaved_threads_stay_apart(trial: Trial) -> None:
    """A hundred threads whose puts and reads interleave never see each other."""
    saver = trial.open()
    latest: dict[str, Draft] = {}
    for thread_id in [trial.thread_id() for _ in range(RUNS)]:
        latest[thread_id] = put(saver, thread_id, _own(thread_id, 0))

    def advance(thread_id: str, step: int) -> None:
        one = latest[thread_id]
        saver.put_writes(one.config, [("x", thread_id)], f"task {step}", pushed(0))
        found = saver.latest(thread_id)
        expect_whole(f"what thread {thread_id} reads", one, found)
        wrote = written(found, f"task {step}")
        expect_same(f"what thread {thread_id} wrote", [("x", thread_id)], wrote)
        latest[thread_id] = put(saver, thread_id, _own(thread_id, step), parent=one)

    for step in range(1, STEPS):
        order = list(latest)
        random.Random(step).shuffle(order)  # noqa: S311 - the same order each time
        _raise_first(
            together(
                [partial(advance, each, step) for each in order],
                WORKERS,
            )
        )
    fresh = trial.open()
    for thread_id, one in latest.items():
        expect_whole(f"thread {thread_id}", one, fresh.latest(thread_id))
        listed = [
            each.config["configurable"] for each in fresh.list(config_of(thread_id))
        ]
        of = {each["thread_id"] for each in listed}
        expect_same(f"how many checkpoints {thread_id} has", STEPS, len(listed))
        expect_same(f"whose checkpoints {thread_id} lists", {thread_id}, of)


def interleaved_graphs_stay_apart(trial: Trial) -> None:
    """A hundred runs of one graph at once each end with their own log."""
    program = trial.program(trial.open(), chain([]))

    def run(thread_id: str) -> None:
        result = program.invoke({"log": [thread_id]}, config_of(thread_id))
        wanted = [thread_id, "one", "two", "three"]
        expect_same(f"the result of run {thread_id}", wanted, result["log"])

    thread_ids = [trial.thread_id() for _ in range(RUNS)]
    _raise_first(together([partial(run, each) for each in thread_ids], WORKERS))
    again = trial.program(trial.open(), chain([]))
    for thread_id in thread_ids:
        log = again.state(config_of(thread_id)).values["log"]
        expect_same(f"the log of run {thread_id}", thread_id, log[0])


def _expect_recorded(trial: Trial, savers: list[Opened]) -> None:
    base = put(trial.open(), trial.thread_id(), {"x": 0})
    for saver in savers:
        saver.load(base.config)
    wanted = {
        f"{THREADS - number:02d}": [("xs", [number]), ("ys", number), ("zs", "z" * 99)]
        for number in range(THREADS)
    }

    def record(number: int) -> None:
        task = f"{THREADS - number:02d}"
        saver = savers[number % len(savers)]
        saver.put_writes(base.config, wanted[task], task, pushed(number))

    _raise_first(together([partial(record, number) for number in range(THREADS)]))
    found = trial.open().load(base.config)
    for task, writes in wanted.items():
        expect_same(f"the writes of task {task}", writes, written(found, task))
    tasks = list(dict.fromkeys(task for task, _, _ in found.pending_writes or ()))
    expect_same("the tasks in order of their paths", list(wanted), tasks)


def _expect_put(trial: Trial, savers: list[Opened]) -> None:
    base = put(trial.open(), trial.thread_id(), {"x": "base", "xs": []})
    for saver in savers:
        saver.latest(base.thread_id)
    drafts = [
        draft(saver, base.thread_id, {"x": f"{n}", "xs": [n] * 20}, parent=base)
        for n, saver in enumerate(savers)
    ]
    outcomes = together(
        [partial(one.put, saver) for one, saver in zip(drafts, savers, strict=True)]
    )
    returned = [
        one
        for one, outcome in zip(drafts, outcomes, strict=True)
        if isinstance(outcome, Draft)
    ]
    expect(bool(returned), f"expected a put to return, all raised: {outcomes[0]!r}")
    fresh = trial.open()
    for one in (base, *returned):
        expect_whole("a checkpoint whose put returned", one, fresh.load(one.config))
    listed = {found.checkpoint["id"] for found in fresh.list(config_of(base.thread_id))}
    wanted = {one.checkpoint["id"] for one in (base, *returned)}
    expect_same("the ids of the checkpoints", wanted, listed)


def _own(thread_id: str, step: int) -> dict[str, object]:
    return {"owner": thread_id, "steps": [f"{thread_id} at {n}" for n in range(step)]}


def _raise_first(outcomes: list[Exception | None]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


CHECKS = Concern(
    "concurrency",
    (
        fifty_tasks_record_at_once,
        fifty_savers_record_at_once,
        fifty_puts_of_one_saver,
        fifty_puts_of_fifty_savers,
        interleaved_threads_stay_apart,
        interleaved_graphs_stay_apart,
    ),
)
