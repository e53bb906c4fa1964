"""The run record: one line of the process table.

What the kernel knows about a run without reading its checkpoints. Stored as
JSON; the state of the agent is never in it.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from analemma.records.budget import Budget, Usage
from analemma.records.transition import OwnerText, PageRef, RunIdText, Transition


class RunStatus(StrEnum):
    """Where a run stands. The last three are ends.

    ``queued`` waits for its turn: as many runs as the policy allows run already.
    """

    ADMITTED = "admitted"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    TERMINATED = "terminated"

    @property
    def ended(self) -> bool:
        """Whether the orchestrator has nothing left to do."""
        return self in (RunStatus.DONE, RunStatus.FAILED, RunStatus.TERMINATED)


class WorkflowRef(BaseModel):
    """Which workflow a run executes.

    ``target`` is ``module:attribute`` or ``file.py:attribute``; ``name`` is
    what people call it; ``digest`` names the version (None until a slice has
    loaded it, because who admits a run need not hold its code).
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    name: str
    target: str
    digest: str | None = None


class Failure(BaseModel):
    """Why a run failed: which node, at which attempt, and the cause.

    ``node`` and ``task_id`` are None when the failure lies below the graph.
    ``cause`` is ``ErrorType: message``, cut to 2,000 characters.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    node: str | None = None
    task_id: str | None = None
    attempt: int = 1
    cause: str

    def sentence(self) -> str:
        """Return the failure as one line."""
        if self.node is None:
            return self.cause
        return f"node {self.node!r} failed at attempt {self.attempt}: {self.cause}"


class ToleratedFailures(BaseModel):
    """Tasks that failed and that the policy let a run go on without.

    ``tasks`` counts those of the whole run; ``ref`` is the page with those of
    the latest superstep: a value, a list of ``Failure`` in task order.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    tasks: int = Field(ge=1)
    ref: PageRef


class Attempts(BaseModel):
    """How the kernel tried to get past one checkpoint, and how often.

    ``rounds`` counts the rounds of workers that ended, ``sleeps`` the waits after
    a retryable failure, ``parks`` the waits for people that ended unanswered,
    ``deaths`` the slices that ended without a word.
    What has ``fanned_out`` once does so again, however little is left of it. A
    new checkpoint starts from zero.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    checkpoint_id: str
    rounds: int = Field(default=0, ge=0)
    sleeps: int = Field(default=0, ge=0)
    parks: int = Field(default=0, ge=0)
    deaths: int = Field(default=0, ge=0)
    fanned_out: bool = False


class RunRecord(BaseModel):
    """One run, as the process table knows it.

    ``generation`` numbers its Step Functions executions, ``execution_slices``
    counts the slices of the present one, ``execution_since`` says when its first
    slice began. ``opened_at`` is when the slice began
    that has not sealed yet; still set when a slice begins, the one before died.
    ``longest_superstep_seconds`` is what a slice expects its next one to take.
    ``asked_at_step`` is the superstep after which people were asked last: from
    there the graph's recursion limit counts anew, as after a plain ``invoke``.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    run_id: RunIdText
    owner: OwnerText
    workflow: WorkflowRef
    status: RunStatus = RunStatus.ADMITTED
    key: str | None = None
    input_ref: PageRef
    result_ref: PageRef | None = None
    budget: Budget = Budget()
    used: Usage = Usage()
    slices: int = Field(default=0, ge=0)
    execution: str = ""
    execution_slices: int = Field(default=0, ge=0)
    execution_since: datetime | None = None
    generation: int = Field(default=1, ge=1)
    attempts: Attempts | None = None
    transition: Transition | None = None
    failure: Failure | None = None
    tolerated: ToleratedFailures | None = None
    longest_superstep_seconds: float = Field(default=0.0, ge=0.0)
    asked_at_step: int | None = None
    opened_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
