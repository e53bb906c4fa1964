"""Threads that work through numbered pieces, a few at a time.

Not a ``ThreadPoolExecutor``: its threads are joined when Python exits, and one
of ours may be waiting for a person.
"""

import contextvars
import itertools
import threading
from collections.abc import Callable

MAX_THREADS = 1_000
"""What an unlimited ``MaxConcurrency`` means here; AWS stops at 10,000."""


def work_through(count: int, limit: int, work: Callable[[int], None]) -> None:
    """Call ``work`` with 0 up to ``count``, at most ``limit`` at once (0: many).

    Returns when all calls have returned. ``work`` must not raise.
    """
    numbers = itertools.count()  # next() of it is atomic under the GIL
    size = min(count, limit or MAX_THREADS, MAX_THREADS)

    def loop() -> None:
        while (number := next(numbers)) < count:
            work(number)

    threads = [spawn(loop, "states-crew") for _ in range(size)]
    for thread in threads:
        thread.join()


def spawn(work: Callable[[], None], name: str) -> threading.Thread:
    """Run ``work`` in a daemon thread that keeps the caller's account and region."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work,), name=name, daemon=True)
    thread.start()
    return thread
