"""An element counts as unchanged if it is the same object, of the same content."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from analemma.kernelspace.memory.elements import NOTHING, Elements
from memory_backends import MemoryBackend
from memory_checkpoints import put, values


class Extra(BaseModel, extra="allow"):
    known: int = 1


class Colour(StrEnum):
    RED = "red"


class Word(str):
    """A text that may have what no text has."""

    __slots__ = ()


@dataclass
class Unprintable:
    n: int


def remembered(*objects: object) -> Elements:
    return NOTHING.followed_by(objects)


def test_the_same_objects_begin_a_longer_list() -> None:
    objects: list[object] = [1, "two", {"three": [3]}, AIMessage(content="four")]
    elements = remembered(*objects)
    assert elements.start(objects)
    assert elements.start([*objects, 5])
    assert not elements.start(objects[:3])
    assert not elements.start([*objects[:3], AIMessage(content="four")])
    assert not elements.start([*objects[::-1]])


def test_nothing_begins_no_list() -> None:
    assert not NOTHING.start([])
    assert not NOTHING.start([1])


def test_what_follows_is_remembered_too() -> None:
    first, second = {"a": 1}, {"b": 2}
    elements = remembered(first).followed_by([first, second])
    assert elements.start([first, second])
    second["b"] = 3
    assert not elements.start([first, second])


def message() -> AIMessage:
    return AIMessage(
        content="text",
        additional_kwargs={"deep": {"er": [1, {"x": 1}]}},
        tool_calls=[{"name": "tool", "args": {"n": 1}, "id": "1"}],
    )


CHANGES: dict[str, Callable[[AIMessage], None]] = {
    "content": lambda m: setattr(m, "content", "other"),
    "content to a list": lambda m: setattr(m, "content", ["text"]),
    "id": lambda m: setattr(m, "id", "1"),
    "deep": lambda m: m.additional_kwargs["deep"]["er"][1].update(x=2),
    "1 to True": lambda m: m.additional_kwargs["deep"]["er"][1].update(x=True),
    "1 to 1.0": lambda m: m.additional_kwargs["deep"]["er"][1].update(x=1.0),
    "a new key": lambda m: m.additional_kwargs.update(new=None),
    "arguments": lambda m: m.tool_calls[0]["args"].update(n=2),
    "an unknown field": lambda m: setattr(m, "unknown", 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_message_changed_in_place_is_another_one(name: str) -> None:
    element = message()
    elements = remembered("before", element)
    assert elements.start(["before", element])
    CHANGES[name](element)
    assert not elements.start(["before", element])


VALUES: list[Any] = [
    1,
    1.0,
    True,
    0,
    False,
    0.0,
    -0.0,
    None,
    "1",
    b"1",
    [1],
    [1.0],
    [[1]],
    {},
    {"1": 1},
    {"1": [1]},
]


@pytest.mark.parametrize("old", range(len(VALUES)))
def test_value_inside_an_element_is_told_from_every_other(old: int) -> None:
    for new in range(len(VALUES)):
        element = {"x": VALUES[old]}
        elements = remembered(element)
        element["x"] = VALUES[new]
        assert elements.start([element]) == (old == new), (VALUES[old], VALUES[new])


def test_extra_fields_of_a_model_are_looked_at() -> None:
    element = Extra.model_validate({"more": [1]})
    elements = remembered(element)
    assert elements.start([element])
    (element.model_extra or {})["more"].append(2)
    assert not elements.start([element])


def test_order_of_the_keys_of_an_element_counts() -> None:
    element = {"a": 1, "b": 2}
    elements = remembered(element)
    element["a"] = element.pop("a")
    assert not elements.start([element])


UNPRINTABLE: dict[str, object] = {
    "an object": object(),
    "a dataclass": Unprintable(1),
    "a dataclass in a list": [Unprintable(1)],
    "a function": message,
    "a class": {"x": object},
    "a tuple": {"x": (1,)},
    "a set": {"x": {1}},
    "a moment": {"x": datetime(2026, 1, 2, tzinfo=UTC)},
    "an enumeration": {"x": Colour.RED},
    "a subclass of text": {"x": Word("a subclass")},
    "a UUID": {"x": UUID(int=1)},
    "a decimal": Decimal(1),
    "a key that is no text": {1: 1},
}


@pytest.mark.parametrize("name", UNPRINTABLE)
def test_list_with_an_object_that_has_no_print_remembers_nothing(name: str) -> None:
    assert remembered("before", UNPRINTABLE[name]) == NOTHING
    elements = remembered("before")
    assert elements.followed_by(["before", UNPRINTABLE[name]]) == NOTHING


def test_element_that_holds_itself_has_no_print() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert remembered(loop) == NOTHING


IN_PLACE: dict[str, Callable[[dict[str, Any]], None]] = {
    "another number": lambda e: e.update(x=2),
    "1 to True": lambda e: e.update(x=True),
    "deep": lambda e: e["deep"].append(4),
    "bytes to a text": lambda e: e.update(raw="raw"),
    "a message": lambda e: setattr(e["object"], "content", "other"),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_element_changed_in_place_is_stored_as_it_is_now(
    memory: MemoryBackend, name: str
) -> None:
    element: dict[str, Any] = {
        "x": 1,
        "deep": [1, 2, 3],
        "raw": b"raw",
        "object": AIMessage(content="text"),
        "long": "so that it is a page " * 10,
    }
    saver = memory.saver()
    first = put(saver, xs=["before", element])
    was = repr(values(memory.saver()))
    IN_PLACE[name](element)
    second = put(saver, first, xs=["before", element, "after"])
    assert repr(values(memory.saver(), first)) == was
    assert values(memory.saver(), second) == {"xs": ["before", element, "after"]}
    found = values(memory.saver(), second)["xs"][1]
    assert {k: type(v) for k, v in found.items()} == {
        k: type(v) for k, v in element.items()
    }
