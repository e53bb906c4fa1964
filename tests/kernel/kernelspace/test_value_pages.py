"""Values as pages: what goes in comes out, whatever its size."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from analemma.errors import ConfigInvalid, Corrupt, InputInvalid, PageMissing
from analemma.hardware.local.key_file import EncryptionKey
from analemma.hardware.local.siv_cipher import SivCipher
from analemma.ids import page_id
from analemma.kernelspace.serializer import PLAIN
from analemma.kernelspace.value_pages import (
    CHUNK_BYTES,
    check_value,
    load_value,
    value_chunks,
    value_page,
)
from memory_stores import MemoryPageStore

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
ENCRYPTED = EncryptedSerializer(SivCipher(EncryptionKey(bytes(range(64)))), PLAIN)
KIB, MIB = 1024, 1024 * 1024
SIZES = [0, 1, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, MIB, 5 * MIB]
EDGES = [CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 70 * MIB]


@dataclass
class Errand:
    """Something that is no JSON."""

    item: str


@pytest.fixture
def pages() -> MemoryPageStore:
    return MemoryPageStore()


def some_bytes(size: int) -> bytes:
    """Return bytes of which no two pieces are equal and none deflates well."""
    return hashlib.shake_128(b"analemma").digest(size)


@given(JSON)
def test_json_comes_back_as_it_went_in(value: Any) -> None:
    pages = MemoryPageStore()

    assert load_value(pages, value_page(value).store(pages)) == value


@pytest.mark.parametrize("value", [{"m": [HumanMessage("hi", id="1")]}, b"\0\xff", {1}])
def test_what_is_no_json_comes_back_too(value: Any, pages: MemoryPageStore) -> None:
    assert load_value(pages, value_page(value).store(pages)) == value


def test_equal_values_are_one_page() -> None:
    assert value_page({"a": [1, 2]}) == value_page({"a": [1, 2]})
    assert value_page({"a": [1, 2]}) != value_page({"a": [2, 1]})


@pytest.mark.parametrize("serde", [PLAIN, ENCRYPTED], ids=["plain", "encrypted"])
@pytest.mark.parametrize("size", [*SIZES, *EDGES])
def test_a_value_of_any_size_comes_back_and_no_page_is_too_large(
    pages: MemoryPageStore, size: int, serde: Any
) -> None:
    value = some_bytes(size)

    made = value_page(value, serde)
    ref = made.store(pages)

    assert ref == made.ref
    assert load_value(pages, ref, serde) == value
    assert max(map(len, pages.cells.values())) <= CHUNK_BYTES + 100
    chunks = -(-len(serde.dumps_typed(value)[1]) // CHUNK_BYTES)
    assert (
        len(pages.cells) == check_value(pages, ref) == (1 if chunks < 2 else 1 + chunks)
    )


def test_the_page_that_stands_for_a_value_is_stored_last(
    pages: MemoryPageStore,
) -> None:
    class Full(MemoryPageStore):
        def put(self, page: bytes) -> Any:
            if len(page) < CHUNK_BYTES:
                raise OSError("the disk is full")
            return super().put(page)

    full = Full()
    large = value_page(bytes(CHUNK_BYTES) + b"x" * CHUNK_BYTES)

    with pytest.raises(OSError, match="full"):
        large.store(full)

    assert large.ref not in full.cells
    assert len(full.cells) == 2


def test_a_large_value_shares_what_another_one_starts_with(
    pages: MemoryPageStore,
) -> None:
    start = some_bytes(2 * CHUNK_BYTES)
    value_page(start + b"a").store(pages)
    before = pages.cells.keys() | set()

    value_page(start + b"b").store(pages)

    assert len(pages.cells.keys() - before) == 2  # the last chunk, and the page


def test_chunks_are_told_without_reading_the_value(pages: MemoryPageStore) -> None:
    small, large = value_page(b"x"), value_page(bytes(CHUNK_BYTES + 1))

    assert value_chunks(small.page, small.ref) == ()
    assert list(value_chunks(large.page, large.ref)) == [
        page_id(bytes(CHUNK_BYTES)),
        page_id(b"\0"),
    ]


def test_what_the_serializer_does_not_take_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]

    for value in (2**70, nested, {"x": object()}):
        with pytest.raises(InputInvalid, match="cannot be stored"):
            value_page(value)


def test_a_missing_page_is_named(pages: MemoryPageStore) -> None:
    with pytest.raises(PageMissing, match=page_id(b"gone")[:8]):
        load_value(pages, page_id(b"gone"))


def test_a_missing_chunk_is_named(pages: MemoryPageStore) -> None:
    ref = value_page(bytes(CHUNK_BYTES + 1)).store(pages)
    del pages.cells[page_id(b"\0")]

    for read in (load_value, check_value):
        with pytest.raises(PageMissing, match=page_id(b"\0")[:8]):
            read(pages, ref)


WRONG = {
    "text": b"something else",
    "empty": b"",
    "another shape": ormsgpack.packb([1, "msgpack"]),
    "another format": ormsgpack.packb([2, "msgpack", b"\1"]),
    "no payload": ormsgpack.packb([1, "msgpack", b""]),
    "no such type": ormsgpack.packb([1, "pickle", b"x"]),
    "a chunk by no id": ormsgpack.packb([1, "bytes", 3, [b"short"]]),
    "a chunk by text": ormsgpack.packb([1, "bytes", 3, ["x" * 32]]),
}


@pytest.mark.parametrize("page", WRONG)
def test_a_page_that_holds_no_value_is_corrupt(
    page: str, pages: MemoryPageStore
) -> None:
    ref = pages.put(WRONG[page])

    with pytest.raises(Corrupt, match=ref):
        load_value(pages, ref)


def test_a_value_of_another_length_than_it_says_is_corrupt(
    pages: MemoryPageStore,
) -> None:
    chunk = bytes.fromhex(pages.put(b"abc"))
    ref = pages.put(ormsgpack.packb([1, "bytes", 4, [chunk]]))

    with pytest.raises(Corrupt, match="a value of 4 bytes has 3"):
        load_value(pages, ref)


def test_an_encrypted_value_is_checked_without_the_key_and_read_only_with_it(
    pages: MemoryPageStore,
) -> None:
    ref = value_page({"said": "a secret word"}, ENCRYPTED).store(pages)

    assert not [page for page in pages.cells.values() if b"secret" in page]
    assert check_value(pages, ref) == 1
    with pytest.raises(ConfigInvalid, match="no key is configured"):
        load_value(pages, ref)


# -- the format page

BLOCK = re.compile(r"^```hex (\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FORMAT = Path(__file__).parents[3] / "docs" / "formats" / "value.md"
CHUNKS = [page_id(b"first"), page_id(b"second")]
EXAMPLES = {
    "small": value_page({"target": 10}).page,
    "large": ormsgpack.packb(
        [1, "bytes", CHUNK_BYTES + 6, [bytes.fromhex(each) for each in CHUNKS]]
    ),
    "encrypted": value_page({"target": 10}, ENCRYPTED).page,
}


def shown() -> dict[str, bytes]:
    found = BLOCK.findall(FORMAT.read_text("utf-8"))
    return {name: bytes.fromhex(block) for name, block in found}


def test_the_format_page_shows_the_bytes_that_are_written() -> None:
    assert shown() == EXAMPLES


def test_shown_bytes_are_read(pages: MemoryPageStore) -> None:
    small, encrypted = (pages.put(shown()[name]) for name in ("small", "encrypted"))

    assert load_value(pages, small) == {"target": 10}
    assert load_value(pages, encrypted, ENCRYPTED) == {"target": 10}
    assert list(value_chunks(shown()["large"], "x")) == CHUNKS
