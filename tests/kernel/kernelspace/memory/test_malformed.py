"""Bytes that are sealed and yet not what they should be are refused by name."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.errors import Corrupt, ManifestMismatch, PageCorrupt
from analemma.hardware.ports import Record
from analemma.kernelspace.layout import log_sort, run_partition
from analemma.kernelspace.memory.holding import packs_from, unbundle
from analemma.kernelspace.memory.manifest import Checkpoint, Manifest, whole
from analemma.kernelspace.memory.pages import (
    Cut,
    Draft,
    Inline,
    Ref,
    Rope,
    cut_page,
    encoded_from,
    entry_from,
    lengthened,
    logged_ref,
    node_page,
    read_page,
    ref_from,
    stored_ref,
    tree_page,
    value_page,
)
from analemma.kernelspace.memory.plain import id_from, time_from
from analemma.kernelspace.memory.reader import Line, read_line
from analemma.kernelspace.memory.remains import frames_from, links_from
from analemma.kernelspace.memory.rows import rows_from
from analemma.kernelspace.memory.seal import Place, Wire, pack, seal, unpack, unseal
from analemma.kernelspace.memory.values import Decoder
from analemma.kernelspace.memory.verify import Broken, VerifyReport, verify
from memory_backends import OWNER, RUN, MemoryBackend, config_of
from memory_checkpoints import put
from memory_examples import NUMBERS, PLACES, examples, records

SOME = stored_ref(b"some page")
FIRST = Place(run_partition(OWNER, RUN), log_sort("", 1))


def entry(name: str, body: bytes) -> Line:
    place = PLACES[name]
    return read_line(Record(place.partition, place.sort, body, 1))


def fields_of(place: Place, body: bytes) -> tuple[str, dict[str, Wire]]:
    fields = unseal(place, body)
    return fields.kind, {k: v for k, v in fields.values.items() if k != "kind"}


def reseal(name: str, **changes: Wire) -> bytes:
    """Seal an example again, with other fields; an absent one is None twice."""
    kind, values = fields_of(PLACES[name], records()[name])
    return seal(PLACES[name], kind, {**values, **changes})


def manifest(name: str, body: bytes, of: Manifest | None = None) -> Manifest:
    found = entry(name, body).entry
    assert isinstance(found, Checkpoint)
    return whole("", found, of, found.frame)


def checked(backend: MemoryBackend) -> VerifyReport:
    return verify(backend.records, backend.pages, OWNER, RUN)


def reseal_first(backend: MemoryBackend, **changes: Wire) -> None:
    body = backend.records.cells[FIRST.partition, FIRST.sort].body
    kind, values = fields_of(FIRST, body)
    sealed = seal(FIRST, kind, {**values, **changes})
    backend.records.replace_body(FIRST.partition, FIRST.sort, sealed)


@pytest.mark.parametrize(
    "wire", [None, 1, "text", b"short", b"X" + bytes(32), ["one"], [1, 2, 3]]
)
@pytest.mark.parametrize("read", [ref_from, entry_from, encoded_from])
def test_reference_that_is_none_is_refused(
    read: Callable[[Wire], object], wire: Wire
) -> None:
    with pytest.raises(PageCorrupt):
        read(wire)


@pytest.mark.parametrize(
    "wire",
    [
        {},
        {"n": "many"},
        {"n": 1, "0": 1},
        {"n": 1, "0": [1]},
        {"n": 1, "level": []},
        {"n": 1, "100": []},
        {"0": [["msgpack", b"\x01"]]},
    ],
)
def test_rope_that_is_none_is_refused(wire: Wire) -> None:
    with pytest.raises(PageCorrupt):
        encoded_from(wire)


@pytest.mark.parametrize("wire", [None, [1], [["ref", 2]], [[b"short", b""]]])
def test_table_of_packs_that_is_none_is_refused(wire: Wire) -> None:
    with pytest.raises(Corrupt):
        packs_from(wire)


@pytest.mark.parametrize("wire", [None, [1], [[0, "x"]], [["0", "x", None]]])
def test_table_of_writes_that_is_none_is_refused(wire: Wire) -> None:
    with pytest.raises(ManifestMismatch):
        rows_from(wire, ())


@pytest.mark.parametrize("wire", [2, -1, [0, [2]], {"messages": {"n": 1, "0": [2]}}])
def test_number_of_a_page_that_the_record_does_not_carry_is_refused(
    wire: Wire,
) -> None:
    with pytest.raises(PageCorrupt, match="carries no page number"):
        lengthened(wire, (SOME, SOME))


@pytest.mark.parametrize("wire", [None, 7, b"short", [b"x" * 16]])
def test_id_that_is_none_is_refused(wire: Wire) -> None:
    with pytest.raises(ManifestMismatch):
        id_from(wire)


@pytest.mark.parametrize("wire", [None, b"now", 1.5])
def test_time_that_is_none_is_refused(wire: Wire) -> None:
    with pytest.raises(ManifestMismatch):
        time_from(wire)


@pytest.mark.parametrize(
    "wire", [None, [1], [[1, "id", None, b"", b"hash"]], [[1, "id", None, b"", b"", 1]]]
)
def test_frames_that_are_none_are_refused(wire: Wire) -> None:
    with pytest.raises(ManifestMismatch):
        frames_from("", wire)


def test_frame_of_a_pruned_log_that_was_changed_is_refused() -> None:
    _, values = fields_of(PLACES["remains"], records()["remains"])
    (told,) = frames = values["frames"] if isinstance(values["frames"], list) else []
    assert isinstance(told, list)
    assert frames_from("", frames)
    for place, other in ((0, 7), (1, "another"), (2, "a parent"), (3, b"link")):
        changed: list[Wire] = [*told[:place], other, *told[place + 1 :]]
        with pytest.raises(ManifestMismatch, match="hash is not that of its content"):
            frames_from("", [changed])


def test_links_that_are_none_are_refused() -> None:
    with pytest.raises(ManifestMismatch):
        links_from([1])


@pytest.mark.parametrize(
    "page",
    [b"\xc1", pack("text"), pack([1]), pack([b""] * 8), pack({"n": 1, "0": [1]})],
)
def test_page_of_no_known_form_is_refused(page: bytes) -> None:
    with pytest.raises(Corrupt):
        read_page(page, SOME)


@pytest.mark.parametrize("length", [599, 601, 0])
def test_deflated_page_of_another_length_is_refused(length: int) -> None:
    wire = unpack(examples()["deflated"], "example")
    assert isinstance(wire, list)
    with pytest.raises(PageCorrupt, match="does not inflate to its"):
        read_page(pack([*wire[:2], length]), SOME)


def test_page_that_was_never_deflated_is_refused() -> None:
    with pytest.raises(PageCorrupt, match="not readable"):
        read_page(pack(["bytes", b"\xff" * 20, 600]), SOME)


@pytest.mark.parametrize("bundle", [pack("text"), pack({}), pack([b"short", 3])])
def test_pack_that_is_no_list_is_refused(bundle: bytes) -> None:
    with pytest.raises(PageCorrupt):
        unbundle(bundle, SOME)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("checkpoint", {"pages": None}),
        ("checkpoint", {"parent_hash": None}),
        ("checkpoint", {"id": None}),
        ("checkpoint", {"hash": "text"}),
        ("checkpoint", {"of": 2}),
        ("checkpoint", {"of": -1}),
        ("checkpoint", {"of": "first"}),
        ("checkpoint", {"lone": [1]}),
        ("checkpoint", {"packs": 7}),
        ("writes", {"task": 1}),
        ("writes", {"path": None}),
        ("claim", {"label": None}),
        ("remains", {"removed": [[1]]}),
        ("remains", {"removed": 1}),
    ],
)
def test_sealed_record_with_a_wrong_field_is_refused(
    name: str, changes: dict[str, Wire]
) -> None:
    assert entry(name, reseal(name))
    with pytest.raises(Corrupt):
        entry(name, reseal(name, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "another"},
        {"hash": bytes(32)},
        {"parent": "another"},
        {"parent_hash": b"another"},
        {"pages": []},
        {"frame": []},
        {"frame": {}},
    ],
)
def test_whole_manifest_that_was_changed_does_not_match_its_hash(
    changes: dict[str, Wire],
) -> None:
    assert manifest("checkpoint", reseal("checkpoint"))
    with pytest.raises(Corrupt):
        manifest("checkpoint", reseal("checkpoint", **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "another"},
        {"hash": bytes(32)},
        {"parent": None, "parent_hash": b""},
        {"frame": {}},
        {"frame": []},
        {"frame": {"set": 1}},
        {"frame": {"cut": {}}},
        {"frame": {"in": {"channels": [1, []]}}},
        {"frame": {"in": {"nothing": {}}}},
    ],
)
def test_patch_that_was_changed_does_not_match_its_hash(
    changes: dict[str, Wire],
) -> None:
    first = manifest("checkpoint", reseal("checkpoint"))
    assert manifest("patch", reseal("patch"), first)
    with pytest.raises(Corrupt):
        manifest("patch", reseal("patch", **changes), first)


def test_patch_of_another_entry_does_not_match_its_hash() -> None:
    first = manifest("checkpoint", reseal("checkpoint"))
    other = replace(first, frame={**first.frame, "workflow": "a" * 64})
    with pytest.raises(ManifestMismatch, match="hash is not that of its content"):
        manifest("patch", reseal("patch"), other)


def test_record_in_another_kind_of_place_is_refused() -> None:
    _, claim = fields_of(PLACES["claim"], records()["claim"])
    _, writes = fields_of(PLACES["writes"], records()["writes"])
    with pytest.raises(ManifestMismatch, match="no entry of a log"):
        entry("claim", seal(PLACES["claim"], "writes", writes))
    with pytest.raises(ManifestMismatch, match="are no writes"):
        entry("writes", seal(PLACES["writes"], "claim", claim))
    with pytest.raises(ManifestMismatch, match="are no remains"):
        entry("remains", seal(PLACES["remains"], "claim", claim))


def test_rope_that_lies_is_refused() -> None:
    draft = Draft()
    node = draft.add(node_page(NUMBERS[:8]))
    leaf = draft.add(value_page(Inline("msgpack", b"\x01")))
    tree = draft.add(tree_page(Rope(8, ((), (node,)))))

    def fetch(ref: Ref) -> bytes:
        return draft.pages[ref]

    decoder = Decoder(JsonPlusSerializer(), fetch)
    honest = Rope(8, ((), (node,)))
    assert decoder.value(honest) == list(range(8))
    assert decoder.value(tree) == list(range(8))
    for lie in (
        replace(honest, length=9),
        Rope(8, ((), (leaf,))),
        Rope(1, ((node,),)),
        Rope(8, ((), (NUMBERS[0],))),
        Rope(8, ((), (tree,))),
    ):
        with pytest.raises(PageCorrupt):
            decoder.value(lie)


def test_cut_that_lies_is_refused() -> None:
    serde = JsonPlusSerializer()
    draft = Draft()
    half, number, node = (
        draft.add_stored(page)
        for page in (
            value_page(Inline("bytes", b"half")),
            value_page(Inline(*serde.dumps_typed(7))),
            node_page(NUMBERS[:8]),
        )
    )
    decoder = Decoder(serde, lambda ref: draft.pages[ref])
    honest = Cut("+bytes", 8, (half, half))
    assert decoder.value(draft.add(cut_page(honest))) == b"halfhalf"
    for lie in (
        replace(honest, length=9),
        replace(honest, parts=(half,)),
        replace(honest, parts=(half, number)),
        replace(honest, parts=(half, node)),
    ):
        with pytest.raises(PageCorrupt):
            decoder.value(draft.add(cut_page(lie)))
    with pytest.raises(PageCorrupt, match="a node, not a value"):
        decoder.value(node)


def test_chain_that_names_a_missing_page_of_the_log_is_named(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    config = put(saver, xs=["a page " * 20])
    saver.put_writes(config, [("xs", ["a page " * 20])], "task")
    put(saver, config, xs=["a page " * 20])
    body = memory.records.cells[FIRST.partition, FIRST.sort].body
    _, values = fields_of(FIRST, body)
    frame, pages = values["frame"], values["pages"]
    assert isinstance(frame, dict)
    assert isinstance(pages, list)
    # By its name instead of its number, which the hash does not tell apart.
    carried = [logged_ref(page) for page in pages if isinstance(page, bytes)]
    channels = lengthened(frame["channels"], carried)
    reseal_first(memory, frame={**frame, "channels": channels})
    assert checked(memory).ok
    reseal_first(memory, pages=[])
    report = checked(memory)
    assert [(f.broken, f.number) for f in report.findings] == [(Broken.PAGE, 1)]
    with pytest.raises(Corrupt, match="is in no record of the log"):
        memory.saver().get_tuple(config_of())


def test_page_that_is_none_is_named_where_it_is_held(memory: MemoryBackend) -> None:
    put(memory.saver(), xs=["a page " * 20])
    reseal_first(memory, pages=[b"\xc1"])
    report = checked(memory)
    assert report.first is not None
    assert (report.first.broken, report.first.number) == (Broken.RECORD, 1)
