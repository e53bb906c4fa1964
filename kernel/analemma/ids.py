"""Ids: opaque text with a type, and where new ones come from.

A run's id sorts by the time it was admitted, so that a listing needs no index.
With a key, the id is derived from it: admitting twice finds the same run.
"""

import hashlib
import re
import secrets
import time
from typing import NewType, Protocol

RunId = NewType("RunId", str)
"""``run-`` and 26 characters; also the LangGraph ``thread_id`` of the run."""

Owner = NewType("Owner", str)
"""Who a record belongs to. Every lookup names one; none crosses it."""

PageId = NewType("PageId", str)
"""Lower-case hexadecimal SHA-256 of a page's bytes; 64 characters."""

WorkflowDigest = NewType("WorkflowDigest", str)
"""Lower-case hexadecimal SHA-256 that names one version of a workflow."""

ApprovalId = NewType("ApprovalId", str)
"""``ap-`` and 12 characters, derived from the run and the interrupt."""

LOCAL_OWNER = Owner("local")
"""The owner of everything a laptop without accounts does."""

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAGE_ID = re.compile(r"[0-9a-f]{64}")


class IdSource(Protocol):
    """Where fresh ids come from; injected, so that tests repeat."""

    def run_id(self) -> RunId:
        """Return an id never returned before, sorting after earlier ones."""
        ...


class RandomIds:
    """Ids of 48 bits of milliseconds and 80 random bits, like a ULID."""

    def run_id(self) -> RunId:
        """Return a fresh id; two within one millisecond sort at random."""
        number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
        return RunId("run-" + _base32(number, 26))


def keyed_run_id(owner: Owner, key: str) -> RunId:
    """Return the one id that ``key`` stands for with this owner."""
    digest = hashlib.sha256(f"{owner}\0{key}".encode()).digest()
    return RunId("run-" + _base32(int.from_bytes(digest[:16]), 26))


def derived_approval_id(*parts: str) -> ApprovalId:
    """Return the approval id that ``parts`` name: same parts, same id."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return ApprovalId("ap-" + _base32(int.from_bytes(digest[:8]) >> 4, 12))


def page_id(page: bytes) -> PageId:
    """Return the id of ``page``: its SHA-256, in hexadecimal."""
    return PageId(hashlib.sha256(page).hexdigest())


def is_page_id(text: str) -> bool:
    """Say whether ``text`` has the shape of a page id.

    Adapters build paths and object keys from page ids: ask before doing so.
    """
    return _PAGE_ID.fullmatch(text) is not None


def _base32(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        digits.append(_CROCKFORD[digit])
    return "".join(reversed(digits))
