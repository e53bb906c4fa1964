"""Equality as strict as storage: types, signs, order, and what hides in objects."""

import math
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from analemma.testing import Violation
from analemma.testing.sameness import difference, expect_same, expect_values

EQUAL: list[tuple[Any, Any]] = [
    (math.nan, math.nan),
    ([1, {"a": [None]}], [1, {"a": [None]}]),
    (AIMessage("a", id="1"), AIMessage("a", id="1")),
    (-0.0, -0.0),
]
UNEQUAL: list[tuple[Any, Any, str]] = [
    (1, True, "expected 1 (int), saw True (bool)"),
    (1, 1.0, "expected 1 (int), saw 1.0 (float)"),
    (0.0, -0.0, "expected 0.0, saw -0.0"),
    (math.nan, 0.0, "expected nan, saw 0.0"),
    ([1], (1,), "(list), saw (1,) (tuple)"),
    ([1, 2], [1], "expected 2 elements, saw 1"),
    ([[1], [True]], [[1], [1]], "element 1, element 0"),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "keys, element 0"),
    ({1: "x"}, {True: "x"}, "keys, element 0"),
    ({"a": {"b": 1}}, {"a": {"b": 2}}, "key 'b' (str)"),
    ("a" * 500, "b", "502 characters"),
    (
        AIMessage("a", additional_kwargs={"n": 1}),
        AIMessage("a", additional_kwargs={"n": True}),
        "attribute additional_kwargs",
    ),
]


@pytest.mark.parametrize(("expected", "seen"), EQUAL)
def test_equal_values_have_no_difference(expected: object, seen: object) -> None:
    assert difference(expected, seen) is None


@pytest.mark.parametrize(("expected", "seen", "words"), UNEQUAL)
def test_difference_is_told_with_its_place(
    expected: object, seen: object, words: str
) -> None:
    with pytest.raises(Violation) as found:
        expect_same("the value", expected, seen)
    assert str(found.value).startswith("the value")
    assert words in str(found.value)


def test_channels_may_come_in_any_order_but_must_all_be_there() -> None:
    expect_values("a checkpoint", {"a": 1, "b": 2}, {"b": 2, "a": 1})
    with pytest.raises(Violation, match=r"expected the channels \['a', 'b'\]"):
        expect_values("a checkpoint", {"a": 1, "b": 2}, {"a": 1})
