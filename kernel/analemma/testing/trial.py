"""One check's dealings with one subject.

Concurrency is real threads in both ways: the async way hands their calls to one
event loop, where they interleave at each ``await``.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from langgraph.checkpoint.memory import InMemorySaver

from analemma.testing.caller import Caller
from analemma.testing.opened import Opened
from analemma.testing.program import Builder, Program
from analemma.testing.subject import NotOffered, Subject, Violation

T = TypeVar("T")


class Trial:
    """What a check is given. ``caller`` decides which methods are called."""

    def __init__(self, subject: Subject, caller: Caller) -> None:
        self._subject = subject
        self._caller = caller

    def open(self) -> Opened:
        """Return a saver as a fresh process would have it."""
        return Opened(self._caller.make(self._subject.open), self._caller)

    def offered(self, method: str) -> Opened:
        """Return a fresh saver that implements ``method``.

        Raises:
            NotOffered: it does not.
        """
        opened = self.open()
        opened.needs(method)
        return opened

    def faulty(self, after_calls: int) -> Opened:
        """Return a fresh saver whose storage fails after so many calls.

        Raises:
            NotOffered: the subject has none.
        """
        faulty = self._subject.faulty
        if faulty is None:
            raise NotOffered("the subject offers no faulty storage")
        return Opened(self._caller.make(lambda: faulty(after_calls)), self._caller)

    def reference(self) -> Opened:
        """Return a fresh ``InMemorySaver``, to compare results with."""
        return Opened(InMemorySaver(), self._caller)

    def thread_id(self) -> str:
        """Return an id that was never used."""
        return self._subject.thread_id()

    def program(self, opened: Opened, builder: Builder) -> Program:
        """Return a graph with the saver as its checkpointer."""
        return Program(builder.compile(checkpointer=opened.saver), self._caller)


def attempt(call: Callable[[], T]) -> T | Exception:
    """Return what the call returns, or what the saver raises.

    Raises:
        Violation: the call itself found a broken rule.
        NotOffered: the saver does not implement what is called.
        NotImplementedError: the same, in LangGraph's words.
    """
    try:
        return call()
    except (Violation, NotOffered, NotImplementedError):
        raise
    except Exception as error:  # noqa: BLE001 - a saver may refuse with anything
        return error


def together(
    calls: Sequence[Callable[[], T]], workers: int | None = None
) -> list[T | Exception]:
    """Make the calls on threads and return their outcomes in order.

    Without ``workers`` each call has a thread, and all begin at once.
    """
    start = threading.Barrier(len(calls)) if workers is None else None

    def run(call: Callable[[], T]) -> T | Exception:
        if start is not None:
            start.wait()
        return attempt(call)

    with ThreadPoolExecutor(workers or len(calls)) as pool:
        return list(pool.map(run, calls))
