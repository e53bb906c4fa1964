"""The stores a memory can stand on: in this process, on a laptop, in the cloud."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from langchain_core.runnables import RunnableConfig

from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.hardware.local.home import LocalHome
from analemma.hardware.ports import PageStore, RecordStore
from analemma.ids import LOCAL_OWNER, WorkflowDigest
from analemma.kernelspace.layout import run_partition
from analemma.kernelspace.memory.saver import PagedSaver, RootCheckpoint
from memory_stores import MemoryPageStore, MemoryRecordStore
from stores_aws import EmulatedAws

RUN = "run-00000000000000000000000001"
OWNER = LOCAL_OWNER


@dataclass
class Backend:
    """Two stores, and savers that nobody else is."""

    records: RecordStore
    pages: PageStore
    _writers: Iterator[int] = field(default_factory=itertools.count)

    def saver(
        self,
        *,
        workflow: WorkflowDigest | None = None,
        on_root_checkpoint: Callable[[RootCheckpoint], None] | None = None,
    ) -> PagedSaver:
        """Return a saver as a fresh process would have it."""
        return PagedSaver(
            self.records,
            self.pages,
            owner=OWNER,
            writer=f"writer-{next(self._writers)}",
            workflow=workflow,
            on_root_checkpoint=on_root_checkpoint,
        )


@dataclass
class MemoryBackend(Backend):
    """A backend whose bytes a test can look at and break."""

    records: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    pages: MemoryPageStore = field(default_factory=MemoryPageStore)


@contextmanager
def local_backend(path: Path) -> Iterator[Backend]:
    """Yield SQLite and files."""
    with LocalHome.open(path / "home") as home:
        yield Backend(home.records, home.pages())


def aws_backend(aws: EmulatedAws) -> Backend:
    """Return DynamoDB and S3, empty."""
    return Backend(
        DynamoRecordStore(aws.dynamodb, aws.new_table()),
        S3PageStore(aws.s3, aws.new_bucket(), OWNER),
    )


def config_of(
    checkpoint_id: str | None = None, namespace: str = "", run_id: str = RUN
) -> RunnableConfig:
    """Return the config that names a checkpoint, or the latest."""
    configurable = {"thread_id": run_id, "checkpoint_ns": namespace}
    if checkpoint_id is not None:
        configurable["checkpoint_id"] = checkpoint_id
    return {"configurable": configurable}


def contents(backend: Backend, run_id: str = RUN) -> dict[str, tuple[bytes, int]]:
    """Return every record of a run: its body and its revision."""
    return {
        record.sort: (record.body, record.revision)
        for record in backend.records.query(run_partition(OWNER, run_id))
    }
