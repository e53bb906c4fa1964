"""All checks, and a runner for them that nothing ends but its own end."""

import fnmatch
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from analemma.testing.caller import Way
from analemma.testing.check import Check
from analemma.testing.concerns import (
    attempts,
    concurrency,
    copying,
    deletion,
    delta,
    fencing,
    growth,
    history,
    listing,
    mutation,
    namespaces,
    pruning,
    torn_writes,
    values,
    writes_order,
)
from analemma.testing.report import Outcome, Report, Result
from analemma.testing.subject import NotOffered, Subject, Violation

CONCERNS = (
    writes_order.CHECKS,
    attempts.CHECKS,
    fencing.CHECKS,
    delta.CHECKS,
    namespaces.CHECKS,
    torn_writes.CHECKS,
    concurrency.CHECKS,
    mutation.CHECKS,
    values.CHECKS,
    growth.CHECKS,
    listing.CHECKS,
    copying.CHECKS,
    pruning.CHECKS,
    deletion.CHECKS,
    history.CHECKS,
)

LIMIT_SECONDS = 300.0


def checks(only: Iterable[str] | None = None) -> Iterator[tuple[str, Check]]:
    """Yield the name of each check and the check, a callable of a ``Subject``.

    A call returns, or raises ``Violation`` or what the saver raised, or
    ``NotOffered``, which pytest reports as skipped.

    Args:
        only: Names, concerns, or patterns of names such as ``"*/sync"`` and
            ``"pruning/*"``. None: all.

    Raises:
        ValueError: one of ``only`` matches no check.
    """
    wanted = None if only is None else [only] if isinstance(only, str) else [*only]
    every = [
        Check(concern.name, body, way)
        for concern in CONCERNS
        for body in concern.bodies
        for way in Way
    ]
    for pattern in wanted or ():
        if not any(_matches(check, pattern) for check in every):
            raise ValueError(f"{pattern!r} is no check, no concern and matches none")
    for check in every:
        if wanted is None or any(_matches(check, pattern) for pattern in wanted):
            yield check.name, check


def run_suite(
    subject_factory: Callable[[], Subject],
    only: Iterable[str] | None = None,
    *,
    limit_seconds: float = LIMIT_SECONDS,
    on_result: Callable[[Result], None] | None = None,
) -> Report:
    """Run the checks, each on a subject of its own, and report what came of them.

    Whatever a check raises is its own failure. One that does not end in time is
    a failure too; its thread is left behind, as nothing can end it.

    Args:
        subject_factory: Returns a subject on empty storage; called once a check,
            on a thread of that check's own.
        only: As for ``checks``.
        limit_seconds: What one check may take.
        on_result: Called after each check, for progress.

    Raises:
        ValueError: one of ``only`` matches no check.
    """
    results = []
    for _, check in checks(only):
        result = _run(check, subject_factory, limit_seconds)
        results.append(result)
        if on_result is not None:
            on_result(result)
    return Report(tuple(results))


def _matches(check: Check, pattern: str) -> bool:
    names = (check.concern, check.title, check.name)
    return pattern in names or fnmatch.fnmatchcase(check.name, pattern)


def _run(check: Check, factory: Callable[[], Subject], limit_seconds: float) -> Result:
    judged: list[tuple[Outcome, str]] = []
    started_at = time.monotonic()

    def run() -> None:
        judged.append(_judge(check, factory))

    thread = threading.Thread(target=run, name=check.name, daemon=True)
    thread.start()
    thread.join(limit_seconds)
    late = Outcome.FAILED, f"did not end within {limit_seconds:g} seconds"
    outcome, message = judged[0] if judged else late
    return Result(
        concern=check.concern,
        title=check.title,
        way=check.way.value,
        outcome=outcome,
        message=message,
        seconds=time.monotonic() - started_at,
    )


def _judge(check: Check, factory: Callable[[], Subject]) -> tuple[Outcome, str]:
    try:
        check(factory())
    except NotOffered as reason:
        return Outcome.NOT_OFFERED, str(reason)
    except Violation as violation:
        return Outcome.FAILED, str(violation)
    except BaseException as error:  # noqa: BLE001 - a saver may raise anything
        return Outcome.FAILED, f"{type(error).__name__}: {error}"
    return Outcome.PASSED, ""
