"""A task's attempts never mix: one whole attempt is seen, whichever it is.

A saver that keys rows by (task, place) and ignores a place that is taken shows
the first attempt's places followed by the rest of the second: writes that no
execution of the task ever made together.
"""

from functools import partial

from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, pushed, put, written
from analemma.testing.graphs import failing_branch
from analemma.testing.opened import Opened, config_of
from analemma.testing.sameness import expect_same, shown
from analemma.testing.subject import expect
from analemma.testing.trial import Trial, attempt, together

Writes = list[tuple[str, object]]

SHORT: Writes = [("xs", ["A0"])]
LONG: Writes = [("zs", ["B0"]), ("xs", ["B1"]), ("ys", ["B2"])]
ROUNDS = 20


def a_longer_second_attempt_is_not_mixed_in(trial: Trial) -> None:
    """After attempts [xs] and [zs, xs, ys] one of them is seen, whole."""
    _expect_one_of(_seen(trial, SHORT, LONG), SHORT, LONG)


def a_shorter_second_attempt_is_not_mixed_in(trial: Trial) -> None:
    """After attempts [zs, xs, ys] and [xs] one of them is seen, whole."""
    _expect_one_of(_seen(trial, LONG, SHORT), SHORT, LONG)


def attempts_at_the_same_time_are_not_mixed(trial: Trial) -> None:
    """Of two attempts that are recorded at once one is seen, whole."""
    savers = [trial.open(), trial.open()]
    for _ in range(ROUNDS):
        base = put(trial.open(), trial.thread_id(), {"x": 0})

        def record(saver: Opened, writes: Writes, base: Draft = base) -> None:
            saver.put_writes(base.config, writes, "task", pushed(0))

        together([partial(record, savers[0], SHORT), partial(record, savers[1], LONG)])
        found = written(trial.open().load(base.config), "task")
        _expect_one_of(found, SHORT, LONG)


def the_same_attempt_again_changes_nothing(trial: Trial) -> None:
    """An attempt that is recorded three times is seen once."""
    expect_same("the writes", LONG, _seen(trial, LONG, LONG, LONG))


def a_success_after_a_failure_is_whole(trial: Trial) -> None:
    """A success after an attempt that wrote and failed shows its own writes.

    LangGraph records a failed attempt as what it had written and its error.
    """
    failed: Writes = [("xs", "half"), (ERROR, "it failed")]
    success: Writes = [("xs", "whole"), ("ys", "too")]
    seen = [each for each in _seen(trial, failed, success) if each[0] != ERROR]
    expect_same("the writes after the success", success, seen)


def a_run_goes_on_after_a_failed_branch(trial: Trial) -> None:
    """A node that wrote and failed in its branch runs again, and then the next.

    An attempt with an error is not finished. Where its writes are shown as if it
    were, LangGraph does not run it again, and what it had to branch to never runs.
    """
    notes: list[str] = []
    config = config_of(trial.thread_id())
    first = trial.program(trial.open(), failing_branch(notes))
    attempt(lambda: first.invoke({"log": []}, config))
    result = trial.program(trial.open(), failing_branch(notes)).invoke(None, config)
    expect_same("the log", ["shaky", "last"], result["log"])
    runs = ["shaky", "choose", "shaky", "choose", "last"]
    expect_same("what ran", runs, notes)


def an_interrupt_is_replaced_by_a_newer_one(trial: Trial) -> None:
    """The second question of a task replaces the first."""
    _expect_replaced(trial, INTERRUPT)


def an_error_is_replaced_by_a_newer_one(trial: Trial) -> None:
    """The error of a second attempt replaces the first's."""
    _expect_replaced(trial, ERROR)


def answers_are_replaced_by_newer_ones(trial: Trial) -> None:
    """The answers given to a task are replaced by the longer list of them."""
    _expect_replaced(trial, RESUME)


def _expect_replaced(trial: Trial, channel: str) -> None:
    seen = _seen(trial, [(channel, "old")], [(channel, "new")])
    expect_same(f"the writes to {channel}", [(channel, "new")], seen)


def _expect_one_of(seen: Writes, *attempts: Writes) -> None:
    expect(
        seen in attempts,
        f"two attempts of one task wrote {shown(attempts[0])} and "
        f"{shown(attempts[1])}; expected one of them whole, saw {shown(seen)}",
    )


def _seen(trial: Trial, *attempts: Writes) -> Writes:
    """Record attempts, each by a saver of its own; return what is seen then."""
    base: Draft = put(trial.open(), trial.thread_id(), {"x": 0})
    for writes in attempts:
        trial.open().put_writes(base.config, writes, "task", pushed(0))
    return written(trial.open().load(base.config), "task")


CHECKS = Concern(
    "attempts",
    (
        a_longer_second_attempt_is_not_mixed_in,
        a_shorter_second_attempt_is_not_mixed_in,
        attempts_at_the_same_time_are_not_mixed,
        the_same_attempt_again_changes_nothing,
        a_success_after_a_failure_is_whole,
        a_run_goes_on_after_a_failed_branch,
        an_interrupt_is_replaced_by_a_newer_one,
        an_error_is_replaced_by_a_newer_one,
        answers_are_replaced_by_newer_ones,
    ),
)
