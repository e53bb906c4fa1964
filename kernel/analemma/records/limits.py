"""Limits that runs share: of an environment, and of each version of a workflow.

Part of ``KernelPolicy``. A policy is data; who obeys it stands in
``kernelspace/spending``. Only what is limited is counted, from when it is: a limit
that is set today knows nothing of what was spent yesterday.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from analemma.records.budget import Budget


class SharedLimit(Budget):
    """What many runs may use together. None: any amount.

    ``per`` of ``day`` starts anew with each day in UTC; None never does.
    """

    per: Literal["day"] | None = None


class LimitsPolicy(BaseModel):
    """How much the runs of an environment may use together.

    ``environment`` limits all runs. ``workflow_version`` limits those of one version
    of one workflow, each by itself; ``workflows`` sets that for single workflows, by
    name. Every limit holds beside the run's own budget.

    Of a model call that does not fit, the answer is cut to what does, if that is at
    least ``least_answer_tokens``; else the call is refused. Before that, it waits up
    to ``wait_seconds`` for calls of other processes that hold what it lacks.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    environment: SharedLimit = SharedLimit()
    workflow_version: SharedLimit = SharedLimit()
    workflows: dict[str, SharedLimit] = Field(default_factory=dict)
    least_answer_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    wait_seconds: Annotated[float, Field(ge=0, le=600)] = 60.0

    def of_workflow(self, name: str) -> SharedLimit:
        """Return what one version of the workflow may use."""
        return self.workflows.get(name, self.workflow_version)
