"""Prunes the run while it moves, as ``analemma prune`` does, time and again.

A slice reads its run's log from the end, and the emulated DynamoDB walks through
a whole partition for every Query: without pruning a soak would take hours.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.process_table import ProcessTable

_POLL_SECONDS = 0.5


@dataclass
class Keeper:
    """Prunes one run every so many slices.

    ``prunings`` and ``removed`` count what it did; ``failed`` is what stopped it.
    """

    machine: Machine
    run_id: str
    every_slices: int
    prunings: int = 0
    removed: int = 0
    failed: Exception | None = None
    _done: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def keeping(self) -> Iterator["Keeper"]:
        """Prune in a thread until the block ends; raise what stopped it."""
        thread = threading.Thread(target=self._keep, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._done.set()
            thread.join()
        if self.failed is not None:
            raise self.failed

    def _keep(self) -> None:
        try:
            slices = 0
            while not self._done.wait(_POLL_SECONDS):
                now = self._slices()
                if now - slices >= self.every_slices:
                    slices = now
                    self.prunings += 1
                    self.removed += self._prune()
        except Exception as error:  # noqa: BLE001 - raised again by who waits
            self.failed = error

    def _slices(self) -> int:
        table = ProcessTable(self.machine.records)
        return table.get(LOCAL_OWNER, self.run_id).record.slices

    def _prune(self) -> int:
        saver = PagedSaver(
            self.machine.records,
            self.machine.pages(LOCAL_OWNER),
            owner=LOCAL_OWNER,
            writer="prune",
            serde=self.machine.serde,
        )
        return saver.keep_latest(self.run_id)
