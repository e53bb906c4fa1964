"""Where bytes go, by properties, and that a record always fits its store."""

from hypothesis import given
from hypothesis import strategies as st

from analemma.hardware.ports import MAX_BODY_BYTES
from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.holding import load_of
from analemma.kernelspace.memory.pages import logged_ref
from analemma.kernelspace.memory.seal import pack

SIZES = st.lists(
    st.integers(min_value=0, max_value=placement.INLINE_PAGE_BYTES), max_size=60
)


@given(SIZES)
def test_split_keeps_every_page_in_order_and_within_its_limits(
    sizes: list[int],
) -> None:
    pages = [bytes([n]) * size for n, size in enumerate(sizes)]
    inline, packs = placement.split(pages)
    assert [*inline, *(page for bundle in packs for page in bundle)] == pages
    assert sum(map(len, inline)) <= placement.RECORD_PAGES_BYTES
    assert all(bundle for bundle in packs)
    assert all(sum(map(len, bundle)) <= placement.PACK_BYTES for bundle in packs)


def test_pack_is_cut_before_its_index_outgrows_a_record() -> None:
    _, packs = placement.split([b"x"] * 60_000)
    assert len(packs) > 1
    assert all(len(bundle) <= placement.PACK_PAGES for bundle in packs)


def test_limits_together_leave_room_in_the_largest_record() -> None:
    names = 4096
    assert (
        placement.RECORD_PAGES_BYTES
        # A frame or a table of writes, those of a lone task, an index of packs.
        + 3 * placement.INLINE_TABLE_BYTES
        + names
        <= MAX_BODY_BYTES
    )


def test_fields_of_a_record_stay_small_whatever_it_holds() -> None:
    pages = [n.to_bytes(4) for n in range(400_000)]
    load = load_of({logged_ref(page): page for page in pages})
    assert len(pack(load.fields)) < (
        placement.RECORD_PAGES_BYTES + placement.INLINE_TABLE_BYTES + 4096
    )


@given(st.integers(min_value=1, max_value=64 * 1024 * 1024))
def test_chunks_of_a_value_are_few_and_of_a_size_that_growing_keeps(
    length: int,
) -> None:
    size = placement.chunk_bytes(length)
    assert -(-length // size) <= 64
    assert size >= placement.WHOLE_BYTES
    assert size.bit_count() == 1
    # No more than needed: with the next smaller size there would be too many.
    assert size == placement.WHOLE_BYTES or length > 64 * (size // 2)


@given(st.integers(min_value=4 * 1024 * 1024 + 1, max_value=32 * 1024 * 1024))
def test_value_keeps_its_chunks_until_it_has_doubled(length: int) -> None:
    start = 1 << (length - 1).bit_length() - 1
    assert placement.chunk_bytes(start + 1) == placement.chunk_bytes(length)


def test_page_travels_in_a_record_up_to_its_limit() -> None:
    assert placement.travels_in_record(placement.INLINE_PAGE_BYTES)
    assert not placement.travels_in_record(placement.INLINE_PAGE_BYTES + 1)
