"""``make demo``: deploy, run an agent, kill it twice, approve, and count.

Everything is done through the ``analemma`` command, as a person would; only the
killing and the counting happen here. Nothing is made up: every figure is read
from the emulated AWS that ran it.
"""

import functools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

STACK = "dev"
PACKAGE = "langchain-core"
PATIENCE_SECONDS = 240
ROOT = Path(__file__).parent.parent
HOME = Path(os.environ.get("ANALEMMA_HOME") or ROOT / ".analemma")
ANALEMMA = str(Path(sys.executable).parent / "analemma")

console = Console(highlight=False, soft_wrap=True, emoji=False)


def main() -> None:
    began = time.monotonic()
    title("1. Deploy the dev stack on this machine: the Pulumi program, no Docker")
    analemma("cloud", "up", "--stack", STACK)

    title("2. Start the auditor through the deployed state machine")
    run = analemma_json(
        "run",
        "auditor",
        "--cloud",
        STACK,
        "--input",
        json.dumps({"package": PACKAGE}),
    )["run_id"]
    say(f"run {run}")

    title("3. Kill Lambda worker processes with SIGKILL in the middle of their work")
    kill_while_busy(f"analemma-{STACK}-worker", run, in_fan_out)
    kill_while_busy(f"analemma-{STACK}-slice", run, in_slice)

    title("4. The run goes on all the same, until it needs a person")
    wait_for(run, "waiting")
    analemma("approvals", "--cloud", STACK)

    title("5. A person approves, and the run finishes")
    waiting = analemma_json("approvals", "--cloud", STACK, quiet=True)
    (approval,) = [each["approval_id"] for each in waiting if each["run_id"] == run]
    analemma("approve", approval, "--cloud", STACK)
    wait_for(run, "done")

    title("6. What happened")
    analemma("timeline", run, "--cloud", STACK)
    analemma("verify", run, "--cloud", STACK)
    count(run)

    title("Where to look next")
    for command in (
        f"show {run} --channel report --cloud {STACK}",
        f"show {run} 3 --cloud {STACK}   # the state at step 3",
        f"list --cloud {STACK}",
        "cloud preview --stack prod   # the other environment",
        f"cloud destroy --stack {STACK}   # leave nothing running",
    ):
        say(f"  .venv/bin/analemma {command}")
    say(f"\nThe demo took {time.monotonic() - began:.0f} s.")


def analemma(*arguments: str) -> None:
    say(f"[bold]$ analemma {' '.join(arguments)}[/]")
    done = subprocess.run([ANALEMMA, *arguments], env=environment(), check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"demo: analemma {arguments[0]} ended with {done.returncode}")


def analemma_json(*arguments: str, quiet: bool = False) -> Any:
    if not quiet:
        shown = " ".join(f"'{each}'" if "{" in each else each for each in arguments)
        say(f"[bold]$ analemma {shown}[/]")
    done = subprocess.run(
        [ANALEMMA, *arguments, "--json"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 3):
        sys.exit(f"demo: analemma {arguments[0]}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def environment() -> dict[str, str]:
    return {**os.environ, "ANALEMMA_HOME": str(HOME)}


def deployed() -> dict[str, Any]:
    path = HOME / "cloud" / STACK / "outputs.json"
    return json.loads(path.read_text(encoding="utf-8"))


def kill_while_busy(function: str, run: str, at_work: Callable[[str], bool]) -> None:
    """Kill a process of ``function`` that is busy while ``at_work`` holds, once."""
    url = deployed()["endpoint_url"] + "/_analemma/workers"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if at_work(run):
            with urllib.request.urlopen(url) as answer:
                workers = json.load(answer)["workers"]
            for worker in workers:
                if worker["function"] == function and worker["busy"]:
                    os.kill(worker["pid"], signal.SIGKILL)
                    say(f"killed process {worker['pid']}, busy as {function}")
                    return
        time.sleep(0.01)
    sys.exit(f"demo: {function} was never busy; see {HOME / 'emulator.log'}")


def in_slice(run: str) -> bool:
    """Whether a slice has opened the run and not sealed it yet."""
    return "opened_at" in record(run)


def in_fan_out(run: str) -> bool:
    """Whether the superstep that is fanned out has a finished task already."""
    newest = client("dynamodb").query(
        TableName=deployed()["outputs"]["table"],
        KeyConditionExpression="pk = :run AND begins_with(sk, :log)",
        ExpressionAttributeValues={
            ":run": {"S": f"run/local/{run}"},
            ":log": {"S": "log/@/"},
        },
        ScanIndexForward=False,
        Limit=1,
    )["Items"]
    finished = any("/w/" in item["sk"]["S"] for item in newest)
    return finished and record(run).get("transition", {}).get("kind") == "fan_out"


def record(run: str) -> dict[str, Any]:
    """Return the run's record, as the kernel stores it."""
    item = client("dynamodb").get_item(
        TableName=deployed()["outputs"]["table"],
        Key={"pk": {"S": f"run/local/{run}"}, "sk": {"S": "record"}},
        ConsistentRead=True,
    )["Item"]
    return json.loads(item["body"]["B"])


@functools.cache
def client(service: str) -> Any:
    """Return a boto3 client of the deployed stack's cloud."""
    return boto3.client(service, **access())


def access() -> dict[str, str]:
    stack = deployed()
    return {
        "endpoint_url": stack["endpoint_url"],
        "region_name": stack["outputs"]["region"],
        "aws_access_key_id": stack["access_key_id"],
        "aws_secret_access_key": stack["secret_access_key"],
    }


def wait_for(run: str, status: str) -> None:
    """Follow the run on the terminal until it rests; it must rest as expected."""
    analemma("status", run, "--cloud", STACK, "--follow")
    found = analemma_json("status", run, "--cloud", STACK, quiet=True)["status"]
    if found != status:
        sys.exit(f"demo: the run is {found}, not {status}")


def count(run: str) -> None:
    """Print what the run cost, from the emulated AWS's own books."""
    outputs = deployed()["outputs"]
    events = logged(outputs["functionNames"].values())
    tasks = [each for each in events if each.get("run_id") == run]
    print_node_runs([each for each in tasks if each["event"] == "task started"])
    requests = {each["request"] for each in tasks if "request" in each}
    print_calls(
        each["aws_calls"]
        for each in events
        if each["event"] == "invocation ended" and each["request"] in requests
    )
    print_stored(outputs, run)
    print_execution(outputs, run)


def logged(functions: Any) -> list[dict[str, Any]]:
    logs = client("logs")
    found = []
    for function in functions:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{function}"
        )
        for page in pages:
            for event in page["events"]:
                lines = event["message"].splitlines()
                found += [json.loads(line) for line in lines if line.startswith("{")]
    return found


def print_node_runs(started: list[dict[str, Any]]) -> None:
    runs = Counter(each["node"] for each in started)
    tasks = {each["task_id"]: each["node"] for each in started}
    distinct = Counter(tasks.values())
    table = plain_table("node", "tasks", "runs", "ran again")
    for node in sorted(runs):
        again = runs[node] - distinct[node]
        table.add_row(node, str(distinct[node]), str(runs[node]), str(again))
    console.print(table)
    say("(a node that asks a person runs again with the answer: LangGraph's rule)")


def print_calls(invocations: Any) -> None:
    calls: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    for each in invocations:
        for operation, figures in each.items():
            calls[operation] += figures["calls"]
            sent[operation] += figures["request_bytes"]
    table = plain_table("API calls of the Lambdas", "calls", "bytes sent")
    for operation in sorted(calls):
        table.add_row(operation, str(calls[operation]), f"{sent[operation]:,}")
    console.print(table)
    say("(what a killed process had called before it died is not in it)")


def print_stored(outputs: dict[str, str], run: str) -> None:
    dynamodb = client("dynamodb")
    pages = dynamodb.get_paginator("query").paginate(
        TableName=outputs["table"],
        KeyConditionExpression="pk = :run",
        ExpressionAttributeValues={":run": {"S": f"run/local/{run}"}},
    )
    bodies = [len(item["body"]["B"]) for page in pages for item in page["Items"]]
    s3 = client("s3")
    objects = [
        found["Size"]
        for page in s3.get_paginator("list_objects_v2").paginate(
            Bucket=outputs["bucket"]
        )
        for found in page.get("Contents", [])
    ]
    table = plain_table("stored", "number", "bytes")
    table.add_row("DynamoDB records of this run", str(len(bodies)), f"{sum(bodies):,}")
    table.add_row("S3 pages of this stack", str(len(objects)), f"{sum(objects):,}")
    console.print(table)


def print_execution(outputs: dict[str, str], run: str) -> None:
    states = client("stepfunctions")
    machine = outputs["stateMachineArn"]
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{run}"
    events = [
        event
        for page in states.get_paginator("get_execution_history").paginate(
            executionArn=arn
        )
        for event in page["events"]
    ]
    retried = sum(event["type"] == "TaskFailed" for event in events)
    largest = max(
        len(details[part].encode())
        for event in events
        for name, details in event.items()
        if name in ("stateEnteredEventDetails", "stateExitedEventDetails")
        for part in ("input", "output")
        if part in details
    )
    status = states.describe_execution(executionArn=arn)["status"]
    table = plain_table("Step Functions execution", "")
    table.add_row("status", status)
    table.add_row("history events (of 25,000)", str(len(events)))
    table.add_row("slices that failed and were tried again", str(retried))
    table.add_row("largest input or output of a state", f"{largest} bytes")
    console.print(table)


def plain_table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def title(text: str) -> None:
    console.print(f"\n[bold cyan]{text}[/]")


def say(text: str) -> None:
    console.print(text)


if __name__ == "__main__":
    main()
