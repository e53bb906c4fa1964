"""Pages a slice writes beside the state: results, failures, evidence, waits.

Transitions carry references only; these are what they refer to. All are small.
How a run failed may quote what its nodes worked on, so that is a value, encrypted
like any other; the rest is JSON, which Step Functions reads. A result page names
the final checkpoint instead of repeating it, so that a state of many megabytes is
stored once.
"""

import json
import math
from collections.abc import Callable, Iterable

from langgraph.checkpoint.serde.base import SerializerProtocol

from analemma.errors import ProviderThrottled, Retryable, retryable_names
from analemma.hardware.ports import PageStore
from analemma.ids import PageId
from analemma.kernelspace.backoff.circuit import CircuitOpen
from analemma.kernelspace.backoff.delay import chance_of, delay
from analemma.kernelspace.scheduler.boundary import Boundary
from analemma.kernelspace.serializer import PLAIN
from analemma.kernelspace.value_pages import value_page
from analemma.records.approval import ApprovalRecord
from analemma.records.budget import Budget, Usage
from analemma.records.concurrency_policy import BackoffPolicy
from analemma.records.run import Attempts, Failure
from analemma.records.spending import Refusal
from analemma.records.transition import TerminationReason

_MAX_CAUSE = 2000

_LONGEST_SLEEP_SECONDS = 86_400
"""A provider that asks for more is asked again after a day."""


def result(pages: PageStore, at: Boundary) -> PageId:
    """Store which checkpoint holds the result."""
    return _put(pages, {"checkpoint_id": at.checkpoint_id, "step": at.step})


Why = TerminationReason | Refusal
"""What ends a run: a limit that was reached, or a call that would pass one."""


def evidence(
    pages: PageStore, why: Why, budget: Budget, used: Usage, at: Boundary | None
) -> tuple[TerminationReason, PageId]:
    """Store why a run was ended, with the figures that decided it."""
    reason = why.reason if isinstance(why, Refusal) else why
    document: dict[str, object] = {
        "reason": reason,
        "budget": budget.model_dump(exclude_none=True),
        "used": used.model_dump(),
        "checkpoint_id": None if at is None else at.checkpoint_id,
    }
    if isinstance(why, Refusal):
        document["refusal"] = why.model_dump(mode="json")
    return reason, _put(pages, document)


def failure_page(
    pages: PageStore, failure: Failure, serde: SerializerProtocol = PLAIN
) -> PageId:
    """Store how a run failed, as a value (``value_pages``)."""
    return value_page(failure.model_dump(), serde).store(pages)


def park_items(pages: PageStore, waiting: Iterable[ApprovalRecord]) -> PageId:
    """Store the events that park one approval each."""
    return pages.put(
        json.dumps(
            [
                {
                    "run_id": each.run_id,
                    "owner": each.owner,
                    "approval_id": each.approval_id,
                }
                for each in waiting
            ]
        ).encode()
    )


def node_failure(
    error: Exception, at: Boundary | None, attempts: Callable[[str], int]
) -> Failure:
    """Say which node failed, at which attempt, and why."""
    cause = _one_line(f"{type(error).__name__}: {error}")
    failed = () if at is None else at.failed
    if not failed:
        return Failure(cause=cause)
    task = next((each for each in failed if str(error) in str(each.error)), failed[0])
    return Failure(
        node=task.name, task_id=task.id, attempt=attempts(task.id), cause=cause
    )


def worker_failure(at: Boundary, rounds: int) -> Failure:
    """Say which task of a fan-out failed first, in task order."""
    task = at.failed[0]
    others = len(at.failed) - 1
    more = f" (and {others} more failed)" if others else ""
    cause = _one_line(f"{_error_text(task.error)}{more}")
    return Failure(node=task.name, task_id=task.id, attempt=max(1, rounds), cause=cause)


def tolerated_failures(
    pages: PageStore, at: Boundary, rounds: int, serde: SerializerProtocol = PLAIN
) -> PageId:
    """Store which tasks failed and were tolerated, in task order, as a value."""
    failures = [
        Failure(
            node=task.name,
            task_id=task.id,
            attempt=max(1, rounds),
            cause=_one_line(_error_text(task.error)),
        ).model_dump()
        for task in at.failed
    ]
    return value_page(failures, serde).store(pages)


def slices_died(at: Boundary, deaths: int) -> Failure:
    """Say which tasks were running whenever a slice ended without a word."""
    nodes = ", ".join(sorted({task.name for task in at.unfinished}))
    return Failure(
        node=nodes,
        attempt=deaths,
        cause=(
            f"{deaths} slices ended without a word while {nodes} ran: a task that "
            "takes longer than a function may live, or more memory than it has, "
            "ends like that; divide it, or raise the function's timeout or memory"
        ),
    )


def workers_gave_up(at: Boundary, rounds: int) -> Failure:
    """Say that workers ended without finishing their tasks or saying why."""
    nodes = ", ".join(sorted({task.name for task in at.unfinished}))
    return Failure(
        node=nodes,
        attempt=rounds,
        cause=(
            f"{len(at.sends)} tasks were still unfinished after {rounds} rounds of "
            "workers; the workers' logs say why"
        ),
    )


def not_parked(waiting: Iterable[ApprovalRecord], rounds: int) -> Failure:
    """Say that approvals could not be made to wait."""
    names = ", ".join(each.approval_id for each in waiting)
    return Failure(
        cause=(
            f"approvals {names} could not be parked in {rounds} rounds; "
            "the park function's log says why"
        )
    )


def stopped_without_reason() -> Failure:
    """Say that LangGraph stopped where nothing that it stored makes it stop.

    Known cause: a static breakpoint of a graph that a node calls.
    """
    return Failure(
        cause=(
            "the graph stopped with tasks pending and stored no reason, as a static "
            "breakpoint of a graph that a node calls does; resuming passes it"
        )
    )


def sleep_seconds(error: Retryable, attempts: Attempts, policy: BackoffPolicy) -> int:
    """Return how long to sleep for the ``attempts.sleeps``-th time in a row.

    Full jitter, on top of what the provider or an open circuit asked for. A slice
    that is repeated says the same: a checkpoint id is no other run's.
    """
    asked = (
        error.retry_after_seconds
        if isinstance(error, ProviderThrottled | CircuitOpen)
        else None
    )
    chance = chance_of(attempts.checkpoint_id, attempts.sleeps)
    seconds = delay(attempts.sleeps, policy, chance, retry_after_seconds=asked)
    return max(1, math.ceil(min(seconds, _LONGEST_SLEEP_SECONDS)))


def is_retryable(error: object) -> bool:
    """Say whether a recorded error is one of ours that may not come again.

    LangGraph keeps an error as its ``repr``, so its class is a name.
    """
    names = (*retryable_names(), CircuitOpen.__name__)
    return _error_text(error).partition("(")[0] in names


def _error_text(error: object) -> str:
    if isinstance(error, BaseException):
        return f"{type(error).__name__}: {error}"
    return str(error)


def _one_line(text: str) -> str:
    """Return ``text`` as one line that UTF-8 holds and a terminal only prints."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    plain = " ".join(plain.split())
    printable = (
        each if each.isprintable() else f"\\x{ord(each):02x}" for each in plain
    )
    return "".join(printable)[:_MAX_CAUSE]


def _put(pages: PageStore, document: dict[str, object]) -> PageId:
    return pages.put(json.dumps(document).encode())
