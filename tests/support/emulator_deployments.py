"""Deploying tiny functions and machines to the emulated AWS, and waiting."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from botocore.exceptions import ClientError

from emulator_fixture import Emulator

ROLE = "arn:aws:iam::000000000000:role/test"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:000000000000:function:{}"


def zipped(source: str, **others: str) -> bytes:
    """Return a zip with ``handler.py`` holding ``source``, and other modules."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("handler.py", dedent(source))
        for name, text in others.items():
            archive.writestr(f"{name}.py", dedent(text))
    return target.getvalue()


def until(met: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Return what ``met`` returns once it is true; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (found := met()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found


def error_code(error: ClientError) -> str:
    """Return AWS's name of the error that a client raised."""
    return str(error.response["Error"]["Code"])


@dataclass(frozen=True, slots=True)
class Lambdas:
    """Functions on an emulator."""

    emulator: Emulator

    def deploy(self, name: str, source: str, **settings: Any) -> str:
        """Deploy ``source``, which defines ``handle(event, context)``."""
        self.emulator.client("lambda").create_function(
            FunctionName=name,
            Role=ROLE,
            Runtime=settings.pop("Runtime", "python3.13"),
            Handler=settings.pop("Handler", "handler.handle"),
            Code={"ZipFile": settings.pop("zip", None) or zipped(source)},
            **settings,
        )
        return FUNCTION_ARN.format(name)

    def invoke(self, name: str, event: object = None) -> tuple[Any, str | None]:
        """Return a function's answer and the kind of its failure, if it failed."""
        answer = self.emulator.client("lambda").invoke(
            FunctionName=name, Payload=json.dumps(event)
        )
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def workers(self, name: str) -> list[Any]:
        """Return the live workers of a function."""
        found = self.emulator.get("/_analemma/workers")["workers"]
        return [worker for worker in found if worker["function"] == name]

    def log(self, name: str) -> str:
        """Return everything in a function's log group."""
        events = self.emulator.client("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{name}"
        )
        return "\n".join(event["message"] for event in events["events"])


@dataclass(frozen=True, slots=True)
class Run:
    """One execution."""

    states: Any  # a boto3 client
    arn: str

    @property
    def facts(self) -> Any:
        """What DescribeExecution says now."""
        return self.states.describe_execution(executionArn=self.arn)

    def ended(self, seconds: float = 15.0) -> Any:
        """Wait until it ended; return what DescribeExecution says."""
        until(lambda: self.facts["status"] != "RUNNING", seconds)
        return self.facts

    def output(self) -> Any:
        """Wait until it succeeded; return its output."""
        facts = self.ended()
        assert facts["status"] == "SUCCEEDED", facts
        return json.loads(facts["output"])

    def events(self) -> list[Any]:
        """Return its history so far."""
        pages = self.states.get_paginator("get_execution_history").paginate(
            executionArn=self.arn
        )
        return [event for page in pages for event in page["events"]]

    def types(self) -> list[str]:
        """Return the types of the events so far."""
        return [event["type"] for event in self.events()]


@dataclass(frozen=True, slots=True)
class Machines:
    """State machines on an emulator."""

    emulator: Emulator

    def deploy(
        self, states: Mapping[str, Any], start: str | None = None, **more: Any
    ) -> str:
        """Create a machine of ``states``; return its ARN."""
        definition = {"StartAt": start or next(iter(states)), "States": states, **more}
        answer = self.emulator.client("stepfunctions").create_state_machine(
            name=f"machine-{time.monotonic_ns()}",
            roleArn=ROLE,
            definition=json.dumps(definition),
        )
        return str(answer["stateMachineArn"])

    def start(self, arn: str, given: object = None, name: str | None = None) -> Run:
        """Start an execution."""
        states = self.emulator.client("stepfunctions")
        naming = {} if name is None else {"name": name}
        answer = states.start_execution(
            stateMachineArn=arn,
            input=json.dumps({} if given is None else given),
            **naming,
        )
        return Run(states, answer["executionArn"])

    def run(self, states: Mapping[str, Any], given: object = None, **more: Any) -> Run:
        """Create a machine of ``states`` and start it."""
        return self.start(self.deploy(states, **more), given)


def ending(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a machine of the one state ``state``."""
    return {"Only": {**state, "End": True}}


def invoking(function: str, **more: Any) -> dict[str, Any]:
    """Return a Task that hands its input to a function and keeps the payload."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "ResultSelector": {"payload.$": "$.Payload"},
        "OutputPath": "$.payload",
        **more,
    }
