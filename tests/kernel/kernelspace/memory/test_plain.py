"""Short forms of ids and times, and maps that need no serializer, by properties."""

import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.kernelspace.memory.plain import (
    as_wire,
    id_from,
    id_wire,
    time_from,
    time_wire,
)
from analemma.kernelspace.memory.seal import pack, unpack


@given(st.uuids().map(str))
def test_uuid_is_sixteen_bytes_and_comes_back(text: str) -> None:
    assert id_wire(text) == uuid.UUID(text).bytes
    assert id_from(id_wire(text)) == text


@given(st.text())
def test_any_other_id_comes_back_as_it_was(text: str) -> None:
    assert id_from(id_wire(text)) == text


@given(st.uuids())
def test_unusual_text_of_a_uuid_is_kept_as_it_is(value: uuid.UUID) -> None:
    for text in (value.hex, f"{{{value}}}", value.urn, f" {value}"):
        assert id_from(id_wire(text)) == text
    upper = str(value).upper()
    assert id_from(id_wire(upper)) == upper


@given(st.datetimes(timezones=st.just(UTC)))
def test_moment_is_a_number_and_comes_back(moment: datetime) -> None:
    text = moment.isoformat()
    assert isinstance(time_wire(text), int)
    assert time_from(time_wire(text)) == text


@given(
    st.text()
    | st.datetimes().map(datetime.isoformat)
    | st.datetimes(timezones=st.just(timezone(timedelta(hours=2)))).map(
        datetime.isoformat
    )
)
def test_any_other_time_comes_back_as_it_was(text: str) -> None:
    assert time_from(time_wire(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.100+00:00",
        "2026-01-02 03:04:05+00:00",
        "2026-01-02",
        "20260102T030405+0000",
    ],
)
def test_time_in_another_form_keeps_its_form(text: str) -> None:
    assert time_wire(text) == text


PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.binary()
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
)


def in_order(value: Any) -> Any:
    """Return a structure with its maps in the order of their keys, as UTF-8."""
    if isinstance(value, dict):
        keys = sorted(value, key=str.encode)
        return {key: in_order(value[key]) for key in keys}
    return [in_order(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(), PLAIN, max_size=5))
def test_plain_map_is_written_as_it_is_and_comes_back(value: dict[str, Any]) -> None:
    wire = as_wire(value)
    assert wire is not None
    back = unpack(pack(wire), "test")
    # By their text, which also says that one NaN is another, and the types.
    assert repr(back) == repr(in_order(value))
    assert pack(back) == pack(wire)


class Text(str):
    """A text that may have what no text has."""

    __slots__ = ()


class Table(dict[str, object]):
    """A map that may have what no map has."""


@pytest.mark.parametrize(
    "value",
    [
        {1},
        object(),
        2**64,
        -(2**63) - 1,
        "\ud800",
        Text("text"),
        Table(),
        {1: 1},
        {Text("key"): 1},
        {"\ud800": 1},
        datetime(2026, 1, 2, tzinfo=UTC),
    ],
    ids=lambda value: type(value).__name__ + ascii(value)[:12],
)
def test_map_that_holds_more_needs_a_serializer(value: object) -> None:
    assert as_wire({"k": value}) is None
    assert as_wire({"k": [{"deep": value}]}) is None


def test_tuple_becomes_a_list_as_in_langgraphs_serializer() -> None:
    value = {"k": (1, ("two", [3]))}
    serde = JsonPlusSerializer()
    assert as_wire(value) == serde.loads_typed(serde.dumps_typed(value))


def test_plain_map_is_a_copy() -> None:
    value: dict[str, Any] = {"deep": {"er": [1]}}
    wire = as_wire(value)
    value["deep"]["er"].append(2)
    assert wire == {"deep": {"er": [1]}}


@pytest.mark.parametrize("value", [None, 1, "text", [], Table()], ids=repr)
def test_what_is_no_map_is_none(value: object) -> None:
    assert as_wire(value) is None
