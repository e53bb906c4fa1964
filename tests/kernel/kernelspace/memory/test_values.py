"""Values of every size and kind come back as they went in."""

import dataclasses
import random
from collections import deque
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send
from pydantic import BaseModel

from analemma.errors import PageMissing
from analemma.hardware.ports import MAX_BODY_BYTES
from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.pages import (
    Draft,
    Ref,
    encoded_from,
    encoded_wire,
    is_stored,
    lengthened,
    shortened,
)
from analemma.kernelspace.memory.seal import pack, unpack
from analemma.kernelspace.memory.values import Decoder, Encoder
from memory_backends import Backend, MemoryBackend, config_of
from memory_checkpoints import checkpoint_of, pending, put, values

MIB = 1024 * 1024


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


BIG: dict[str, Any] = {
    "nothing": b"",
    "eight_mebibytes": noise(8 * MIB),
    "two_thousand_elements": [{"n": n, "text": f"{n:06d}" * 170} for n in range(2000)],
    "one_large_element": ["small", noise(MIB).hex(), "small"],
}


@pytest.mark.parametrize("name", BIG)
def test_big_value_comes_back_from_a_channel(backend: Backend, name: str) -> None:
    saver = backend.saver()
    first = put(saver, big=BIG[name], other=1)
    put(saver, first, big=BIG[name], other=2)
    assert values(backend.saver()) == {"big": BIG[name], "other": 2}
    assert values(backend.saver(), first)["big"] == BIG[name]


@pytest.mark.parametrize("name", BIG)
def test_big_value_comes_back_from_a_tasks_writes(backend: Backend, name: str) -> None:
    config = put(backend.saver(), x=0)
    backend.saver().put_writes(config, [("big", BIG[name])], "done")
    backend.saver().put_writes(config, [("__interrupt__", BIG[name])], "asking")
    assert pending(backend.saver(), config) == [
        ("asking", "__interrupt__", BIG[name]),
        ("done", "big", BIG[name]),
    ]


def test_thousands_of_channels_and_writes_fit_their_records(
    memory: MemoryBackend,
) -> None:
    channels: dict[str, Any] = {f"channel {n}": f"value {n} " * 20 for n in range(3000)}
    saver = memory.saver()
    config = put(saver, **channels)
    sends = [("__pregel_tasks", Send("node", {"item": n})) for n in range(3000)]
    saver.put_writes(config, sends, "task")
    saver.put_writes(config, [*sends, ("__error__", "no")], "failed")
    assert values(memory.saver()) == channels
    seen = pending(memory.saver(), config)
    assert [value for task, _, value in seen if task == "task"] == [
        send for _, send in sends
    ]
    bodies = [record.body for record in memory.records.cells.values()]
    assert max(map(len, bodies)) <= MAX_BODY_BYTES


def test_many_new_pages_cost_a_few_objects(memory: MemoryBackend) -> None:
    put(memory.saver(), big=BIG["two_thousand_elements"])
    assert memory.records.calls["put"] == 1
    assert memory.pages.calls["put"] <= 3


def test_more_packs_than_a_record_can_list_come_back(memory: MemoryBackend) -> None:
    many = [f"{n:064d}" for n in range(17_000)]
    config = put(memory.saver(), many=many)
    assert values(memory.saver()) == {"many": many}
    saver = memory.saver()
    saver.put_writes(config, [("__interrupt__", many)], "task")
    saver.put_writes(config, [("__resume__", ["yes"])], "task")
    assert pending(memory.saver(), config) == [
        ("task", "__resume__", ["yes"]),
        ("task", "__interrupt__", many),
    ]
    assert max(len(r.body) for r in memory.records.cells.values()) <= MAX_BODY_BYTES


def test_element_in_a_tasks_writes_is_not_stored_again(memory: MemoryBackend) -> None:
    element = noise(4000).hex()
    saver = memory.saver()
    config = put(saver, xs=[])
    saver.put_writes(config, [("xs", [element])], "task")
    before = memory.records.written_bytes
    put(saver, config, xs=[element])
    assert memory.records.written_bytes - before < 1500
    assert values(memory.saver()) == {"xs": [element]}


def test_large_value_is_stored_once_however_often_it_is_named(
    memory: MemoryBackend,
) -> None:
    value = noise(MIB)
    saver = memory.saver()
    config = put(saver, x=value)
    stored = memory.pages.calls["put"]
    assert stored == len(memory.pages.cells) == MIB // placement.WHOLE_BYTES
    for step in range(3):
        saver.put_writes(config, [("x", value)], "task")
        config = put(saver, config, x=value, step=step)
    assert memory.pages.calls["put"] == stored


def test_message_changed_in_place_is_another_page(memory: MemoryBackend) -> None:
    message = AIMessage(content="before " * 50, id="1")
    saver = memory.saver()
    first = put(saver, messages=[message])
    message.content = "after " * 50
    put(saver, first, messages=[message])
    assert values(memory.saver())["messages"][0].content == "after " * 50
    assert values(memory.saver(), first)["messages"][0].content == "before " * 50


def test_channel_whose_version_stands_is_not_serialized_again(
    memory: MemoryBackend,
) -> None:
    class Counting(JsonPlusSerializer):
        seen = 0

        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            self.seen += isinstance(obj, AIMessage)
            return super().dumps_typed(obj)

    saver = memory.saver()
    saver.serde = serde = Counting()
    old = [AIMessage(content=str(n)) for n in range(10)]
    config = put(saver, messages=old, n=0)
    checkpoint = checkpoint_of(messages=old, n=1)
    checkpoint["channel_versions"]["n"] = 2
    saver.put(config, checkpoint, {"step": 1}, {"n": 2})
    assert serde.seen == 10
    assert values(memory.saver()) == {"messages": old, "n": 1}


def test_reuse_of_an_encoding_needs_the_very_parent(memory: MemoryBackend) -> None:
    saver = memory.saver()
    first = put(saver, x=["one " * 30])
    put(saver, first, x=["two " * 30])
    fork = checkpoint_of(x=["one " * 30])
    saver.put(first, fork, {"step": 1}, {})
    assert values(memory.saver()) == {"x": ["one " * 30]}


class Colour(Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Card(BaseModel):
    title: str
    at: datetime


KINDS: dict[str, Any] = {
    "none": None,
    "text": "é\0🙂",
    "bytes": b"\x00\xff",
    "nested": {"a": [1, {"b": (2.5,)}], 3: None},
    "empty": [],
    "lists": [[], [[]], [[1], [2, [3]]]],
    "messages": [HumanMessage("hi", id="1"), ToolMessage("ok", tool_call_id="2")],
    "send": [Send("node", {"k": 1})],
    "moment": datetime(2026, 1, 2, tzinfo=UTC),
    "decimal": Decimal("1.10"),
    "uuid": UUID(int=7),
    "set": {1, 2, 3},
    "deque": deque([1, 2]),
    "path": Path("a/b"),
}


@pytest.mark.parametrize("name", KINDS)
def test_value_comes_back_as_langgraphs_serializer_gives_it(
    memory: MemoryBackend, name: str
) -> None:
    serde = JsonPlusSerializer()
    put(memory.saver(), one=KINDS[name], many=[KINDS[name]] * 20)
    expected = serde.loads_typed(serde.dumps_typed(KINDS[name]))
    assert values(memory.saver()) == {"one": expected, "many": [expected] * 20}


@pytest.mark.parametrize(
    "value",
    [Colour.RED, Point(1, 2), Card(title="t", at=datetime(2026, 1, 2, tzinfo=UTC))],
)
def test_types_of_the_users_own_come_back(memory: MemoryBackend, value: object) -> None:
    put(memory.saver(), mine=value, ours=[value])
    assert values(memory.saver()) == {"mine": value, "ours": [value]}


def test_value_that_cannot_be_serialized_changes_nothing(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    config = put(saver, x=1)
    before = dict(memory.records.cells)
    with pytest.raises(TypeError):
        put(saver, config, x=object())
    with pytest.raises(TypeError):
        saver.put_writes(config, [("x", object())], "task")
    assert memory.records.cells == before
    put(saver, config, x=2)
    assert values(memory.saver()) == {"x": 2}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text()
    # Longer than what stands inline, so that there are pages.
    | st.text(min_size=60, max_size=80)
    | st.binary(max_size=70),
    lambda children: (
        st.lists(children, max_size=12)
        | st.dictionaries(st.text(), children, max_size=3)
    ),
    max_leaves=30,
)


MESSAGES = st.builds(
    AIMessage, content=st.text(max_size=80), id=st.none() | st.text(max_size=8)
) | st.builds(HumanMessage, content=st.lists(st.text(max_size=30), max_size=3))
# More keys than a map may have that is not stored by key.
MAPS = st.dictionaries(st.text() | st.integers(0, 99), JSON, min_size=65, max_size=70)
VALUES = JSON | MAPS | st.lists(JSON | MESSAGES, max_size=80)


@given(VALUES)
@settings(max_examples=60)
def test_codec_gives_back_every_value_through_its_wire_form(value: object) -> None:
    serde = JsonPlusSerializer()
    draft = Draft()
    encoded = Encoder(serde, draft).value(value)
    wire = unpack(pack(encoded_wire(encoded)), "test")

    def fetch(ref: Ref) -> bytes:
        return draft.pages[ref]

    assert encoded_from(wire) == encoded
    assert Decoder(serde, fetch).value(encoded_from(wire)) == value
    # As a record writes it that carries the pages: with numbers for them.
    carried = [ref for ref in draft.pages if not is_stored(ref)]
    places = {ref: place for place, ref in enumerate(carried)}
    short = unpack(pack(shortened(wire, places)), "test")
    assert lengthened(short, carried) == wire
    assert not any(bytes(ref) in pack(short) for ref in carried)


@given(st.lists(JSON | MESSAGES, max_size=40), st.lists(JSON | MESSAGES, max_size=9))
@settings(max_examples=40)
def test_list_that_grew_is_encoded_as_if_it_had_always_been_so_long(
    start: list[object], more: list[object]
) -> None:
    serde = JsonPlusSerializer()
    whole = Encoder(serde, everything := Draft()).channel([*start, *more], None)
    before = Encoder(serde, Draft()).channel(start, None)
    after = Encoder(serde, fresh := Draft()).channel([*start, *more], before)
    assert after.encoded == whole.encoded
    assert fresh.pages.items() <= everything.pages.items()
    assert everything.pages.keys() <= after.reached
    assert after.reached == before.reached | fresh.pages.keys()


def test_elements_of_a_list_that_grows_are_serialized_once(
    memory: MemoryBackend,
) -> None:
    class Counting(JsonPlusSerializer):
        seen = 0

        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            self.seen += isinstance(obj, AIMessage)
            return super().dumps_typed(obj)

    saver = memory.saver()
    saver.serde = serde = Counting()
    messages: list[object] = []
    config = None
    for number in range(30):
        messages = [*messages, AIMessage(content=f"{number} of many " * 20)]
        config = put(saver, config, messages=messages)
        assert serde.seen == number + 1
    assert values(memory.saver())["messages"] == messages


def test_missing_page_is_named(memory: MemoryBackend) -> None:
    put(memory.saver(), x=noise(60_000))
    (page,) = memory.pages.cells
    del memory.pages.cells[page]
    with pytest.raises(PageMissing, match=page):
        memory.saver().get_tuple(config_of())
