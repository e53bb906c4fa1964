"""Run the batches of a fan-out in worker processes of this machine.

A worker that is killed takes the whole pool with it (that is how
``concurrent.futures`` reports it), so the pool is made anew and what had not
ended is given out again. Writes are first-writer-wins: nothing is done twice
that was finished.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Self

import structlog

from analemma.entrypoints.logs import log_for_people
from analemma.errors import AnalemmaError, Retryable
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.program import Program
from analemma.kernelspace.scheduler.worker import run_worker
from analemma.records.envelope import WorkerEvent
from analemma.userspace.targets import load_program, parse_target
from analemma.wiring import laptop_machine

_log = structlog.get_logger()


class ProcessWorkers:
    """A pool of worker processes for one workflow, started when first needed."""

    def __init__(
        self, home: Path, target: str, *, attempts: int, verbose: bool = False
    ) -> None:
        self._home = home
        self._target = target
        self._attempts = attempts
        self._verbose = verbose
        self._pool: ProcessPoolExecutor | None = None
        # Spawned, not forked: LangGraph and SQLite run threads here.
        self._context = multiprocessing.get_context("spawn")
        self._leave = self._context.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        if raised is not None:
            # Whoever stops a run does not wait for its tasks: they are resumed.
            self._leave.set()
        self._stop()

    def run(self, events: Sequence[WorkerEvent], max_concurrency: int) -> None:
        """Execute every batch; return when each has ended or given up."""
        left = list(events)
        for attempt in range(1, self._attempts + 1):
            left = self._round(left, max_concurrency)
            if not left:
                return
            _log.warning("batches unfinished", batches=len(left), attempt=attempt)

    def _round(
        self, events: Sequence[WorkerEvent], max_concurrency: int
    ) -> list[WorkerEvent]:
        """Give every batch out once; return those worth giving out again."""
        pool = self._started(max_concurrency)
        given: dict[Future[None], WorkerEvent] = {}
        try:
            with _interrupts_held():
                for event in events:
                    given[pool.submit(_work, event.model_dump_json())] = event
        except BrokenProcessPool:
            _log.warning("worker pool broke while batches were given out")
        wait(given)
        again = [event for event in events if event not in given.values()]
        again += [event for future, event in given.items() if _worth_repeating(future)]
        if again:
            self._stop()
        return again

    def _started(self, max_concurrency: int) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_concurrency,
                mp_context=self._context,
                initializer=_start,
                initargs=(str(self._home), self._target, self._verbose, self._leave),
            )
        return self._pool

    def _stop(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, from their first instruction on.

    A terminal sends it to every process; what it means is the parent's to say.
    A process inherits which signals are held back, and the parent gets its own
    as soon as the block ends.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _worth_repeating(future: Future[None]) -> bool:
    error = future.exception()
    if error is None:
        return False
    _log.warning("batch failed", error=type(error).__name__, message=str(error))
    return isinstance(error, Retryable | BrokenProcessPool)


class _Process:
    """What one worker process holds on to between batches.

    ``home`` is kept because a home that nobody holds is closed.
    """

    home: ExitStack
    machine: Machine
    program: Program


def _start(home: str, target: str, verbose: bool, leave: Event) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    threading.Thread(target=_die_when_told, args=(leave,), daemon=True).start()
    log_for_people(verbose=verbose)
    _Process.home = ExitStack()
    _Process.machine = _Process.home.enter_context(
        laptop_machine(Path(home), os.environ, create=False)
    )
    _Process.program = load_program(parse_target(target))


def _die_with_parent() -> None:
    """End this process when its parent is gone, however it went.

    A killed parent closes nothing: without this its workers would wait for
    batches for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _die_when_told(leave: Event) -> None:
    leave.wait()
    os._exit(1)


def _work(event: str) -> None:
    try:
        run_worker(
            _Process.machine, _Process.program, WorkerEvent.model_validate_json(event)
        )
    except AnalemmaError as error:
        # Pickled on its way to the parent, which its cause may not survive.
        raise error.with_traceback(None) from None
