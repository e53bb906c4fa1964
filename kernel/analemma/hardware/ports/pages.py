"""Port: immutable bytes under their SHA-256.

Content-addressed, hence idempotent: equal bytes, equal id, one object. There
is no update. Pages of different owners never share an object, so that nobody
can learn by timing or by counting what somebody else stored.

A sweep may delete beside running writers, because ``put`` also renews the age
of a page that was there before: no page that a put has just promised looks
older than ``REFRESH_SECONDS``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from analemma.ids import PageId

REFRESH_SECONDS = 3600
"""The greatest age of a page at the moment at which ``put`` returns it."""


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page as a listing finds it. ``stored_at`` is aware UTC, the store's clock."""

    id: PageId
    size_bytes: int
    stored_at: datetime


def is_due(stored_at: datetime, now: datetime) -> bool:
    """Say whether ``put`` has to store a page again that is there already.

    From half of ``REFRESH_SECONDS`` on: neither a slow call nor two clocks that
    differ by less than the other half then break what ``put`` promises.
    """
    return now - stored_at >= timedelta(seconds=REFRESH_SECONDS / 2)


class PageStore(Protocol):
    """The pages of one owner. Safe to share between threads.

    Every method may raise ``StoreUnavailable``.
    """

    def put(self, page: bytes) -> PageId:
        """Store ``page`` under its SHA-256 and return that id.

        Any size from 0 bytes to 64 MiB. Durable when it returns; a second
        call with equal bytes changes no byte. When it returns, the page's
        ``stored_at`` is at most ``REFRESH_SECONDS`` ago, also if the page was
        there before.
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

    def list(self) -> Iterator[StoredPage]:
        """Yield every page of the owner, in any order. Lazy: reads as it is asked.

        A page that is there from the first step to the last is met once; one
        that is stored or deleted meanwhile may be met or not.
        """
        ...

    def delete(self, page: PageId, *, stored_before: datetime) -> bool:
        """Remove ``page`` if it was last stored before that moment.

        Race-free: a put at the same time either renews the page, and then it
        stays, or stores it anew. To spare what any put promised at or after a
        moment T, pass at most T - ``REFRESH_SECONDS``. The clocks of stores are
        coarse: a page stored up to two seconds before the moment may stay.

        Args:
            page: The page's id.
            stored_before: Aware, on the store's clock.

        Returns:
            Whether this call removed it: False if it is absent, or too young.
        """
        ...
