"""Records whose bodies are encrypted: what people and agents wrote into them.

The logs of runs need no such thing: their values are encrypted one by one, by
the serializer, so that equal values stay equal. A run record, an approval and a
ledger entry are rewritten whole and share nothing, hence are encrypted whole.

    body  <cipher's name> NUL <ciphertext>, which opens only under its own key
          of the record store: a body moved to another record is refused

A body without such a start was written before the home had a key, and is
handed on as it is.
"""

from collections.abc import Callable, Iterator

from analemma.hardware.local.siv_cipher import CIPHER, SivCipher
from analemma.hardware.ports.records import (
    Record,
    RecordConflict,
    RecordStore,
    check_body,
)

_START = f"{CIPHER}.".encode()


class EncryptedRecordStore:
    """A ``RecordStore`` over another one. Safe among threads, as that is."""

    def __init__(
        self, records: RecordStore, cipher: SivCipher, chosen: Callable[[str], bool]
    ) -> None:
        """Encrypt the records whose sort key is ``chosen``."""
        self._records = records
        self._cipher = cipher
        self._chosen = chosen

    def get(self, partition: str, sort: str) -> Record | None:
        """Return the record, or None.

        Raises:
            ConfigInvalid: another key encrypted it.
            Corrupt: its bytes are not what was written.
        """
        found = self._records.get(partition, sort)
        return None if found is None else self._opened(found)

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

        Raises:
            RecordConflict: ``expected`` does not hold; nothing was written.
            ValueError: the key or the body is not storable.
        """
        check_body(body)
        stored = body
        if body and self._chosen(sort):
            ciphertext = self._cipher.seal(body, partition.encode(), sort.encode())
            stored = b"\0".join((self._cipher.name.encode(), ciphertext))
        try:
            return self._records.put(
                partition, sort, stored, expected=expected, durably=durably
            )
        except RecordConflict as conflict:
            current = conflict.current
            raise RecordConflict(
                partition, sort, None if current is None else self._opened(current)
            ) from None

    def delete(self, partition: str, sort: str) -> None:
        """Remove the record; an absent one is no error."""
        self._records.delete(partition, sort)

    def query(
        self,
        partition: str,
        *,
        low: str = "",
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """Yield the records with ``low <= sort <= high``, in order."""
        found = self._records.query(
            partition, low=low, high=high, descending=descending, limit=limit
        )
        return map(self._opened, found)

    def scan(self, partition_prefix: str) -> Iterator[Record]:
        """Yield every record of every partition whose name starts like that."""
        return map(self._opened, self._records.scan(partition_prefix))

    def _opened(self, record: Record) -> Record:
        if not self._chosen(record.sort) or not record.body.startswith(_START):
            return record
        name, _, ciphertext = record.body.partition(b"\0")
        self._cipher.check(name.decode("ascii", "replace"))
        body = self._cipher.open(
            ciphertext, record.partition.encode(), record.sort.encode()
        )
        return Record(record.partition, record.sort, body, record.revision)
