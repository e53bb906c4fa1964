"""Values change in place between two puts; what is stored is what was there.

A saver that recognises an object by its identity, or by ``==``, stores the value
it saw before. A saver that hands out what it keeps lets a caller change history.
"""

import copy
from collections.abc import Callable

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from analemma.testing.check import Concern
from analemma.testing.checkpoints import Draft, pushed, put, written
from analemma.testing.opened import Opened
from analemma.testing.sameness import expect_same
from analemma.testing.trial import Trial


def a_message_whose_content_changed(trial: Trial) -> None:
    """The same list with the same message, its content changed in place."""
    _expect_changes(trial, _messages(), lambda all_: setattr(all_[1], "content", "new"))


def a_message_whose_nested_arguments_changed(trial: Trial) -> None:
    """The same message, a value deep in its additional_kwargs changed in place."""

    def change(messages: list[AnyMessage]) -> None:
        messages[1].additional_kwargs["call"]["arguments"]["n"] = 2

    _expect_changes(trial, _messages(), change)


def an_element_replaced_in_the_middle(trial: Trial) -> None:
    """The same list with one element in the middle replaced."""
    _expect_changes(trial, _texts(), lambda texts: texts.__setitem__(17, "another"))


def an_element_inserted_in_front(trial: Trial) -> None:
    """The same list with one element more, in front of all others."""
    _expect_changes(trial, _texts(), lambda texts: texts.insert(0, "the new first"))


def elements_swapped(trial: Trial) -> None:
    """The same elements in another order."""
    _expect_changes(trial, _texts(), lambda texts: texts.reverse())


def a_list_that_shrinks(trial: Trial) -> None:
    """A list that loses its end, and later all but its beginning."""

    def shrink(texts: list[str]) -> None:
        del texts[len(texts) // 2 :]

    _expect_changes(trial, _texts(), shrink, shrink)


def a_list_that_shrinks_and_grows_again(trial: Trial) -> None:
    """A list that loses its end and gains another one of equal length."""

    def other_end(texts: list[str]) -> None:
        texts[-5:] = [f"other end {n}" for n in range(5)]

    _expect_changes(trial, _texts(), other_end)


def a_list_that_is_emptied(trial: Trial) -> None:
    """A list that becomes empty, and then holds something again."""
    _expect_changes(
        trial, _texts(), lambda texts: texts.clear(), lambda texts: texts.append("one")
    )


def a_key_changed(trial: Trial) -> None:
    """The same dict with one value changed deep inside."""

    def change(keyed: dict[str, dict[str, str]]) -> None:
        keyed["key 20"]["inner"] = "changed"

    _expect_changes(trial, _keyed(), change)


def a_key_removed(trial: Trial) -> None:
    """The same dict without one of its keys, and with it again at its end."""

    def again(keyed: dict[str, dict[str, str]]) -> None:
        keyed["key 20"] = {"inner": "back"}

    _expect_changes(trial, _keyed(), lambda keyed: keyed.pop("key 20"), again)


def keys_reordered(trial: Trial) -> None:
    """The same keys and values in another order."""

    def reorder(keyed: dict[str, dict[str, str]]) -> None:
        keyed["key 3"] = keyed.pop("key 3")

    _expect_changes(trial, _keyed(), reorder)


def a_value_changed_after_the_put(trial: Trial) -> None:
    """What a caller does to a value once put has returned is not stored."""
    opened = trial.open()
    thread_id = trial.thread_id()
    texts = _texts()
    wanted = copy.deepcopy(texts)
    one = put(opened, thread_id, {"x": texts})
    opened.put_writes(one.config, [("x", texts)], "task", pushed(0))
    texts[3] = "changed too late"
    for saver in (opened, trial.open()):
        found = saver.load(one.config)
        expect_same("the channel", wanted, found.checkpoint["channel_values"]["x"])
        expect_same("the write", [("x", wanted)], written(found, "task"))


def a_value_changed_after_the_read(trial: Trial) -> None:
    """What a caller does to a value it has read changes no later read."""
    opened = trial.open()
    wanted = _texts()
    one = put(opened, trial.thread_id(), {"x": _texts()})
    opened.put_writes(one.config, [("x", _texts())], "task", pushed(0))
    for _ in range(2):
        found = opened.load(one.config)
        expect_same("the channel", wanted, found.checkpoint["channel_values"]["x"])
        expect_same("the write", [("x", wanted)], written(found, "task"))
        found.checkpoint["channel_values"]["x"][3] = "changed by a reader"
        (found.pending_writes or [])[0][2].clear()


def a_channel_that_stands_is_not_lost(trial: Trial) -> None:
    """A channel without a new version is there in every later checkpoint."""
    opened = trial.open()
    thread_id = trial.thread_id()
    texts = _texts()
    one = put(opened, thread_id, {"stands": texts, "n": 0})
    for n in range(1, 5):
        values = {"stands": texts, "n": n}
        one = put(opened, thread_id, values, parent=one, changed=["n"])
    found = trial.open().latest(thread_id).checkpoint["channel_values"]
    expect_same("the channel that stands", texts, found["stands"])
    expect_same("the channel that changes", 4, found["n"])


def _expect_changes(
    trial: Trial,
    # Any of the values below, which the changes take.
    value: object,
    *changes: Callable[..., object],
) -> None:
    """Put a value, change it in place and put it again; then look at each put.

    Once in one saver, which may remember what it wrote, and once with a saver
    for each put, which remembers what it read.
    """
    for is_fresh in (False, True):
        _expect_each(trial, copy.deepcopy(value), changes, is_fresh=is_fresh)


def _expect_each(
    trial: Trial,
    value: object,
    changes: tuple[Callable[..., object], ...],
    *,
    is_fresh: bool,
) -> None:
    opened = trial.open()
    thread_id = trial.thread_id()
    puts: list[tuple[Draft, object]] = []

    def advance(saver: Opened) -> None:
        parent = puts[-1][0] if puts else None
        one = put(saver, thread_id, {"x": value, "held": {"x": value}}, parent=parent)
        puts.append((one, copy.deepcopy(value)))

    advance(opened)
    for change in changes:
        change(value)
        if is_fresh:
            opened = trial.open()
            opened.latest(thread_id)
        advance(opened)
    fresh = trial.open()
    for number, (one, wanted) in enumerate(puts):
        seen = fresh.load(one.config).checkpoint["channel_values"]
        expect_same(f"the value of put {number + 1}", wanted, seen["x"])
        expect_same(f"the value inside put {number + 1}", {"x": wanted}, seen["held"])


def _texts() -> list[str]:
    return [f"text {n} of some length " * 4 for n in range(40)]


def _keyed() -> dict[str, dict[str, str]]:
    return {f"key {n}": {"inner": f"value {n} " * 10} for n in range(40)}


def _messages() -> list[AnyMessage]:
    arguments = {"call": {"arguments": {"n": 1}, "name": "add " * 30}}
    return [
        HumanMessage("a question " * 20, id="1"),
        AIMessage("an answer " * 20, id="2", additional_kwargs=arguments),
        HumanMessage("thanks " * 20, id="3"),
    ]


CHECKS = Concern(
    "mutation",
    (
        a_message_whose_content_changed,
        a_message_whose_nested_arguments_changed,
        an_element_replaced_in_the_middle,
        an_element_inserted_in_front,
        elements_swapped,
        a_list_that_shrinks,
        a_list_that_shrinks_and_grows_again,
        a_list_that_is_emptied,
        a_key_changed,
        a_key_removed,
        keys_reordered,
        a_value_changed_after_the_put,
        a_value_changed_after_the_read,
        a_channel_that_stands_is_not_lost,
    ),
)
