"""A record store that hands every call on; tests override what they watch."""

from collections.abc import Iterator

from analemma.hardware.ports import Record, RecordStore


class ThroughRecords:
    """A ``RecordStore`` in front of another one."""

    def __init__(self, store: RecordStore) -> None:
        self.store = store

    def get(self, partition: str, sort: str) -> Record | None:
        return self.store.get(partition, sort)

    def put(
        self,
        partition: str,
        sort: str,
        body: bytes,
        *,
        expected: int | None = None,
        durably: bool = True,
    ) -> int:
        return self.store.put(partition, sort, body, expected=expected, durably=durably)

    def delete(self, partition: str, sort: str) -> None:
        self.store.delete(partition, sort)

    def query(
        self,
        partition: str,
        *,
        low: str = "",
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        return self.store.query(
            partition, low=low, high=high, descending=descending, limit=limit
        )

    def scan(self, partition_prefix: str) -> Iterator[Record]:
        return self.store.scan(partition_prefix)
