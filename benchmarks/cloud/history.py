"""What Step Functions did for an execution, by the events of its history.

A state transition is billed each time a step is executed, retries included
(AWS's pricing page): here, a state that was entered, and every further attempt
of it. The children of a Distributed Map are executions of their own.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

MAX_EVENTS = 25_000
"""What ends a Standard execution (Step Functions' quota)."""

# Any: an event is whatever Step Functions says of its type.
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """One execution with all children of its Map runs.

    ``events`` counts those of the execution itself, ``types`` tells them apart.
    """

    events: int
    types: Counter[str]
    transitions: int
    lambda_requests: int
    items_read: int
    executions_started: int


def history(states: "SFNClient", arn: str) -> History:
    """Read the history of an execution that has ended, and of its children."""
    own = Counter(_kinds(states, arn))
    whole = own + sum(
        (Counter(_kinds(states, child)) for child in _children(states, arn)),
        Counter(),
    )
    entered = sum(n for kind, n in whole.items() if kind.endswith("StateEntered"))
    tasks = whole["TaskStateEntered"]
    attempts = whole["TaskScheduled"]
    return History(
        events=own.total() - own[_LAMBDA] - own[_START],
        types=own,
        transitions=entered + attempts - tasks,
        lambda_requests=whole[_LAMBDA],
        items_read=whole["MapRunStarted"],
        executions_started=whole[_START],
    )


_PAGE_EVENTS = 1000

# Beside its type an event is counted under what its task calls.
_LAMBDA, _START = "task lambda", "task states"


def _kinds(states: "SFNClient", arn: str) -> Iterator[str]:
    pages = states.get_paginator("get_execution_history")
    for page in pages.paginate(
        executionArn=arn,
        includeExecutionData=False,
        PaginationConfig={"PageSize": _PAGE_EVENTS},
    ):
        for event in page["events"]:
            yield str(event["type"])
            scheduled = event.get("taskScheduledEventDetails")
            if scheduled is not None:
                yield f"task {scheduled['resourceType']}"


def _children(states: "SFNClient", arn: str) -> Iterator[str]:
    for page in states.get_paginator("list_map_runs").paginate(executionArn=arn):
        for run in page["mapRuns"]:
            for found in states.get_paginator("list_executions").paginate(
                mapRunArn=run["mapRunArn"]
            ):
                yield from (each["executionArn"] for each in found["executions"])
