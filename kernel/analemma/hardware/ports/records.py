"""Port: small records, ordered within a partition, written under a condition.

The one thing to know: ``put`` with ``expected=0`` is the fence of the whole
product. It succeeds for exactly one of any number of concurrent writers, and
the losers learn what the winner wrote.

Shape (DynamoDB's, because that is the harder one to satisfy): a record is
``partition``, ``sort``, ``body`` (bytes) and ``revision`` (1 for a first
write, then counting up). Within a partition, records are ordered by the UTF-8
bytes of ``sort``. A body is at most ``MAX_BODY_BYTES``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from analemma.errors import AnalemmaError

MAX_BODY_BYTES = 380_000
"""What fits a DynamoDB item (400 KB) beside its keys; holds for every adapter."""

MAX_PARTITION_BYTES = 2048
"""DynamoDB's limit for a partition key, in UTF-8."""

MAX_SORT_BYTES = 1024
"""DynamoDB's limit for a sort key, in UTF-8."""

ABSENT = 0
"""As ``expected``: only if no record is there."""


@dataclass(frozen=True, slots=True)
class Record:
    """One stored record."""

    partition: str
    sort: str
    body: bytes
    revision: int


class RecordConflict(AnalemmaError):
    """A condition did not hold. ``current`` is what is stored (None: nothing)."""

    def __init__(self, partition: str, sort: str, current: Record | None) -> None:
        held = "nothing" if current is None else f"revision {current.revision}"
        super().__init__(f"record {partition} {sort}: condition failed, found {held}")
        self.current = current


def check_key(partition: str, sort: str) -> None:
    """Refuse a key that DynamoDB could not hold, whatever the adapter.

    Otherwise a run would work on a laptop and fail in the cloud.

    Raises:
        ValueError: an empty or too long key, or one that is not valid UTF-8.
    """
    if not 0 < len(partition.encode()) <= MAX_PARTITION_BYTES:
        raise ValueError(f"partition {partition[:80]!r} is empty or too long")
    if not 0 < len(sort.encode()) <= MAX_SORT_BYTES:
        raise ValueError(f"sort key {sort[:80]!r} is empty or too long")


def check_body(body: bytes) -> None:
    """Refuse a body that DynamoDB could not hold.

    Raises:
        ValueError: more than ``MAX_BODY_BYTES``.
    """
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"a body of {len(body)} bytes exceeds {MAX_BODY_BYTES}")


class RecordStore(Protocol):
    """Ordered, conditional storage for records.

    Every read sees every write that returned before it (strong consistency).
    Safe to share between threads. Every method may raise ``StoreUnavailable``;
    after that, a ``put`` may or may not have been applied. Keys are not empty and
    fit DynamoDB (``check_key``); any other is a ``ValueError`` of every method.
    """

    def get(self, partition: str, sort: str) -> Record | None:
        """Return the record, or None."""
        ...

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        """Write the record whole; return its new revision. Durable on return.

        Args:
            partition: The record's partition.
            sort: Its place in the partition.
            body: At most ``MAX_BODY_BYTES``.
            expected: The revision that must be stored now; ``ABSENT`` for none;
                ``None`` writes whatever is there.
            durably: False lets the record wait: it survives the death of this
                process at once, and a loss of power only once a later durable
                ``put`` of this store has returned. For a record that is soon
                followed by one, and worth nothing without it.

        Raises:
            RecordConflict: ``expected`` does not hold; nothing was written. An
                attempt that was applied and whose answer was lost conflicts
                with itself when retried: compare ``current`` with your bytes.
            ValueError: ``body`` is too large.
        """
        ...

    def delete(self, partition: str, sort: str) -> None:
        """Remove the record; an absent one is no error."""
        ...

    def query(
        self,
        partition: str,
        *,
        low: str = "",
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """Yield the partition's records with ``low <= sort <= high``, in order.

        Lazy: stops asking the store when the caller stops. ``high=None`` means
        no upper bound. ``limit`` caps the records yielded, and tells the
        adapter how much to fetch.
        """
        ...

    def scan(self, partition_prefix: str) -> Iterator[Record]:
        """Yield every record of every partition whose name starts like that.

        The records of one partition come together, in ascending order of sort;
        the partitions come in any order. An empty prefix means all. Lazy: stops
        asking the store when the caller stops.

        A record that is there from the first step to the last is met, once. One
        that is written meanwhile is missed where the reader has been, and met
        where it has still to come; adapters read ahead, DynamoDB by a megabyte.
        """
        ...
