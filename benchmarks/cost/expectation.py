"""What is expected: exact counts, recorded in ``expected.json``.

A count that drifted is a change of what a run costs. If it is meant, ``--record``
writes what was counted, and the difference is in the commit. Units may differ by
as many as there are items on the edge of a unit (``Tally``), and by no more.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.cost.tally import Tally

PATH = Path(__file__).with_name("expected.json")


def record(supersteps: int, tallies: Mapping[str, Tally], path: Path = PATH) -> None:
    """Write what was counted as what is expected."""
    document = {
        "supersteps": supersteps,
        "systems": {name: each.document() for name, each in tallies.items()},
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def drift(
    supersteps: int, tallies: Mapping[str, Tally], path: Path = PATH
) -> Iterator[str]:
    """Yield what is not as recorded, one sentence a count."""
    try:
        expected = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield f"{path.name} is missing; --record writes it"
        return
    if expected["supersteps"] != supersteps:
        yield f"recorded for {expected['supersteps']} supersteps, not {supersteps}"
        return
    for name in sorted({*expected["systems"], *tallies}):
        then = _flat(expected["systems"].get(name, {}))
        now = _flat(tallies[name].document() if name in tallies else {})
        allowed = _allowed(tallies.get(name))
        for count in sorted({*then, *now}):
            was, found = then.get(count, 0), now.get(count, 0)
            if abs(found - was) > allowed.get(count, 0):
                yield f"{name}, {count}: {found}, not {was}"


def _allowed(tally: Tally | None) -> dict[str, int]:
    """Return by how much a count may differ without having drifted."""
    if tally is None:
        return {}
    return {"write_units": tally.on_edge_writes, "read_units": tally.on_edge_reads}


def _flat(document: Mapping[str, Any]) -> dict[str, int]:
    # Any: a tally as JSON.
    rest = {name: count for name, count in document.items() if name != "requests"}
    return {**rest, **document.get("requests", {})}
