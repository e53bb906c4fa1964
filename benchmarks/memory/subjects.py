"""The same savers as subjects of our conformance suite (``analemma.testing``).

The suite opens many savers on one storage, each as a fresh process would have
it, and asks for async ones inside a running event loop.
"""

import asyncio
import itertools
import secrets
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
import psycopg
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from analemma.hardware.aws.dynamo_records import DynamoRecordStore
from analemma.hardware.aws.s3_pages import S3PageStore
from analemma.hardware.local.home import LocalHome
from analemma.ids import LOCAL_OWNER
from analemma.testing import Saver, Subject
from benchmarks.memory.aws import saver_on as aws_saver_on
from benchmarks.memory.cloud import Cloud, CloudClients
from benchmarks.memory.ours import saver_on

_numbers = itertools.count()


def in_memory() -> Subject:
    """Return savers that share their dicts, which is what they store in."""
    first = InMemorySaver()

    def open_saver() -> Saver:
        saver = InMemorySaver()
        saver.storage, saver.writes = first.storage, first.writes
        saver.blobs = first.blobs
        return saver

    return Subject(open_saver)


def sqlite(folder: Path | None) -> Subject:
    """Return ``SqliteSaver``s and ``AsyncSqliteSaver``s on one file."""
    stack = ExitStack()
    made = stack.enter_context(tempfile.TemporaryDirectory(dir=folder))
    path = Path(made) / "checkpoints.sqlite"

    def open_sync() -> Saver:
        connection = sqlite3.connect(path, check_same_thread=False)
        stack.callback(connection.close)
        return SqliteSaver(connection)

    async def open_async() -> Saver:
        connection = await aiosqlite.connect(path)
        stack.callback(connection.stop)
        return AsyncSqliteSaver(connection)

    return Subject(_either(open_sync, open_async), close=stack.close)


def postgres(dsn: str) -> Subject:
    """Return ``PostgresSaver``s and ``AsyncPostgresSaver``s on one schema."""
    stack = ExitStack()
    schema = f"analemma_conformance_{secrets.token_hex(6)}"
    owner = stack.enter_context(psycopg.connect(dsn, autocommit=True))
    owner.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    dropping = SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema))
    stack.callback(owner.execute, dropping)
    # Any: psycopg's options are of as many types.
    options: dict[str, Any] = {
        "autocommit": True,
        "prepare_threshold": 0,
        "row_factory": dict_row,
        "options": f"-c search_path={schema}",
    }

    def open_sync() -> Saver:
        connection = psycopg.connect(dsn, **options)
        stack.callback(connection.close)
        saver = PostgresSaver(connection)
        saver.setup()
        return saver

    async def open_async() -> Saver:
        connection = await psycopg.AsyncConnection.connect(dsn, **options)
        # By then its loop is gone, and no coroutine of its can be awaited.
        stack.callback(connection.pgconn.finish)
        saver = AsyncPostgresSaver(connection)
        await saver.setup()
        return saver

    return Subject(_either(open_sync, open_async), close=stack.close)


def aws(clients: CloudClients) -> Subject:
    """Return langgraph-checkpoint-aws on one table and one bucket."""
    opened = Cloud(clients, "PK", "SK", f"conformance-{next(_numbers)}")
    return Subject(partial(aws_saver_on, opened))


def ours_on_sqlite(folder: Path | None) -> Subject:
    """Return ``PagedSaver``s on one home."""
    stack = ExitStack()
    made = stack.enter_context(tempfile.TemporaryDirectory(dir=folder))

    def open_saver() -> Saver:
        home = stack.enter_context(LocalHome.open(Path(made) / "home"))
        return saver_on(home.records, home.pages())

    return Subject(open_saver, close=stack.close)


def ours_on_aws(clients: CloudClients) -> Subject:
    """Return ``PagedSaver``s on one table and one bucket."""
    opened = Cloud(clients, "pk", "sk", f"conformance-{next(_numbers)}")
    records = DynamoRecordStore(clients.dynamodb, opened.name)
    pages = S3PageStore(clients.s3, opened.name, LOCAL_OWNER)
    return Subject(lambda: saver_on(records, pages))


def _either(
    sync: Callable[[], Saver], asynchronous: Callable[[], Awaitable[Saver]]
) -> Callable[[], Saver | Awaitable[Saver]]:
    """Open an async saver where an event loop runs, and a plain one elsewhere."""

    def open_saver() -> Saver | Awaitable[Saver]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return sync()
        return asynchronous()

    return open_saver
