"""Stopping what waits: one execution, its branches, its children.

A thread cannot be stopped from outside, so everything that waits waits on one
of these and everything that goes on asks it first.
"""

import itertools
import threading
from collections.abc import Callable

from analemma_platform.emulator.step_functions.failures import ExecutionStopped


class Cancellation:
    """A flag that is raised once and wakes whoever waits."""

    def __init__(self) -> None:
        self._raised = threading.Event()
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._callbacks: dict[int, Callable[[], None]] = {}

    def cancel(self) -> None:
        """Raise the flag and run the subscribed callbacks, once."""
        with self._lock:
            self._raised.set()
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    @property
    def cancelled(self) -> bool:
        """Whether the flag is up."""
        return self._raised.is_set()

    def check(self) -> None:
        """Return if the flag is down.

        Raises:
            ExecutionStopped: it is up.
        """
        if self.cancelled:
            raise ExecutionStopped

    def wait(self, seconds: float) -> None:
        """Wait ``seconds``.

        Raises:
            ExecutionStopped: the flag went up meanwhile.
        """
        if self._raised.wait(seconds):
            raise ExecutionStopped

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` when the flag goes up; at once if it is up.

        Returns what takes the subscription back.
        """
        with self._lock:
            number = next(self._numbers)
            if not self.cancelled:
                self._callbacks[number] = callback
                return lambda: self._forget(number)
        callback()
        return lambda: None

    def _forget(self, number: int) -> None:
        with self._lock:
            self._callbacks.pop(number, None)
