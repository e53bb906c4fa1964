"""langgraph-checkpoint-aws: DynamoDB, and S3 for what is above 350 KB."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from langgraph_checkpoint_aws import DynamoDBSaver

from benchmarks.memory.cloud import REGION, Cloud, CloudClients, cloud
from benchmarks.memory.places import Calls, Contender, Graph
from benchmarks.memory.workloads import Builder

NAME = "langgraph-checkpoint-aws"


def saver_on(opened: Cloud) -> DynamoDBSaver:
    """Return a new saver with new clients, which are counted."""
    saver = DynamoDBSaver(
        table_name=opened.name,
        session=opened.clients.session,
        region_name=REGION,
        s3_offload_config={
            "bucket_name": opened.name,
            "endpoint_url": None,
            "key_prefix": None,
        },
    )
    opened.clients.watch(saver.client)
    if saver.storage.s3_client is None:
        raise RuntimeError(f"{NAME} did not take the bucket")
    opened.clients.watch(saver.storage.s3_client)
    return saver


class AwsPlace:
    """A table and a bucket with LangGraph's AWS saver on them."""

    def __init__(self, opened: Cloud) -> None:
        self._cloud = opened

    def attach(self, builder: Builder) -> Graph:
        """Return the compiled graph with a new saver and new clients."""
        return builder.compile(checkpointer=saver_on(self._cloud))

    def stored_bytes(self) -> int:
        """Return the size of all items and of all objects."""
        return self._cloud.stored_bytes()

    def calls(self) -> Calls:
        """Return what was sent and received until now."""
        return self._cloud.calls()


@contextmanager
def _open(clients: CloudClients) -> Iterator[AwsPlace]:
    with cloud(clients, "PK", "SK") as opened:
        yield AwsPlace(opened)


def contender(clients: CloudClients) -> Contender:
    """Return the saver."""
    return Contender(NAME, partial(_open, clients), is_aws=True)
