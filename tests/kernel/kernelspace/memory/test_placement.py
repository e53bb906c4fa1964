"""Where bytes go, by properties, and that a record always fits its store."""

from hypothesis import given
from hypothesis import strategies as st

from analemma.hardware.ports import MAX_BODY_BYTES
from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.holding import hold
from analemma.kernelspace.memory.pages import Draft
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
        + 2 * placement.INLINE_TABLE_BYTES
        + 2 * placement.INLINE_BLOB_BYTES
        + names
        <= MAX_BODY_BYTES
    )


def test_fields_of_a_holding_stay_small_whatever_it_holds() -> None:
    draft = Draft()
    fields = hold((n.to_bytes(4) for n in range(400_000)), draft)
    assert len(pack(dict(fields))) < (
        placement.RECORD_PAGES_BYTES + placement.INLINE_TABLE_BYTES + 4096
    )
