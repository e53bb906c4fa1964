"""Warm processes for deployed Python functions, one invocation each at a time.

There is no queue: an invocation that finds no idle process starts one, as on
AWS. How many may run at once is ministack's reserved concurrency, checked
before an invocation gets here.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from analemma_platform.emulator.lambda_function import DeployedFunction
from analemma_platform.emulator.lambda_worker import Outcome, Worker

IDLE_SECONDS = 300.0
"""How long a worker may do nothing before it is ended."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A live worker: whose it is, and what it does."""

    function: str
    version: str
    pid: int
    request_id: str | None
    since: datetime

    @property
    def busy(self) -> bool:
        """Whether an invocation runs in it. ``since`` is when that began."""
        return self.request_id is not None


@dataclass(slots=True, eq=False)
class _Place:
    """A worker and what the pool knows about it."""

    worker: Worker
    function: DeployedFunction
    key: str
    request_id: str | None
    since: datetime
    idle_from: float


class LambdaPool:
    """The workers of all functions. Safe to share between threads.

    Args:
        cache: Where code is unpacked, once for each digest.
        endpoint: The ``AWS_ENDPOINT_URL`` of the functions.
        monotonic: Seconds that only grow; what idleness is measured with.
    """

    def __init__(
        self,
        cache: Path,
        endpoint: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache
        self._endpoint = endpoint
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._places: list[_Place] = []
        self._current: dict[tuple[str, str], str] = {}

    def invoke(
        self, function: DeployedFunction, event: JsonValue, request_id: str
    ) -> Outcome:
        """Run ``function`` on ``event`` in a process of its own.

        A process that served an older deployment of the function is never
        used again.
        """
        place = self._take(function, request_id)
        try:
            return place.worker.invoke(function, event, request_id)
        finally:
            self._give_back(place)

    def workers(self) -> list[WorkerState]:
        """Return the live workers, the busy ones first."""
        with self._lock:
            states = [
                WorkerState(
                    place.function.name,
                    place.function.version,
                    place.worker.pid,
                    place.request_id,
                    place.since,
                )
                for place in self._places
                if place.worker.alive
            ]
        return sorted(states, key=lambda state: (not state.busy, state.since))

    def reap(self, idle_seconds: float = IDLE_SECONDS) -> int:
        """End the workers that did nothing for ``idle_seconds``; count them."""
        limit = self._monotonic() - idle_seconds
        return self._drop(
            lambda place: place.request_id is None and place.idle_from <= limit
        )

    def end_busy(self) -> int:
        """End the workers in the middle of an invocation; count them."""
        with self._lock:
            busy = [place for place in self._places if place.request_id is not None]
        for place in busy:
            place.worker.kill()
        return len(busy)

    def close(self) -> None:
        """End all workers."""
        self.end_busy()
        self._drop(lambda place: place.request_id is None)

    def _take(self, function: DeployedFunction, request_id: str) -> _Place:
        key, now = function.key, datetime.now(UTC)
        with self._lock:
            self._current[function.arn, function.version] = key
            for place in reversed(self._places):
                if place.request_id is None and place.key == key:
                    if not place.worker.alive:
                        continue
                    place.request_id, place.since = request_id, now
                    return place
        # Unpacking and starting take a while; nobody else waits for it.
        worker = Worker(function, self._cache, self._endpoint)
        place = _Place(worker, function, key, request_id, now, self._monotonic())
        with self._lock:
            self._places.append(place)
        self._drop(self._outdated)
        return place

    def _give_back(self, place: _Place) -> None:
        with self._lock:
            place.request_id, place.since = None, datetime.now(UTC)
            place.idle_from = self._monotonic()
        self._drop(self._outdated)

    def _outdated(self, place: _Place) -> bool:
        """Whether an idle worker can serve nobody any more."""
        if place.request_id is not None:
            return False
        current = self._current.get((place.function.arn, place.function.version))
        return not place.worker.alive or place.key != current

    def _drop(self, doomed: Callable[[_Place], bool]) -> int:
        with self._lock:
            going = [place for place in self._places if doomed(place)]
            self._places = [place for place in self._places if place not in going]
        for place in going:
            place.worker.close()
        return len(going)


def keep_reaping(pool: LambdaPool, stopped: threading.Event) -> None:
    """Reap every half minute until ``stopped``; meant for a thread of its own."""
    while not stopped.wait(30.0):
        pool.reap()
