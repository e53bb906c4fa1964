"""Starting an execution: by name at most once.

Starting twice with one name and one input finds the running execution again;
with another input, or when it has ended, it is ``ExecutionAlreadyExists``. The
definition is taken now, so that a later update does not reach it.
"""

import re
import uuid

from analemma_platform.emulator import seams
from analemma_platform.emulator.step_functions.crew import spawn
from analemma_platform.emulator.step_functions.execution import (
    Execution,
    Machine,
    Status,
    new_record,
)
from analemma_platform.emulator.step_functions.json_values import (
    MAX_PAYLOAD_BYTES,
    parse,
    payload_bytes,
)

_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")


class ActionRefused(Exception):
    """An API call is refused with ``code``, an AWS error name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def start_execution(machine_arn: str, name: str | None, text: str) -> seams.Record:
    """Start an execution with input ``text`` and return its record.

    Raises:
        ActionRefused: as StartExecution refuses.
    """
    base = seams.resolve_machine(machine_arn)
    if base is None:
        raise ActionRefused(
            "StateMachineDoesNotExist",
            f"State Machine Does Not Exist: '{machine_arn}'",
        )
    _check_input(text)
    if name is not None and not _NAME.fullmatch(name):
        raise ActionRefused("InvalidName", f"Invalid Name: '{name}'")
    machine = _machine(base, machine_arn)
    arn = (
        f"arn:aws:states:{seams.region()}:{seams.account_id()}:execution:"
        f"{machine.name}:{name or uuid.uuid4()}"
    )
    record = new_record(arn, base, machine.role_arn, text)
    Execution(record, machine)
    # One step, because other executions may be starting the same one.
    stored = seams.executions().setdefault(arn, record)
    if stored is not record:
        if stored["status"] == Status.RUNNING and stored["input"] == text:
            return stored
        raise ActionRefused(
            "ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'"
        )
    seams.emit_status_event(record)
    run = seams.RUN_EXECUTION.get()
    spawn(lambda: run(arn), "states-execution")
    return record


def machine_of(arn: str) -> Machine:
    """Return the state machine at ``arn`` as it stands now."""
    return _machine(arn, arn)


def _machine(base: str, requested: str) -> Machine:
    machine = seams.machines()[base]
    chosen = seams.published(requested) or machine
    return Machine(
        base, str(machine["name"]), str(chosen["roleArn"]), str(chosen["definition"])
    )


def _check_input(text: str) -> None:
    if payload_bytes(text) > MAX_PAYLOAD_BYTES:
        raise ActionRefused(
            "ValidationException",
            "1 validation error detected: Value at 'input' failed to satisfy "
            "constraint: Member must have length less than or equal to "
            f"{MAX_PAYLOAD_BYTES}",
        )
    try:
        parse(text)
    except ValueError as error:
        raise ActionRefused(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: {error}"
        ) from error
