"""The steps of one deployment, in the order in which they ended."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from analemma_platform.engine.plan import OnStep, Phase, Step, StepEvent


class StepLog:
    """Collects steps and tells ``on_step``. Safe to share among threads."""

    __slots__ = ("_lock", "_on_step", "_steps")

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self._lock = threading.Lock()
        self._steps: list[Step] = []

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that ended well so far."""
        with self._lock:
            return tuple(self._steps)

    def note(self, step: Step) -> None:
        """Record a step that took no work."""
        self._end(step, Phase.DONE, 0.0)

    @contextmanager
    def running(self, step: Step) -> Iterator[None]:
        """Record ``step`` around its work; it failed if the work raises."""
        started = time.monotonic()
        self._on_step(StepEvent(step, Phase.STARTED, 0.0))
        try:
            yield
        except BaseException:
            self._end(step, Phase.FAILED, time.monotonic() - started)
            raise
        self._end(step, Phase.DONE, time.monotonic() - started)

    def _end(self, step: Step, phase: Phase, seconds: float) -> None:
        if phase is Phase.DONE:
            with self._lock:
                self._steps.append(step)
        self._on_step(StepEvent(step, phase, seconds))
