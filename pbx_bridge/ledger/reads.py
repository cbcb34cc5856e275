"""The questions: each one statement that an index answers, so its cost does not grow with the history."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, or_, select, text, tuple_

from .rows import CALL_COLUMNS, EVENT_COLUMNS
from .tables import IS_ACTIVE, IS_AWAITED, audit, calls, events, idempotency
from .values import AuditFilter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

CALL = select(*CALL_COLUMNS).where(calls.c.id == bindparam("id"))
TICKET = select(*CALL_COLUMNS).where(calls.c.ticket == bindparam("ticket"))
# In the order of the partial index: any other tempts SQLite to walk through all calls ever made.
UNFINISHED = select(*CALL_COLUMNS).where(text(IS_ACTIVE)).order_by(calls.c.client, calls.c.user_id)
DUE = (
    select(*CALL_COLUMNS)
    .where(calls.c.wake_at <= bindparam("at"), text(IS_AWAITED))
    .order_by(calls.c.wake_at, calls.c.id)
    .limit(bindparam("limit"))
)
NEXT_WAKE = select(func.min(calls.c.wake_at)).where(text(IS_AWAITED))
EVENTS = (
    select(*EVENT_COLUMNS)
    .where(events.c.call_id == bindparam("call_id"), events.c.sequence > bindparam("after"))
    .order_by(events.c.sequence)
    .limit(bindparam("limit"))
)
EVENTS_OF = (
    select(*EVENT_COLUMNS)
    .where(events.c.call_id.in_(bindparam("ids", expanding=True)))
    .order_by(events.c.call_id, events.c.sequence)
)
LATER_EVENTS = (
    select(*EVENT_COLUMNS).where(events.c.id > bindparam("after")).order_by(events.c.id).limit(bindparam("limit"))
)
LAST_EVENT = select(func.max(events.c.id))
LAST_EVENT_OF_CLIENT = LAST_EVENT.where(events.c.client == bindparam("client"))
ONE_EVENT = select(events.c.client).where(events.c.id == bindparam("id"))
LATER_EVENTS_OF_CLIENT = LATER_EVENTS.where(events.c.client == bindparam("client"))
KEYS = select(idempotency.c.client, idempotency.c.key, idempotency.c.fingerprint, idempotency.c.call_id).where(
    tuple_(idempotency.c.client, idempotency.c.key).in_(bindparam("pairs", expanding=True))
)


class BadCursor(ValueError):
    """The cursor is not one of ours."""


def audit_page(filter_: AuditFilter, mark: str | None, after: int, limit: int) -> Select[Any]:
    """Audit lines after line `after`, in the order of their ids; where times are asked for, in that of their times.
    `mark` is that of the filter's citizen."""
    timed = filter_.from_ is not None or filter_.to is not None
    wanted = _by_time(filter_, after) if timed else select(audit).where(audit.c.id > after).order_by(audit.c.id)
    if filter_.call_id is not None:
        wanted = wanted.where(audit.c.call_id == filter_.call_id)
    if mark is not None:
        wanted = wanted.where(audit.c.mark == mark)
    if filter_.actor is not None:
        # An expression has no index: most lines have the same few actors, so those of a time are found by the time.
        wanted = wanted.where((audit.c.actor.concat("") if timed else audit.c.actor) == filter_.actor)
    return wanted.limit(limit)


def _by_time(filter_: AuditFilter, after: int) -> Select[Any]:
    wanted = select(audit).order_by(audit.c.at, audit.c.id)
    if filter_.from_ is not None:
        wanted = wanted.where(audit.c.at >= filter_.from_)
    if filter_.to is not None:
        wanted = wanted.where(audit.c.at < filter_.to)
    if after:
        last = audit.alias("last")
        at = select(last.c.at).where(last.c.id == after).scalar_subquery()
        wanted = wanted.where(audit.c.at >= at, or_(audit.c.at > at, audit.c.id > after))
    return wanted


def write_cursor(accepted_at: datetime, id_: str) -> str:
    """The place after this call. Opaque to readers."""
    return base64.urlsafe_b64encode(f"{(accepted_at - _EPOCH) // _MICROSECOND}.{id_}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """The inverse of `write_cursor`. Raises BadCursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, dot, id_ = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(".")
        if not dot or "\0" in id_:
            raise ValueError
        return _EPOCH + int(moment) * _MICROSECOND, id_
    except (binascii.Error, ValueError, OverflowError):
        raise BadCursor("this cursor did not come from here; start again without one") from None


def rows(connection: Connection, statement: Select[Any], values: dict[str, Any] | None = None) -> Sequence[Row[Any]]:
    """All rows of one statement."""
    return connection.execute(statement, values or {}).all()
