"""Task states: one call of a service, and perhaps a wait for its token.

With ``.waitForTaskToken`` the service is called first and the wait begins only
when the call succeeded: a function that fails fails the task at once, because
nobody will ever hold the token.
"""

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass

from analemma_platform.emulator import seams
from analemma_platform.emulator.step_functions import lambda_task
from analemma_platform.emulator.step_functions.callback import ParkedTask, park
from analemma_platform.emulator.step_functions.crew import spawn
from analemma_platform.emulator.step_functions.definition import TaskState
from analemma_platform.emulator.step_functions.execution import Flow
from analemma_platform.emulator.step_functions.failures import (
    HEARTBEAT_TIMEOUT,
    TIMEOUT,
    ExecutionBroken,
    StateFailed,
    require_size,
)
from analemma_platform.emulator.step_functions.history import INCLUDED
from analemma_platform.emulator.step_functions.json_values import Json
from analemma_platform.emulator.step_functions.nested_execution import (
    start_nested,
)
from analemma_platform.emulator.step_functions.paths import parse_path, read
from analemma_platform.emulator.step_functions.templates import fill

_TOKEN_SUFFIX = ".waitForTaskToken"  # noqa: S105 - not a secret
_INTEGRATION = "arn:aws:states:::"


@dataclass(frozen=True, slots=True)
class _Resource:
    """A task's resource, split as histories show it."""

    arn: str
    type: str
    action: str
    parks: bool

    @property
    def direct(self) -> bool:
        """Whether it is a function's own ARN, the old way to invoke."""
        return not self.arn.startswith(_INTEGRATION)


def _split(arn: str) -> _Resource:
    if not arn.startswith(_INTEGRATION):
        return _Resource(arn, "lambda", arn, parks=False)
    service, _, action = arn.removeprefix(_INTEGRATION).partition(":")
    if service == "aws-sdk":
        inner, _, action = action.partition(":")
        service = f"aws-sdk:{inner}"
    return _Resource(
        arn.removesuffix(_TOKEN_SUFFIX), service, action, arn.endswith(_TOKEN_SUFFIX)
    )


def perform(state: TaskState, effective: Json, flow: Flow) -> Json:
    """Run one attempt of ``state`` and return its result.

    Raises:
        StateFailed: the service, its token or a limit failed the task.
        ExecutionStopped: the execution ended meanwhile.
    """
    resource = _split(state.resource)
    parked = park() if resource.parks else None
    try:
        return _attempt(state, resource, effective, flow, parked)
    finally:
        if parked is not None:
            parked.close()


def _attempt(
    state: TaskState,
    resource: _Resource,
    effective: Json,
    flow: Flow,
    parked: ParkedTask | None,
) -> Json:
    context = flow.context
    if parked is not None:
        context = {**context, "Task": {"Token": parked.token}}
    given = "parameters" in state.model_fields_set
    parameters = fill(state.parameters, effective, context) if given else effective
    timeout = _seconds(
        state.timeout_seconds, state.timeout_seconds_path, effective, context
    )
    heartbeat = _seconds(
        state.heartbeat_seconds, state.heartbeat_seconds_path, effective, context
    )
    events = _Events(resource, flow)
    events.scheduled(require_size(parameters, state.resource), timeout, heartbeat)
    began = time.monotonic()
    try:
        result = _bounded(lambda: _call(resource, parameters), timeout)
        if parked is not None:
            flow.cancellation.check()
            events.submitted(require_size(result, state.resource))
            # One limit for both: calling the service has used some of it.
            left = timeout and max(0.0, timeout - (time.monotonic() - began))
            result = parked.wait(flow.cancellation, left, heartbeat)
        output = require_size(result, state.resource)
    except ExecutionBroken:
        raise
    except StateFailed as failure:
        flow.cancellation.check()
        events.failed(failure)
        raise
    flow.cancellation.check()
    events.succeeded(output)
    return result


def _seconds(
    fixed: int | None, path: str | None, data: Json, context: Json
) -> float | None:
    if path is None:
        return fixed
    value = read(parse_path(path), data, context)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ExecutionBroken(f"The value of '{path}' must be a positive integer")
    return value


def _call(resource: _Resource, parameters: Json) -> Json:
    if resource.direct:
        return lambda_task.call(resource.arn, parameters)[0]
    if resource.arn == f"{_INTEGRATION}lambda:invoke":
        return lambda_task.invoke(parameters)
    if resource.arn == f"{_INTEGRATION}states:startExecution":
        return start_nested(parameters)
    try:
        result: Json = seams.invoke_resource(resource.arn, parameters)
    except seams.IntegrationFailed as error:
        raise StateFailed(error.error, error.cause) from error
    return result


def _bounded(call: Callable[[], Json], seconds: float | None) -> Json:
    """Return what ``call`` returns, or fail after ``seconds``; it goes on."""
    if seconds is None:
        return call()
    answers: queue.SimpleQueue[tuple[Json, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((call(), None))
        except Exception as failure:  # noqa: BLE001 - raised again by who waits
            answers.put((None, failure))

    spawn(run, "states-task")
    try:
        result, failure = answers.get(timeout=seconds)
    except queue.Empty:
        raise StateFailed(TIMEOUT) from None
    if failure is not None:
        raise failure
    return result


class _Events:
    """Writes a task's events, under the names its kind of resource has."""

    def __init__(self, resource: _Resource, flow: Flow) -> None:
        self._resource = resource
        self._trail = flow.trail
        self._kind = "LambdaFunction" if resource.direct else "Task"
        self._names: dict[str, Json] = (
            {}
            if resource.direct
            else {"resourceType": resource.type, "resource": resource.action}
        )

    def scheduled(
        self, parameters: str, timeout: float | None, heartbeat: float | None
    ) -> None:
        limits: dict[str, Json] = {}
        if timeout is not None:
            limits["timeoutInSeconds"] = int(timeout)
        if heartbeat is not None:
            limits["heartbeatInSeconds"] = int(heartbeat)
        details: dict[str, Json] = (
            {
                "resource": self._resource.arn,
                "input": parameters,
                "inputDetails": INCLUDED,
            }
            if self._resource.direct
            else {"region": seams.region(), "parameters": parameters, **self._names}
        )
        self._trail.add(f"{self._kind}Scheduled", **details, **limits)
        self._trail.add(f"{self._kind}Started", **self._names)

    def submitted(self, output: str) -> None:
        self._trail.add(
            "TaskSubmitted", **self._names, output=output, outputDetails=INCLUDED
        )

    def succeeded(self, output: str) -> None:
        self._trail.add(
            f"{self._kind}Succeeded",
            **self._names,
            output=output,
            outputDetails=INCLUDED,
        )

    def failed(self, failure: StateFailed) -> None:
        late = failure.error in (TIMEOUT, HEARTBEAT_TIMEOUT)
        self._trail.add(
            f"{self._kind}{'TimedOut' if late else 'Failed'}",
            **self._names,
            error=failure.error,
            cause=failure.cause,
        )
