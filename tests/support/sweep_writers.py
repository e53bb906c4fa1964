"""Writers for whom nobody waits: each runs graphs one after the other.

A writer is a process, or a thread, with stores and a saver of its own. What it
has done it tells through a queue; what somebody wishes that it writes next it
finds in another one.
"""

import multiprocessing
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from analemma.hardware.local.home import LocalHome
from analemma.ids import LOCAL_OWNER, PageId, page_id
from analemma.kernelspace.memory import placement
from analemma.kernelspace.memory.pages import Draft
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.values import Encoder
from sweep_graph import FRESH, SHARED, config_of, graph_of, scripted, value_of
from sweep_pages import HeldPages, HeldRecords, Holds

_MOST_RUNS = 60
"""So that a test fails, and does not hang, when something never happens."""

Told = tuple[Literal["began", "ended", "deleted", "left"], str, list[int], int]
"""What happened, to which run, the numbers it wrote and its last superstep."""


class Flag(Protocol):
    """What the events of threads and of processes have in common."""

    def set(self) -> None: ...

    def is_set(self) -> bool: ...


class Channel(Protocol):
    """What the queues of threads and of processes have in common.

    Any: a queue holds whatever is put into it.
    """

    def put(self, item: Any) -> None: ...

    def get(self, block: bool = True, timeout: float | None = None) -> Any: ...


@dataclass(frozen=True)
class Ground:
    """Where writers write, and how they are spoken to.

    ``granted`` names the pages that were wished for, once they are put and
    before any record names them. ``enough`` says that every kind of thing that is
    to happen beside the writers has happened.
    """

    home: Path
    holds: Path
    wishes: Channel
    granted: Channel
    told: Channel
    enough: Flag


def run_id_of(writer: int, run: int) -> str:
    """Return the id of a run."""
    return f"run-{writer}-{run}"


def is_deleted(run: int) -> bool:
    """Say whether a run is deleted when it has ended."""
    return run % 5 == 4


def is_pruned(run_id: str) -> bool:
    """Say whether a run is to be pruned while it is written.

    None that is deleted: what prunes a run while it is deleted may write down
    remains of what is gone.
    """
    run = int(run_id.rpartition("-")[2])
    return run % 2 == 1 and not is_deleted(run)


def page_of(value: bytes) -> bytes:
    """Return the page that a short value becomes."""
    draft = Draft()
    serde = JsonPlusSerializer(pickle_fallback=False)
    Encoder(serde, draft).entry(value, placement.INLINE_VALUE_BYTES)
    (page,) = draft.pages.values()
    return page


@dataclass
class Writer:
    """Writes ``runs`` runs, and more until it is enough; deletes every fifth.

    How often a sweep meets a writer hangs on the machine: a writer that is fast
    would leave before anything had happened beside it.
    """

    ground: Ground
    number: int
    runs: int
    _wished: PageId | None = field(default=None, init=False)

    def write(self) -> None:
        """Write them all."""
        try:
            with LocalHome.open(self.ground.home, create=False) as home:
                holds = Holds(self.ground.holds)
                pages = HeldPages(home.pages(), holds, self._on_put)
                records = HeldRecords(home.records, holds)
                for run in range(_MOST_RUNS):
                    if run >= self.runs and self.ground.enough.is_set():
                        break
                    saver = PagedSaver(
                        records,
                        pages,
                        owner=LOCAL_OWNER,
                        writer=f"writer-{self.number}-{run}",
                    )
                    self._write_run(saver, run)
        finally:
            self.ground.told.put(("left", str(self.number), [], 0))

    def _write_run(self, saver: PagedSaver, run: int) -> None:
        run_id = run_id_of(self.number, run)
        script = scripted(self.number, run)
        graph = saver.bind(
            graph_of(lambda step, now: self._wish(now, default=script(step)))
        )
        config = config_of(run_id)
        self.ground.told.put(("began", run_id, [], 0))
        chosen = graph.invoke(FRESH, config, durability="sync")["chosen"]
        found = saver.get_tuple(config)
        assert found is not None
        step = found.metadata["step"]
        if is_deleted(run):
            saver.delete_thread(run_id)
            self.ground.told.put(("deleted", run_id, chosen, step))
        else:
            self.ground.told.put(("ended", run_id, chosen, step))

    def _wish(self, now: bytes, *, default: int) -> int:
        try:
            number: int = self.ground.wishes.get(block=False)
        except queue.Empty:
            return default
        if now == value_of(number):
            # What is there already is not stored again.
            self.ground.wishes.put(number)
            return default
        self._wished = page_id(page_of(value_of(number)))
        return number

    def _on_put(self, page: PageId) -> None:
        if page == self._wished:
            self._wished = None
            self.ground.granted.put(page)


def shared_pages() -> dict[PageId, int]:
    """Return the pages of the values that all runs share, and their numbers."""
    return {page_id(page_of(value_of(n))): n for n in range(SHARED)}


def fork_writers(ground: Ground, writers: int, runs: int) -> None:
    """Fork one process a writer; end well if all of them do.

    Runs in a process of its own, which has imported what writers need, once.
    """
    context = multiprocessing.get_context("fork")
    started = [
        context.Process(target=Writer(ground, number, runs).write)
        for number in range(writers)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    sys.exit(any(process.exitcode for process in started))


@contextmanager
def processes(home: Path, holds: Path, writers: int, runs: int) -> Iterator[Ground]:
    """Start writers as processes; in the end all of them have ended well."""
    context = multiprocessing.get_context("spawn")
    wishes, granted, told = context.Queue(), context.Queue(), context.Queue()
    ground = Ground(home, holds, wishes, granted, told, context.Event())
    foreman = context.Process(target=fork_writers, args=(ground, writers, runs))
    foreman.start()
    try:
        yield ground
    finally:
        foreman.join(60)
        foreman.terminate()
        foreman.join()
        code = foreman.exitcode
        foreman.close()
    assert code == 0


@contextmanager
def threads(home: Path, holds: Path, writers: int, runs: int) -> Iterator[Ground]:
    """Start writers as threads of this process."""
    wishes, granted, told = queue.Queue[Any](), queue.Queue[Any](), queue.Queue[Any]()
    ground = Ground(home, holds, wishes, granted, told, threading.Event())
    started = [
        threading.Thread(target=Writer(ground, number, runs).write)
        for number in range(writers)
    ]
    for thread in started:
        thread.start()
    try:
        yield ground
    finally:
        for thread in started:
            thread.join(60)


Start = Callable[[Path, Path, int, int], Any]  # Any: a context manager of a Ground
