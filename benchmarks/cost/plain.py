"""One state a step on plain Step Functions: a state machine of 100 Task states.

The state travels from task to task as Step Functions' payload, which is the
usual way and ends at 256 KiB: at 1 KB a step, before step 262.
"""

import io
import json
import zipfile
from typing import Any

from benchmarks.cloud.history import History, history
from benchmarks.cloud.stack import BenchStack
from benchmarks.cost.deployed.appending import MESSAGE_BYTES

_NAME = "bench-plain"
_PATIENCE_SECONDS = 300.0
_HANDLER = f"""
import random, string

LETTERS = string.ascii_letters + string.digits

def handle(event, context):
    messages = event["messages"]
    chosen = random.Random(len(messages)).choices(LETTERS, k={MESSAGE_BYTES})
    return {{"messages": [*messages, "".join(chosen)]}}
"""


def run(stack: BenchStack, steps: int) -> History:
    """Deploy function and machine, run one execution, return its history.

    Raises:
        RuntimeError: it did not end well.
    """
    functions, states = stack.unwatched.functions, stack.unwatched.states
    role = f"arn:aws:iam::{stack.function_key}:role/{_NAME}"
    function = functions.create_function(
        FunctionName=_NAME,
        Role=role,
        Runtime="python3.13",
        Handler="handler.handle",
        Code={"ZipFile": _zipped()},
    )["FunctionArn"]
    machine = states.create_state_machine(
        name=_NAME, roleArn=role, definition=json.dumps(definition(function, steps))
    )["stateMachineArn"]
    arn = states.start_execution(
        stateMachineArn=machine, input=json.dumps({"messages": []})
    )["executionArn"]
    status = stack.ended(arn, _PATIENCE_SECONDS)
    if status != "SUCCEEDED":
        raise RuntimeError(f"the plain state machine ended {status}")
    return history(states, arn)


def definition(function: str, steps: int) -> dict[str, Any]:
    """Return the machine. Any: a JSON document, whose shape the language defines."""
    names = [f"Step{number:03d}" for number in range(steps)]
    return {
        "StartAt": names[0],
        "States": {
            name: {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": function, "Payload.$": "$"},
                "OutputPath": "$.Payload",
                **({"Next": following} if following else {"End": True}),
            }
            for name, following in zip(names, [*names[1:], ""], strict=True)
        },
    }


def _zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", _HANDLER)
    return content.getvalue()
