"""Which namespaces of a run have a log, and which runs an owner has."""

from collections.abc import Iterator

from analemma.hardware.ports import RecordStore
from analemma.kernelspace.layout import (
    after,
    listed_run,
    log_prefix,
    log_sort,
    parse_log_sort,
    run_in,
    run_partition,
    run_partitions,
    runs_partition,
)

LOGS = "log/"


def namespaces(records: RecordStore, owner: str, run_id: str) -> Iterator[str]:
    """Yield the namespaces of a run's logs; one small query each.

    The root (``""``) comes first, if it has a log.
    """
    yield from _namespaces_in(records, run_partition(owner, run_id))


def prunings(records: RecordStore, partition: str) -> dict[str, int]:
    """Return how often each log of a run was pruned, by namespace.

    Who reads a log forwards while it is pruned may miss what was moved to its
    beginning; if this has changed meanwhile, reading again is worth it.
    """
    counts: dict[str, int] = {}
    for namespace in list(_namespaces_in(records, partition)):
        record = records.get(partition, log_sort(namespace, 0))
        counts[namespace] = 0 if record is None else record.revision
    return counts


def _namespaces_in(records: RecordStore, partition: str) -> Iterator[str]:
    low = LOGS
    while True:
        found = next(records.query(partition, low=low, high=after(LOGS), limit=1), None)
        if found is None:
            return
        namespace, _, _ = parse_log_sort(found.sort)
        yield namespace
        low = after(log_prefix(namespace))


def stored_runs(records: RecordStore, owner: str) -> Iterator[str]:
    """Yield the ids of an owner's runs that have any record, listed or not.

    Reads every record of the owner.
    """
    last = None
    for record in records.scan(run_partitions(owner)):
        if record.partition != last:
            last = record.partition
            yield run_in(last)


def runs(records: RecordStore, owner: str) -> Iterator[str]:
    """Yield the ids of an owner's runs, as its process table lists them."""
    seen: set[str] = set()
    for record in records.query(runs_partition(owner)):
        run_id = listed_run(record.sort)
        if run_id not in seen:
            seen.add(run_id)
            yield run_id
