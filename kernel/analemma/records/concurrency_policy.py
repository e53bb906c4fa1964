"""Policies of concurrency: how long to wait, when to stop asking, how many run.

Part of ``KernelPolicy``. A policy is data; who obeys it stands in
``kernelspace/backoff`` and ``kernelspace/admission_gate.py``.
"""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Limit = Annotated[int, Field(ge=1, le=10_000)]
"""How many runs may run at once."""


class _Policy(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class BackoffPolicy(_Policy):
    """How long a run sleeps before a task that may yet succeed is tried again.

    The wait before attempt n + 1 is drawn evenly from 0 to ``base_seconds *
    backoff_rate ** (n - 1)``, at most ``max_seconds``, and comes on top of what
    the other side asked for (``Retry-After``).
    """

    base_seconds: float = Field(default=10.0, gt=0, le=3600)
    backoff_rate: float = Field(default=2.0, ge=1.0, le=10.0)
    max_seconds: float = Field(default=300.0, gt=0, le=86_400)


class BreakerPolicy(_Policy):
    """When a model or a tool is not asked any more, and for how long.

    ``failures`` within ``window_seconds``, with no success among them that was
    noticed, open a breaker. It stays open for ``open_seconds`` and a jitter that
    doubles with every opening in a row, up to ``max_open_seconds``. Then one call
    of all processes probes; one that has not ended after ``probe_seconds`` counts
    as dead. A process reads a breaker's record at most once in ``cache_seconds``.
    """

    failures: int = Field(default=5, ge=1, le=100)
    window_seconds: float = Field(default=60.0, gt=0, le=3600)
    open_seconds: float = Field(default=10.0, gt=0, le=3600)
    max_open_seconds: float = Field(default=300.0, gt=0, le=86_400)
    probe_seconds: float = Field(default=150.0, gt=0, le=900)
    cache_seconds: float = Field(default=5.0, ge=0, le=300)


class AdmissionPolicy(_Policy):
    """How many runs may run at once; the others wait in the order of admission.

    ``max_running_per_owner`` counts the runs of one owner,
    ``max_running_per_workflow`` those of one workflow, whoever they belong to;
    ``workflows`` sets the latter for single workflows, by name. None: any number.
    A run that waits for people does not count.

    A run that waits for its turn looks after 1 to ``poll_seconds`` seconds, drawn
    evenly. A run whose record nobody has written for ``abandoned_after_seconds``
    gives its slot to another: more than the longest round of a fan-out takes.
    """

    max_running_per_owner: Limit | None = None
    max_running_per_workflow: Limit | None = None
    workflows: dict[str, Limit] = Field(default_factory=dict)
    poll_seconds: int = Field(default=60, ge=1, le=3600)
    abandoned_after_seconds: int = Field(default=21_600, ge=60)

    def limit_of_workflow(self, name: str) -> int | None:
        """Return how many runs of the workflow may run at once; None: any number."""
        return self.workflows.get(name, self.max_running_per_workflow)
