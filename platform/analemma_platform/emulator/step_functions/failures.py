"""How a state fails: the error names that Retry and Catch match.

Two kinds look alike and are not: an error that a definition can handle, and one
that ends the execution whatever the definition says (``States.Runtime``).
"""

from analemma_platform.emulator.step_functions.json_values import (
    MAX_PAYLOAD_BYTES,
    Json,
    compact,
    payload_bytes,
)

ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
DATA_LIMIT = "States.DataLimitExceeded"
RUNTIME = "States.Runtime"


class StateFailed(Exception):
    """A state failed with ``error`` (a name) and ``cause`` (any text)."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class ExecutionBroken(StateFailed):
    """``States.Runtime``: the definition and the data do not fit.

    Neither Retry nor Catch sees it, not even ``States.ALL``.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(RUNTIME, cause)


class ExecutionStopped(Exception):
    """Somebody ended the execution; its thread unwinds and says nothing."""


def require_size(value: Json, what: str) -> str:
    """Return ``value`` as text; ``what`` names the state or task it came from.

    Raises:
        StateFailed: ``States.DataLimitExceeded``, when the text is too large.
    """
    text = compact(value)
    if payload_bytes(text) > MAX_PAYLOAD_BYTES:
        raise StateFailed(
            DATA_LIMIT,
            f"The state/task '{what}' returned a result with a size exceeding "
            "the maximum number of bytes service limit.",
        )
    return text
