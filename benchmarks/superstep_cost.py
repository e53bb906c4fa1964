"""What a superstep costs: records, calls and bytes, beside LangGraph's savers.

One graph, N supersteps, each of which appends one message of 1 KB, every
superstep durable before the next one starts. Counts repeat exactly; the seconds
are one noisy run.

    make bench
    python benchmarks/superstep_cost.py --supersteps 50 100 200
"""

import argparse
import operator
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from moto import mock_aws
from rich.console import Console
from rich.table import Table

from analemma.hardware.aws.clients import AwsClients, AwsSettings
from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.hardware.aws.traffic import Traffic
from analemma.hardware.local.home import LocalHome
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.memory.saver import PagedSaver

MESSAGE_BYTES = 1000
REGION = "eu-west-1"


class State(TypedDict):
    target: int
    messages: Annotated[list[str], operator.add]


@dataclass
class Cost:
    """What N supersteps cost. None: not counted for this saver."""

    stored_bytes: int
    calls: int | None
    seconds: float


def append(state: State) -> dict[str, Any]:
    number = len(state["messages"])
    return {"messages": [f"{number:08d}".ljust(MESSAGE_BYTES, "x")]}


def again(state: State) -> str:
    return "append" if len(state["messages"]) < state["target"] else END


def drive(saver: BaseCheckpointSaver[Any], supersteps: int) -> float:
    builder = StateGraph(State).add_node("append", append).add_edge(START, "append")
    graph = builder.add_conditional_edges("append", again, ["append", END]).compile(
        checkpointer=saver
    )
    began = time.perf_counter()
    graph.invoke(
        {"target": supersteps, "messages": []},
        {"configurable": {"thread_id": "bench"}, "recursion_limit": supersteps + 10},
        durability="sync",
    )
    return time.perf_counter() - began


def in_memory(supersteps: int) -> Cost:
    saver = InMemorySaver()
    seconds = drive(saver, supersteps)
    blobs = sum(len(payload) for _, payload in saver.blobs.values())
    return Cost(blobs, None, seconds)


def sqlite(supersteps: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoints.sqlite"
        with SqliteSaver.from_conn_string(str(path)) as saver:
            seconds = drive(saver, supersteps)
        return Cost(path.stat().st_size, None, seconds)


def paged_on_sqlite(supersteps: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with LocalHome.open(home) as opened:
            saver = PagedSaver(
                opened.records, opened.pages(), owner=LOCAL_OWNER, writer="bench"
            )
            seconds = drive(saver, supersteps)
        files = [path for path in home.rglob("*") if path.is_file()]
        return Cost(sum(path.stat().st_size for path in files), None, seconds)


def paged_on_aws(supersteps: int) -> Cost:
    with ExitStack() as stack:
        stack.enter_context(mock_aws())
        traffic = Traffic()
        clients = AwsClients(
            AwsSettings(REGION, access_key_id="test", secret_access_key="test"),
            traffic,
        )
        dynamodb, s3 = clients.dynamodb(), clients.s3()
        dynamodb.create_table(
            TableName="records",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        s3.create_bucket(
            Bucket="pages", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        before = dict(traffic.counts())
        saver = PagedSaver(
            DynamoRecordStore(dynamodb, "records"),
            S3PageStore(s3, "pages", LOCAL_OWNER),
            owner=LOCAL_OWNER,
            writer="bench",
        )
        seconds = drive(saver, supersteps)
        writes = [
            (key, count)
            for key, count in traffic.counts().items()
            if key not in before and key[1] in ("UpdateItem", "PutItem", "PutObject")
        ]
        return Cost(
            sum(count.request_bytes for _, count in writes),
            sum(count.calls for _, count in writes),
            seconds,
        )


SAVERS: dict[str, Callable[[int], Cost]] = {
    "InMemorySaver (LangGraph), blobs": in_memory,
    "SqliteSaver (LangGraph), file": sqlite,
    "PagedSaver on SQLite, whole home": paged_on_sqlite,
    "PagedSaver on DynamoDB + S3 (moto), sent": paged_on_aws,
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--supersteps", type=int, nargs="+", default=[50, 100, 200])
    counts: list[int] = options.parse_args().supersteps
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("saver")
    for heading in ("N", "bytes", "bytes a step", "write calls a step", "seconds"):
        table.add_column(heading, justify="right")
    for name, measure in SAVERS.items():
        for supersteps in counts:
            cost = measure(supersteps)
            table.add_row(
                name,
                str(supersteps),
                f"{cost.stored_bytes:,}",
                f"{cost.stored_bytes / supersteps:,.0f}",
                "" if cost.calls is None else f"{cost.calls / supersteps:.2f}",
                f"{cost.seconds:.2f}",
            )
    Console(highlight=False, width=110).print(table)


if __name__ == "__main__":
    main()
