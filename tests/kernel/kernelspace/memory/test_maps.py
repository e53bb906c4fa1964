"""Large maps by key, and large lists and maps inside others."""

import random
from typing import Any

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.pages import Draft, Inline, Ref, Rope
from analemma.kernelspace.memory.rope import FAN_OUT
from analemma.kernelspace.memory.values import Decoder, Encoder
from analemma.kernelspace.memory.verify import verify
from memory_backends import OWNER, RUN, MemoryBackend
from memory_checkpoints import pending, put, values

PLAIN = JsonPlusSerializer()


def texts(count: int, seed: int = 1) -> dict[str, object]:
    """Return a map whose values are each longer than what stands inline."""
    source = random.Random(seed)
    return {f"key {n}": source.randbytes(100).hex() for n in range(count)}


def encoded(value: object) -> tuple[Any, Draft]:
    # Any: the test says which of the forms it expects.
    draft = Draft()
    found = Encoder(PLAIN, draft).channel(value, None).encoded

    def fetch(ref: Ref) -> bytes:
        return draft.pages[ref]

    assert Decoder(PLAIN, fetch).value(found) == value
    return found, draft


def added_bytes(backend: MemoryBackend, old: object, new: object) -> int:
    saver = backend.saver()
    config = put(saver, x=old)
    before = backend.records.written_bytes + backend.pages.written_bytes
    put(saver, config, x=new)
    assert values(backend.saver()) == {"x": new}
    assert verify(backend.records, backend.pages, OWNER, RUN).ok
    return backend.records.written_bytes + backend.pages.written_bytes - before


def test_map_is_stored_by_key_above_its_limits_only() -> None:
    few, _ = encoded(dict.fromkeys(range(placement.SPLIT_MAP_KEYS), 0))
    many, _ = encoded(dict.fromkeys(range(placement.SPLIT_MAP_KEYS + 1), 0))
    long, _ = encoded({"one": "x" * placement.SPLIT_MAP_BYTES, "two": 2})
    assert not isinstance(few, Rope)
    assert isinstance(many, Rope)
    assert isinstance(long, Rope)
    assert (many.is_map, many.length) == (True, 2 * (placement.SPLIT_MAP_KEYS + 1))


def test_maps_share_all_pages_but_those_of_the_key_that_changed() -> None:
    old = texts(400)
    new = {**old, "key 200": "another value " * 10}
    _, before = encoded(old)
    _, after = encoded(new)
    fresh = set(after.pages) - set(before.pages)
    # The value, and one node a level above it.
    assert len(fresh) <= 1 + 4
    assert len(after.pages) == len(before.pages)


def test_one_key_of_a_large_map_costs_what_it_holds(memory: MemoryBackend) -> None:
    old = texts(2000)
    assert added_bytes(memory, old, {**old, "key 7": "another " * 20}) < 3000


def test_key_that_is_added_to_a_large_map_costs_what_it_holds(
    memory: MemoryBackend,
) -> None:
    old = texts(2000)
    assert added_bytes(memory, old, {**old, "new": "another " * 20}) < 3000


def test_key_order_and_key_types_of_a_map_are_kept(memory: MemoryBackend) -> None:
    keys: list[Any] = [*range(70, 0, -1), "text", b"bytes", (1, "tuple"), None, 2.5]
    table = dict.fromkeys(keys, "value " * 20)
    saver = memory.saver()
    config = put(saver, x=table)
    saver.put_writes(config, [("x", table)], "task")
    assert list(values(memory.saver())["x"].items()) == list(table.items())
    ((_, _, written),) = pending(memory.saver(), config)
    assert list(written.items()) == list(table.items())


def test_map_that_shrinks_grows_and_turns_into_a_list_comes_back(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    shapes: list[Any] = [
        texts(100),
        texts(70),
        texts(3),
        {},
        list(texts(90).values()),
        texts(120),
        [part for item in texts(120).items() for part in item],
        "a text",
        texts(65),
    ]
    configs = []
    config = None
    for step, shape in enumerate(shapes):
        config = put(saver, config, step=step, x=shape)
        configs.append(config)
    assert [values(memory.saver(), each)["x"] for each in configs] == shapes
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


@pytest.mark.parametrize("outer", ["list", "map"])
@pytest.mark.parametrize("inner", ["list", "map"])
def test_large_container_inside_another_shares_what_did_not_change(
    memory: MemoryBackend, outer: str, inner: str
) -> None:
    def nested(table: dict[str, object]) -> Any:
        inside = table if inner == "map" else list(table.values())
        return ["first", inside] if outer == "list" else {"a": 1, "inside": inside}

    old = texts(1000)
    new = {**old, "key 500": "another " * 20}
    assert added_bytes(memory, nested(old), nested(new)) < 4000


def test_containers_are_taken_apart_eight_levels_deep_and_come_back(
    memory: MemoryBackend,
) -> None:
    value: Any = list(texts(800).values())
    for level in range(12):
        value = [f"level {level}", value] if level % 2 else {"at": level, "in": value}
    put(memory.saver(), x=value, ys=[value])
    assert values(memory.saver()) == {"x": value, "ys": [value]}
    assert verify(memory.records, memory.pages, OWNER, RUN).ok


def test_map_stays_small_in_its_record(memory: MemoryBackend) -> None:
    found, draft = encoded(texts(5000))
    assert isinstance(found, Rope)
    assert sum(map(len, found.tails)) <= len(found.tails) * (FAN_OUT - 1)
    assert all(
        len(page) <= placement.INLINE_PAGE_BYTES for page in draft.pages.values()
    )
    put(memory.saver(), x=texts(5000))
    assert memory.records.calls["put"] == 1


def test_subclass_of_a_map_or_list_is_left_to_the_serializer() -> None:
    class Named(dict[str, object]):
        pass

    draft = Draft()
    found = Encoder(PLAIN, draft).channel(Named(texts(100)), None).encoded
    assert not isinstance(found, Rope | Inline)
