"""From drivers' exceptions to sentences: what is wrong, and what the reader can do."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from .errors import LedgerUnavailable, Refused

#: SQLite names the columns where PostgreSQL names the constraint.
_SQLITE_UNIQUE = {
    "calls.client, calls.user_id": "calls_one_active",
    "calls.client, calls.user_id, calls.service": "calls_one_scheduled",
    "calls.ticket": "uq_calls_ticket",
    "calls.id": "pk_calls",
    "idempotency.client, idempotency.key": "pk_idempotency",
}

#: SQLite's result codes (sqlite.org/rescode.html): what to say, and whether waiting alone can help.
_SQLITE = {
    sqlite3.SQLITE_BUSY: ("{} is locked by another program for too long; stop that one or try again", True),
    sqlite3.SQLITE_LOCKED: ("{} is locked by another program for too long; stop that one or try again", True),
    sqlite3.SQLITE_CANTOPEN: ("{} cannot be opened; its folder must exist and belong to this user", False),
    sqlite3.SQLITE_READONLY: ("{} may not be written; give this user the right to write it and its folder", False),
    sqlite3.SQLITE_PERM: ("{} may not be opened; give this user the right to read and write it", False),
    sqlite3.SQLITE_FULL: ("there is no room left on the disk of {}; make some", True),
    sqlite3.SQLITE_IOERR: ("the disk of {} fails; look at the system's log", True),
    sqlite3.SQLITE_CORRUPT: ("{} is damaged; bring back a backup", False),
    sqlite3.SQLITE_NOTADB: ("{} is not a database; name another file", False),
}

#: PostgreSQL's SQLSTATE, or its first two characters (PostgreSQL manual, appendix A).
_POSTGRES = {
    "28P01": ("{} refuses the password of its user; correct it in the URL", False),
    "28": ("{} does not let this user in; check user and password in the URL and pg_hba.conf", False),
    "3D000": ("there is no such database at {}; create it first", False),
    "42501": ("{} gives its user too few rights; the user must own the tables", False),
    "42P01": ("{} has no tables of ours; run the migrations first", False),
    "53": ("{} is out of connections, memory or disk; give it more", True),
    "55P03": ("a row at {} is locked by another program for too long; try again", True),
    "40": ("{} undid the transaction because of another one; try again", True),
    "57": ("{} is stopping or starting; try again", True),
    "25006": ("{} may not be written (a standby?); name the primary server", True),
    "08": ("the connection to {} broke; try again", True),
}


@contextmanager
def translated(place: URL) -> Iterator[None]:
    """Translate whatever a driver raises in the block. Our own errors and mistakes pass unchanged."""
    try:
        yield
    except Exception as error:
        told = translate(error, place)
        if told is error:
            raise
        # A refusal's own report quotes the row, and a log would show it.
        raise told from (None if isinstance(told, Refused) else error)


def translate(error: Exception, place: URL) -> BaseException:
    """The error to raise instead; `error` itself when it is no trouble of the database."""
    if isinstance(error, IntegrityError):
        return Refused(_constraint(error))
    inner = _innermost(error)
    # Sentences name the place as the URL does, but never the password.
    where = place.database if place.get_backend_name() == "sqlite" else place.render_as_string(hide_password=True)
    if isinstance(inner, sqlite3.Error):
        return _from_sqlite(inner, where) or error
    if state := _sqlstate(inner):
        # Class 22: a value that no row can hold, such as a text with a NUL in it.
        return Refused(f"SQLSTATE {state}") if state.startswith("22") else _from_postgres(state, where) or error
    if isinstance(inner, TimeoutError | PoolTimeout):
        return LedgerUnavailable(f"{where} does not answer in time; is it overloaded or out of reach?", retryable=True)
    if isinstance(inner, OSError):
        what = f"{where} cannot be reached ({inner.strerror or inner})"
        return LedgerUnavailable(f"{what}; check host and port in the URL, and that it runs", retryable=True)
    if type(inner).__module__.startswith("asyncpg") or getattr(error, "connection_invalidated", False):
        return LedgerUnavailable(f"the connection to {where} broke; try again", retryable=True)
    mistake = isinstance(error, StatementError) and not isinstance(inner, SQLAlchemyError)
    return inner if mistake else error


def _innermost(error: BaseException) -> BaseException:
    """The driver's own exception beneath SQLAlchemy's wrappings (and its adapters')."""
    while type(error).__module__.startswith("sqlalchemy"):
        inner = getattr(error, "orig", None) or error.__cause__
        if not isinstance(inner, BaseException):
            break
        error = inner
    return error


def _sqlstate(error: BaseException) -> str | None:
    # asyncpg is not imported for it: who uses SQLite never loads it.
    return getattr(error, "sqlstate", None) if type(error).__module__.startswith("asyncpg") else None


def _from_sqlite(error: sqlite3.Error, where: str | None) -> LedgerUnavailable | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE:
        sentence, retryable = _SQLITE[code]
        return LedgerUnavailable(sentence.format(where), retryable=retryable)
    if "no such table" in str(error):
        return LedgerUnavailable(f"{where} has no tables of ours; run the migrations first")
    return None


def _from_postgres(state: str, where: str | None) -> LedgerUnavailable | None:
    if found := _POSTGRES.get(state) or _POSTGRES.get(state[:2]):
        return LedgerUnavailable(found[0].format(where), retryable=found[1])
    return None


def _constraint(error: IntegrityError) -> str:
    inner = _innermost(error)
    if state := _sqlstate(inner):
        return str(getattr(inner, "constraint_name", None) or getattr(inner, "column_name", None) or state)
    columns = re.sub(r"^\w+( \w+)? constraint failed:? ?", "", str(inner))
    return _SQLITE_UNIQUE.get(columns, columns)
