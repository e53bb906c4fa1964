"""Everything that crossed Step Functions for one execution, from its histories."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cloud_stack import CloudStack

_CARRIERS = ("input", "output", "parameters", "cause", "error")
"""The members of an event's details that hold what crossed."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One input, output, parameters, cause or error of one event."""

    execution_arn: str
    event_type: str
    member: str
    text: str

    @property
    def size_bytes(self) -> int:
        """The payload's size, as Step Functions counts it."""
        return len(self.text.encode())


def payloads(stack: CloudStack, execution_arn: str) -> Iterator[Payload]:
    """Yield what crossed for an execution and the children of its map runs."""
    for arn in (execution_arn, *children(stack, execution_arn)):
        for event in history(stack, arn):
            yield from _payloads_of(arn, event)


def children(stack: CloudStack, execution_arn: str) -> Iterator[str]:
    """Yield the child executions of an execution's map runs."""
    client = stack.client("stepfunctions")
    for page in client.get_paginator("list_map_runs").paginate(
        executionArn=execution_arn
    ):
        for run in page["mapRuns"]:
            for found in client.get_paginator("list_executions").paginate(
                mapRunArn=run["mapRunArn"]
            ):
                yield from (each["executionArn"] for each in found["executions"])


# Any: an event is whatever Step Functions says of its type.
def history(stack: CloudStack, execution_arn: str) -> Iterator[dict[str, Any]]:
    """Yield the events of one execution, oldest first, page by page."""
    pages = stack.client("stepfunctions").get_paginator("get_execution_history")
    for page in pages.paginate(
        executionArn=execution_arn, PaginationConfig={"PageSize": 100}
    ):
        yield from page["events"]


def _payloads_of(arn: str, event: dict[str, Any]) -> Iterator[Payload]:
    for name, details in event.items():
        if name.endswith("EventDetails"):
            for member in _CARRIERS:
                text = details.get(member)
                if text is not None:
                    yield Payload(arn, event["type"], member, text)
