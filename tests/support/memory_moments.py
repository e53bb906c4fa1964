"""Logs that grow, and moments between store calls at which something happens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig

from analemma.hardware.ports import Record
from analemma.ids import PageId
from analemma.kernelspace.memory.log import entries
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import VerifyReport, verify
from memory_backends import OWNER, RUN, MemoryBackend, config_of
from memory_checkpoints import checkpoint_of, loaded
from memory_stores import MemoryPageStore, MemoryRecordStore


class Killed(BaseException):
    """What a test raises where a process would die."""


@dataclass
class Moment:
    """A moment between two store calls, at which something happens once."""

    calls: int = 0
    at: int | None = None
    happens: Callable[[], object] = field(default=lambda: None)

    def passes(self) -> None:
        """Let a call pass; let happen what is set for it first."""
        if self.at is not None and self.calls == self.at:
            self.at = None
            self.happens()
        self.calls += 1

    def set(self, at: int, happens: Callable[[], object]) -> None:
        """Set what happens before the call of this number, counted from 0."""
        self.calls, self.at, self.happens = 0, at, happens


@dataclass
class WatchedRecords(MemoryRecordStore):
    """Lets the moment pass before every write and before every record of a query."""

    moment: Moment = field(default_factory=Moment)

    # Any: the port's options, whichever they are, pass through.
    def put(self, partition: str, sort: str, body: bytes, **options: Any) -> int:
        self.moment.passes()
        return super().put(partition, sort, body, **options)

    def delete(self, partition: str, sort: str) -> None:
        self.moment.passes()
        super().delete(partition, sort)

    def query(self, partition: str, **options: Any) -> Iterator[Record]:
        for record in super().query(partition, **options):
            self.moment.passes()
            yield record


@dataclass
class WatchedPages(MemoryPageStore):
    """Lets the moment pass before every page that is stored."""

    moment: Moment = field(default_factory=Moment)

    def put(self, page: bytes) -> PageId:
        self.moment.passes()
        return super().put(page)


@dataclass
class Watched:
    """A backend and the moment between its calls."""

    backend: MemoryBackend
    moment: Moment


def watched() -> Watched:
    """Return an empty backend in memory and the moment between its calls."""
    moment = Moment()
    records, pages = WatchedRecords(moment=moment), WatchedPages(moment=moment)
    return Watched(MemoryBackend(records=records, pages=pages), moment)


def checked(backend: MemoryBackend) -> VerifyReport:
    """Return what ``verify`` says of the run."""
    return verify(backend.records, backend.pages, OWNER, RUN)


def element(number: int) -> str:
    """Return an element that is a page of its own."""
    return f"element {number} " * 20


def grown(
    saver: PagedSaver,
    length: int,
    config: RunnableConfig | None = None,
    *,
    start: int = 0,
    run: str | None = None,
) -> list[RunnableConfig]:
    """Append checkpoints whose list grows by one, and a task's writes each."""
    configs = []
    for step in range(start, start + length):
        checkpoint = checkpoint_of(xs=[element(n) for n in range(step + 1)])
        # Any: metadata may have more than LangGraph's type says.
        metadata: Any = {"source": "loop", "step": step, "parents": {}}
        if run is not None:
            metadata["run_id"] = run
        config = saver.put(
            config or config_of(), checkpoint, metadata, {"xs": step + 1}
        )
        saver.put_writes(config, [("xs", [element(step + 1)])], f"task {step}")
        configs.append(config)
    return configs


def assert_whole(backend: MemoryBackend, config: RunnableConfig, step: int) -> None:
    """Assert that a checkpoint and its writes are as ``grown`` made them."""
    found = loaded(backend.saver(), config)
    assert found.metadata["step"] == step
    xs = found.checkpoint["channel_values"]["xs"]
    assert xs == [element(n) for n in range(step + 1)]
    assert found.pending_writes == [(f"task {step}", "xs", [element(step + 1)])]


def steps(backend: MemoryBackend) -> list[int]:
    """Return the supersteps of the checkpoints that are listed, newest first."""
    return [found.metadata["step"] for found in backend.saver().list(config_of())]


def numbers(backend: MemoryBackend) -> list[int]:
    """Return the numbers of the entries that the log tells of."""
    found = entries(backend.records, backend.pages, OWNER, RUN)
    return [entry.number for entry in found]


def three_invocations(
    backend: MemoryBackend,
) -> tuple[PagedSaver, list[RunnableConfig]]:
    """Let one saver grow a log in invocations ``r0``, ``r1`` and ``r2``."""
    saver = backend.saver()
    configs: list[RunnableConfig] = []
    for run in ("r0", "r1", "r2"):
        last = configs[-1] if configs else None
        configs += grown(saver, 3, last, start=len(configs), run=run)
    return saver, configs


def die() -> None:
    """Do what happens to a process that is killed."""
    raise Killed
