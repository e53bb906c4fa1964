"""The event history of one execution, as GetExecutionHistory shows it.

``previousEventId`` follows the flow, not the numbering: parallel branches
interleave in the history and each points back into itself. The very first state
points at 0, not at ``ExecutionStarted``.
"""

import threading
from collections.abc import Mapping

from analemma_platform.emulator import seams
from analemma_platform.emulator.step_functions.failures import (
    ExecutionBroken,
    ExecutionStopped,
)
from analemma_platform.emulator.step_functions.json_values import Json

MAX_EVENTS = 25_000
"""Step Functions' quota for one execution."""


def _details_key(event_type: str) -> str:
    """Return the member that holds the details of ``event_type``."""
    for kind in ("Entered", "Exited"):
        if event_type.endswith(f"State{kind}"):
            return f"state{kind}EventDetails"
    return f"{event_type[0].lower()}{event_type[1:]}EventDetails"


class History:
    """Appends events under one lock; ``events`` is the list ministack reads."""

    def __init__(self, events: list[dict[str, Json]]) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._closed = False

    def add(
        self, event_type: str, details: Mapping[str, Json] | None, previous: int
    ) -> int:
        """Append an event and return its id.

        Raises:
            ExecutionStopped: the execution has ended.
            ExecutionBroken: only the event that ends it would still fit.
        """
        with self._lock:
            if self._closed:
                raise ExecutionStopped
            if len(self._events) >= MAX_EVENTS - 1:
                raise ExecutionBroken(
                    "The execution reached the maximum number of history events "
                    f"({MAX_EVENTS})."
                )
            return self._append(event_type, details, previous)

    def close(self, event_type: str, details: Mapping[str, Json] | None) -> None:
        """Append the last event; every later ``add`` is refused."""
        with self._lock:
            self._closed = True
            self._append(event_type, details, len(self._events))

    @property
    def last_id(self) -> int:
        """The id of the newest event; 0 when there is none."""
        return len(self._events)

    def _append(
        self, event_type: str, details: Mapping[str, Json] | None, previous: int
    ) -> int:
        number = len(self._events) + 1
        event: dict[str, Json] = {
            "id": number,
            "type": event_type,
            "timestamp": seams.now_iso(),
            "previousEventId": previous,
        }
        if details is not None:
            event[_details_key(event_type)] = dict(details)
        self._events.append(event)
        return number


class Trail:
    """One flow's place in the history: each event points at the one before."""

    def __init__(self, history: History, previous: int = 0) -> None:
        self._history = history
        self.previous = previous

    def add(self, event_type: str, **details: Json) -> int:
        """Append an event with ``details`` (its members); return its id."""
        self.previous = self._history.add(event_type, details or None, self.previous)
        return self.previous

    def branch(self) -> "Trail":
        """Return a trail that starts where this one stands."""
        return Trail(self._history, self.previous)

    def rejoin(self) -> None:
        """Go on after the newest event, whoever wrote it."""
        self.previous = self._history.last_id


INCLUDED: Json = {"truncated": False}
"""What a history says about data it shows in full."""
