"""Tasks that start another execution and do not wait for it."""

from analemma_platform.emulator.step_functions.failures import (
    ExecutionBroken,
    StateFailed,
)
from analemma_platform.emulator.step_functions.json_values import Json, compact
from analemma_platform.emulator.step_functions.starting import (
    ActionRefused,
    start_execution,
)


def start_nested(parameters: Json) -> Json:
    """Do what ``states:startExecution`` with ``parameters`` asks.

    Raises:
        StateFailed: ``StepFunctions.…Exception``, when the start is refused.
        ExecutionBroken: the parameters are not those of a start.
    """
    if not isinstance(parameters, dict):
        raise ExecutionBroken("The parameters of startExecution must be an object")
    machine, name = parameters.get("StateMachineArn"), parameters.get("Name")
    if not isinstance(machine, str) or not isinstance(name, str | None):
        raise ExecutionBroken("startExecution needs a StateMachineArn")
    given = parameters.get("Input", {})
    text = given if isinstance(given, str) else compact(given)
    try:
        record = start_execution(machine, name, text)
    except ActionRefused as refusal:
        raise StateFailed(
            f"StepFunctions.{refusal.code.removesuffix('Exception')}Exception",
            refusal.message,
        ) from refusal
    return {
        "ExecutionArn": str(record["executionArn"]),
        "StartDate": str(record["startDate"]),
    }
