"""Values as pages: what goes in comes out."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from analemma.errors import Corrupt, PageMissing
from analemma.ids import page_id
from analemma.kernelspace.value_pages import load_value, value_page
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


@dataclass
class Errand:
    """Something that is no JSON."""

    item: str


@given(JSON)
def test_json_comes_back_as_it_went_in(value: Any) -> None:
    pages = MemoryPageStore()

    assert load_value(pages, pages.put(value_page(value))) == value


@pytest.mark.parametrize("value", [{"m": [HumanMessage("hi", id="1")]}, b"\0\xff", {1}])
def test_what_is_no_json_comes_back_too(value: Any) -> None:
    pages = MemoryPageStore()

    assert load_value(pages, pages.put(value_page(value))) == value


def test_equal_values_are_one_page() -> None:
    assert value_page({"a": [1, 2]}) == value_page({"a": [1, 2]})
    assert value_page({"a": [1, 2]}) != value_page({"a": [2, 1]})


def test_a_missing_page_is_named() -> None:
    with pytest.raises(PageMissing, match=page_id(b"gone")[:8]):
        load_value(MemoryPageStore(), page_id(b"gone"))


def test_a_page_that_holds_no_value_is_corrupt() -> None:
    pages = MemoryPageStore()
    ref = pages.put(b"something else")

    with pytest.raises(Corrupt, match="holds no value"):
        load_value(pages, ref)
