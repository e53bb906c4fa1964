"""The things whose bytes the format pages show, made by the product's code.

Of a record its content is shown, because what Deflate makes of it depends on the
zlib at hand; the same goes for a deflated page, which is compared as it is read.
"""

from dataclasses import replace

from analemma.kernelspace.layout import log_sort
from analemma.kernelspace.memory.holding import load_of
from analemma.kernelspace.memory.manifest import (
    UNLINKED,
    Claim,
    Frame,
    Lone,
    Manifest,
    Removed,
    checkpoint_body,
)
from analemma.kernelspace.memory.pages import (
    Cut,
    Inline,
    Ref,
    Rope,
    cut_page,
    encoded_wire,
    logged_ref,
    node_page,
    stored_ref,
    stored_value_page,
    tree_page,
    value_page,
)
from analemma.kernelspace.memory.plain import time_wire
from analemma.kernelspace.memory.remains import remains_body
from analemma.kernelspace.memory.rows import Row, rows_wire
from analemma.kernelspace.memory.seal import FORMAT, Place, Wire, pack, unseal
from analemma.kernelspace.memory.taskwrites import writes_body

PARTITION = "run/local/run"
FIRST_ID = "1f0e7a00-0000-6000-8000-000000000000"
SECOND_ID = "1f0e7a00-0000-6000-8000-000000000001"
TASK = "0b2cbd50-0000-0000-0000-000000000000"
PATH = "~__pregel_pull, node"

NUMBERS = tuple(Inline("msgpack", bytes([number])) for number in range(10))
PAGE = value_page(Inline("msgpack", b"\xd9\x32" + b"analemma! " * 5))
OTHER = value_page(Inline("msgpack", b"\xd9\x32" + b"amazement " * 5))
LONG = Inline("bytes", b"analemma! " * 60)
NODE = node_page(NUMBERS[:8])

PLACES = {
    "checkpoint": Place(PARTITION, log_sort("", 2)),
    "patch": Place(PARTITION, log_sort("", 3)),
    "lone": Place(PARTITION, log_sort("", 3)),
    "claim": Place(PARTITION, log_sort("", 1)),
    "removed": Place(PARTITION, log_sort("", 3)),
    "remains": Place(PARTITION, log_sort("", 0)),
    "writes": Place(PARTITION, log_sort("", 2, f"w/{TASK}")),
}
"""Where the records stand whose content is shown."""


def examples() -> dict[str, bytes]:
    """Return the bytes of every example, by its name on a format page."""
    parts = (stored_ref(b"first"), stored_ref(b"second"))
    shown = {
        "value": PAGE,
        "deflated": stored_value_page(LONG),
        "cut": cut_page(Cut("+text", 131_072, parts)),
        "node": NODE,
        "list": pack(encoded_wire(_numbers(9))),
        "map": pack(encoded_wire(_map())),
        "tree": tree_page(_numbers(9)),
        "pack": pack(list[Wire]([PAGE, NODE])),
    }
    for name, body in records().items():
        shown[name] = pack(dict(unseal(PLACES[name], body).values))
    # As a record stands that Deflate would not make shorter.
    rest = bytes((FORMAT, 0)) + shown["removed"]
    shown["sealed"] = PLACES["removed"].digest(rest) + rest
    return shown


def records() -> dict[str, bytes]:
    """Return the body of every record whose content is shown."""
    first = _manifest(2, FIRST_ID, 9, PAGE)
    second = replace(
        _manifest(3, SECOND_ID, 10, OTHER),
        parent_id=FIRST_ID,
        parent_hash=first.hash,
    )
    whole = load_of(_pages(NODE, PAGE))
    changed = load_of(_pages(OTHER))
    rows = [
        Row(0, "text", logged_ref(OTHER)),
        Row(1, "branch:to:end", Inline("null", b"")),
    ]
    wire = rows_wire(rows, changed.carried)
    lone = Lone(2, TASK, PATH, wire, tuple(changed.carried))
    writes, _ = writes_body(PLACES["writes"], TASK, PATH, rows, changed)
    remains, _ = remains_body(
        PLACES["remains"], [1, 2], [first], {FIRST_ID: first.hash}, whole
    )
    return {
        "checkpoint": checkpoint_body(PLACES["checkpoint"], first, None, whole).sealed,
        "patch": checkpoint_body(PLACES["patch"], second, first, changed).sealed,
        "lone": checkpoint_body(PLACES["lone"], second, first, changed, lone).sealed,
        "claim": Claim(
            number=1,
            writer="writer-1",
            label="slice 1",
            claimed_at="2026-01-02T03:04:04+00:00",
        ).sealed(PLACES["claim"]),
        "removed": Removed(3).sealed(PLACES["removed"]),
        "remains": remains,
        "writes": writes,
    }


def _pages(*pages: bytes) -> dict[Ref, bytes]:
    return {logged_ref(page): page for page in pages}


def _numbers(length: int) -> Rope:
    return Rope(length, (NUMBERS[8:length], (logged_ref(NODE),)))


def _map() -> Rope:
    one, two = Inline("msgpack", b"\xa3one"), Inline("msgpack", b"\xa3two")
    return Rope(4, ((one, NUMBERS[1], two, NUMBERS[2]),), is_map=True)


def _manifest(number: int, checkpoint_id: str, length: int, text: bytes) -> Manifest:
    frame: Frame = {
        "workflow": None,
        "writer": "writer-1",
        "at": time_wire(f"2026-01-02T03:04:{number:02d}+00:00"),
        "checkpoint": {
            "v": 4,
            "channel_versions": {"numbers": number, "text": number},
            "versions_seen": {},
            "updated_channels": ["numbers", "text"],
        },
        "metadata": {"source": "loop", "step": number, "parents": {}},
        "channels": {
            "numbers": encoded_wire(_numbers(length)),
            "text": logged_ref(text),
        },
    }
    return Manifest("", number, checkpoint_id, None, UNLINKED, frame)
