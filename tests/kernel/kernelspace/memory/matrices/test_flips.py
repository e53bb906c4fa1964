"""One byte flipped anywhere in what a run stored, and ``verify`` names it."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analemma.hardware.ports import Record
from analemma.ids import PageId
from analemma.kernelspace.layout import run_partition
from analemma.kernelspace.memory.log import entries
from analemma.kernelspace.memory.namespaces import namespaces
from analemma.kernelspace.memory.verify import VerifyReport, verify
from matrix_graph import SUPERSTEPS, TaskLog, everything, finish
from memory_backends import OWNER, RUN, Backend, MemoryBackend, local_backend
from memory_checkpoints import put, values

FLIPS = 1000
FLIPS_ON_DISK = 60
PARTITION = run_partition(OWNER, RUN)

Digest = tuple[str, int]
"""A record, and where in its bytes a digest starts that ties it to the log."""

DIGEST_BYTES = 32


def checked(backend: Backend) -> VerifyReport:
    return verify(backend.records, backend.pages, OWNER, RUN)


def live(backend: Backend, log: TaskLog) -> None:
    """Let a run with everything happen: plain, bound, claimed, packed, cut."""
    saver = backend.saver()
    saver.claim(RUN, "slice 1")
    finish(saver.bind(everything(log).compile()))
    saver = backend.saver()
    values(saver)
    many = [f"{n:05d} of many " * 60 for n in range(250)]
    wide: dict[str, Any] = {f"channel {n} " * 40: n for n in range(120)}
    config = put(saver, many=many, **wide)
    saver.put_writes(config, [("many", [*many, "one more " * 20])], "task", "path")
    saver.put_writes(config, [("__interrupt__", ["asked " * 20_000])], "asking")
    put(saver, config, many=[*many, "one more " * 20])


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Backend]]:
    path = tmp_path_factory.mktemp("flips")
    with local_backend(path) as backend:
        live(backend, TaskLog(path / "tasks"))
        yield path, backend


@pytest.fixture(scope="module")
def lived(disk: tuple[Path, Backend]) -> MemoryBackend:
    """What the run left on disk, where it is quicker to flip."""
    path, backend = disk
    copy = MemoryBackend()
    for record in backend.records.query(PARTITION):
        copy.records.cells[record.partition, record.sort] = record
    for page, file in page_files(path).items():
        copy.pages.cells[page] = file.read_bytes()
    assert checked(copy) == checked(backend)
    assert checked(copy).ok
    return copy


def page_files(path: Path) -> dict[PageId, Path]:
    found = sorted((path / "home" / "pages").glob(f"*/*/{'[0-9a-f]' * 64}"))
    return {PageId(file.name): file for file in found}


def digests(backend: Backend) -> list[Digest]:
    """Return the seal of every record, and every hash that stands in the clear.

    A body may be packed: then its hashes, and its parent's, are not to be seen.
    """
    hashes = [
        bytes.fromhex(entry.hash)
        for namespace in namespaces(backend.records, OWNER, RUN)
        for entry in entries(backend.records, backend.pages, OWNER, RUN, namespace)
        if entry.hash is not None
    ]
    assert len(hashes) > SUPERSTEPS
    found = []
    for record in backend.records.query(PARTITION):
        found.append((record.sort, 0))
        found += [(record.sort, record.body.find(each)) for each in hashes]
    return [(sort, at) for sort, at in found if at >= 0]


def flipped(old: bytes, at: int, source: random.Random) -> bytes:
    return old[:at] + bytes([old[at] ^ 1 << source.randrange(8)]) + old[at + 1 :]


@pytest.mark.slow
def test_every_flipped_byte_of_a_thousand_is_named(lived: MemoryBackend) -> None:
    source = random.Random(1000)
    records, pages = lived.records.cells, lived.pages.cells
    needed_by = {page: _needed_by(lived, page) for page in sorted(pages)}
    kinds: list[Any] = [sorted(records), sorted(pages), digests(lived)]
    for turn in range(FLIPS):
        place = source.choice(kinds[turn % 3])
        if turn % 3 == 1:
            whole = pages[place]
            pages[place] = flipped(whole, source.randrange(len(whole)), source)
            first = checked(lived).first
            pages[place] = whole
            assert first is not None, place
            assert place in first.detail or first.sort == needed_by[place]
            continue
        if turn % 3 == 2:
            sort, start = place
            key, at = (PARTITION, sort), start + source.randrange(DIGEST_BYTES)
        else:
            key, at = place, source.randrange(len(records[place].body))
        old = records[key]
        records[key] = Record(*key, flipped(old.body, at, source), old.revision)
        first = checked(lived).first
        records[key] = old
        assert first is not None, (key, at)
        assert first.sort == key[1]
    assert checked(lived).ok


def _needed_by(backend: MemoryBackend, page: PageId) -> str:
    """Return the record in which it shows first that a page is gone."""
    whole = backend.pages.cells.pop(page)
    first = checked(backend).first
    backend.pages.cells[page] = whole
    assert first is not None, f"nothing misses page {page}"
    return first.sort


def test_flipped_bytes_of_files_and_of_the_database_are_named(
    disk: tuple[Path, Backend],
) -> None:
    path, backend = disk
    source = random.Random(60)
    files = page_files(path)
    bodies = {record.sort: record.body for record in backend.records.query(PARTITION)}
    for turn in range(FLIPS_ON_DISK):
        if turn % 2:
            page = source.choice(sorted(files))
            whole = files[page].read_bytes()
            files[page].chmod(0o600)
            files[page].write_bytes(
                flipped(whole, source.randrange(len(whole)), source)
            )
            first = checked(backend).first
            files[page].write_bytes(whole)
            assert first is not None
            assert page in first.detail
        else:
            sort = source.choice(sorted(bodies))
            body = bodies[sort]
            broken = flipped(body, source.randrange(len(body)), source)
            backend.records.put(PARTITION, sort, broken)
            first = checked(backend).first
            backend.records.put(PARTITION, sort, body)
            assert first is not None
            assert first.sort == sort
    assert checked(backend).ok


def test_same_content_below_another_parent_has_another_hash() -> None:
    def hashes(first: object) -> list[str | None]:
        backend = MemoryBackend()
        saver = backend.saver()
        config: Any = {"configurable": {"thread_id": RUN, "checkpoint_ns": ""}}
        for name, value in (("parent", first), ("child", "the same")):
            config = saver.put(
                config,
                {
                    "v": 4,
                    "id": name,
                    "ts": "2026-01-02T03:04:05+00:00",
                    "channel_values": {"x": value},
                    "channel_versions": {"x": len(name)},
                    "versions_seen": {},
                    "updated_channels": None,
                },
                {"source": "loop", "step": 1},
                {"x": len(name)},
            )
        return [
            entry.hash for entry in entries(backend.records, backend.pages, OWNER, RUN)
        ]

    one, again, other = hashes("one"), hashes("one"), hashes("other")
    assert None not in one
    assert one == again
    assert one[0] != other[0]
    assert one[1] != other[1]
