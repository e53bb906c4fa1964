"""Pending writes come in ``writes_sort_key`` order.

A task's id is a hash of its path, so a saver that orders by id permutes parallel
tasks, and one that orders places as text puts the tenth write before the second.
"""

import random

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.constants import START
from langgraph.graph import StateGraph
from langgraph.types import Send

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, pushed, put, writes_sort_key, written
from analemma.testing.graphs import Item, Logged
from analemma.testing.opened import Opened, config_of
from analemma.testing.program import Builder
from analemma.testing.sameness import expect_same
from analemma.testing.trial import Trial, attempt

WIDTH = 12


def parallel_tasks_come_in_order_of_their_paths(trial: Trial) -> None:
    """The writes of 12 parallel tasks come back ordered by path, id and place."""
    opened = trial.open()
    base, paths = _record(trial, opened)
    _expect_order(opened.load(base.config), paths)


def order_is_kept_by_a_reload(trial: Trial) -> None:
    """A saver that has seen none of the writes returns them in the same order."""
    base, paths = _record(trial, trial.open())
    _expect_order(trial.open().load(base.config), paths)


def listing_shows_the_same_order(trial: Trial) -> None:
    """The checkpoints that ``list`` yields have their writes in order too."""
    base, paths = _record(trial, trial.open())
    for found in trial.open().list(config_of(base.thread_id)):
        _expect_order(found, paths)


def a_tasks_writes_keep_their_places(trial: Trial) -> None:
    """Twenty-five writes of one task come back as they were given."""
    opened = trial.open()
    base = put(opened, trial.thread_id(), {"x": 0})
    given: list[tuple[str, object]] = [("x", number) for number in range(25)]
    opened.put_writes(base.config, given, "task", pushed(0))
    seen = written(trial.open().load(base.config), "task")
    expect_same("the writes of one task", given, seen)


def parallel_sends_go_on_after_a_failure(trial: Trial) -> None:
    """After one of 12 Sends failed, the others are not run again, and order holds."""
    notes: list[int] = []

    def spread(state: Logged) -> list[Send]:  # noqa: ARG001 - LangGraph's signature
        return [Send("work", {"item": item}) for item in range(WIDTH)]

    def work(state: Item) -> dict[str, list[str]]:
        notes.append(state["item"])
        if state["item"] == WIDTH - 1 and notes.count(WIDTH - 1) == 1:
            raise ValueError("the last one fails at first")
        return {"log": [f"{state['item']}"]}

    builder: Builder = StateGraph(Logged)
    builder.add_node("work", work, input_schema=Item)
    builder.add_conditional_edges(START, spread, ["work"])
    # One at a time: the siblings have finished when the last one fails.
    config: RunnableConfig = {**config_of(trial.thread_id()), "max_concurrency": 1}
    first = trial.program(trial.open(), builder)
    attempt(lambda: first.invoke({"log": []}, config))
    result = trial.program(trial.open(), builder).invoke(None, config)
    wanted = [f"{item}" for item in range(WIDTH)]
    expect_same("the resumed run's log", wanted, result["log"])
    expect_same("the tasks that ran", [*range(WIDTH), WIDTH - 1], notes)


def _record(trial: Trial, opened: Opened) -> tuple[Draft, dict[str, str]]:
    """Record the writes of tasks in an order that says nothing about theirs."""
    shuffle = random.Random(20_260_102)  # noqa: S311 - the same shuffle each time
    paths = {f"{shuffle.getrandbits(128):032x}": pushed(n) for n in range(WIDTH)}
    tasks = list(paths)
    base = put(opened, trial.thread_id(), {"x": 0})
    shuffle.shuffle(tasks)
    for task in tasks:
        writes = [("xs", [place, task]) for place in range(3)]
        opened.put_writes(base.config, writes, task, paths[task])
    return base, paths


def _expect_order(found: CheckpointTuple, paths: dict[str, str]) -> None:
    seen = [(task, value[0]) for task, _, value in found.pending_writes or ()]
    wanted = sorted(
        ((task, place) for task in paths for place in range(3)),
        key=lambda each: writes_sort_key(paths[each[0]], *each),
    )
    expect_same(
        "writes as (number of the Send, place)",
        [(int(paths[task][-10:]), place) for task, place in wanted],
        [(int(paths[task][-10:]), place) for task, place in seen],
    )


CHECKS = Concern(
    "writes order",
    (
        parallel_tasks_come_in_order_of_their_paths,
        order_is_kept_by_a_reload,
        listing_shows_the_same_order,
        a_tasks_writes_keep_their_places,
        parallel_sends_go_on_after_a_failure,
    ),
)
