"""The plain way: a Distributed Map that calls one function for each batch.

Its items travel in the input of the execution, one number a batch; the function
is our graph's node, its source and all, for each number; it stores nothing.
"""

import inspect
import io
import json
import time
import zipfile
from typing import Any

from benchmarks.cloud.history import history
from benchmarks.cloud.stack import BenchStack
from benchmarks.fan_out.deployed.scattering import work

_NAME = "bench-plain-map"
_PATIENCE_SECONDS = 3600.0
# The node's own source: what its annotation names is not there, and not needed.
_HANDLER = f"""
from __future__ import annotations

{inspect.getsource(work)}

def handle(event, context):
    first, size = event["first"], event["size"]
    return [work({{"tasks": number}}) for number in range(first, first + size)]
"""


class PlainMap:
    """A state machine with one Distributed Map, deployed."""

    def __init__(self, stack: BenchStack, max_concurrency: int) -> None:
        """Deploy function and state machine."""
        self._stack = stack
        role = f"arn:aws:iam::{stack.function_key}:role/{_NAME}"
        function = stack.unwatched.functions.create_function(
            FunctionName=_NAME,
            Role=role,
            Runtime="python3.13",
            Handler="handler.handle",
            Code={"ZipFile": _zipped()},
        )["FunctionArn"]
        self._machine = stack.unwatched.states.create_state_machine(
            name=_NAME,
            roleArn=role,
            definition=json.dumps(definition(function, max_concurrency)),
        )["stateMachineArn"]

    def seconds(self, tasks: int, batch_size: int) -> float:
        """Run so many tasks in batches; return the wall time.

        Raises:
            RuntimeError: the execution did not succeed.
        """
        batches = [
            {"first": first, "size": min(batch_size, tasks - first)}
            for first in range(0, tasks, batch_size)
        ]
        began = time.monotonic()
        arn = self._stack.unwatched.states.start_execution(
            stateMachineArn=self._machine, input=json.dumps({"batches": batches})
        )["executionArn"]
        status = self._stack.ended(arn, _PATIENCE_SECONDS)
        if status != "SUCCEEDED":
            raise RuntimeError(f"the plain Distributed Map ended {status}")
        seconds = time.monotonic() - began
        requests = history(self._stack.unwatched.states, arn).lambda_requests
        if requests != len(batches):
            raise RuntimeError(f"{requests} of {len(batches)} batches were run")
        return seconds


def definition(function: str, max_concurrency: int) -> dict[str, Any]:
    """Return the machine. Any: a JSON document, whose shape the language defines."""
    return {
        "StartAt": "Scatter",
        "States": {
            "Scatter": {
                "Type": "Map",
                "ItemsPath": "$.batches",
                "MaxConcurrency": max_concurrency,
                "ItemProcessor": {
                    "ProcessorConfig": {
                        "Mode": "DISTRIBUTED",
                        "ExecutionType": "STANDARD",
                    },
                    "StartAt": "Work",
                    "States": {
                        "Work": {
                            "Type": "Task",
                            "Resource": "arn:aws:states:::lambda:invoke",
                            "Parameters": {"FunctionName": function, "Payload.$": "$"},
                            "OutputPath": "$.Payload",
                            "End": True,
                        }
                    },
                },
                # A result of 10,000 numbers is more than an execution may carry.
                "ResultSelector": {"batches.$": "States.ArrayLength($)"},
                "End": True,
            }
        },
    }


def _zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", _HANDLER)
    return content.getvalue()
