"""The format pages show the bytes that the code writes, and the code reads them."""

import re
from pathlib import Path

import pytest

from analemma.hardware.ports import Record
from analemma.kernelspace.memory.holding import unbundle
from analemma.kernelspace.memory.manifest import Claim, Manifest, channels_from
from analemma.kernelspace.memory.pages import (
    Cut,
    Ref,
    Rope,
    digest_of,
    encoded_from,
    read_page,
    stored_ref,
)
from analemma.kernelspace.memory.reader import read_line
from analemma.kernelspace.memory.seal import unpack
from analemma.kernelspace.memory.taskwrites import TaskWrites, rows_from
from memory_examples import NUMBERS, PAGE, examples

FORMATS = Path(__file__).parents[4] / "docs" / "formats"
PAGES = ("page.md", "manifest.md", "task-writes.md")
BLOCK = re.compile(r"^```hex (\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def shown() -> dict[str, bytes]:
    return {
        name: bytes.fromhex(block)
        for page in PAGES
        for name, block in BLOCK.findall((FORMATS / page).read_text("utf-8"))
    }


SHOWN = shown()


def test_format_pages_show_every_example() -> None:
    assert set(SHOWN) == set(examples())


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_shown_bytes_are_the_written_bytes(name: str) -> None:
    assert SHOWN[name] == examples()[name]


def line(name: str, sort: str) -> Manifest | Claim | TaskWrites:
    return read_line(Record("run/local/run", sort, SHOWN[name], 1)).entry


def test_shown_pages_are_read() -> None:
    ref = Ref(b"L" + digest_of(SHOWN["node"]))
    assert read_page(SHOWN["node"], ref) == NUMBERS[:8]
    cut = read_page(SHOWN["cut"], ref)
    assert cut == Cut("bytes", 2**25, (stored_ref(b"first"), stored_ref(b"second")))
    pages = unbundle(SHOWN["pack"], stored_ref(SHOWN["pack"]))
    assert list(pages.values()) == [SHOWN["value"], SHOWN["node"]]


def test_shown_list_is_read() -> None:
    numbers = encoded_from(unpack(SHOWN["list"], "example"))
    assert isinstance(numbers, Rope)
    assert numbers.length == 9
    assert numbers.tails[0] == (NUMBERS[8],)
    assert numbers.tails[1] == (Ref(b"L" + digest_of(SHOWN["node"])),)


def test_shown_checkpoint_is_read() -> None:
    manifest = line("checkpoint", "log/@/0000000002/!")
    assert isinstance(manifest, Manifest)
    assert manifest.holding.pages == (PAGE,)
    channels = channels_from(manifest.channels)
    assert channels["text"] == Ref(b"L" + digest_of(PAGE))
    assert channels["numbers"] == encoded_from(unpack(SHOWN["list"], "example"))


def test_shown_claim_is_read() -> None:
    claim = line("claim", "log/@/0000000001/!")
    assert isinstance(claim, Claim)
    assert claim.label == "slice 1"


def test_shown_writes_are_read() -> None:
    task = "0b2cbd50-0000-0000-0000-000000000000"
    writes = line("writes", f"log/@/0000000002/w/{task}")
    assert isinstance(writes, TaskWrites)
    assert writes.task_id == task
    assert [row.channel for row in rows_from(writes.rows)] == [*writes.channels]
