"""Port: immutable bytes under their SHA-256.

Content-addressed, hence idempotent: equal bytes, equal id, one object. There
is no update. Pages of different owners never share an object, so that nobody
can learn by timing or by counting what somebody else stored.
"""

from typing import Protocol

from analemma.ids import PageId


class PageStore(Protocol):
    """The pages of one owner. Safe to share between threads.

    Every method may raise ``StoreUnavailable``.
    """

    def put(self, page: bytes) -> PageId:
        """Store ``page`` under its SHA-256 and return that id.

        Any size from 0 bytes to 64 MiB. Durable when it returns; a second
        call with equal bytes changes nothing.
        """
        ...

    def get(self, page: PageId) -> bytes:
        """Return the bytes of ``page``.

        Raises:
            PageMissing: no such page.
            PageCorrupt: the stored bytes do not hash to their id.
        """
        ...

    def has(self, page: PageId) -> bool:
        """Say whether ``page`` is stored, without reading it."""
        ...
