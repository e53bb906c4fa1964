"""Run a Pulumi program against a monitor, in this process.

The program gets a thread, an event loop and a context of its own: the SDK keeps
its state in context variables, and what one run leaves there would hang the
next. Two things are the process's and cannot be had twice, the working
directory and ``sys.modules``; both are put back, so programs run one at a time.
"""

import asyncio
import contextvars
import os
import runpy
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from analemma_platform.engine.failures import Interrupted
from analemma_platform.engine.halt import Halt
from analemma_platform.engine.pulumi_compat import (
    EngineCalls,
    MonitorCalls,
    configure_run,
    run_stack,
)

Program = Callable[[], Awaitable[None] | None]
"""The body of a stack."""

_PARALLEL = 8
_one_at_a_time = threading.Lock()
"""Guards the working directory, which is the process's, not ours to have."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything a program sees of its surroundings."""

    project: str
    stack: str
    root: Path
    directory: Path
    config: Mapping[str, str]
    secret_keys: frozenset[str]
    preview: bool


def folder_program(folder: Path) -> Program:
    """Return the program in ``folder``: its ``__main__.py``, as Pulumi runs it."""

    def run() -> None:
        runpy.run_path(str(folder), run_name="__main__")

    return run


def run_program(
    program: Program, run: Run, monitor: MonitorCalls, engine: EngineCalls, halt: Halt
) -> None:
    """Run ``program`` to its end, and wait for all it registered.

    Interrupted by the keyboard, it lets what is in flight end first.

    Raises:
        BaseException: whatever the program, or the monitor within it, raised.
    """
    failure: list[BaseException] = []

    finished = threading.Event()

    def body() -> None:
        try:
            _run_in_loop(program, run, monitor, engine)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            failure.append(error)
        finally:
            finished.set()

    context = contextvars.Context()
    thread = threading.Thread(
        target=context.run, args=(body,), name="pulumi-program", daemon=True
    )
    with _one_at_a_time, _surroundings(run.directory):
        thread.start()
        _wait(finished, halt)
        thread.join()
    if failure:
        raise failure[0]


def _wait(finished: threading.Event, halt: Halt) -> None:
    """Wait for the program; an interrupt halts it, and the wait goes on.

    Not ``Thread.join``: in Python 3.11 an interrupted join takes the thread for
    dead, and the deployment would return with operations still in flight.
    """
    while not finished.is_set():
        try:
            finished.wait()
        except KeyboardInterrupt:
            halt.because(Interrupted("interrupted by the keyboard"))


def _run_in_loop(
    program: Program, run: Run, monitor: MonitorCalls, engine: EngineCalls
) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # A failed registration fails every output that hangs on it, and asyncio
    # would report each as never retrieved. The first is raised; that is enough.
    loop.set_exception_handler(lambda _loop, _context: None)
    loop.set_default_executor(ThreadPoolExecutor(_PARALLEL))
    try:
        configure_run(
            project=run.project,
            stack=run.stack,
            root=run.root,
            monitor=monitor,
            engine=engine,
            parallel=_PARALLEL,
            preview=run.preview,
            config=run.config,
            secret_keys=run.secret_keys,
        )
        loop.run_until_complete(run_stack(program))
    finally:
        _drain(loop)
        asyncio.set_event_loop(None)
        loop.close()


def _drain(loop: asyncio.AbstractEventLoop) -> None:
    """End what a failed program left: first operations in flight, then tasks."""
    loop.run_until_complete(loop.shutdown_default_executor())
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())


@contextmanager
def _surroundings(directory: Path) -> Iterator[None]:
    """Stand in the program's folder, and forget its modules afterwards."""
    before = Path.cwd()
    path = str(directory)
    os.chdir(directory)
    sys.path.insert(0, path)
    known = set(sys.modules)
    try:
        yield
    finally:
        os.chdir(before)
        if path in sys.path:
            sys.path.remove(path)
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and Path(file).is_relative_to(directory):
                del sys.modules[name]
