"""A fresh process finds the latest checkpoint of a run: what that reads."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from benchmarks.memory.measure import config
from benchmarks.memory.places import Calls, NothingSurvives, Place
from benchmarks.memory.terminal import Terminal, fraction, number
from benchmarks.memory.workloads import Workload

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Resume:
    """What was read until the state was there."""

    supersteps: int
    state_bytes: int
    """As LangGraph's serializer writes the values of all channels."""
    calls: Calls
    seconds: float

    @property
    def allowed_reads(self) -> int:
        """One read call per MB of state, begun ones too, plus one."""
        return math.ceil(self.state_bytes / MEGABYTE) + 1


def resume(place: Place, workload: Workload, supersteps: int) -> Resume | None:
    """Load the latest state by a fresh saver; None: a fresh one finds nothing.

    Raises:
        RuntimeError: what was loaded is not the state that was stored.
    """
    try:
        graph = place.attach(workload.builder)
    except NothingSurvives:
        return None
    before = place.calls()
    began = time.perf_counter()
    values = graph.get_state(config()).values
    seconds = time.perf_counter() - began
    calls = place.calls() - before
    if len(values["messages"]) != supersteps:
        raise RuntimeError(f"{len(values['messages'])} messages came back")
    _, state = JsonPlusSerializer().dumps_typed(values)
    return Resume(supersteps, len(state), calls, seconds)


def show_resumes(
    resumed: Iterable[tuple[str, str, Resume | None, str]], terminal: Terminal
) -> None:
    """Print one row a saver and kind of message: kind, name, resume, or why not."""
    terminal.heading(
        "Cold resume: a fresh saver loads the latest checkpoint of the run above",
        "A read call is a request to AWS; of SQLite stores, a get, a query or a file.",
        "allowed: one a megabyte of state, begun ones too, plus one (ours must).",
    )
    table = terminal.table(
        "saver", "message", "N", "state MB", "reads", "allowed", "bytes read", "ms"
    )
    for kind, name, found, reason in resumed:
        if found is None:
            table.add_row(name, kind, reason)
            continue
        table.add_row(
            name,
            kind,
            number(found.supersteps),
            fraction(found.state_bytes / MEGABYTE),
            number(found.calls.reads),
            number(found.allowed_reads),
            number(found.calls.received_bytes),
            fraction(1000 * found.seconds, 1),
        )
    terminal.show(table)
