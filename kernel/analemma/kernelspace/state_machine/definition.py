"""Generate the one state machine that runs every workflow of an environment.

It knows transitions, not graphs: registering a workflow deploys nothing. The
environment's policy appears here and nowhere else in the deployment, so a
changed retry policy changes this document only.

The features of Amazon States Language it uses, all of them: JSONPath queries;
Task on ``lambda:invoke`` (with ``.waitForTaskToken`` and TimeoutSecondsPath to
park) and on ``states:startExecution``; Choice on one string; Wait by
``SecondsPath``; a Distributed Map over a JSON array in S3, with an ItemSelector;
Retry and Catch; Succeed and Fail; ``States.Format``. A map tolerates every item's
failure and returns nothing: the records in the store say what each worker did,
and the next slice judges by them.

Source: the Amazon States Language specification, states-language.net.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analemma.errors import retryable_names
from analemma.records.policy import FanOutPolicy, RetryPolicy

State = dict[str, Any]  # Any: a JSON document, whose shape the language defines

_INFRASTRUCTURE_ERRORS = (
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
)
"""What Lambda and Step Functions report when the fault is not the handler's."""

_THROTTLED_ATTEMPTS = 20
"""Waiting for reserved concurrency is no fault, so it has its own patience."""


@dataclass(frozen=True, slots=True)
class FunctionArns:
    """The kernel Lambdas, by what they do."""

    slice: str
    worker: str
    park: str
    bury: str


def definition(
    *,
    retry: RetryPolicy,
    fan_out: FanOutPolicy,
    functions: FunctionArns,
    bucket: str,
) -> State:
    """Return the state machine as a JSON-able document.

    Args:
        retry: How often a Task is repeated after a fault below the run.
        fan_out: ``max_concurrency`` bounds the workers of one superstep.
        functions: The kernel Lambdas.
        bucket: Where pages live; fan-outs and approvals are read from it.
    """
    states = {
        "Slice": _slice(functions.slice, retry),
        "Join": _slice(functions.slice, retry, {"joins.$": "$.ref"}),
        "Route": _route(),
        "FanOut": _map_over_page(
            bucket,
            _work(functions.worker, retry),
            label="Worker",
            max_concurrency=fan_out.max_concurrency,
            retry=retry,
            then="Join",
        ),
        "AwaitApprovals": _map_over_page(
            bucket,
            _park(functions.park, retry),
            label="Park",
            max_concurrency=None,
            retry=retry,
            then="Slice",
            selector={"item.$": "$$.Map.Item.Value", "seconds.$": "$.seconds"},
            more={"Unanswered": {"Type": "Succeed"}},
        ),
        "Sleep": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "Slice"},
        "Renew": _renew(retry),
        "Bury": _bury(functions.bury, retry),
        "Done": {"Type": "Succeed"},
        "Failed": _fail("Analemma.Failed", "The run failed; its record says how."),
        "Terminated": _fail(
            "Analemma.Terminated", "A budget or a person ended the run."
        ),
        "Buried": _fail(
            "Analemma.Buried", "The run failed below the kernel; its record says how."
        ),
        "UnknownTransition": _fail(
            "Analemma.UnknownTransition", "A slice returned an unknown transition."
        ),
    }
    return {
        "Comment": "Analemma kernel: obeys transitions, knows no workflow.",
        "StartAt": "Slice",
        "States": states,
    }


def _slice(
    function: str, retry: RetryPolicy, more: Mapping[str, str] | None = None
) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": function,
            "Payload": {
                "run_id.$": "$.run_id",
                "owner.$": "$.owner",
                "execution.$": "$$.Execution.Id",
                **(more or {}),
            },
        },
        "OutputPath": "$.Payload",
        "Retry": _retriers(retry),
        "Catch": _catch_to_bury(),
        "Next": "Route",
    }


def _route() -> State:
    targets = {
        "continue": "Slice",
        "fan_out": "FanOut",
        "await_approval": "AwaitApprovals",
        "sleep": "Sleep",
        "renew": "Renew",
        "done": "Done",
        "failed": "Failed",
        "terminated": "Terminated",
    }
    return {
        "Type": "Choice",
        "Choices": [
            {"Variable": "$.kind", "StringEquals": kind, "Next": target}
            for kind, target in targets.items()
        ],
        "Default": "UnknownTransition",
    }


def _map_over_page(
    bucket: str,
    child: State,
    *,
    label: str,
    max_concurrency: int | None,
    retry: RetryPolicy,
    then: str,
    selector: Mapping[str, str] | None = None,
    more: Mapping[str, State] | None = None,
) -> State:
    state: State = {
        "Type": "Map",
        "Label": label,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {
                "Bucket": bucket,
                "Key.$": "States.Format('pages/{}/{}', $.owner, $.ref)",
            },
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": label,
            "States": {label: child, **(more or {})},
        },
        "ToleratedFailurePercentage": 100,
        "ResultPath": None,
        "Retry": [_retrier(("States.ItemReaderFailed",), retry)],
        "Catch": _catch_to_bury(),
        "Next": then,
    }
    if selector is not None:
        state["ItemSelector"] = dict(selector)
    if max_concurrency is not None:
        state["MaxConcurrency"] = max_concurrency
    return state


def _work(function: str, retry: RetryPolicy) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        # A worker answers {}: an array of ten thousand of them stays small.
        "OutputPath": "$.Payload",
        "Retry": _retriers(retry),
        "End": True,
    }


def _park(function: str, retry: RetryPolicy) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {
            "FunctionName": function,
            "Payload": {
                "run_id.$": "$.item.run_id",
                "owner.$": "$.item.owner",
                "approval_id.$": "$.item.approval_id",
                "token.$": "$$.Task.Token",
            },
        },
        # An execution ends after a year. Before that the waits end, and a slice
        # has them wait in a fresh execution.
        "TimeoutSecondsPath": "$.seconds",
        "Retry": _retriers(retry, but="States.Timeout"),
        "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Unanswered"}],
        "End": True,
    }


def _renew(retry: RetryPolicy) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {
            "StateMachineArn.$": "$$.StateMachine.Id",
            "Name.$": "States.Format('{}-{}', $.run_id, $.generation)",
            "Input": {"run_id.$": "$.run_id", "owner.$": "$.owner"},
        },
        "ResultPath": None,
        "Retry": [_retrier(("States.TaskFailed",), retry)],
        "Catch": _catch_to_bury(),
        "Next": "Done",
    }


def _bury(function: str, retry: RetryPolicy) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": function,
            "Payload": {
                "run_id.$": "$.run_id",
                "owner.$": "$.owner",
                "error.$": "$.caught.Error",
                "cause.$": "$.caught.Cause",
            },
        },
        "OutputPath": "$.Payload",
        "Retry": _retriers(retry),
        "Next": "Buried",
    }


def _fail(error: str, cause: str) -> State:
    return {"Type": "Fail", "Error": error, "Cause": cause}


def _catch_to_bury() -> list[State]:
    return [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.caught", "Next": "Bury"},
    ]


def _retriers(retry: RetryPolicy, but: str | None = None) -> list[State]:
    throttled = retry.model_copy(
        update={"max_attempts": max(retry.max_attempts, _THROTTLED_ATTEMPTS)}
    )
    return [
        _retrier(("Lambda.TooManyRequestsException",), throttled),
        _retrier(
            tuple(
                name
                for name in (*retryable_names(), *_INFRASTRUCTURE_ERRORS)
                if name != but
            ),
            retry,
        ),
    ]


def _retrier(errors: tuple[str, ...], retry: RetryPolicy) -> State:
    return {
        "ErrorEquals": list(errors),
        "IntervalSeconds": retry.interval_seconds,
        "BackoffRate": retry.backoff_rate,
        "MaxAttempts": retry.max_attempts,
        "MaxDelaySeconds": retry.max_delay_seconds,
        "JitterStrategy": "FULL",
    }
