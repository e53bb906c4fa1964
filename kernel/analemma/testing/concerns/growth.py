"""A list that grows by one element a superstep reloads equal, at every length.

What it costs is for a benchmark. This is about the seams: where a saver starts a
new page, a new level or a new snapshot.
"""

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, pushed, put
from analemma.testing.opened import Opened
from analemma.testing.sameness import expect_same
from analemma.testing.trial import Trial

APPENDS = 300


def three_hundred_appends_reload_equal(trial: Trial) -> None:
    """After 300 appends by one saver every checkpoint has its own length."""
    opened = trial.open()
    drafts = _grown(opened, trial.thread_id())
    fresh = trial.open()
    for length in (0, 1, 2, *range(7, APPENDS, 31), *range(APPENDS - 2, APPENDS + 1)):
        seen = fresh.load(drafts[length].config).checkpoint["channel_values"]
        expect_same(f"the list of {length}", _elements(length), seen["xs"])


def every_append_shows_in_the_list_of_checkpoints(trial: Trial) -> None:
    """Listing 300 checkpoints shows each with its own length, newest first."""
    thread_id = trial.thread_id()
    _grown(trial.open(), thread_id)
    listed = trial.open().list({"configurable": {"thread_id": thread_id}})
    lengths = [len(found.checkpoint["channel_values"]["xs"]) for found in listed]
    expect_same("the lengths", list(range(APPENDS, -1, -1)), lengths)
    for found in listed[:3]:
        xs = found.checkpoint["channel_values"]["xs"]
        expect_same("a list", _elements(len(xs)), xs)


def appends_of_fresh_savers_reload_equal(trial: Trial) -> None:
    """Ninety appends, each by a saver that has read the state before."""
    thread_id = trial.thread_id()
    last = put(trial.open(), thread_id, {"xs": []})
    for length in range(1, 91):
        opened = trial.open()
        xs = opened.latest(thread_id).checkpoint["channel_values"]["xs"]
        expect_same("the list so far", _elements(length - 1), xs)
        opened.put_writes(last.config, [("xs", [_element(length)])], "task", pushed(0))
        last = put(opened, thread_id, {"xs": [*xs, _element(length)]}, parent=last)
    seen = trial.open().latest(thread_id).checkpoint["channel_values"]["xs"]
    expect_same("the list", _elements(90), seen)


def a_fork_grows_beside_the_trunk(trial: Trial) -> None:
    """Two branches that grow from the middle each keep their own elements."""
    thread_id = trial.thread_id()
    trunk = _grown(trial.open(), thread_id)
    fork = trial.open()
    one = trunk[150]
    fork.load(one.config)
    xs: list[object] = _elements(150)
    for number in range(40):
        xs = [*xs, f"fork {number} " * 20]
        one = put(fork, thread_id, {"xs": xs}, parent=one)
    fresh = trial.open()
    seen = fresh.load(one.config).checkpoint["channel_values"]["xs"]
    expect_same("the fork's list", xs, seen)
    seen = fresh.load(trunk[-1].config).checkpoint["channel_values"]["xs"]
    expect_same("the trunk's list", _elements(APPENDS), seen)


def _grown(opened: Opened, thread_id: str) -> list[Draft]:
    """Append 300 times as LangGraph does: a task's write, then a checkpoint."""
    xs: list[object] = []
    drafts = [put(opened, thread_id, {"xs": xs})]
    for length in range(1, APPENDS + 1):
        write = [("xs", [_element(length)])]
        opened.put_writes(drafts[-1].config, write, "task", pushed(0))
        xs = [*xs, _element(length)]
        drafts.append(put(opened, thread_id, {"xs": xs}, parent=drafts[-1]))
    return drafts


def _element(number: int) -> object:
    # Short and long ones: savers store them differently.
    return number if number % 3 == 0 else f"element {number} " * (number % 40)


def _elements(length: int) -> list[object]:
    return [_element(number) for number in range(1, length + 1)]


CHECKS = Concern(
    "growth",
    (
        three_hundred_appends_reload_equal,
        every_append_shows_in_the_list_of_checkpoints,
        appends_of_fresh_savers_reload_equal,
        a_fork_grows_beside_the_trunk,
    ),
)
