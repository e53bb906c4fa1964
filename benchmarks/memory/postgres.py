"""LangGraph's Postgres saver, on a server that somebody else runs.

Each row gets a schema of its own, which is dropped again. Bytes are those of its
tables with indexes and TOAST; sent bytes are what the server's write-ahead log
grew by, so nothing else should write there meanwhile.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from benchmarks.memory.counting import CountedSaver, Tally
from benchmarks.memory.places import Calls, Contender, Graph
from benchmarks.memory.workloads import Builder

NAME = "PostgresSaver"


class CountedPostgres(CountedSaver, PostgresSaver):
    """PostgresSaver, with a count."""


class Postgres:
    """One schema with a saver's tables, and the connection of the saver."""

    def __init__(self, dsn: str, schema: str, watcher: "Watcher") -> None:
        self._dsn = dsn
        self._schema = schema
        self._watcher = watcher
        self._tally = Tally()
        # Any: rows are dicts of whatever a query returns.
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def attach(self, builder: Builder) -> Graph:
        """Return the compiled graph on a connection of its own."""
        self.close()
        self._connection = psycopg.connect(
            self._dsn,
            autocommit=True,
            prepare_threshold=0,
            row_factory=dict_row,
            options=f"-c search_path={self._schema}",
        )
        saver = CountedPostgres(self._connection)
        saver.tally = self._tally
        saver.setup()
        return builder.compile(checkpointer=saver)

    def stored_bytes(self) -> int:
        """Return the size of the schema's tables."""
        return self._watcher.stored_bytes(self._schema)

    def calls(self) -> Calls:
        """Return the counts; sent bytes are of the write-ahead log."""
        counted = self._tally.calls()
        return Calls(counted.writes, counted.reads, self._watcher.log_bytes())

    def close(self) -> None:
        """Close the saver's connection."""
        if self._connection is not None:
            self._connection.close()


class Watcher:
    """A connection that looks at the server and is counted nowhere."""

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._connection = connection

    def log_bytes(self) -> int:
        """Return how many bytes the write-ahead log has had since ever."""
        return self._number("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")

    def stored_bytes(self, schema: str) -> int:
        """Return the size of all tables of a schema."""
        return self._number(
            "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = "
            "(SELECT oid FROM pg_namespace WHERE nspname = %s)",
            schema,
        )

    def _number(self, query: str, *parameters: str) -> int:
        # The texts above are constants; psycopg wants to see literals.
        row = self._connection.execute(query.encode(), parameters).fetchone()
        if row is None:
            raise RuntimeError(f"no answer to {query}")
        return int(row[0])


@contextmanager
def _postgres(dsn: str) -> Iterator[Postgres]:
    schema = f"analemma_benchmark_{secrets.token_hex(6)}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        place = Postgres(dsn, schema, Watcher(connection))
        try:
            yield place
        finally:
            place.close()
            connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))


def contender(dsn: str | None) -> Contender:
    """Return the saver; without a server, why it is not measured."""
    missing = "no server"
    if dsn is not None:
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
            missing = ""
        except psycopg.OperationalError as error:
            missing = f"no server: {str(error).splitlines()[0]}"
    return Contender(NAME, partial(_postgres, dsn or ""), missing=missing)
