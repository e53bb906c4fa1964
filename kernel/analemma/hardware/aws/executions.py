"""The kernel state machine's executions: start, stop, and end a parked wait."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from analemma.hardware.aws.edge import aws_edge, error_code

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# A wait that is over: answered before, timed out, or its execution stopped.
_OVER = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"})
_EXISTS = "ExecutionAlreadyExists"


class TaskTokens:
    """Ends waits by their task tokens. Needs no state machine to be named."""

    def __init__(self, client: "SFNClient") -> None:
        self._client = client

    def release(self, token: str) -> bool:
        """End the wait behind ``token``; say whether it was still waiting.

        The answer itself is not sent: it stands in the approval record, and
        what crosses Step Functions stays small and free of user data.

        Raises:
            StoreUnavailable: Step Functions did not answer; safe to repeat.
        """
        with aws_edge("Step Functions task token"):
            try:
                self._client.send_task_success(taskToken=token, output="{}")
            except ClientError as error:
                if error_code(error) in _OVER:
                    return False
                raise
        return True


class StateMachine:
    """The kernel's state machine of one environment."""

    def __init__(self, client: "SFNClient", arn: str) -> None:
        self._client = client
        self._arn = arn

    def is_running(self, *, run_id: str, generation: int) -> bool:
        """Say whether the run's execution number ``generation`` is alive.

        Raises:
            StoreUnavailable: Step Functions did not answer; safe to repeat.
        """
        with aws_edge(f"state machine {self._arn}"):
            try:
                found = self._client.describe_execution(
                    executionArn=self._execution(run_id, generation)
                )
            except ClientError as error:
                if error_code(error) == "ExecutionDoesNotExist":
                    return False
                raise
        return found["status"] == "RUNNING"

    def start(self, *, owner: str, run_id: str, generation: int) -> str:
        """Start the run's execution number ``generation``; return its ARN.

        Idempotent: the execution is named after the run and the generation, and
        one that is there already is the one that was asked for.

        Raises:
            StoreUnavailable: Step Functions did not answer; safe to repeat.
            CloudUnavailable: the state machine is not there or not allowed.
        """
        with aws_edge(f"state machine {self._arn}"):
            try:
                return self._client.start_execution(
                    stateMachineArn=self._arn,
                    name=_name(run_id, generation),
                    input=json.dumps({"run_id": run_id, "owner": owner}),
                )["executionArn"]
            except ClientError as error:
                if error_code(error) != _EXISTS:
                    raise
        return self._execution(run_id, generation)

    def stop(self, *, run_id: str, generation: int) -> bool:
        """Stop the run's execution number ``generation``; say whether it was there.

        Its Map runs and its waits end with it. Idempotent.

        Raises:
            StoreUnavailable: Step Functions did not answer; safe to repeat.
            CloudUnavailable: it is not allowed.
        """
        with aws_edge(f"state machine {self._arn}"):
            try:
                self._client.stop_execution(
                    executionArn=self._execution(run_id, generation),
                    error="Analemma.Cancelled",
                    cause="A person cancelled the run; its record says who.",
                )
            except ClientError as error:
                if error_code(error) == "ExecutionDoesNotExist":
                    return False
                raise
        return True

    def _execution(self, run_id: str, generation: int) -> str:
        machine = self._arn.replace(":stateMachine:", ":execution:", 1)
        return f"{machine}:{_name(run_id, generation)}"


def _name(run_id: str, generation: int) -> str:
    """Return the execution's name, as the state machine's Renew makes it too."""
    return run_id if generation == 1 else f"{run_id}-{generation}"
