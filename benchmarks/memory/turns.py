"""How often a node still runs: counted outside of the state, which stays pure."""

import time


class CapReached(Exception):
    """The wall-time cap of a row was reached; the row is not a measurement."""


class Turns:
    """Counts down the supersteps of one node."""

    def __init__(self) -> None:
        self.left = 0
        self._deadline: float | None = None

    def allow(self, supersteps: int, cap_seconds: float | None) -> None:
        """Let the node run ``supersteps`` times, and not beyond the cap."""
        self.left = supersteps
        self._deadline = None
        if cap_seconds is not None:
            self._deadline = time.perf_counter() + cap_seconds

    def take(self) -> None:
        """Use one turn.

        Raises:
            CapReached: the time is over.
        """
        if self._deadline is not None and time.perf_counter() > self._deadline:
            raise CapReached
        self.left -= 1
