"""Long texts and bytes, cut into chunks: of any size, and at the price of a change."""

import random
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.verify import verify
from memory_backends import OWNER, RUN, MemoryBackend
from memory_checkpoints import pending, put, values

MIB = 1024 * 1024
LINE = placement.WHOLE_BYTES


def text(size: int) -> str:
    """Return a text of so many characters that does not deflate away."""
    return random.Random(size).randbytes(size // 2 + 1).hex()[:size]


def stored_by(backend: MemoryBackend, old: Any, new: Any) -> list[int]:
    """Return the sizes of the pages that a channel's next value stored."""
    saver = backend.saver()
    config = put(saver, x=old)
    before = set(backend.pages.cells)
    put(saver, config, x=new)
    assert values(backend.saver()) == {"x": new}
    assert verify(backend.records, backend.pages, OWNER, RUN).ok
    return [len(page) for id_, page in backend.pages.cells.items() if id_ not in before]


@pytest.mark.parametrize(
    "size", [0, 1, LINE - 1, LINE, LINE + 1, 4 * MIB + 1, 64 * MIB]
)
def test_bytes_of_any_size_come_back(memory: MemoryBackend, size: int) -> None:
    value = random.Random(size).randbytes(size)
    put(memory.saver(), x=value)
    assert values(memory.saver()) == {"x": value}
    assert max(map(len, memory.pages.cells.values()), default=0) <= MIB + 64


@pytest.mark.parametrize("size", [LINE - 1, LINE, LINE + 1, 5_000_000])
@pytest.mark.parametrize("kind", ["text", "bytearray", "inside", "message", "listed"])
def test_long_value_of_any_type_comes_back_from_channels_and_writes(
    memory: MemoryBackend, kind: str, size: int
) -> None:
    long = text(size)
    value: Any = {
        "text": long,
        "bytearray": bytearray(long.encode()),
        "inside": {"text": long, "n": 1},
        "message": HumanMessage(long, id="1"),
        "listed": ["short", long, {"inside": long}],
    }[kind]
    saver = memory.saver()
    config = put(saver, x=value)
    saver.put_writes(config, [("x", value)], "task")
    found = values(memory.saver())["x"]
    assert found == value
    assert type(found) is type(value)
    assert pending(memory.saver(), config) == [("task", "x", value)]


@pytest.mark.parametrize("long", ["é" * 70_000, "🙂" * 40_000 + "é", "\0" * 100_000])
def test_chunk_may_end_inside_a_character(memory: MemoryBackend, long: str) -> None:
    for shift in range(3):
        put(memory.saver(), x="." * shift + long)
        assert values(memory.saver()) == {"x": "." * shift + long}
        memory.saver().delete_thread(RUN)


def test_long_text_that_is_no_unicode_comes_back_as_the_serializer_gives_it(
    memory: MemoryBackend,
) -> None:
    halves = "\ud800" * 70_000
    put(memory.saver(), x=halves)
    serde = JsonPlusSerializer()
    assert values(memory.saver()) == {"x": serde.loads_typed(serde.dumps_typed(halves))}


def test_appending_to_a_text_of_five_megabytes_stores_two_chunks_at_most(
    memory: MemoryBackend,
) -> None:
    old = text(5_000_000)
    fresh = stored_by(memory, old, old + text(50_000))
    size = placement.chunk_bytes(len(old))
    assert len(fresh) <= 2
    assert max(fresh) <= size + 64


def test_change_within_a_text_stores_the_chunks_it_touches(
    memory: MemoryBackend,
) -> None:
    old = text(5_000_000)
    at = 2_500_000
    fresh = stored_by(memory, old, old[:at] + "X" + old[at + 1 :])
    assert len(fresh) == 1


def test_one_percent_of_bytes_changed_stores_a_few_percent(
    memory: MemoryBackend,
) -> None:
    old = random.Random(1).randbytes(5_000_000)
    at = len(old) // 3
    new = old[:at] + random.Random(2).randbytes(50_000) + old[at + 50_000 :]
    assert sum(stored_by(memory, old, new)) <= 0.06 * len(old)


def test_chunk_of_words_is_deflated(memory: MemoryBackend) -> None:
    long = "so many words that say the same again. " * 100_000
    put(memory.saver(), x=long)
    assert memory.pages.written_bytes < len(long) / 20
    assert values(memory.saver()) == {"x": long}


def test_equal_chunks_are_one_page(memory: MemoryBackend) -> None:
    put(memory.saver(), x=bytes(random.Random(3).randbytes(LINE)) * 20)
    assert len(memory.pages.cells) == 1
