"""The two databases behind one seam: `read` a question, or run steps in one `writing` transaction.

A step is a plain function of a SQLAlchemy connection. On SQLite it runs in a thread of the ledger: the whole step
costs one hop, where aiosqlite makes three for each statement (measured: 282 µs instead of 916 µs CPU for one
fact). On PostgreSQL it runs over asyncpg. Drivers' exceptions are translated here and nowhere else.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from .errors import LedgerUnavailable
from .threads import Threads
from .translate import translated

T = TypeVar("T")
Step = Callable[[Connection], T]

#: How long one statement may wait for a lock or for the server, seconds.
PATIENCE_S = 5.0
_READERS = 4
#: Between two questions whether a file is still locked, seconds.
_BUSY_PAUSE_S = 0.01
#: JSON columns take and give text: the rooms' own codecs do the rest (forms.py).
_RAW_JSON: dict[str, Any] = {"json_serializer": str, "json_deserializer": str}


class Desk(Protocol):
    """One open transaction."""

    async def run(self, step: Step[T], *, last: bool = False) -> T:
        """Take one step. Raises LedgerUnavailable or Refused; the transaction is then over. After the `last` step it
        may be committed at once, which saves a hop."""


class Store(Protocol):
    """One database."""

    async def read(self, step: Step[T]) -> T:
        """Ask, on a connection of its own; never waits for a writer."""

    def writing(self) -> AbstractAsyncContextManager[Desk]:
        """Commits at the end, or rolls all back if the block raises."""

    async def close(self) -> None: ...


#: What may stand after the question mark of a PostgreSQL URL.
_POSTGRES_OPTIONS = frozenset({"host", "port", "ssl"})


def parse(url: str) -> URL:
    """The URL of a supported database, with the driver we use. Raises LedgerUnavailable, without the password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise LedgerUnavailable("the database URL cannot be read; write sqlite:////folder/file.db or "
                                "postgresql://user:password@host/name") from None  # fmt: skip
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise LedgerUnavailable("the ledger needs a file: write sqlite:////folder/file.db")
        return parsed.set(drivername="sqlite")
    if kind in ("postgresql", "postgres"):
        return _postgres(parsed)
    raise LedgerUnavailable(f"the ledger speaks SQLite and PostgreSQL, not {kind}")


def _postgres(url: URL) -> URL:
    """With libpq's name for TLS translated: asyncpg calls `sslmode` `ssl`, and knows the same words."""
    options = dict(url.query)
    if mode := options.pop("sslmode", None):
        options["ssl"] = mode
    if unknown := sorted(options.keys() - _POSTGRES_OPTIONS):
        known = ", ".join(sorted(_POSTGRES_OPTIONS | {"sslmode"}))
        words = f"the database URL has the option {unknown[0]}, which is not known here; known: {known}"
        raise LedgerUnavailable(words)
    return url.set(drivername="postgresql+asyncpg", query=options)


def connect(url: URL, patience_s: float = PATIENCE_S, *, raw_json: bool = True) -> Store:
    """The store behind `url`. Nothing is asked of it yet. Without `raw_json` SQLAlchemy handles JSON as usual."""
    # Private values must not come out in error messages.
    options = {"hide_parameters": True} | (_RAW_JSON if raw_json else {})
    if url.get_backend_name() == "sqlite":
        return SqliteStore(url, patience_s, options)
    return PostgresStore(url, patience_s, options)


class SqliteStore:
    """A file in WAL mode: one writer with a thread, and readers that it never blocks.

    `synchronous=NORMAL`: what was committed survives the death of this process, however sudden. A power cut
    can take the last commits with it (never the file's consistency); `?synchronous=full` in the URL pays an
    fsync for each commit to keep those too.
    """

    def __init__(self, url: URL, patience_s: float, options: dict[str, Any]) -> None:
        self._place = url.set(query={})
        self._options = options
        self._turn = asyncio.Lock()
        self._patience_s = patience_s
        self._writing = Threads("ledger-writer")
        self._reading = Threads("ledger-reader", _READERS)
        sync = str(url.query.get("synchronous", "normal")).upper()
        if sync not in ("NORMAL", "FULL"):
            raise LedgerUnavailable("synchronous in the database URL is either normal or full")
        self._writer_engine = self._engine(f"synchronous={sync}", "journal_mode=WAL", "foreign_keys=ON")
        self._reader_engine = self._engine("query_only=ON")
        self._writer: Connection | None = None
        self._driver: Any = None

    def _engine(self, *pragmas: str) -> Engine:
        waiting = {"timeout": self._patience_s}
        engine = create_engine(self._place, pool_size=_READERS, connect_args=waiting, **self._options)

        def prepare(connection: Any, _: object) -> None:
            # The driver's own transaction handling begins late and knows no IMMEDIATE.
            connection.isolation_level = None
            for pragma in pragmas:
                _set(connection, pragma, self._patience_s)

        event.listen(engine, "connect", prepare)
        return engine

    async def read(self, step: Step[T]) -> T:
        def ask() -> T:
            with self._reader_engine.connect() as connection:
                return step(connection)

        with translated(self._place):
            return await self._reading.run(ask)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Desk]:
        async with self._turn:
            try:
                yield self
            except BaseException:  # a cancellation too: nothing half done may stay; it goes on as it came
                await self._write(self._roll_back)
                raise
            if self._writer is not None and self._writer.in_transaction():
                await self._write(self._commit)

    async def run(self, step: Step[T], *, last: bool = False) -> T:
        """A step of the present writer; only `writing` hands this out. The first one begins the transaction."""

        def take() -> T:
            result = step(self._begun())
            if last:
                self._commit()
            return result

        return await self._write(take)

    async def close(self) -> None:
        async with self._turn:
            if not self._writing.closed:
                await self._write(self._leave)
            self._writing.close()
            self._reading.close()

    async def _write(self, work: Callable[[], T]) -> T:
        with translated(self._place):
            return await self._writing.run(work)

    # The following run in the writer's thread.
    def _begun(self) -> Connection:
        if self._writer is None:
            self._writer = self._writer_engine.connect()
            self._driver = self._writer.connection.driver_connection
        if not self._writer.in_transaction():
            # A transaction that reads first and writes later would fail, not wait, if another process wrote in
            # between. Said to the driver itself: an event listener would slow every statement down.
            self._driver.execute("BEGIN IMMEDIATE").close()
            self._writer.begin()
        return self._writer

    def _commit(self) -> None:
        if self._writer is None or not self._writer.in_transaction():
            return
        try:
            self._writer.commit()
        except BaseException:  # what was not committed is let go, or the lock would stay; it goes on as it came
            self._writer.rollback()
            raise

    def _roll_back(self) -> None:
        if self._writer is not None:
            self._writer.rollback()

    def _leave(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer_engine.dispose()
        self._reader_engine.dispose()


def _set(connection: sqlite3.Connection, pragma: str, patience_s: float) -> None:
    """Set a pragma. A file that another process is just turning to WAL answers "locked" at once, however long the
    connection would wait: SQLite does not ask its busy handler there. So it is asked again until patience is out."""
    until = time.monotonic() + patience_s
    while True:
        try:
            connection.execute(f"PRAGMA {pragma}").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_BUSY_PAUSE_S)


class PostgresDesk:
    """One PostgreSQL connection inside a transaction."""

    def __init__(self, connection: AsyncConnection, place: URL) -> None:
        self._connection = connection
        self._place = place

    async def run(self, step: Step[T], *, last: bool = False) -> T:
        with translated(self._place):
            return await self._connection.run_sync(step)


class PostgresStore:
    """A PostgreSQL database. Reads are single statements outside transactions and save two round trips each."""

    def __init__(self, url: URL, patience_s: float, options: dict[str, Any]) -> None:
        self._place = url
        limits = {"timeout": patience_s, "command_timeout": 4 * patience_s}
        limits["server_settings"] = {"application_name": "pbx-bridge", "lock_timeout": f"{int(patience_s * 1000)}"}  # type: ignore[assignment]
        self._engine: AsyncEngine = create_async_engine(
            url, pool_size=8, max_overflow=8, pool_timeout=patience_s, connect_args=limits, **options
        )
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def read(self, step: Step[T]) -> T:
        with translated(self._place):
            async with self._reader.connect() as connection:
                return await connection.run_sync(step)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Desk]:
        connection = self._engine.connect()
        with translated(self._place):
            await connection.start()
        try:
            with translated(self._place):
                await connection.begin()
            yield PostgresDesk(connection, self._place)
            with translated(self._place):
                await connection.commit()
        finally:
            # Closing rolls back what was not committed, also when the connection is broken.
            await connection.close()

    async def close(self) -> None:
        await self._engine.dispose()


def sqlite_file(url: URL) -> Path:
    """Where a SQLite database lives."""
    assert url.database
    return Path(url.database)
