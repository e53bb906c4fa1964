"""The approval record: one human decision that a run waits for."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class ApprovalStatus(StrEnum):
    """Whether somebody has answered, and how."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


class ApprovalRecord(BaseModel):
    """One LangGraph interrupt, waiting for a person or answered by one.

    ``question`` is what the node passed to ``interrupt()``, as JSON (anything
    JSON cannot hold is shown by its ``repr``). ``resume_value`` is what the
    node gets back: ``True`` when approved, ``False`` when rejected, and exactly
    the given JSON when approved with an edit. ``task_token`` is Step Functions'
    handle of the wait and a secret; it is never printed or logged.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    approval_id: str
    run_id: str
    owner: str
    node: str
    interrupt_id: str
    question: JsonValue
    status: ApprovalStatus = ApprovalStatus.OPEN
    resume_value: JsonValue = None
    reason: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    created_at: datetime
    task_token: str | None = Field(default=None, repr=False)
