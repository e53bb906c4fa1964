"""Deploying a project by the command line, and what boto3 says came of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud_aws import Aws
from cloud_project import Environment, Project, empty_project_at
from command_line import CommandLine, Ended

THROTTLED = "Lambda.TooManyRequestsException"
KEEPER = "keeper"

# Any: a plan, an ASL document and what boto3 describes are JSON.
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """A project, and the home of the cloud that its stacks go to."""

    project: Project
    home: Path

    def cloud(self, verb: str, stack: str, *options: str) -> Ended:
        """Run ``analemma cloud VERB``, asking for JSON."""
        project = ("--project", str(self.project.root), "--json")
        return CommandLine.at(self.home)(
            "cloud", verb, "--stack", stack, *project, *options
        )

    def plan(self, verb: str, stack: str, *options: str) -> Any:
        """Run ``analemma cloud VERB`` and return the plan that it printed."""
        ended = self.cloud(verb, stack, *options)
        assert ended.code == 0, ended.err
        return ended.document


@contextmanager
def kept_running(home: Path, root: Path) -> Iterator[Aws]:
    """Keep a cloud running in ``home``; yield its AWS.

    A stack without resources does it: the last stack to go takes the cloud
    along, and then nobody could look at what is left.
    """
    keeper = Site(empty_project_at(root), home)
    try:
        keeper.plan("up", KEEPER)
        yield Aws.of(home, KEEPER)
    finally:
        CommandLine.at(home)("cloud", "stop")


def changed_steps(plan: Any) -> list[tuple[str, str, list[str]]]:
    """Return what a plan does to which resource: op, name, property names."""
    return [
        (step["op"], step["name"], step["changed"])
        for step in plan["steps"]
        if step["op"] != "same"
    ]


def deployed_machine(aws: Aws) -> State:
    """Return the ASL that is deployed."""
    found = aws.client("stepfunctions").describe_state_machine(
        stateMachineArn=aws.outputs["stateMachineArn"]
    )
    document: State = json.loads(found["definition"])
    return document


def retriers(document: Any) -> list[State]:
    """Return every retrier of an ASL document, at any depth."""
    if isinstance(document, list):
        return [found for each in document for found in retriers(each)]
    if not isinstance(document, dict):
        return []
    own = document.get("Retry", [])
    return [*own, *retriers([v for k, v in document.items() if k != "Retry"])]


def reserved_concurrency(aws: Aws) -> dict[str, int | None]:
    """Return what each kernel function reserves, by its noun (None: nothing)."""
    client = aws.client("lambda")
    return {
        noun: client.get_function_concurrency(FunctionName=name).get(
            "ReservedConcurrentExecutions"
        )
        for noun, name in aws.outputs["functionNames"].items()
    }


def wanted_concurrency(environment: Environment) -> dict[str, int | None]:
    """Return what a stack's file says that its functions reserve."""
    return {
        noun: settings.get("reserved_concurrency")
        for noun, settings in environment["lambdas"].items()
    }
