"""What scripted slices say to an orchestrator, and what it may be asked.

An orchestrator knows transitions and nothing else, so a script of transitions
is all that it takes to watch it. A step of a script is the JSON of a transition
or, as a string, the name of an error that the slice dies of.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from analemma.ids import LOCAL_OWNER, page_id
from analemma.records.policy import RetryPolicy

Step = dict[str, Any] | str  # Any: the JSON of a transition
REF = "a" * 64
RETRY = RetryPolicy(max_attempts=2, interval_seconds=1, max_delay_seconds=2)
MAX_CONCURRENCY = 2


@dataclass
class Script:
    """The steps of one run, and the pages that they refer to."""

    run_id: str
    steps: list[Step] = field(default_factory=list)
    pages: list[bytes] = field(default_factory=list)
    worker_errors: dict[int, str] = field(default_factory=dict)

    def say(self, kind: str, **fields: object) -> "Script":
        """Add a transition."""
        self.steps.append({"kind": kind, **self._ids(), **fields})
        return self

    def raises(self, error: str, times: int = 1) -> "Script":
        """Add slices that die of ``error``."""
        self.steps.extend([error] * times)
        return self

    def fan_out(self, batches: int) -> "Script":
        """Add a fan-out of ``batches`` batches."""
        ref = self._page(
            [{**self._ids(), "ref": REF, "batch": n} for n in range(batches)]
        )
        return self.say("fan_out", ref=ref, batches=batches)

    def ask(self, *approvals: str) -> "Script":
        """Add a wait for ``approvals``."""
        ref = self._page([{**self._ids(), "approval_id": each} for each in approvals])
        return self.say(
            "await_approval", ref=ref, approvals=len(approvals), seconds=3600
        )

    def done(self) -> "Script":
        """Add the end."""
        return self.say("done", ref=REF)

    def parked(self, ref: str) -> list[dict[str, str]]:
        """Return the park items of a page."""
        items: list[dict[str, str]] = next(
            json.loads(page) for page in self.pages if page_id(page) == ref
        )
        return items

    def _ids(self) -> dict[str, str]:
        return {"run_id": self.run_id, "owner": LOCAL_OWNER}

    def _page(self, document: Sequence[object]) -> str:
        page = json.dumps(document).encode()
        self.pages.append(page)
        return page_id(page)


@dataclass(frozen=True)
class Call:
    """Something that an orchestrator asked for.

    ``what`` is ``slice``, ``worker``, ``park`` or ``bury``; ``event`` is the
    event as it came. Any: its JSON.
    """

    what: str
    event: dict[str, Any]


class Orchestrator(Protocol):
    """An orchestrator that obeys a script."""

    def start(self, script: Script) -> None:
        """Begin to drive the script's run."""
        ...

    def rest(self) -> str:
        """Return where the run came to rest.

        ``waiting``, ``done``, ``failed``, ``terminated``, or ``gave up`` when the
        slice died for good.
        """
        ...

    def answer(self, approval_id: str) -> None:
        """Let a person answer."""
        ...

    def calls(self, what: str) -> list[dict[str, Any]]:  # Any: JSON
        """Return the events of one kind that were asked for, in order."""
        ...

    def slept_seconds(self) -> list[int]:
        """Return how long the run was told to sleep, each time it slept."""
        ...

    def failure(self) -> str:
        """Return the name of the error that the orchestrator gave up for."""
        ...
