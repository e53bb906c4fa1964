"""Stop a deployment after its first failure, or when somebody says so.

Operations run in parallel: what is in flight ends and is recorded, what has not
started does not. The first failure is the one reported; the others follow from
it more often than not.
"""

import threading

from analemma_platform.engine.failures import Interrupted


class Halt:
    """Whether a deployment goes on. Safe to share among threads."""

    __slots__ = ("_lock", "_reason")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: BaseException | None = None

    @property
    def reason(self) -> BaseException | None:
        """Why the deployment stops, None while it goes on."""
        with self._lock:
            return self._reason

    def because(self, reason: BaseException) -> None:
        """Stop; a later reason than the first is dropped."""
        with self._lock:
            if self._reason is None:
                self._reason = reason

    def check(self) -> None:
        """Raise ``Interrupted`` if the deployment has to stop."""
        if (reason := self.reason) is not None:
            raise Interrupted(f"not started: {reason}")
