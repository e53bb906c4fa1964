"""Port: time, so that tests can hold it still."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time and a time that only moves forward."""

    def now(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...

    def monotonic_seconds(self) -> float:
        """Return seconds since an arbitrary moment; never goes back."""
        ...


class SystemClock:
    """The machine's clock. Standard library only, hence not an adapter."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    def monotonic_seconds(self) -> float:
        """Return the machine's monotonic time."""
        return time.monotonic()
