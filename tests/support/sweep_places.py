"""Places to sweep: stores whose pages can be made to look old, and runs in them."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.hardware.ports import PageStore, Record, RecordStore
from analemma.ids import LOCAL_OWNER, Owner, PageId, RandomIds, WorkflowDigest
from analemma.kernelspace.layout import (
    approval_sort,
    ledger_sort,
    run_partition,
    runs_partition,
)
from analemma.kernelspace.machine import Machine
from analemma.kernelspace.memory.saver import PagedSaver
from analemma.kernelspace.memory.verify import verify
from analemma.kernelspace.process_table import ProcessTable
from analemma.kernelspace.sweep import SweepReport, sweep
from analemma.kernelspace.value_pages import load_value, value_page
from analemma.records.policy import KernelPolicy, RetentionPolicy
from analemma.records.run import RunRecord, RunStatus
from kernel_desk import no_model
from kernel_machines import HandClock, run_record
from memory_backends import config_of
from memory_checkpoints import put
from memory_stores import MemoryPageStore, MemoryRecordStore
from stores_aws import EmulatedAws
from stores_through import ThroughRecords

DAYS = 30
"""How long the policy of these places keeps ended runs."""

LONG_AGO = timedelta(days=DAYS + 1)
LATELY = timedelta(days=DAYS - 1)
OLD = timedelta(days=3)


def large(seed: str) -> str:
    """Return a text that goes to the page store by itself."""
    return f"{seed} " * 4000


@dataclass
class Place:
    """Stores, a clock, and what a test does to them."""

    records: RecordStore
    pages_of: Callable[[Owner], PageStore]
    age: Callable[[Owner, PageId], None]
    clock: HandClock
    ended_runs_days: int | None = DAYS
    _writers: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))

    @property
    def pages(self) -> PageStore:
        """The pages of the usual owner."""
        return self.pages_of(LOCAL_OWNER)

    @property
    def machine(self) -> Machine:
        """A machine of these stores."""
        return Machine(
            records=self.records,
            pages=self.pages_of,
            clock=self.clock,
            ids=RandomIds(),
            policy=KernelPolicy(
                retention=RetentionPolicy(ended_runs_days=self.ended_runs_days)
            ),
            model=no_model,
        )

    def on(self, records: RecordStore, pages: PageStore) -> "Place":
        """Return the same place with other stores before these."""
        return replace(self, records=records, pages_of=lambda _: pages)

    def sweep(
        self, *, dry_run: bool = False, owner: Owner = LOCAL_OWNER
    ) -> SweepReport:
        """Sweep."""
        return sweep(self.machine, owner, dry_run=dry_run)

    def grow_old(self, owner: Owner = LOCAL_OWNER) -> None:
        """Make every page look as if nobody had stored it for days."""
        for page in list(self.pages_of(owner).list()):
            self.age(owner, page.id)

    def stored(self, owner: Owner = LOCAL_OWNER) -> set[PageId]:
        """Return the pages there are."""
        return {page.id for page in self.pages_of(owner).list()}

    def contents(self, owner: Owner = LOCAL_OWNER) -> dict[tuple[str, str], bytes]:
        """Return every record of an owner's runs, and their listing."""
        found = [
            *self.records.scan(f"run/{owner}/"),
            *self.records.query(runs_partition(owner)),
        ]
        return {(each.partition, each.sort): each.body for each in found}

    def saver(self, owner: Owner = LOCAL_OWNER) -> PagedSaver:
        """Return a saver that nobody else is."""
        return PagedSaver(
            self.records,
            self.pages_of(owner),
            owner=owner,
            writer=f"writer-{next(self._writers)}",
            workflow=WorkflowDigest("d" * 64),
        )

    def run(
        self,
        run_id: str,
        *texts: str,
        status: RunStatus = RunStatus.DONE,
        ago: timedelta = timedelta(0),
        owner: Owner = LOCAL_OWNER,
        key: str | None = None,
    ) -> RunRecord:
        """Make a run: input, result, approval, ledger, and a checkpoint a text."""
        pages, then = self.pages_of(owner), self.clock.now() - ago
        record = run_record(
            run_id,
            owner=owner,
            key=key,
            status=status,
            input_ref=value_page(large(f"input of {run_id}")).store(pages),
            result_ref=value_page(large(f"result of {run_id}")).store(pages),
            created_at=then - timedelta(hours=1),
            updated_at=then,
        )
        ProcessTable(self.records).admit(record)
        saver, config = self.saver(owner), config_of(run_id=run_id)
        for step, text in enumerate(texts):
            config = put(saver, config, step=step, text=large(text), count=step)
            writes = [("text", large(f"{text} written")), ("count", step)]
            saver.put_writes(config, writes, f"task-{step}")
        partition = run_partition(owner, run_id)
        self.records.put(partition, approval_sort("ap-1"), b'{"question": 1}')
        self.records.put(partition, ledger_sort("task-0", "call-1"), b"{}")
        return record

    def check(self, run_id: str, *, last: str) -> None:
        """See that a run is whole, and that its last text is that one."""
        found = verify(self.records, self.pages, LOCAL_OWNER, run_id)
        assert found.ok, found.first
        states = list(self.saver().list(config_of(run_id=run_id)))
        assert states[0].checkpoint["channel_values"]["text"] == large(last)
        assert large(f"{last} written") in [
            each[2] for each in states[0].pending_writes or ()
        ]
        record = ProcessTable(self.records).get(LOCAL_OWNER, run_id).record
        assert load_value(self.pages, record.input_ref) == large(f"input of {run_id}")
        assert record.result_ref is not None
        assert load_value(self.pages, record.result_ref) == large(f"result of {run_id}")

    def orphans(self, *texts: str, owner: Owner = LOCAL_OWNER) -> set[PageId]:
        """Store pages that no record names."""
        return {self.pages_of(owner).put(text.encode()) for text in texts}


def memory_place() -> Place:
    """Return a place in this process's memory, whose clock a test moves."""
    clock = HandClock()
    pages: dict[Owner, MemoryPageStore] = {}

    def of_owner(owner: Owner) -> MemoryPageStore:
        return pages.setdefault(owner, MemoryPageStore(now=clock.now))

    def age(owner: Owner, page: PageId) -> None:
        of_owner(owner).stored_at[page] -= OLD

    return Place(MemoryRecordStore(), of_owner, age, clock)


def cloud_place(aws: EmulatedAws) -> Place:
    """Return a table and a bucket that keeps versions, both empty."""
    bucket = aws.new_bucket(versions=True)

    def age(owner: Owner, page: PageId) -> None:
        aws.age_object(bucket, f"pages/{owner}/{page}", OLD)

    return Place(
        DynamoRecordStore(aws.dynamodb, aws.new_table()),
        lambda owner: S3PageStore(aws.s3, bucket, owner),
        age,
        HandClock(at=datetime.now(UTC)),
    )


class Passed(ThroughRecords):
    """A ``RecordStore`` beside which something happens while a sweep reads them.

    ``act`` is called once, after ``at`` records of the scan were given, or all.
    """

    def __init__(self, store: RecordStore, at: int, act: Callable[[], object]) -> None:
        super().__init__(store)
        self._at = at
        self._act = act
        self.acted = False
        self.given = 0

    def scan(self, partition_prefix: str) -> Iterator[Record]:
        found = self.store.scan(partition_prefix)
        for record in itertools.islice(found, self._at):
            self.given += 1
            yield record
        self.acted = True
        self._act()
        for record in found:
            self.given += 1
            yield record


def ids_of(report: SweepReport) -> set[PageId]:
    """Return the pages that a report says went."""
    return {page.id for page in report.pages}


def runs_of(report: SweepReport) -> Sequence[str]:
    """Return the runs that a report says went."""
    return sorted(run.run_id for run in report.runs)
