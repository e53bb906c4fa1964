"""The format pages show the bytes that the code writes, and the code reads them."""

import re
from pathlib import Path

import pytest

from analemma.hardware.ports import Record
from analemma.kernelspace.memory.holding import unbundle
from analemma.kernelspace.memory.manifest import (
    Checkpoint,
    Claim,
    Manifest,
    Removed,
    whole,
)
from analemma.kernelspace.memory.pages import (
    Cut,
    Ref,
    Rope,
    digest_of,
    encoded_from,
    logged_ref,
    read_page,
    stored_ref,
)
from analemma.kernelspace.memory.reader import read_line
from analemma.kernelspace.memory.remains import Remains, frames_from, links_from
from analemma.kernelspace.memory.rows import rows_from
from analemma.kernelspace.memory.seal import seal, unpack, unseal
from analemma.kernelspace.memory.taskwrites import TaskWrites, lone_writes
from memory_examples import (
    FIRST_ID,
    LONG,
    NODE,
    NUMBERS,
    OTHER,
    PAGE,
    PATH,
    PLACES,
    SECOND_ID,
    TASK,
    examples,
    records,
)

FORMATS = Path(__file__).parents[4] / "docs" / "formats"
PAGES = ("page.md", "manifest.md", "task-writes.md")
BLOCK = re.compile(r"^```hex (\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BY_MEANING = {"deflated"}
"""What zlib made of it is shown, and another zlib may make something else of it."""

NODE_REF = logged_ref(NODE)


def shown() -> dict[str, bytes]:
    return {
        name: bytes.fromhex(block)
        for page in PAGES
        for name, block in BLOCK.findall((FORMATS / page).read_text("utf-8"))
    }


SHOWN = shown()


def test_format_pages_show_every_example() -> None:
    assert set(SHOWN) == set(examples())


@pytest.mark.parametrize("name", sorted(set(SHOWN) - BY_MEANING))
def test_shown_bytes_are_the_written_bytes(name: str) -> None:
    assert SHOWN[name] == examples()[name]


def entry(name: str) -> Checkpoint | Claim | Removed | Remains | TaskWrites:
    """Read the shown content from a record that is sealed for its place."""
    place = PLACES[name]
    fields = unpack(SHOWN[name], name)
    assert isinstance(fields, dict)
    kind = fields.pop("kind")
    assert isinstance(kind, str)
    body = seal(place, kind, fields)
    return read_line(Record(place.partition, place.sort, body, 1)).entry


def manifest(name: str, of: Manifest | None) -> Manifest:
    """Return the manifest of a shown checkpoint, its hash checked."""
    found = entry(name)
    assert isinstance(found, Checkpoint)
    return whole("", found, of, found.frame)


@pytest.mark.parametrize("name", sorted(PLACES))
def test_records_say_what_is_shown_of_them(name: str) -> None:
    fields = unseal(PLACES[name], records()[name])
    assert dict(fields.values) == unpack(SHOWN[name], name)


def test_shown_sealed_body_is_read_in_its_place() -> None:
    assert unseal(PLACES["removed"], SHOWN["sealed"]).kind == "removed"
    assert SHOWN["sealed"][34:] == SHOWN["removed"]


def test_shown_pages_are_read() -> None:
    ref = Ref(b"L" + digest_of(SHOWN["node"]))
    assert read_page(SHOWN["node"], ref) == NUMBERS[:8]
    cut = read_page(SHOWN["cut"], ref)
    assert cut == Cut("+text", 2**17, (stored_ref(b"first"), stored_ref(b"second")))
    assert read_page(SHOWN["deflated"], ref) == LONG
    pages = unbundle(SHOWN["pack"], stored_ref(SHOWN["pack"]))
    assert list(pages.values()) == [SHOWN["value"], SHOWN["node"]]


def test_deflated_page_of_this_zlib_holds_what_the_shown_one_holds() -> None:
    written = examples()["deflated"]
    assert read_page(written, stored_ref(written)) == LONG
    assert len(written) < 100


def test_shown_ropes_are_read() -> None:
    numbers = Rope(9, ((NUMBERS[8],), (NODE_REF,)))
    assert encoded_from(unpack(SHOWN["list"], "example")) == numbers
    assert read_page(SHOWN["tree"], NODE_REF) == numbers
    table = encoded_from(unpack(SHOWN["map"], "example"))
    assert isinstance(table, Rope)
    assert (table.is_map, table.length, len(table.tails[0])) == (True, 4, 4)


def test_shown_checkpoint_is_read() -> None:
    first = manifest("checkpoint", None)
    assert (first.number, first.checkpoint_id) == (2, FIRST_ID)
    assert (first.parent_id, first.writer) == (None, "writer-1")
    assert first.created_at == "2026-01-02T03:04:02+00:00"
    assert first.channels == {
        "numbers": encoded_from(unpack(SHOWN["list"], "example")),
        "text": logged_ref(PAGE),
    }


def test_shown_patch_is_the_third_entry_told_from_the_second() -> None:
    first = manifest("checkpoint", None)
    second = manifest("patch", first)
    assert (second.checkpoint_id, second.parent_id) == (SECOND_ID, FIRST_ID)
    assert second.parent_hash == first.hash
    assert second.channels == {
        "numbers": Rope(10, (NUMBERS[8:], (NODE_REF,))),
        "text": logged_ref(OTHER),
    }
    assert manifest("lone", first) == second


def test_shown_lone_task_and_shown_writes_say_the_same() -> None:
    told, recorded = entry("lone"), entry("writes")
    assert isinstance(told, Checkpoint)
    assert told.lone is not None
    assert isinstance(recorded, TaskWrites)
    rows = rows_from(recorded.rows, recorded.carried)
    assert [(row.index, row.channel) for row in rows] == [
        (0, "text"),
        (1, "branch:to:end"),
    ]
    assert rows[0].value == logged_ref(OTHER)
    alone = lone_writes(told.lone)
    assert rows_from(alone.rows, alone.carried) == rows
    for writes in (recorded, alone):
        assert (writes.number, writes.task_id, writes.task_path) == (2, TASK, PATH)
        assert writes.channels == ("text", "branch:to:end")


def test_shown_claim_and_removed_entry_are_read() -> None:
    claim = entry("claim")
    assert isinstance(claim, Claim)
    assert (claim.number, claim.label) == (1, "slice 1")
    assert entry("removed") == Removed(3)


def test_shown_remains_stand_for_the_second_entry() -> None:
    remains = entry("remains")
    assert isinstance(remains, Remains)
    assert [remains.removed(number) for number in range(4)] == [
        False,
        True,
        True,
        False,
    ]
    first = manifest("checkpoint", None)
    assert frames_from("", remains.frames) == {2: first}
    assert links_from(remains.links) == {FIRST_ID: first.hash}
    assert remains.holding.carried == (NODE_REF, logged_ref(PAGE))
