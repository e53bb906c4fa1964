"""Plans and results, for people and for programs.

People get one line a resource while it happens and a table afterwards, of what
changed: resources that stayed as they were are only counted.
"""

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from analemma_platform.engine.plan import Op, Phase, Plan, Step, StepEvent

_STYLES = {
    Op.CREATE: "green",
    Op.UPDATE: "yellow",
    Op.REPLACE: "magenta",
    Op.DELETE: "red",
    Op.REFRESH: "yellow",
    Op.READ: "cyan",
    Op.SAME: "dim",
}
_DONE = {
    Op.CREATE: "created",
    Op.UPDATE: "updated",
    Op.REPLACE: "replaced",
    Op.DELETE: "deleted",
    Op.REFRESH: "corrected",
    Op.READ: "read",
    Op.SAME: "unchanged",
}
_FUTURE = {
    Op.CREATE: "to create",
    Op.UPDATE: "to update",
    Op.REPLACE: "to replace",
    Op.DELETE: "to delete",
    Op.REFRESH: "to correct",
    Op.READ: "to read",
    Op.SAME: "unchanged",
}


class LiveSteps:
    """Prints a line for every step that ends, and what still runs below them."""

    def __init__(self, console: Console, stack: str, *, silent: bool) -> None:
        self._console = console
        self._silent = silent
        self._lock = threading.Lock()
        self._running: dict[str, Step] = {}
        self._done = 0
        self._started = time.monotonic()
        self._status = Status(f"stack {stack}", console=console)

    def __enter__(self) -> Self:
        """Start showing."""
        if not self._silent:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop showing."""
        if not self._silent:
            self._status.stop()

    def on_step(self, event: StepEvent) -> None:
        """Take news of a step."""
        if self._silent:
            return
        with self._lock:
            if event.phase is Phase.STARTED:
                self._running[event.step.urn] = event.step
            else:
                self._running.pop(event.step.urn, None)
                self._done += 1
                self._print(event)
            names = ", ".join(step.name for step in self._running.values())
            elapsed = time.monotonic() - self._started
            self._status.update(f"{self._done} done, {elapsed:.0f} s: {names}")

    def _print(self, event: StepEvent) -> None:
        if event.step.op is Op.SAME:
            return
        failed = event.phase is Phase.FAILED
        line = Text()
        line.append(
            f"{'FAILED ' if failed else ''}{event.step.op.value:8}",
            "bold red" if failed else _STYLES[event.step.op],
        )
        line.append(f" {_short(event.step.type)} ")
        line.append(event.step.name, "bold")
        line.append(f"  {event.seconds:.1f} s", "dim")
        if event.step.changed:
            line.append(f"  [{', '.join(event.step.changed)}]", "dim")
        self._console.print(line)


def steps_table(plan: Plan) -> Table | Text:
    """Return the steps that change something, or a line that says none does."""
    steps = [step for step in plan.steps if step.op is not Op.SAME]
    if not steps:
        return Text("nothing to change")
    table = Table("what", box=None, header_style="dim")
    for header in ("type", "name", "changed"):
        table.add_column(header, overflow="fold")
    for step in steps:
        table.add_row(
            Text(step.op.value, _STYLES[step.op]),
            _short(step.type),
            Text(step.name, "bold"),
            ", ".join(step.changed),
        )
    return table


def changes_table(plan: Plan) -> Table:
    """Return every changed property with both its values."""
    table = Table("name", box=None, header_style="dim")
    for header in ("property", "now", "then"):
        table.add_column(header, overflow="fold")
    for step in plan.steps:
        for change in step.changes:
            table.add_row(
                Text(step.name, "bold"),
                Text(change.path),
                Text(change.before, "red"),
                Text(change.after, "green"),
            )
    return table


def summary(plan: Plan, seconds: float, *, future: bool) -> Text:
    """Return the counts and the time taken, on one line."""
    words = _FUTURE if future else _DONE
    counts = [f"{plan.counts[op]} {words[op]}" for op in Op if plan.counts[op]]
    said = ", ".join(counts) or "nothing there"
    return Text(f"stack {plan.stack}: {said} ({seconds:.1f} s)")


def plan_document(plan: Plan, seconds: float) -> dict[str, object]:
    """Return ``plan`` as JSON."""
    return {
        "stack": plan.stack,
        "seconds": round(seconds, 3),
        "notes": list(plan.notes),
        "counts": {op.value: number for op, number in sorted(plan.counts.items())},
        "steps": [
            {
                "op": step.op.value,
                "urn": step.urn,
                "type": step.type,
                "name": step.name,
                "changed": list(step.changed),
                "changes": [
                    {"path": one.path, "before": one.before, "after": one.after}
                    for one in step.changes
                ],
            }
            for step in plan.steps
        ],
    }


def _short(type_token: str) -> str:
    """Return ``aws:Bucket`` for ``aws:s3/bucket:Bucket``."""
    package, _, rest = type_token.partition(":")
    return f"{package}:{rest.rpartition(':')[2]}"
