"""Flip one byte anywhere and it is named."""

import random
from typing import Any

import pytest

from analemma.errors import Corrupt, ManifestMismatch
from analemma.hardware.ports import Record
from analemma.ids import WorkflowDigest
from analemma.kernelspace.layout import log_sort, run_partition
from analemma.kernelspace.memory.manifest import (
    UNLINKED,
    Checkpoint,
    Frame,
    Manifest,
)
from analemma.kernelspace.memory.reader import read_line
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.seal import Place, Wire, seal, unseal
from analemma.kernelspace.memory.verify import Broken, VerifyReport, verify
from memory_backends import OWNER, RUN, MemoryBackend, config_of
from memory_checkpoints import checkpoint_of, loaded, put, values
from memory_graphs import journey, run_in_slices

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
    wide: dict[str, Any] = {f"channel {n}": f"{n} " * 40 for n in range(900)}
    config = put(saver, many=many, large=large, **wide)
    saver.put_writes(config, [("many", [*many, "one more " * 20])], "task", "path")
    saver.put_writes(config, [("__interrupt__", [large])], "asking")
    put(saver, config, many=[*many, "one more " * 20])
    lone = backend.saver()
    lone.bind(journey().compile())
    _one_after_another(lone)
    return backend


def _one_after_another(saver: PagedSaver) -> None:
    """Let two tasks run alone, each told by the checkpoint it leads to."""
    channels: dict[str, Any] = {"log": ["a page " * 20]}
    checkpoint = checkpoint_of(**channels)
    checkpoint["updated_channels"] = ["branch:to:finish"]
    config = saver.put(
        loaded(saver).config, checkpoint, {"source": "loop", "step": 1}, {"log": 1}
    )
    for step in (2, 3):
        text = f"step {step} " * 20
        saver.put_writes(
            config, [("log", [text])], f"task {step}", "~__pregel_pull, finish"
        )
        checkpoint = checkpoint_of(log=[*channels["log"], text])
        checkpoint["updated_channels"] = ["branch:to:finish"]
        config = saver.put(
            config, checkpoint, {"source": "loop", "step": step}, {"log": step}
        )


def test_run_as_written_has_nothing_to_find(lived: MemoryBackend) -> None:
    report = checked(lived)
    assert report.ok
    assert report.first is None
    assert report.namespaces == 2
    assert report.entries + report.writes == len(lived.records.cells)
    told = [read_line(each).entry for each in lived.records.cells.values()]
    assert sum(isinstance(e, Checkpoint) and e.lone is not None for e in told) == 2
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


def resealed(backend: MemoryBackend, number: int, **changes: Wire) -> None:
    """Do what somebody does who knows the format: change fields, seal again."""
    place = Place(PARTITION, log_sort("", number))
    fields = unseal(place, backend.records.cells[PARTITION, place.sort].body)
    kept = {name: wire for name, wire in fields.values.items() if name != "kind"}
    backend.records.replace_body(
        PARTITION, place.sort, seal(place, fields.kind, {**kept, **changes})
    )


def forged(backend: MemoryBackend, number: int) -> None:
    """Give an entry of no parent another step, and a hash that fits it."""
    record = backend.records.cells[PARTITION, log_sort("", number)]
    entry = read_line(record).entry
    assert isinstance(entry, Checkpoint)
    assert isinstance(entry.frame, dict)
    frame: Frame = {**entry.frame, "metadata": {"step": 99}}
    manifest = Manifest("", number, entry.checkpoint_id, None, UNLINKED, frame)
    resealed(backend, number, frame=frame, hash=manifest.hash)


def test_history_that_was_rewritten_is_found_where_it_is_built_on(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    config = put(saver, x="honest")
    put(saver, config, x="later")
    forged(memory, 1)
    # The second entry is a change of the first, so it does not match its own hash.
    assert [(f.broken, f.number) for f in checked(memory).findings] == [
        (Broken.RECORD, 2)
    ]
    with pytest.raises(ManifestMismatch, match="hash is not that of its content"):
        memory.saver().get_tuple(config_of())


def test_history_that_was_rewritten_is_found_by_its_link(
    memory: MemoryBackend,
) -> None:
    config = put(memory.saver(), x="honest")
    stranger = memory.saver()
    # A saver that does not remember the parent tells everything.
    put(stranger, config, x="later")
    forged(memory, 1)
    assert [(f.broken, f.number) for f in checked(memory).findings] == [
        (Broken.LINK, 2)
    ]


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"of": 1}, Broken.RECORD),
        ({"hash": bytes(32)}, Broken.RECORD),
        ({"parent": "another", "parent_hash": b""}, Broken.RECORD),
        ({"frame": {}}, Broken.RECORD),
        ({"lone": [2, "task", "path", [[0, "x", bytes(33)]]]}, Broken.PAGE),
        ({"lone": [2, "task", "path", [[0, "x", 5]]]}, Broken.PAGE),
        (
            {"lone": [2, "task", "path", [[0, "x", b"L" + bytes(32)]]]},
            Broken.PAGE,
        ),
    ],
)
def test_entry_that_was_changed_and_sealed_again_is_named(
    memory: MemoryBackend, changes: dict[str, Wire], broken: Broken
) -> None:
    saver = memory.saver()
    config = put(saver, x=0)
    for step in range(1, 4):
        config = put(saver, config, step=step, x=step)
    resealed(memory, 3, **changes)
    first = checked(memory).first
    assert first is not None
    assert (first.broken, first.sort) == (broken, log_sort("", 3))


def test_record_of_another_run_is_named_where_it_was_put(
    memory: MemoryBackend,
) -> None:
    saver = memory.saver()
    put(saver, x=1)
    put(saver, config_of(run_id="run-2"), x=1)
    other = memory.records.cells[run_partition(OWNER, "run-2"), log_sort("", 1)]
    memory.records.replace_body(PARTITION, log_sort("", 1), other.body)
    first = checked(memory).first
    assert first is not None
    assert (first.broken, first.number) == (Broken.RECORD, 1)


def test_remains_are_checked_like_everything_else(memory: MemoryBackend) -> None:
    saver = memory.saver()
    config = None
    for step in range(6):
        config = put(saver, config, step=step, xs=["a page " * 20] * (step + 1))
    memory.saver().prune([RUN])
    report = checked(memory)
    assert report.ok
    assert [key[1] for key in sorted(memory.records.cells)] == [
        log_sort("", 0),
        log_sort("", 6),
    ]
    losses: list[dict[str, Wire]] = [
        {"pages": []},
        {"frames": []},
        {"removed": []},
    ]
    for changes in losses:
        whole = memory.records.cells[PARTITION, log_sort("", 0)]
        resealed(memory, 0, **changes)
        assert not checked(memory).ok, changes
        memory.records.cells[PARTITION, log_sort("", 0)] = whole
    assert checked(memory).ok


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
        assert isinstance(entry, Checkpoint)
        return entry.hash

    # The first checkpoint's id is random, so every history is another one.
    assert hash_of(None, 1) != hash_of(None, 1)
    assert hash_of("a" * 64, 1) != hash_of("b" * 64, 1)


def test_run_without_a_log_has_nothing_to_find(memory: MemoryBackend) -> None:
    report = checked(memory)
    assert (report.ok, report.entries, report.namespaces) == (True, 0, 0)
