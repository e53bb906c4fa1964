"""Task tokens: a task that is parked until somebody answers it.

A token answers once. One that was never handed out is ``InvalidToken``; one
whose task is over (answered, timed out, aborted) is ``TaskTimedOut``.
"""

import base64
import secrets
import threading
import time

from analemma_platform.emulator import seams
from analemma_platform.emulator.step_functions.cancellation import Cancellation
from analemma_platform.emulator.step_functions.failures import (
    HEARTBEAT_TIMEOUT,
    TIMEOUT,
    StateFailed,
)
from analemma_platform.emulator.step_functions.json_values import Json, parse


class TokenUnknown(Exception):
    """No task was ever parked under this token."""


class TokenSpent(Exception):
    """The task parked under this token does not wait any more."""


class ParkedTask:
    """One task that waits for its token."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._signal = threading.Condition()
        self._result: str | None = None
        self._failure: StateFailed | None = None
        self._open = True
        self._heard_at = time.monotonic()

    def succeed(self, output: str) -> None:
        """Answer with ``output``, a JSON text.

        Raises:
            TokenSpent: the task does not wait any more.
        """
        with self._signal:
            self._take()
            self._result = output

    def fail(self, error: str, cause: str) -> None:
        """Answer with a failure.

        Raises:
            TokenSpent: the task does not wait any more.
        """
        with self._signal:
            self._take()
            self._failure = StateFailed(error, cause)

    def heartbeat(self) -> None:
        """Put off the heartbeat time-out.

        Raises:
            TokenSpent: the task does not wait any more.
        """
        with self._signal:
            if not self._open:
                raise TokenSpent
            self._heard_at = time.monotonic()
            self._signal.notify_all()

    def close(self) -> None:
        """Let the token answer no more."""
        with self._signal:
            self._open = False
            self._signal.notify_all()

    def wait(
        self,
        cancellation: Cancellation,
        timeout_seconds: float | None,
        heartbeat_seconds: float | None,
    ) -> Json:
        """Return the answer, however long it takes.

        Raises:
            StateFailed: the answer is a failure, or one of the limits passed.
            ExecutionStopped: the execution ended.
        """
        forget = cancellation.subscribe(self.close)
        started = time.monotonic()
        with self._signal:
            self._heard_at = started
        try:
            with self._signal:
                while self._open:
                    self._expire(started, timeout_seconds, heartbeat_seconds)
        finally:
            forget()
            self.close()
        cancellation.check()
        if self._failure is not None:
            raise self._failure
        assert self._result is not None, "a closed task was answered or cancelled"
        return parse(self._result)

    def _take(self) -> None:
        if not self._open:
            raise TokenSpent
        self._open = False
        self._signal.notify_all()

    def _expire(
        self, started: float, timeout: float | None, heartbeat: float | None
    ) -> None:
        """Sleep until something happens or the nearer limit passes."""
        now = time.monotonic()
        left: list[tuple[float, str]] = []
        if timeout is not None:
            left.append((started + timeout - now, TIMEOUT))
        if heartbeat is not None:
            left.append((self._heard_at + heartbeat - now, HEARTBEAT_TIMEOUT))
        if not left:
            self._signal.wait()
            return
        seconds, error = min(left)
        if seconds <= 0:
            raise StateFailed(error)
        self._signal.wait(seconds)


def park() -> ParkedTask:
    """Return a task parked under a fresh token."""
    token = base64.urlsafe_b64encode(secrets.token_bytes(96)).decode()
    task = ParkedTask(token)
    seams.task_tokens()[token] = task
    return task


def parked(token: str) -> ParkedTask:
    """Return the task that waits, or waited, under ``token``.

    Raises:
        TokenUnknown: there was never one.
    """
    found = seams.task_tokens().get(token)
    if not isinstance(found, ParkedTask):
        raise TokenUnknown
    return found
