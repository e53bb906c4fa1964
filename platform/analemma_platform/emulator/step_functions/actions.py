"""The API calls of Step Functions that ministack answers wrongly, answered.

Each function here takes ministack's place for one action: the request as a dict
in, a response out.
"""

from collections.abc import Callable

from analemma_platform.emulator import seams
from analemma_platform.emulator.step_functions.callback import (
    ParkedTask,
    TokenSpent,
    TokenUnknown,
    parked,
)
from analemma_platform.emulator.step_functions.execution import (
    Execution,
    Status,
    live,
)
from analemma_platform.emulator.step_functions.json_values import (
    MAX_PAYLOAD_BYTES,
    parse,
    payload_bytes,
)
from analemma_platform.emulator.step_functions.starting import (
    ActionRefused,
    start_execution,
)
from analemma_platform.emulator.step_functions.validation import diagnose


def start(request: seams.Record) -> seams.Response:
    """Answer StartExecution."""
    try:
        record = start_execution(
            str(request.get("stateMachineArn", "")),
            request.get("name"),
            str(request.get("input", "{}")),
        )
    except ActionRefused as refusal:
        return seams.refuse(refusal.code, refusal.message)
    return seams.answer(
        {"executionArn": record["executionArn"], "startDate": record["startDate"]}
    )


def stop(request: seams.Record) -> seams.Response:
    """Answer StopExecution; stopping what has ended changes nothing."""
    execution = _execution(request)
    if execution is None:
        return _no_execution(request)
    execution.end(Status.ABORTED, request.get("error"), request.get("cause"))
    return seams.answer({"stopDate": execution.record["stopDate"]})


def machine_for_execution(request: seams.Record) -> seams.Response:
    """Answer DescribeStateMachineForExecution: what it runs, not what is new."""
    execution = _execution(request)
    if execution is None:
        return _no_execution(request)
    machine = execution.machine
    return seams.answer(
        {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "definition": machine.definition,
            "roleArn": machine.role_arn,
            "updateDate": execution.record["startDate"],
        }
    )


def _execution(request: seams.Record) -> Execution | None:
    record = seams.executions().get(str(request.get("executionArn")))
    return None if record is None else live(record)


def _no_execution(request: seams.Record) -> seams.Response:
    arn = request.get("executionArn")
    return seams.refuse("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def answering(
    answer: Callable[[ParkedTask, seams.Record], None], stock: seams.Action
) -> seams.Action:
    """Return the action that lets ``answer`` speak to the parked task.

    Tokens of activities stay with ``stock``, ministack's own action.
    """

    def action(request: seams.Record) -> seams.Response:
        token = str(request.get("taskToken"))
        if isinstance(seams.task_tokens().get(token), dict):
            return stock(request)
        try:
            answer(parked(token), request)
        except TokenUnknown:
            return seams.refuse("InvalidToken", "Invalid Token: 'Invalid token'")
        except TokenSpent:
            return seams.refuse(
                "TaskTimedOut",
                "Task Timed Out: 'Provided task does not exist anymore'",
            )
        except ActionRefused as refusal:
            return seams.refuse(refusal.code, refusal.message)
        return seams.answer({})

    return action


def succeed_task(task: ParkedTask, request: seams.Record) -> None:
    """Do SendTaskSuccess.

    Raises:
        ActionRefused: the output is too large or no JSON.
        TokenSpent: the task does not wait any more.
    """
    output = str(request.get("output", ""))
    if payload_bytes(output) > MAX_PAYLOAD_BYTES:
        raise ActionRefused(
            "ValidationException",
            "1 validation error detected: Value at 'output' failed to satisfy "
            "constraint: Member must have length less than or equal to "
            f"{MAX_PAYLOAD_BYTES}",
        )
    try:
        parse(output)
    except ValueError as error:
        raise ActionRefused(
            "InvalidOutput", f"Invalid Output: 'Invalid JSON: {error}'"
        ) from error
    task.succeed(output)


def fail_task(task: ParkedTask, request: seams.Record) -> None:
    """Do SendTaskFailure.

    Raises:
        TokenSpent: the task does not wait any more.
    """
    task.fail(str(request.get("error", "")), str(request.get("cause", "")))


def keep_task(task: ParkedTask, _request: seams.Record) -> None:
    """Do SendTaskHeartbeat.

    Raises:
        TokenSpent: the task does not wait any more.
    """
    task.heartbeat()


def checked(stock: seams.Action) -> seams.Action:
    """Return ``stock`` behind a check of the definition it is given."""

    def action(request: seams.Record) -> seams.Response:
        if "definition" in request:
            found = diagnose(str(request["definition"]))
            if found:
                words = ", ".join(one.sentence() for one in found)
                return seams.refuse(
                    "InvalidDefinition",
                    f"Invalid State Machine Definition: '{words}'",
                )
        return stock(request)

    return action


def validate(request: seams.Record) -> seams.Response:
    """Answer ValidateStateMachineDefinition."""
    found = diagnose(str(request.get("definition", "")))
    return seams.answer(
        {
            "result": "FAIL" if found else "OK",
            "diagnostics": [
                {
                    "severity": "ERROR",
                    "code": one.code,
                    "message": one.message,
                    "location": one.location,
                }
                for one in found
            ],
            "truncated": False,
        }
    )


def ending(stock: seams.Action) -> seams.Action:
    """Return ``stock`` (DeleteStateMachine) behind an end of its executions."""

    def action(request: seams.Record) -> seams.Response:
        arn = request.get("stateMachineArn")
        end_all(
            [
                record
                for record in seams.executions().values()
                if record["stateMachineArn"] == arn
            ]
        )
        return stock(request)

    return action


def end_all(records: list[seams.Record]) -> None:
    """Abort every execution among ``records`` that still runs."""
    for record in records:
        execution = live(record)
        if execution is not None:
            execution.end(Status.ABORTED, None, None)
