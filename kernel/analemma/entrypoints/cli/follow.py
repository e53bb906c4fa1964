"""Draw a run's progress while it moves.

Drawn from the store, by polling, and never from the process that drives: so it
looks the same for a run in the cloud, and shows only what is durable.
"""

import threading
import time
from collections.abc import Callable

from rich.live import Live
from rich.table import Table

from analemma.entrypoints.cli import execution
from analemma.entrypoints.cli.outcome import console
from analemma.entrypoints.cli.place import Place
from analemma.kernelspace.time_machine.progress import Progress, progress
from analemma.records.run import RunRecord

_BAR_CELLS = 24


def while_driving(
    place: Place, record: RunRecord, drive: Callable[[], RunRecord]
) -> RunRecord:
    """Drive the run here and draw it from a second thread meanwhile."""
    done = threading.Event()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        picture = _Picture(live)
        watcher = threading.Thread(
            target=execution.watch_here,
            args=(place.home, record.run_id, place.owner, done.is_set, picture.draw),
            name="follow",
        )
        watcher.start()
        try:
            return drive()
        finally:
            done.set()
            watcher.join()


def in_cloud(place: Place, record: RunRecord) -> RunRecord:
    """Draw a run of the cloud until it ends or waits for a person."""
    with Live(console=console, auto_refresh=False, transient=True) as live:
        picture = _Picture(live)
        return execution.wait_there(
            place, record.run_id, lambda now: picture.draw(place, now)
        )


class _Picture:
    """What a person sees: one small table, drawn over itself."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._started = time.monotonic()

    def draw(self, place: Place, record: RunRecord) -> None:
        now = progress(place.machine.records, place.machine.pages(place.owner), record)
        self._live.update(self._table(record, now), refresh=True)

    def _table(self, record: RunRecord, now: Progress) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_row("run", record.run_id, str(record.status))
        table.add_row("supersteps", str(now.supersteps), _budget(record, now))
        table.add_row("tasks", *_tasks(now))
        table.add_row("slices", str(record.slices))
        table.add_row("elapsed", f"{time.monotonic() - self._started:.1f} s")
        return table


def _budget(record: RunRecord, now: Progress) -> str:
    limits = []
    if record.budget.supersteps is not None:
        limits.append(f"{now.supersteps} of {record.budget.supersteps} supersteps")
    if record.budget.seconds is not None:
        limits.append(f"{record.used.seconds:.0f} of {record.budget.seconds} s")
    if record.budget.tokens is not None:
        limits.append(f"{record.used.tokens} of {record.budget.tokens} tokens")
    if record.budget.micro_usd is not None:
        limits.append(f"{record.used.micro_usd} of {record.budget.micro_usd} µ$")
    return "budget used: " + ", ".join(limits) if limits else "no budget"


def _tasks(now: Progress) -> tuple[str, str]:
    if now.tasks_pending is None:
        return f"{now.tasks_done} done", ""
    filled = round(_BAR_CELLS * min(1.0, now.tasks_done / max(1, now.tasks_pending)))
    bar = "█" * filled + "░" * (_BAR_CELLS - filled)
    return f"{now.tasks_done} of {now.tasks_pending}", bar
