"""After a constraint refused a write: which call stands in whose way.

The transaction is rolled back by then, so this only looks; the constraint has already decided. Calls of the same
write count as present for those after them, though the rollback took them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select, text, tuple_

from ..call.model import Call
from ..call.states import ACTIVE, State
from .errors import AlreadyScheduled, CitizenBusy, Conflict, KeyUsed, Stale, TicketTaken
from .reads import KEYS
from .tables import IS_ACTIVE, IS_SCHEDULED, calls
from .values import Change

_PAIRS: BindParameter[Any] = bindparam("pairs", expanding=True)
_IDS = select(calls.c.id).where(calls.c.id.in_(bindparam("ids", expanding=True))).limit(1)
_TICKETS = select(calls.c.ticket, calls.c.id).where(calls.c.ticket.in_(bindparam("tickets", expanding=True)))
_ACTIVE = select(calls.c.client, calls.c.user_id, calls.c.id).where(
    text(IS_ACTIVE), tuple_(calls.c.client, calls.c.user_id).in_(_PAIRS)
)
_SCHEDULED = select(calls.c.client, calls.c.user_id, calls.c.service, calls.c.id).where(
    text(IS_SCHEDULED), tuple_(calls.c.client, calls.c.user_id, calls.c.service).in_(_PAIRS)
)
EXPLAINABLE = frozenset({"calls_one_active", "calls_one_scheduled", "uq_calls_ticket", "pk_idempotency", "pk_calls"})


def explain(connection: Connection, changes: Sequence[Change]) -> Conflict | None:
    """The conflict of the first change that has one; None when what stood in the way is gone.

    The same request sent twice breaks several rules at once: its key is the one that tells the client the truth.
    """
    moved = [(change, change.call) for change in changes if change.call]
    new = [(change, call) for change, call in moved if change.before_revision is None]
    return (
        _key(connection, new)
        or _twin(connection, [call for _, call in new])
        or _ticket(connection, [call for _, call in new])
        or _busy(connection, [call for _, call in moved if call.state in ACTIVE])
        or _scheduled(connection, [call for _, call in moved if call.state is State.SCHEDULED])
    )


def _key(connection: Connection, new: Iterable[tuple[Change, Call]]) -> Conflict | None:
    wanted = [
        ((call.request.client, change.idempotency.key), call, change.idempotency.fingerprint)
        for change, call in new
        if change.idempotency
    ]
    if not wanted:
        return None
    rows = connection.execute(KEYS, {"pairs": [pair for pair, _, _ in wanted]})
    present = {(row.client, row.key): (row.call_id, row.fingerprint) for row in rows}
    for pair, call, fingerprint in wanted:
        if pair in present:
            return KeyUsed(call.id, *present[pair])
        present[pair] = (call.id, fingerprint)
    return None


def _twin(connection: Connection, new: Sequence[Call]) -> Conflict | None:
    rows = connection.execute(_IDS, {"ids": [call.id for call in new]}).all() if new else []
    return Stale(rows[0].id) if rows else None


def _ticket(connection: Connection, new: Sequence[Call]) -> Conflict | None:
    if not new:
        return None
    rows = connection.execute(_TICKETS, {"tickets": [call.ticket for call in new]})
    present = {row.ticket: row.id for row in rows}
    for call in new:
        if present.setdefault(call.ticket, call.id) != call.id:
            return TicketTaken(call.id, present[call.ticket])
    return None


def _busy(connection: Connection, active: Sequence[Call]) -> Conflict | None:
    if not active:
        return None
    pairs = [(call.request.client, call.request.user) for call in active]
    present = {(row.client, row.user_id): row.id for row in connection.execute(_ACTIVE, {"pairs": pairs})}
    for pair, call in zip(pairs, active, strict=True):
        if present.setdefault(pair, call.id) != call.id:
            return CitizenBusy(call.id, present[pair])
    return None


def _scheduled(connection: Connection, scheduled: Sequence[Call]) -> Conflict | None:
    if not scheduled:
        return None
    trios = [(call.request.client, call.request.user, call.request.service) for call in scheduled]
    rows = connection.execute(_SCHEDULED, {"pairs": trios})
    present = {(row.client, row.user_id, row.service): row.id for row in rows}
    for trio, call in zip(trios, scheduled, strict=True):
        if present.setdefault(trio, call.id) != call.id:
            return AlreadyScheduled(call.id, present[trio])
    return None
