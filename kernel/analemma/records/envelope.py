"""Envelopes: the events that kernel Lambdas take, and embedded workers too.

Built by the state machine or read from a page, hence untrusted: extra keys are
refused. Like transitions they hold references only.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from analemma.records.transition import OwnerText, PageRef, RunIdText


class _Envelope(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    run_id: RunIdText
    owner: OwnerText


class SliceEvent(_Envelope):
    """Run one slice.

    ``execution`` names the Step Functions execution, empty on a laptop.
    ``joins`` is the ``ref`` of the fan-out whose workers have all ended just now;
    None when there was none. Only then do unfinished tasks speak against the
    workers: an orchestrator that died may never have started them.
    """

    execution: str = Field(default="", max_length=512)
    joins: PageRef | None = None


class WorkerEvent(_Envelope):
    """Run one batch of a fan-out's tasks.

    ``ref`` names the page that holds the batch, ``batch`` counts from 0 over the
    whole fan-out, ``tasks`` is how many tasks the batch has. None: ``ref`` is a
    plan of task ids, and the worker finds their packets in the checkpoint.
    """

    ref: PageRef
    batch: int = Field(ge=0)
    tasks: int | None = Field(default=None, ge=1)


class ParkItem(_Envelope):
    """One open approval, as it stands in the page of an ``AwaitApproval``."""

    approval_id: str = Field(max_length=64)


class ParkEvent(ParkItem):
    """Remember the task token under which an approval waits.

    ``token`` is at most 1,024 characters (Step Functions' limit) and is a
    secret: who holds it can answer.
    """

    token: str = Field(max_length=2048, repr=False)


class BuryEvent(_Envelope):
    """Mark a run failed that failed below the kernel.

    ``error`` and ``cause`` are what Step Functions caught; ``cause`` may be
    any text and is cut to what a record holds.
    """

    error: str = Field(max_length=512)
    cause: str = ""
