"""Flip one byte anywhere and it is named."""

import random

import pytest

from analemma.errors import Corrupt
from analemma.hardware.ports import Record
from analemma.ids import WorkflowDigest
from analemma.kernelspace.layout import log_sort, run_partition
from analemma.kernelspace.memory.manifest import CHECKPOINT, Manifest
from analemma.kernelspace.memory.reader import read_line
from analemma.kernelspace.memory.seal import Fields, seal, unseal
from analemma.kernelspace.memory.verify import Broken, VerifyReport, verify
from memory_backends import OWNER, RUN, MemoryBackend, config_of
from memory_checkpoints import put, values
from memory_graphs import run_in_slices

PARTITION = run_partition(OWNER, RUN)
FLIPS = 320


def checked(backend: MemoryBackend) -> VerifyReport:
    return verify(backend.records, backend.pages, OWNER, RUN)


@pytest.fixture(scope="module")
def lived() -> MemoryBackend:
    """A run with every kind of byte: claims, subgraphs, controls, packs, cuts."""
    backend = MemoryBackend()
    run_in_slices(backend.saver)
    saver = backend.saver()
    saver.claim(RUN, "slice")
    values(saver)
    many = [f"{n:05d}" * 50 for n in range(1200)]
    large = random.Random(5).randbytes(100_000)
    wide = {f"channel {n}": f"{n} " * 40 for n in range(900)}
    config = put(saver, many=many, large=large, **wide)
    saver.put_writes(config, [("many", [*many, "one more " * 20])], "task", "path")
    saver.put_writes(config, [("__interrupt__", [large])], "asking")
    put(saver, config, many=[*many, "one more " * 20])
    return backend


def test_run_as_written_has_nothing_to_find(lived: MemoryBackend) -> None:
    report = checked(lived)
    assert report.ok
    assert report.first is None
    assert report.namespaces == 2
    assert report.entries + report.writes == len(lived.records.cells)
    assert report.pages >= 1200


def test_every_stored_byte_that_is_flipped_is_named(lived: MemoryBackend) -> None:
    source = random.Random(20260102)
    records, pages = lived.records.cells, lived.pages.cells
    for turn in range(FLIPS):
        if turn % 2:
            key = source.choice(sorted(records))
            old = records[key]
            flipped = _flip(old.body, source)
            records[key] = Record(*key, flipped, old.revision)
            report = checked(lived)
            records[key] = old
            assert report.first is not None, key
            assert report.first.sort == key[1]
        else:
            page = source.choice(sorted(pages))
            whole = pages[page]
            pages[page] = _flip(whole, source)
            report = checked(lived)
            pages[page] = whole
            assert report.first is not None, page
            assert report.first.broken is Broken.PAGE
            assert page in report.first.detail
    assert checked(lived).ok


def test_every_record_and_page_that_is_gone_is_missed(lived: MemoryBackend) -> None:
    pages = lived.pages.cells
    for page in sorted(pages):
        whole = pages.pop(page)
        report = checked(lived)
        pages[page] = whole
        assert report.first is not None
        assert page in report.first.detail
    records = lived.records.cells
    entries = [key for key in sorted(records) if key[1].endswith("/!")]
    last = {key[1].rsplit("/", 2)[0]: key for key in entries}
    for key in entries:
        if key in last.values():
            continue  # A log that was cut off at its end is a shorter log.
        old = records.pop(key)
        report = checked(lived)
        records[key] = old
        assert not report.ok, key


def _flip(old: bytes, source: random.Random) -> bytes:
    at = source.randrange(len(old))
    return old[:at] + bytes([old[at] ^ 1 << source.randrange(8)]) + old[at + 1 :]


def test_flipped_byte_is_refused_by_the_reader_too() -> None:
    for at in range(0, 600, 7):
        backend = MemoryBackend()
        put(backend.saver(), x=["a page " * 30])
        ((key, old),) = backend.records.cells.items()
        flipped = bytearray(old.body)
        flipped[at % len(flipped)] ^= 4
        backend.records.replace_body(*key, bytes(flipped))
        with pytest.raises(Corrupt):
            backend.saver().get_tuple(config_of())


def test_entry_in_another_place_is_named(memory: MemoryBackend) -> None:
    saver = memory.saver()
    first = put(saver, x=1)
    put(saver, first, x=2)
    moved = memory.records.cells[PARTITION, log_sort("", 2)]
    memory.records.put(PARTITION, log_sort("", 3), moved.body)
    report = checked(memory)
    assert report.first is not None
    assert (report.first.broken, report.first.number) == (Broken.RECORD, 3)


def test_history_that_was_rewritten_is_found_by_its_link(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    config = put(saver, x="honest")
    put(saver, config, x="later")
    forged = MemoryBackend()
    put(forged.saver(), x="forged")
    victim = unseal(memory.records.cells[PARTITION, log_sort("", 1)].body, "victim")
    other = unseal(forged.records.cells[PARTITION, log_sort("", 1)].body, "forged")
    memory.records.replace_body(PARTITION, log_sort("", 1), _forge(victim, other))
    report = checked(memory)
    assert [(f.broken, f.number) for f in report.findings] == [(Broken.LINK, 2)]


def _forge(victim: Fields, other: Fields) -> bytes:
    """Give a manifest other channels, and a seal and a hash that fit them."""
    fields = {**victim.values, "channels": other.values["channels"]}
    kept = {k: v for k, v in fields.items() if k not in ("format", "kind")}
    draft = Manifest(
        namespace="",
        number=1,
        checkpoint_id=victim.text("id"),
        parent_id=None,
        parent_hash=b"",
        workflow=None,
        writer=victim.text("writer"),
        step=0,
        source="loop",
        created_at=victim.text("created_at"),
        checkpoint=_manifest(victim).checkpoint,
        metadata=_manifest(victim).metadata,
        channels=other.values["channels"],
    )
    return seal(CHECKPOINT, {**kept, "hash": draft.hash})


def _manifest(fields: Fields) -> Manifest:
    body = seal(
        fields.kind,
        {k: v for k, v in fields.values.items() if k not in ("format", "kind")},
    )
    entry = read_line(Record(PARTITION, log_sort("", 1), body, 1)).entry
    assert isinstance(entry, Manifest)
    return entry


def test_same_content_below_another_parent_or_workflow_has_another_hash() -> None:
    def hash_of(workflow: str | None, *before: object) -> bytes:
        backend = MemoryBackend()
        digest = None if workflow is None else WorkflowDigest(workflow)
        saver = backend.saver(workflow=digest)
        config = put(saver, x=0)
        for value in before:
            config = saver.put(
                config,
                {
                    "v": 4,
                    "id": "same",
                    "ts": "2026-01-02T03:04:05+00:00",
                    "channel_values": {"x": value},
                    "channel_versions": {"x": 1},
                    "versions_seen": {},
                    "updated_channels": None,
                },
                {"source": "loop", "step": 1},
                {"x": 1},
            )
        last = max(backend.records.cells)
        entry = read_line(backend.records.cells[last]).entry
        assert isinstance(entry, Manifest)
        return entry.hash

    # The first checkpoint's id is random, so every history is another one.
    assert hash_of(None, 1) != hash_of(None, 1)
    assert hash_of("a" * 64, 1) != hash_of("b" * 64, 1)


def test_run_without_a_log_has_nothing_to_find(memory: MemoryBackend) -> None:
    report = checked(memory)
    assert (report.ok, report.entries, report.namespaces) == (True, 0, 0)
