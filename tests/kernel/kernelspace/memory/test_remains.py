"""What pruning leaves, as a record of its own."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from analemma.hardware.ports import MAX_BODY_BYTES
from analemma.kernelspace.layout import log_sort
from analemma.kernelspace.memory.holding import EMPTY, load_of
from analemma.kernelspace.memory.manifest import UNLINKED, Manifest
from analemma.kernelspace.memory.pages import Ref, is_stored, stored_ref
from analemma.kernelspace.memory.reader import open_table
from analemma.kernelspace.memory.remains import (
    NUMBER,
    Remains,
    frames_from,
    links_from,
    ranges_of,
    remains_body,
    remains_of,
)
from analemma.kernelspace.memory.seal import Place, unseal
from memory_stores import MemoryPageStore

PLACE = Place("run/local/run", log_sort("", NUMBER))


def manifest(number: int, size: int = 10) -> Manifest:
    frame = {
        "workflow": None,
        "writer": "writer",
        "at": 0,
        "checkpoint": {"v": 4},
        "metadata": {"step": number},
        "channels": {"x": ["msgpack", bytes(size)]},
    }
    return Manifest("", number, f"id {number}", None, UNLINKED, dict(frame))  # type: ignore[arg-type]


def remains(
    removed: list[int], frames: list[Manifest], links: dict[str, bytes]
) -> tuple[Remains, MemoryPageStore, bytes]:
    body, stored = remains_body(PLACE, removed, frames, links, load_of({}))
    pages = MemoryPageStore()
    for page in stored:
        pages.put(page)
    return remains_of(unseal(PLACE, body)), pages, body


@given(st.lists(st.integers(1, 60)))
def test_numbers_are_told_as_ranges_in_order(numbers: list[int]) -> None:
    ranges = ranges_of(numbers)
    told = [n for first, last in ranges for n in range(first, last + 1)]
    assert told == sorted(set(numbers))
    # As few as can be: no two of them touch.
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))


@given(st.lists(st.integers(1, 60)))
def test_removed_is_said_of_these_numbers_only(numbers: list[int]) -> None:
    found, _, _ = remains(numbers, [], {})
    assert [n for n in range(70) if found.removed(n)] == sorted(set(numbers))


def test_frames_and_links_come_back() -> None:
    frames = [manifest(3), manifest(7)]
    links = {"id 2": b"a hash", "id 9": b"another"}
    found, pages, _ = remains([1, 2], frames, links)
    told = frames_from("", open_table(found.frames, pages))
    assert told == {3: frames[0], 7: frames[1]}
    assert links_from(open_table(found.links, pages)) == links
    assert found.holding == EMPTY


def test_large_tables_stand_in_the_page_store() -> None:
    frames = [manifest(number, 20_000) for number in range(1, 40)]
    links = {f"id {n}": n.to_bytes(32) for n in range(5000)}
    found, pages, body = remains(list(range(1, 40)), frames, links)
    assert isinstance(found.frames, bytes)
    assert isinstance(found.links, bytes)
    assert len(body) < 1000
    told = frames_from("", open_table(found.frames, pages))
    assert [each.number for each in told.values()] == list(range(1, 40))
    assert links_from(open_table(found.links, pages)) == links


def test_every_other_number_of_a_long_log_fits_a_record() -> None:
    found, _, body = remains(list(range(1, 60_000, 2)), [], {})
    assert len(body) <= MAX_BODY_BYTES
    assert found.removed(59_999)
    assert not found.removed(59_998)


def test_pages_are_held_as_in_any_record() -> None:
    kept: dict[Ref, bytes] = {}
    for number in range(3000):
        page = number.to_bytes(4) * 64
        kept[Ref(b"L" + stored_ref(page)[1:])] = page
    load = load_of(kept)
    body, stored = remains_body(PLACE, [1], [], {}, load)
    found = remains_of(unseal(PLACE, body))
    assert list(found.holding.carried) == list(kept)[: len(load.inline)]
    assert len(found.holding.packs) == 1 == len(stored)
    assert not any(is_stored(ref) for ref in found.holding.carried)
