"""What the suite is told about a checkpointer, and how a check says what it saw.

A saver is never shared between checks: each check gets a ``Subject`` of its own
and opens as many savers on that subject's storage as it needs, each as a fresh
process would have it.
"""

import unittest
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from langgraph.checkpoint.base import BaseCheckpointSaver

Saver = BaseCheckpointSaver[Any]
"""Any: LangGraph's parameter is the type of versions, which savers choose."""


class Violation(AssertionError):
    """A saver broke a rule; the message says what was expected and what was seen."""


class NotOffered(unittest.SkipTest):
    """The subject does not offer what a check is about.

    A ``SkipTest``, so that pytest and unittest report a skipped test.
    """


@dataclass(frozen=True, slots=True)
class Subject:
    """One storage, empty at first, and the savers on it.

    Attributes:
        open: Returns a saver on the storage as a fresh process would have it:
            it must share no memory with the savers opened before. May return
            an awaitable. Called inside a running event loop when the async
            methods are checked, so that savers bound to a loop can be made.
        thread_id: Returns an id that was never used on the storage.
        faulty: Returns a saver whose storage raises from its call number
            ``after_calls + 1`` on, for ever. A call that raises must have
            changed nothing. None: not offered, and the torn writes are not
            checked.
        close: Called once after the check, whatever came of it; as ``open``, it
            may return an awaitable.
    """

    open: Callable[[], Saver | Awaitable[Saver]]
    thread_id: Callable[[], str] = field(default=lambda: str(uuid4()))
    faulty: Callable[[int], Saver | Awaitable[Saver]] | None = None
    close: Callable[[], Awaitable[None] | None] = field(default=lambda: None)


def expect(holds: bool, sentence: str) -> None:
    """Raise ``Violation`` with the sentence unless the rule holds."""
    if not holds:
        raise Violation(sentence)
