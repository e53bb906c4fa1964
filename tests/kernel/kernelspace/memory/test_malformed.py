"""Bytes that are sealed and yet not what they should be are refused by name."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.errors import Corrupt, ManifestMismatch, PageCorrupt
from analemma.hardware.ports import Record
from analemma.kernelspace.layout import log_sort, run_partition
from analemma.kernelspace.memory.holding import packs_from, unbundle
from analemma.kernelspace.memory.manifest import channels_from
from analemma.kernelspace.memory.pages import (
    Draft,
    Inline,
    Ref,
    Rope,
    digest_in,
    encoded_from,
    entry_from,
    node_page,
    read_page,
    ref_from,
    stored_ref,
    value_page,
)
from analemma.kernelspace.memory.reader import Line, read_line
from analemma.kernelspace.memory.seal import Wire, pack, seal, unpack, unseal
from analemma.kernelspace.memory.taskwrites import rows_from
from analemma.kernelspace.memory.values import Decoder
from analemma.kernelspace.memory.verify import Broken, verify
from memory_backends import OWNER, RUN, MemoryBackend, config_of
from memory_checkpoints import put
from memory_examples import NUMBERS, examples

SOME = stored_ref(b"some page")


def entry(body: bytes, kind: str = "!") -> Line:
    return read_line(Record("run/local/run", log_sort("", 2, kind), body, 1))


def reseal(name: str, **changes: Wire) -> bytes:
    values = dict(unseal(examples()[name], name).values)
    kind = values.pop("kind")
    assert isinstance(kind, str)
    del values["format"]
    return seal(kind, {**values, **changes})


@pytest.mark.parametrize(
    "wire", [None, 1, "text", b"short", b"X" + bytes(32), ["one"], [1, 2, 3]]
)
@pytest.mark.parametrize("read", [ref_from, entry_from, encoded_from])
def test_reference_that_is_none_is_refused(
    read: Callable[[Wire], object], wire: Wire
) -> None:
    with pytest.raises(PageCorrupt):
        read(wire)


@pytest.mark.parametrize("wire", [None, [1], [["ref", 2]], [[b"short", b""]]])
def test_table_of_packs_that_is_none_is_refused(wire: Wire) -> None:
    with pytest.raises(Corrupt):
        packs_from(wire)


@pytest.mark.parametrize("wire", [None, [1], [[0, "x"]], [["0", "x", None]]])
def test_table_of_writes_that_is_none_is_refused(wire: Wire) -> None:
    with pytest.raises(ManifestMismatch):
        rows_from(wire)


def test_table_of_channels_that_is_none_is_refused() -> None:
    with pytest.raises(ManifestMismatch):
        channels_from([1])


def test_list_without_elements_on_its_pages_is_refused() -> None:
    with pytest.raises(PageCorrupt):
        encoded_from([1, [2]])


@pytest.mark.parametrize("page", [b"\xc1", pack("text"), pack([1]), pack([b""] * 8)])
def test_page_of_no_known_form_is_refused(page: bytes) -> None:
    with pytest.raises(Corrupt):
        read_page(page, SOME)


def test_pack_that_is_no_list_is_refused() -> None:
    with pytest.raises(PageCorrupt):
        unbundle(pack("text"), SOME)


@pytest.mark.parametrize("body", [b"", b"x" * 31, bytes(64)])
def test_body_without_its_digest_is_refused(body: bytes) -> None:
    with pytest.raises(ManifestMismatch, match="do not match their digest"):
        entry(body)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("checkpoint", {"number": "two"}),
        ("checkpoint", {"number": 3}),
        ("checkpoint", {"namespace": "inner"}),
        ("checkpoint", {"pages": None}),
        ("checkpoint", {"parent_hash": None}),
        ("checkpoint", {"id": None}),
        ("checkpoint", {"step": 7, "hash": bytes(32)}),
        ("checkpoint", {"workflow": "a" * 64}),
        ("checkpoint", {"channels": {}}),
        ("checkpoint", {"parent": "another"}),
        ("writes", {"task": 1}),
        ("claim", {"label": None, "number": 2}),
    ],
)
def test_sealed_record_with_a_wrong_field_is_refused(
    name: str, changes: dict[str, Wire]
) -> None:
    with pytest.raises(Corrupt):
        entry(reseal(name, **changes), "w/task" if name == "writes" else "!")


def test_record_in_another_kind_of_place_is_refused() -> None:
    with pytest.raises(ManifestMismatch, match="no entry of a log"):
        entry(examples()["writes"], "!")
    with pytest.raises(ManifestMismatch, match="are no writes"):
        entry(examples()["claim"], "w/task")


def test_record_of_a_newer_format_says_so() -> None:
    with pytest.raises(ManifestMismatch, match="format 2 is newer than 1"):
        entry(reseal("claim", format=2))


def test_body_that_is_no_map_is_refused() -> None:
    payload = pack([1])
    with pytest.raises(ManifestMismatch, match="holds no fields"):
        entry(hashlib.sha256(payload).digest() + payload)
    with pytest.raises(ManifestMismatch, match="not readable"):
        unpack(b"\xc1", "here")


def test_rope_that_lies_is_refused() -> None:
    draft = Draft()
    node = draft.add(node_page(NUMBERS[:8]))
    leaf = draft.add(value_page(Inline("msgpack", b"\x01")))

    def fetch(ref: Ref) -> bytes:
        return draft.in_log[digest_in(ref)]

    decoder = Decoder(JsonPlusSerializer(), fetch)
    honest = Rope(8, ((), (node,)))
    assert decoder.value(honest) == list(range(8))
    for lie in (
        replace(honest, length=9),
        Rope(8, ((), (leaf,))),
        Rope(1, ((node,),)),
        Rope(8, ((), (NUMBERS[0],))),
    ):
        with pytest.raises(PageCorrupt):
            decoder.value(lie)


def test_chain_that_names_a_missing_page_of_the_log_is_named(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    config = put(saver, xs=["a page " * 20])
    saver.put_writes(config, [("xs", ["a page " * 20])], "task")
    put(saver, config, xs=["a page " * 20])
    first = (run_partition(OWNER, RUN), log_sort("", 1))
    values = dict(unseal(memory.records.cells[first].body, "first").values)
    del values["kind"], values["format"]
    memory.records.replace_body(*first, seal("checkpoint", {**values, "pages": []}))
    report = verify(memory.records, memory.pages, OWNER, RUN)
    assert [(f.broken, f.number) for f in report.findings] == [(Broken.PAGE, 1)]
    with pytest.raises(Corrupt, match="is in no record of the log"):
        memory.saver().get_tuple(config_of())


def test_page_that_is_none_is_named_where_it_is_held(memory: MemoryBackend) -> None:
    put(memory.saver(), xs=["a page " * 20])
    first = (run_partition(OWNER, RUN), log_sort("", 1))
    values = dict(unseal(memory.records.cells[first].body, "first").values)
    del values["kind"], values["format"]
    body = seal("checkpoint", {**values, "pages": [b"\xc1"]})
    memory.records.replace_body(*first, body)
    report = verify(memory.records, memory.pages, OWNER, RUN)
    assert report.first is not None
    assert report.first.number == 1
