"""What changed between two structures, by properties."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analemma.errors import ManifestMismatch
from analemma.kernelspace.memory.patch import patch_of, patched
from analemma.kernelspace.memory.seal import Wire, pack, unpack

LEAVES: st.SearchStrategy[Any] = (
    # Few of each, so that two random trees have much in common.
    st.sampled_from([0, 1, 0.0, -0.0, 1.0, False, True, None, "", "1", b"", b"1"])
    | st.integers(-3, 3)
    | st.text(max_size=2)
    | st.binary(max_size=2)
)
KEYS = st.sampled_from(["a", "b", "n", "map", "set", "in", "cut", "0", ""])
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=20,
)
MAPS: st.SearchStrategy[Any] = st.dictionaries(KEYS, TREES, max_size=5)


@given(MAPS, MAPS)
def test_patch_turns_the_old_into_the_new_byte_by_byte(
    old: dict[str, Wire], new: dict[str, Wire]
) -> None:
    patch = unpack(pack(patch_of(old, new)), "test")
    before = pack(old)
    assert pack(patched(old, patch)) == pack(new)
    assert pack(old) == before


@given(MAPS)
def test_nothing_turns_a_structure_into_itself(old: dict[str, Wire]) -> None:
    assert patch_of(old, unpack(pack(old), "test")) == {}  # type: ignore[arg-type]
    assert pack(patched(old, {})) == pack(old)


@given(MAPS, MAPS)
def test_patch_is_no_longer_than_what_it_puts(
    old: dict[str, Wire], new: dict[str, Wire]
) -> None:
    gone = sum(len(key) + 1 for key in old if key not in new)
    # In a word: nothing that stayed is told, and names of parts are few.
    assert len(pack(patch_of(old, new))) <= 3 * len(pack(new)) + gone + 16


@pytest.mark.parametrize("one", [1, 1.0, True, "1", b"1", [1], {"1": 1}], ids=repr)
@pytest.mark.parametrize("other", [1, 1.0, True, "1", b"1", [1], {"1": 1}], ids=repr)
def test_values_are_told_apart_by_their_bytes(one: Wire, other: Wire) -> None:
    for old, new in (({"k": one}, {"k": other}), ({"k": [one]}, {"k": [other]})):
        patch = patch_of(dict(old), dict(new))
        assert (patch == {}) == (pack(one) == pack(other))
        assert pack(patched(dict(old), patch)) == pack(dict(new))


def test_list_that_grew_is_told_by_what_follows() -> None:
    old: dict[str, Wire] = {"xs": [1, 2, 3], "same": "x" * 100}
    assert patch_of(old, {**old, "xs": [1, 2, 3, 4]}) == {"in": {"xs": [3, [4]]}}
    assert patch_of(old, {**old, "xs": [1, 2]}) == {"in": {"xs": [2, []]}}
    assert patch_of(old, {**old, "xs": [9]}) == {"set": {"xs": [9]}}


def test_map_is_told_by_what_was_set_cut_and_changed_within() -> None:
    old: dict[str, Wire] = {"a": 1, "b": {"c": 1, "d": 2}, "e": 3}
    new: dict[str, Wire] = {"a": 2, "b": {"c": 1, "d": 4}, "f": 5}
    assert patch_of(old, new) == {
        "set": {"a": 2, "f": 5},
        "in": {"b": {"set": {"d": 4}}},
        "cut": ["e"],
    }


@pytest.mark.parametrize(
    "patch",
    [
        None,
        [],
        {"set": []},
        {"in": []},
        {"cut": {}},
        {"in": {"absent": {}}},
        {"in": {"text": {}}},
        {"in": {"text": [0, []]}},
        {"in": {"xs": {}}},
        {"in": {"xs": [3, []]}},
        {"in": {"xs": [-1, []]}},
        {"in": {"xs": [1]}},
        {"in": {"map": [0, []]}},
        {"in": {"map": {"in": 1}}},
    ],
)
def test_patch_that_does_not_fit_is_refused(patch: Wire) -> None:
    old: dict[str, Wire] = {"text": "text", "xs": [1, 2], "map": {"k": 1}}
    with pytest.raises(ManifestMismatch):
        patched(old, patch)
