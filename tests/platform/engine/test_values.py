"""Paths, differences and order: the small rules the steps rest on."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analemma_platform.engine.changes import changed_names, describe, same
from analemma_platform.engine.dependency_order import (
    dependents_first,
    needs,
    transitive_dependents,
)
from analemma_platform.engine.property_paths import differs_at, keep_old, parse
from analemma_platform.engine.state import ResourceState
from analemma_platform.engine.urns import Urn
from analemma_platform.engine.values import ARCHIVE, SIGNATURE, UNKNOWN
from analemma_platform.engine.wire import from_struct, to_struct

JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON))
def test_values_survive_the_wire(properties: dict[str, object]) -> None:
    assert from_struct(to_struct(properties)) == properties  # type: ignore[arg-type] # JSON by construction


def test_whole_numbers_come_back_whole_and_nulls_not_at_all() -> None:
    found = from_struct(to_struct({"n": 5, "f": 1.5, "gone": None, "in": {"x": None}}))
    assert found == {"n": 5, "f": 1.5, "in": {}}
    assert isinstance(found["n"], int)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("tags", ("tags",)),
        ("tags.team", ("tags", "team")),
        ("rules[0].status", ("rules", 0, "status")),
        ('tags["a.b"].c', ("tags", "a.b", "c")),
        ('["odd \\" key"]', ('odd " key',)),
        ("rules[*].id", ("rules", "*", "id")),
        ("*", ("*",)),
    ],
)
def test_property_paths_are_pulumis(text: str, path: tuple[str | int, ...]) -> None:
    assert parse(text) == path


@pytest.mark.parametrize("text", ["a[", "a..b[x]", '["open'])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no property path"):
        parse(text)


def test_keeping_the_old_reaches_into_lists_and_drops_what_was_not_there() -> None:
    old = {"rules": [{"id": 1, "on": True}, {"id": 2}], "tags": {"a": 1}}
    new = {"rules": [{"id": 9, "on": False}, {"id": 8, "on": True}], "tags": {"b": 2}}
    assert keep_old(parse("rules[*].on"), old, new)["rules"] == [
        {"id": 9, "on": True},
        {"id": 8},
    ]
    assert keep_old(parse("tags.*"), old, new)["tags"] == {"a": 1}
    assert keep_old(parse("rules[0]"), old, new)["rules"] == [
        {"id": 1, "on": True},
        {"id": 8, "on": True},
    ]
    assert keep_old(parse("absent.deep"), old, new) == new
    assert differs_at(parse("rules[*].id"), old, new)
    assert not differs_at(parse("absent"), old, new)


def test_json_texts_are_compared_as_json() -> None:
    assert same('{"a": 1, "b": 2}', '{"b":2,"a":1}')
    assert not same('{"a": 1}', '{"a": 2}')
    assert not same("{not json", "{not  json")
    assert not same(1, True)
    assert same(1, 1.0)
    assert changed_names({"a": 1, "b": {"x": None}}, {"b": {}, "c": 2}) == ("a", "c")


def test_a_change_inside_a_document_is_told_by_its_place() -> None:
    def machine(attempts: int) -> str:
        return json.dumps({"States": {"Slice": {"Retry": [{"MaxAttempts": attempts}]}}})

    before, after = {"definition": machine(3)}, {"definition": machine(5)}
    (change,) = describe(before, after, ("definition",), frozenset())
    assert change.path == "definition.States.Slice.Retry[0].MaxAttempts"
    assert (change.before, change.after) == ("3", "5")


def test_long_and_later_and_absent_values_are_told_shortly() -> None:
    changes = describe(
        {"long": "x" * 500, "code": {SIGNATURE: ARCHIVE, "hash": "a" * 64}},
        {"long": UNKNOWN, "new": [1], "code": {SIGNATURE: ARCHIVE, "hash": "b" * 64}},
        ("code", "long", "new"),
        frozenset(),
    )
    told = {change.path: (change.before, change.after) for change in changes}
    assert told["code"] == ("files aaaaaaaaaaaa", "files bbbbbbbbbbbb")
    assert told["new"] == ("(none)", "[1]")
    assert told["long"][1] == "(known after up)"
    assert len(told["long"][0]) == 120


def resource(name: str, *after: str, **more: object) -> ResourceState:
    return ResourceState(
        urn=Urn(name),
        type="shelf:index:Box",
        custom=True,
        id=name,
        dependencies=after,
        **more,  # type: ignore[arg-type] # by keyword
    )


@given(st.data())
def test_dependents_come_before_what_they_need(data: st.DataObject) -> None:
    names = [f"r{number}" for number in range(data.draw(st.integers(1, 12)))]
    made = []
    for number, name in enumerate(names):
        above = data.draw(st.sets(st.sampled_from(names[:number]))) if number else set()
        made.append(resource(name, *sorted(above)))
    shuffled = data.draw(st.permutations(made))
    ordered = dependents_first(shuffled)
    assert sorted(r.urn for r in ordered) == sorted(names)
    place = {r.urn: index for index, r in enumerate(ordered)}
    for one in made:
        for needed in one.dependencies:
            assert place[one.urn] < place[Urn(needed)]


def test_a_cycle_in_a_damaged_state_still_has_an_order() -> None:
    ordered = dependents_first([resource("a", "b"), resource("b", "a")])
    assert {r.urn for r in ordered} == {"a", "b"}


def test_parent_provider_and_companion_are_needed_too() -> None:
    one = resource(
        "x",
        "a",
        parent="p",
        provider="q::id",
        deleted_with="d",
        property_dependencies={"n": ("b",)},
    )
    assert needs(one) == {"a", "p", "q", "d", "b"}
    chain = [resource("a"), resource("b", "a"), resource("c", "b"), resource("z")]
    assert [r.urn for r in transitive_dependents("a", chain)] == ["b", "c"]
