"""The transition contract: what a slice tells the orchestrator to do next.

A closed union of small JSON objects, told apart by ``kind``. There are two
orchestrators (Step Functions and the embedded loop) and both know nothing but
this. A transition never carries user data, only references, so that the
256 KiB limit of Step Functions cannot be met and no secret crosses it: its JSON
is under 2 KiB whatever the run holds.

Wire form, one line each:
    {"kind": "continue", "run_id": "run-…", "owner": "local"}
    {"kind": "fan_out", …, "ref": "<page id>", "batches": 25}
    {"kind": "await_approval", …, "ref": "<page id>", "approvals": 1, "seconds": 9}
    {"kind": "sleep", …, "seconds": 30}
    {"kind": "renew", …, "generation": 2}
    {"kind": "done", …, "ref": "<page id>"}
    {"kind": "failed", …, "ref": "<page id>"}
    {"kind": "terminated", …, "reason": "supersteps", "ref": "<page id>"}
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MAX_TRANSITION_BYTES = 2048
"""What a transition's JSON may measure; a test holds every kind to it."""

PageRef = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A ``PageId`` as it appears on the wire."""


RUN_ID_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"

RunIdText = Annotated[str, Field(pattern=RUN_ID_PATTERN)]
"""A run id as it appears on the wire."""

OwnerText = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""An owner as it appears on the wire: safe in an object key as it stands."""


class TerminationReason(StrEnum):
    """Which guard ended a run that did not fail by itself."""

    SUPERSTEPS = "supersteps"
    SECONDS = "seconds"
    TOKENS = "tokens"
    MICRO_USD = "micro_usd"
    CANCELLED = "cancelled"


class _Transition(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    run_id: RunIdText
    owner: OwnerText


class Continue(_Transition):
    """Run another slice at once."""

    kind: Literal["continue"] = "continue"


class FanOut(_Transition):
    """Run one superstep's tasks on workers, then a slice that joins them.

    ``ref`` names a page: a JSON array with one worker event per batch.
    """

    kind: Literal["fan_out"] = "fan_out"
    ref: PageRef
    batches: int = Field(ge=1)


class AwaitApproval(_Transition):
    """Wait until people have answered, then run a slice.

    ``ref`` names a page: a JSON array with one park event per open approval.
    Each wait gets a token of its own, so they can be answered in any order.
    After ``seconds`` the waits end unanswered, so that the run can be renewed:
    an execution lives a year, a question may live longer.
    """

    kind: Literal["await_approval"] = "await_approval"
    ref: PageRef
    approvals: int = Field(ge=1)
    seconds: int = Field(default=300 * 86_400, ge=1, le=31_536_000)


class Sleep(_Transition):
    """Wait ``seconds``, then run a slice."""

    kind: Literal["sleep"] = "sleep"
    seconds: int = Field(ge=1, le=31_536_000)


class Renew(_Transition):
    """Go on in a fresh execution, before this one's history is full.

    ``generation`` numbers the executions of a run, so that a repeated start
    names the same execution and starts it once.
    """

    kind: Literal["renew"] = "renew"
    generation: int = Field(ge=2)


class Done(_Transition):
    """The run finished; ``ref`` names the page that holds its result."""

    kind: Literal["done"] = "done"
    ref: PageRef


class Failed(_Transition):
    """The run failed; ``ref`` names the page that says how."""

    kind: Literal["failed"] = "failed"
    ref: PageRef


class Terminated(_Transition):
    """A guard or a person ended the run; ``ref`` names the evidence.

    A person may go on from here with a larger budget.
    """

    kind: Literal["terminated"] = "terminated"
    reason: TerminationReason
    ref: PageRef


Transition = Annotated[
    Continue | FanOut | AwaitApproval | Sleep | Renew | Done | Failed | Terminated,
    Field(discriminator="kind"),
]

TRANSITION: TypeAdapter[Transition] = TypeAdapter(Transition)
"""Reads a transition from JSON or from a dict, refusing anything else."""
