"""What has been kept long enough: calls lose who it was, or go whole. Old ones first, a few in each transaction.

The audit keeps its lines: they name nobody, and without them its chain would not hold.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, delete, func, select, text, tuple_

from .delivery_table import deliveries
from .erase import ERASED, empty, overwriting
from .recording_table import recordings
from .rows import Rows
from .tables import IS_TELLING, calls, events, idempotency, outbox
from .values import Spent

#: Calls in one transaction: it takes some 10 ms, and those who write wait for it.
AT_ONCE = 50

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_BEFORE = (
    calls.c.accepted_at < bindparam("before"),
    tuple_(calls.c.accepted_at, calls.c.id) > tuple_(bindparam("after_at"), bindparam("after_id")),
)
_ORDER = (calls.c.accepted_at, calls.c.id)
_OLD = select(
    calls.c.id, calls.c.accepted_at, calls.c.ended_at, calls.c.client, calls.c.user_id, calls.c.sealed_request
)
_TELLING = _OLD.where(text(IS_TELLING), *_BEFORE).order_by(*_ORDER).limit(AT_ONCE).with_for_update()
_ALL = _OLD.where(*_BEFORE).order_by(*_ORDER).limit(AT_ONCE).with_for_update()
#: Everything that belongs to calls, in the order in which it can go. A table that refers to calls has its row here.
_ROWS = (
    delete(deliveries).where(deliveries.c.call_id.in_(_IDS)),
    delete(outbox).where(outbox.c.call_id.in_(_IDS)),
    delete(idempotency).where(idempotency.c.call_id.in_(_IDS)),
    delete(events).where(events.c.call_id.in_(_IDS)),
    # With its row a sealed file loses its key, and the next sweep of the archive takes it away.
    delete(recordings).where(recordings.c.call_id.in_(_IDS)),
    delete(calls).where(calls.c.id.in_(_IDS)),
)


def drop_calls(connection: Connection, ids: Collection[str]) -> None:
    """Delete ended calls with all that belongs to them. The one place that does."""
    for statement in _ROWS:
        connection.execute(statement, {"ids": list(ids)})


def spend(
    connection: Connection, before: datetime, after: tuple[datetime, str], whole: bool, at: datetime, rows: Rows
) -> Spent:
    """Of the next calls that were accepted before this time: empty those that have ended before it, too, or delete them
    `whole`. What was accepted long ago and has ended later keeps its time."""
    found = connection.execute(
        _ALL if whole else _TELLING, {"before": before, "after_at": after[0], "after_id": after[1]}
    ).all()
    due = [row for row in found if row.ended_at is not None and row.ended_at < before]
    if due:
        with overwriting(connection):
            if whole:
                drop_calls(connection, [row.id for row in due])
            else:
                _empty(connection, due, at, rows)
    last = (found[-1].accepted_at, found[-1].id) if len(found) == AT_ONCE else None
    return Spent(tuple(row.id for row in due), last)


def _empty(connection: Connection, due: Collection[Any], at: datetime, rows: Rows) -> None:
    # One name for all that a citizen has in the batch, so that figures still tell one person from many.
    names = {(row.client, row.user_id): ERASED + secrets.token_hex(16) for row in due}
    names |= {whose: whose[1] for whose in names if whose[1].startswith(ERASED)}
    aliases = {row.id: names[row.client, row.user_id] for row in due}
    empty(connection, {row.id: row.sealed_request for row in due}, aliases, at, rows)


def waiting(before: datetime, whole: bool) -> Select[Any]:
    """How many ended calls are that old: for people who look before they do it. It counts them one by one."""
    old = select(func.count()).select_from(calls).where(calls.c.accepted_at < before, calls.c.ended_at < before)
    return old if whole else old.where(text(IS_TELLING))
