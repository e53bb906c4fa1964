"""Short workflows on one machine: how many a second, side by side.

Interleaved: every round runs each saver in turn, and the order rotates, so that
a disk that is slow for a while is slow for all of them.

The guarantees are not all the same. SqliteSaver syncs every commit. PagedSaver
lets the input checkpoint wait for the sync of the first superstep, before which
there is nothing to lose but the input; "all synced" takes that from it, and is
what the pass line compares. Pragmas do not show the difference, so commits that
were on disk when they returned are counted.
"""

import itertools
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.memory import InMemorySaver

from analemma.hardware.local.database import connect
from analemma.hardware.local.home import RECORDS, LocalHome
from benchmarks.memory.counting import CountedRecords, SyncedRecords, Tally
from benchmarks.memory.ours import attached, saver_on
from benchmarks.memory.places import Graph
from benchmarks.memory.plan import Plan
from benchmarks.memory.stock import CountedSqlite
from benchmarks.memory.terminal import Terminal, fraction
from benchmarks.memory.workloads import Workload, texts

STEPS = 10

FLOOR = "floor"
STOCK = "SqliteSaver"
BOUND = "bound"
OURS = "PagedSaver"
OURS_SYNCED = "PagedSaver, all synced"
OURS_EVERY = "PagedSaver, every task"

_SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}
_PROBES = 50
_PROBE_BYTES = 4096
_ROW = "x" * 1000


@dataclass(frozen=True, slots=True)
class Runner:
    """A saver on an open file. ``run`` takes the id of a new workflow."""

    name: str
    pragmas: str
    run: Callable[[str], None]
    synced_writes: Callable[[], int]
    """How many commits were on disk when they returned, until now."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Workflows a second, the median of all rounds, by name."""

    medians: dict[str, float]

    @property
    def ratio(self) -> float:
        """How many times as many as ``SqliteSaver``, under its very guarantee."""
        return self.medians[OURS_SYNCED] / self.medians[STOCK]


def measure_laptop(plan: Plan, terminal: Terminal) -> Rates:
    """Run, and print a table."""
    with tempfile.TemporaryDirectory(dir=plan.folder) as made:
        path = Path(made)
        probe = _fsync_milliseconds(path)
        with (
            terminal.working("short workflows"),
            _floor(path) as floor,
            _bound(path) as bound,
            _stock(path) as stock,
            _ours(path) as ours,
        ):
            runners = [floor, bound, stock, *ours]
            rounds = _rounds(runners, plan)
            done = 1 + plan.rounds * plan.workflows
            syncs = {each.name: each.synced_writes() / done for each in runners}
    medians = {name: statistics.median(rates) for name, rates in rounds.items()}
    terminal.heading(
        f"Workflows of {STEPS} supersteps with 1 KB each: {plan.rounds} rounds of "
        f"{plan.workflows}, interleaved",
        "floor: no saver, and one SQLite commit of 1 KB a superstep.",
        "bound: a saver that reads nothing, keeps nothing and commits one row of 1 KB",
        "a checkpoint: no saver that is durable at each superstep can be faster.",
        "syncs: commits of a workflow that are on disk when they return.",
        f"Timed, noisy. fsync of 4 KiB takes {probe:.2f} ms here (median of "
        f"{_PROBES}).",
    )
    table = terminal.table(
        "saver", "pragmas", "syncs", "workflows/s", "slowest", "fastest",
        "/ SqliteSaver", "/ floor",
    )  # fmt: skip
    for runner in runners:
        rates = rounds[runner.name]
        table.add_row(
            runner.name,
            runner.pragmas,
            fraction(syncs[runner.name], 1),
            fraction(medians[runner.name], 1),
            fraction(min(rates), 1),
            fraction(max(rates), 1),
            fraction(medians[runner.name] / medians[STOCK]),
            fraction(medians[runner.name] / medians[FLOOR]),
        )
    terminal.show(table)
    return Rates(medians)


def _rounds(runners: list[Runner], plan: Plan) -> dict[str, list[float]]:
    numbers = itertools.count()
    for runner in runners:  # The first workflow pays for what is loaded lazily.
        runner.run(f"run-{next(numbers):026d}")
    found: dict[str, list[float]] = {runner.name: [] for runner in runners}
    for turn in range(plan.rounds):
        start = turn % len(runners)
        for runner in [*runners[start:], *runners[:start]]:
            began = time.perf_counter()
            for _ in range(plan.workflows):
                runner.run(f"run-{next(numbers):026d}")
            elapsed = time.perf_counter() - began
            found[runner.name].append(plan.workflows / elapsed)
    return found


def _runs(graph: Graph, workload: Workload) -> Callable[[str], None]:
    def run(name: str) -> None:
        workload.allow(STEPS)
        graph.invoke(
            workload.first, {"configurable": {"thread_id": name}}, durability="sync"
        )

    return run


@contextmanager
def _floor(folder: Path) -> Iterator[Runner]:
    """One row of 1 KB and one commit a superstep, and nothing else durable."""
    path = folder / "floor.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE steps (workflow TEXT, body TEXT)")
        graph = (workload := texts()).builder.compile()

        tally = Tally()

        def run(name: str) -> None:
            workload.allow(STEPS)
            for state in graph.stream(workload.first, stream_mode="values"):
                if state["messages"]:
                    message = state["messages"][-1]
                    connection.execute(
                        "INSERT INTO steps VALUES (?, ?)", (name, message)
                    )
                    tally.wrote()

        yield Runner(FLOOR, _pragmas(connection), run, lambda: tally.synced_writes)


class _Committing(InMemorySaver):
    """Commits a row of 1 KB for each checkpoint, and could restore none of them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection
        self.tally = Tally()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return None

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        name = config["configurable"]["thread_id"]
        self._connection.execute("INSERT INTO steps VALUES (?, ?)", (name, _ROW))
        self.tally.wrote()
        return {
            "configurable": {
                "thread_id": name,
                "checkpoint_ns": "",
                "checkpoint_id": checkpoint["id"],
            }
        }

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        # Any: what a channel is given. A lone task's writes need no commit.
        return


@contextmanager
def _bound(folder: Path) -> Iterator[Runner]:
    """The least that LangGraph and a commit a checkpoint cost together."""
    path = folder / "bound.sqlite"
    with closing(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    ) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE steps (workflow TEXT, body TEXT)")
        saver = _Committing(connection)
        workload = texts()
        run = _runs(workload.builder.compile(checkpointer=saver), workload)
        yield Runner(
            BOUND, _pragmas(connection), run, lambda: saver.tally.synced_writes
        )


@contextmanager
def _stock(folder: Path) -> Iterator[Runner]:
    path = folder / "stock.sqlite"
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        saver = CountedSqlite(connection)
        saver.tally = tally = Tally()
        saver.setup()
        workload = texts()
        run = _runs(workload.builder.compile(checkpointer=saver), workload)
        yield Runner(STOCK, _pragmas(connection), run, lambda: tally.synced_writes)


@contextmanager
def _ours(folder: Path) -> Iterator[list[Runner]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(_paged(folder / "home", OURS, CountedRecords)),
            stack.enter_context(_paged(folder / "synced", OURS_SYNCED, SyncedRecords)),
            stack.enter_context(_paged(folder / "every", OURS_EVERY, CountedRecords)),
        ]


@contextmanager
def _paged(folder: Path, name: str, store: type[CountedRecords]) -> Iterator[Runner]:
    with LocalHome.open(folder) as home:
        pages = home.pages()
    tally, path = Tally(), folder / RECORDS
    # The very function by which the store opens its database.
    with closing(connect(path)) as connection:
        pragmas = _pragmas(connection)
    with store(path, tally) as records:
        workload = texts()
        saver = saver_on(records, pages)
        graph = attached(saver, workload.builder, leaves_out=name != OURS_EVERY)
        run = _runs(graph, workload)
        yield Runner(name, pragmas, run, lambda: tally.synced_writes)


def _pragmas(connection: sqlite3.Connection) -> str:
    (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    return f"{journal.upper()}, {_SYNCHRONOUS[synchronous]}"


def _fsync_milliseconds(folder: Path) -> float:
    block, spent = os.urandom(_PROBE_BYTES), []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(_PROBES):
            file.write(block)
            began = time.perf_counter()
            os.fsync(file.fileno())
            spent.append(1000 * (time.perf_counter() - began))
    return statistics.median(spent)
