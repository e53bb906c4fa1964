"""The things whose bytes the format pages show, made by the product's code."""

from analemma.kernelspace.memory.holding import hold
from analemma.kernelspace.memory.manifest import UNLINKED, Claim, Manifest
from analemma.kernelspace.memory.pages import (
    Cut,
    Draft,
    Inline,
    Ref,
    Rope,
    cut_page,
    encoded_wire,
    node_page,
    stored_ref,
    value_page,
)
from analemma.kernelspace.memory.seal import Wire, pack
from analemma.kernelspace.memory.taskwrites import Row, TaskWrites, rows_wire

NUMBERS = tuple(Inline("msgpack", bytes([number])) for number in range(9))
PAGE = value_page(Inline("msgpack", b"\xd9\x32" + b"analemma! " * 5))


def examples() -> dict[str, bytes]:
    """Return the bytes of every example, by its name on a format page."""
    draft = Draft()
    node = draft.add(node_page(NUMBERS[:8]))
    numbers = Rope(9, (NUMBERS[8:], (node,)))
    text = draft.add(PAGE)
    parts = (stored_ref(b"first"), stored_ref(b"second"))
    return {
        "value": PAGE,
        "cut": cut_page(Cut("bytes", 33_554_432, parts)),
        "node": node_page(NUMBERS[:8]),
        "list": pack(encoded_wire(numbers)),
        "pack": pack(list[Wire]([PAGE, node_page(NUMBERS[:8])])),
        "checkpoint": _manifest(numbers, text).sealed(hold([PAGE], draft)),
        "claim": Claim(
            number=1,
            writer="writer-1",
            label="slice 1",
            claimed_at="2026-01-02T03:04:04+00:00",
        ).sealed(),
        "writes": _writes(text).sealed(hold([PAGE], draft)),
    }


def _manifest(numbers: Rope, text: Ref) -> Manifest:
    channels: dict[str, Wire] = {
        "numbers": encoded_wire(numbers),
        "text": encoded_wire(text),
    }
    return Manifest(
        namespace="",
        number=2,
        checkpoint_id="1f0e7a00-0000-6000-8000-000000000000",
        parent_id=None,
        parent_hash=UNLINKED,
        workflow=None,
        writer="writer-1",
        step=-1,
        source="input",
        created_at="2026-01-02T03:04:05+00:00",
        checkpoint=Inline("msgpack", b"\x80"),
        metadata=Inline("msgpack", b"\x80"),
        channels=channels,
    )


def _writes(text: Ref) -> TaskWrites:
    rows = [Row(0, "text", text), Row(1, "branch:to:next", Inline("null", b""))]
    return TaskWrites(
        namespace="",
        number=2,
        task_id="0b2cbd50-0000-0000-0000-000000000000",
        task_path="~__pregel_pull, node",
        channels=("text", "branch:to:next"),
        rows=rows_wire(rows),
    )
