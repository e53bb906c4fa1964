"""Our savers, and LangGraph's, as subjects of ``analemma.testing``."""

import dataclasses
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from analemma.errors import StoreUnavailable
from analemma.hardware.ports import PageStore, RecordStore
from analemma.testing import Saver, Subject
from memory_backends import Backend, local_backend


class Answers:
    """How many calls storage still answers, records and pages together."""

    def __init__(self, calls: int) -> None:
        self._left = calls
        self._lock = threading.Lock()

    def count(self) -> None:
        with self._lock:
            if self._left <= 0:
                raise StoreUnavailable("the storage does not answer")
            self._left -= 1


class Faulty:
    """A store that answers so many calls, whatever they are."""

    def __init__(self, store: object, answers: Answers) -> None:
        self._store = store
        self._answers = answers

    # Any: every method of a port.
    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found

        def counted(*args: Any, **options: Any) -> Any:
            self._answers.count()
            returned = found(*args, **options)
            # Read now: the call has been answered.
            return iter([*returned]) if isinstance(returned, Iterator) else returned

        return counted


def backend_subject(
    backend: Backend, close: Callable[[], None] = lambda: None
) -> Subject:
    """Return our saver on a backend; ``close`` ends the backend."""

    def faulty(after_calls: int) -> Saver:
        answers = Answers(after_calls)
        return dataclasses.replace(
            backend,
            records=cast(RecordStore, Faulty(backend.records, answers)),
            pages=cast(PageStore, Faulty(backend.pages, answers)),
        ).saver()

    return Subject(open=backend.saver, faulty=faulty, close=close)


def local_subject(folder: Path) -> Subject:
    """Return our saver on SQLite and files in a folder that is not there yet."""
    opened = ExitStack()
    backend = opened.enter_context(local_backend(folder))
    return backend_subject(backend, opened.close)


def in_memory_subject() -> Subject:
    """Return LangGraph's ``InMemorySaver``, several on one storage."""
    first = InMemorySaver()

    def opened() -> Saver:
        saver = InMemorySaver()
        saver.storage, saver.writes = first.storage, first.writes
        saver.blobs = first.blobs
        return saver

    return Subject(open=opened)


def sqlite_subject(folder: Path) -> Subject:
    """Return LangGraph's ``SqliteSaver``, with a connection for each."""
    folder.mkdir()
    connections: list[sqlite3.Connection] = []

    def opened() -> Saver:
        path = folder / "checkpoints.db"
        connections.append(sqlite3.connect(path, check_same_thread=False))
        return SqliteSaver(connections[-1])

    def close() -> None:
        for connection in connections:
            connection.close()

    return Subject(open=opened, close=close)
