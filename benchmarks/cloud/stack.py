"""A benchmark's stack, deployed on the embedded cloud, with a front before it.

What a person does goes through the front, and what functions do if they are
told: by their environment, after the deployment, so that nothing in the program
knows of measuring. What the benchmark only looks at goes past the front.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analemma.hardware.aws.traffic import Traffic
from analemma.kernelspace.machine import Machine
from analemma.wiring import CloudSettings, cloud_machine, stack_settings
from analemma_platform.cloud import EMULATED_KEY, DaemonHost, EmbeddedCloud
from benchmarks.cloud.front import Front
from benchmarks.cloud.project import STACK, Wanted, make_project

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_stepfunctions import SFNClient

    from analemma_platform.engine.values import Properties

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Unwatched:
    """Clients whose calls nobody counts."""

    dynamodb: "DynamoDBClient"
    functions: "LambdaClient"
    logs: "CloudWatchLogsClient"
    states: "SFNClient"


@dataclass(frozen=True, slots=True)
class BenchStack:
    """One deployed stack.

    ``settings`` lead through the front; ``machine`` is that of a person's desk,
    and ``traffic`` counts what it does. ``unwatched`` leads past the front.
    """

    front: Front
    outputs: Mapping[str, Any]  # what a stack exports is JSON
    settings: CloudSettings
    machine: Machine
    looking: Machine
    traffic: Traffic
    unwatched: Unwatched

    @property
    def state_machine(self) -> str:
        """The ARN of the kernel's state machine."""
        return str(self.outputs["stateMachineArn"])

    @property
    def function_key(self) -> str:
        """The access key that the emulated AWS gives functions: the account."""
        return self.state_machine.split(":")[4]

    def execution_arn(self, run_id: str, generation: int = 1) -> str:
        """Return the ARN of the run's execution number ``generation``."""
        name = run_id if generation == 1 else f"{run_id}-{generation}"
        return f"{self.state_machine.replace(':stateMachine:', ':execution:')}:{name}"

    def watch_functions(self) -> None:
        """Have the kernel's functions speak to the front from now on.

        Before the first run: a process that has begun keeps its environment.
        """
        for name in self.outputs["functionNames"].values():
            _lead_through(self.unwatched.functions, name, self.front)

    def ended(self, arn: str, patience_seconds: float) -> str:
        """Wait until an execution has ended; return its status.

        Raises:
            TimeoutError: it has not ended in time.
        """
        deadline = time.monotonic() + patience_seconds
        while True:
            found = self.unwatched.states.describe_execution(executionArn=arn)
            if found["status"] != "RUNNING":
                return str(found["status"])
            if time.monotonic() > deadline:
                raise TimeoutError(f"{arn} runs after {patience_seconds:g} s")
            time.sleep(_POLL_SECONDS)

    def logged(self, noun: str) -> list[dict[str, Any]]:
        """Return what a kernel function logged, as JSON, oldest first."""
        lines = (
            line for message in self._messages(noun) for line in message.splitlines()
        )
        return [json.loads(line) for line in lines if line.startswith("{")]

    def log_bytes(self, noun: str) -> int:
        """Return how much a kernel function logged, without the lines of Lambda."""
        return sum(len(message.encode()) for message in self._messages(noun))

    def _messages(self, noun: str) -> Iterator[str]:
        group = f"/aws/lambda/{self.outputs['functionNames'][noun]}"
        pages = self.unwatched.logs.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group):
            yield from (event["message"] for event in page["events"])


@contextmanager
def deployed(folder: Path, wanted: Wanted) -> Iterator[BenchStack]:
    """Deploy in ``folder``, which must be empty; stop the cloud at the end.

    Raises:
        DeploymentFailed: the program could not be realised.
    """
    root, home = folder / "project", folder / "home"
    make_project(root, wanted)
    host = DaemonHost()
    cloud = EmbeddedCloud(root, home, STACK, emulator=host)
    try:
        cloud.up()
        running = host.start(home)
        with Front(running.endpoint).serving() as front:
            yield _opened(cloud.outputs(), running.endpoint, front)
    finally:
        host.stop(home)


def _opened(outputs: "Properties", endpoint: str, front: Front) -> BenchStack:
    past = stack_settings(
        json.dumps(outputs),
        STACK,
        endpoint_url=endpoint,
        access_key_id=EMULATED_KEY,
        secret_access_key=EMULATED_KEY,
    )
    through, traffic = replace(past, endpoint_url=front.endpoint), Traffic()
    return BenchStack(
        front=front,
        outputs=outputs,
        settings=through,
        machine=cloud_machine(through, {}, traffic=traffic),
        looking=cloud_machine(past, {}),
        traffic=traffic,
        unwatched=_unwatched(past),
    )


def _unwatched(settings: CloudSettings) -> Unwatched:
    from boto3.session import Session

    session = Session(
        region_name=settings.region,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
    )
    at = settings.endpoint_url
    return Unwatched(
        dynamodb=session.client("dynamodb", endpoint_url=at),
        functions=session.client("lambda", endpoint_url=at),
        logs=session.client("logs", endpoint_url=at),
        states=session.client("stepfunctions", endpoint_url=at),
    )


def _lead_through(functions: "LambdaClient", name: str, front: Front) -> None:
    found = functions.get_function_configuration(FunctionName=name)
    variables = found.get("Environment", {}).get("Variables", {})
    functions.update_function_configuration(
        FunctionName=name,
        Environment={"Variables": {**variables, "AWS_ENDPOINT_URL": front.endpoint}},
    )
