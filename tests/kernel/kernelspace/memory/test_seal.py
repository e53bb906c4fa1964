"""A record's body: sealed for one place, refused changed or in any other."""

import random
import zlib
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analemma.errors import ManifestMismatch
from analemma.hardware.ports import MAX_BODY_BYTES
from analemma.kernelspace.memory.dictionary import DICTIONARY
from analemma.kernelspace.memory.seal import (
    DIGEST_BYTES,
    FORMAT,
    Place,
    pack,
    seal,
    unpack,
    unseal,
)

HERE = Place("run/local/run", "log/@/0000000002/!")
NOISE = random.Random(1).randbytes(2000)

TREES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)
FIELDS = st.dictionaries(st.text(max_size=9).filter(lambda k: k != "kind"), TREES)
NAMES = st.text(min_size=1, max_size=20)


def body_of(rest: bytes, place: Place = HERE) -> bytes:
    return place.digest(rest) + rest


@given(NAMES, NAMES, st.text(max_size=9), FIELDS)
def test_sealed_fields_come_back_in_their_place(
    partition: str, sort: str, kind: str, fields: dict[str, Any]
) -> None:
    place = Place(partition, sort)
    read = unseal(place, seal(place, kind, fields))
    assert read.kind == kind
    assert dict(read.values) == {"kind": kind, **fields}


@given(FIELDS, st.data())
def test_flipped_bit_is_refused(fields: dict[str, Any], data: st.DataObject) -> None:
    body = bytearray(seal(HERE, "checkpoint", fields))
    at = data.draw(st.integers(0, 8 * len(body) - 1))
    body[at // 8] ^= 1 << at % 8
    with pytest.raises(ManifestMismatch, match="do not match their digest"):
        unseal(HERE, bytes(body))


@given(st.integers(0, 200))
def test_body_cut_short_or_made_longer_is_refused(length: int) -> None:
    body = seal(HERE, "checkpoint", {"noise": NOISE})
    for other in (body[:length], body + bytes(length + 1)):
        with pytest.raises(ManifestMismatch, match="do not match their digest"):
            unseal(HERE, other)


@pytest.mark.parametrize(
    "other",
    [
        Place("run/local/another", HERE.sort),
        Place("run/another/run", HERE.sort),
        Place(HERE.partition, "log/@/0000000003/!"),
        Place(HERE.partition, "log/inner/0000000002/!"),
        Place(HERE.partition, "log/@/0000000002/w/task"),
        Place(f"{HERE.partition}\0log", HERE.sort.removeprefix("log")),
    ],
    ids=str,
)
def test_record_that_was_moved_is_refused(other: Place) -> None:
    body = seal(HERE, "claim", {"label": "slice 1"})
    assert unseal(HERE, body).text("label") == "slice 1"
    with pytest.raises(ManifestMismatch, match="written for another place"):
        unseal(other, body)


@pytest.mark.parametrize("format_", [0, 1, 3, 255])
def test_other_format_names_itself(format_: int) -> None:
    body = body_of(bytes((format_, 0)) + pack({"kind": "claim"}))
    with pytest.raises(ManifestMismatch, match=f"format {format_} is not {FORMAT}"):
        unseal(HERE, body)


def test_shorter_form_is_the_one_that_is_written() -> None:
    noisy = seal(HERE, "writes", {"pages": [NOISE]})
    wordy = seal(HERE, "writes", {"pages": [b"word " * 400]})
    assert (noisy[DIGEST_BYTES], noisy[DIGEST_BYTES + 1]) == (FORMAT, 0)
    assert (wordy[DIGEST_BYTES], wordy[DIGEST_BYTES + 1]) == (FORMAT, 1)
    assert len(wordy) < 200
    assert len(noisy) <= len(NOISE) + 80


def test_both_forms_are_read_whichever_would_be_shorter() -> None:
    content = pack({"kind": "claim", "label": "slice 1"})
    press = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=DICTIONARY)
    deflated = press.compress(content) + press.flush()
    for rest in (bytes((FORMAT, 0)) + content, bytes((FORMAT, 1)) + deflated):
        assert unseal(HERE, body_of(rest)).text("label") == "slice 1"


def test_equal_fields_have_equal_bytes_in_any_order() -> None:
    one = seal(HERE, "claim", {"a": 1, "b": {"c": 1, "d": 2}})
    other = seal(HERE, "claim", {"b": {"d": 2, "c": 1}, "a": 1})
    assert one == other


def test_typical_record_is_much_shorter_than_its_content() -> None:
    fields: dict[str, Any] = {
        "id": bytes(16),
        "hash": NOISE[:32],
        "frame": {
            "in": {
                "channels": {"in": {"messages": {"set": {"n": 7}}}},
                "checkpoint": {"in": {"channel_versions": {"set": {"messages": 8}}}},
                "metadata": {"set": {"step": 6}},
            },
            "set": {"at": 1767323042000000},
        },
        "of": 6,
    }
    content = pack({"kind": "checkpoint", **fields})
    assert len(seal(HERE, "checkpoint", fields)) - DIGEST_BYTES < 0.7 * len(content)


def test_body_that_inflates_to_more_than_a_body_may_hold_is_refused() -> None:
    bomb = pack({"kind": "claim", "label": bytes(MAX_BODY_BYTES)})
    press = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=DICTIONARY)
    rest = bytes((FORMAT, 1)) + press.compress(bomb) + press.flush()
    assert len(rest) < 2000
    with pytest.raises(ManifestMismatch, match="more than a body may hold"):
        unseal(HERE, body_of(rest))


@pytest.mark.parametrize("size", [MAX_BODY_BYTES - 100, MAX_BODY_BYTES, 2_000_000])
def test_what_is_sealed_can_be_unsealed_or_is_refused_when_it_is_written(
    size: int,
) -> None:
    try:
        body = seal(HERE, "claim", {"label": "x" * size})
    except ValueError:
        assert size >= MAX_BODY_BYTES
        return
    assert unseal(HERE, body).text("label") == "x" * size


@pytest.mark.parametrize(
    ("rest", "match"),
    [
        (b"", "do not match"),
        (b"\x02", "do not match"),
        (b"\x02\x00", "not readable"),
        (b"\x02\x00\xc1", "not readable"),
        (b"\x02\x00" + pack([1]), "holds no fields"),
        (b"\x02\x01" + b"\xff" * 9, "not readable"),
        (b"\x02\x01", "more than a body may hold|not readable"),
        (b"\x02\x07" + pack({"kind": "claim"}), "."),
    ],
    ids=repr,
)
def test_sealed_body_that_is_none_is_refused(rest: bytes, match: str) -> None:
    with pytest.raises(ManifestMismatch, match=match):
        unseal(HERE, body_of(rest))


def test_field_of_another_type_is_refused_by_name() -> None:
    fields = unseal(HERE, seal(HERE, "claim", {"n": 1, "t": "t", "b": b"b", "l": []}))
    assert (fields.number("n"), fields.text("t"), fields.raw("b")) == (1, "t", b"b")
    assert fields.items("absent") == []
    assert fields.optional_number("absent") is None
    for read, name in (
        (fields.text, "n"),
        (fields.number, "t"),
        (fields.raw, "t"),
        (fields.items, "t"),
        (fields.table, "l"),
        (fields.optional_number, "t"),
        (fields.text, "absent"),
        (fields.number, "absent"),
    ):
        with pytest.raises(ManifestMismatch, match=f"field '{name}' is not"):
            read(name)


def test_what_is_no_messagepack_is_named() -> None:
    with pytest.raises(ManifestMismatch, match="here: not readable"):
        unpack(b"\xc1", "here")
    assert unpack(ormsgpack.packb({"a": 1}), "here") == {"a": 1}


def test_dictionary_is_part_of_the_format_and_never_changes() -> None:
    # A new dictionary is a new format number; the old one stays.
    assert FORMAT == 2
    assert zlib.crc32(DICTIONARY) == 3382445211
