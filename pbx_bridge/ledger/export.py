"""Everything that is kept about one citizen, in clear, as JSON values: what the law lets them ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import BindParameter, Connection, Row, bindparam, select

from . import citizens, profiles, recordings, tokens, tries
from .forms import write_birth
from .rows import CALL_COLUMNS, EVENT_COLUMNS, Rows
from .tables import audit, calls, events, idempotency

AT_ONCE = 200

_CALLS = (
    select(*CALL_COLUMNS)
    .where(calls.c.client == bindparam("client"), calls.c.user_id == bindparam("user"), calls.c.id > bindparam("after"))
    .order_by(calls.c.id)
    .limit(bindparam("limit"))
)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_EVENTS = select(*EVENT_COLUMNS).where(events.c.call_id.in_(_IDS)).order_by(events.c.call_id, events.c.sequence)
_KEYS = select(idempotency.c.call_id, idempotency.c.key).where(idempotency.c.call_id.in_(_IDS))
_LINES_OF_CITIZEN = select(audit).where(audit.c.mark == bindparam("mark"))
_LINES_OF_CALLS = select(audit).where(audit.c.call_id.in_(_IDS))


def export(connection: Connection, client: str, user: str, rows: Rows) -> dict[str, Any]:
    """See `Ledger.export`. Raises Unreadable."""
    mark = rows.marks.citizen(client, user)
    told: list[dict[str, Any]] = []
    lines = {row.id: _line(row) for row in connection.execute(_LINES_OF_CITIZEN, {"mark": mark})}
    for batch in _batches(connection, client, user):
        ids = [row.id for row in batch]
        told += _calls(connection, batch, rows)
        lines |= {row.id: _line(row) for row in connection.execute(_LINES_OF_CALLS, {"ids": ids})}
    whole = {
        "client": client,
        "user": user,
        "citizen": _record(connection, client, user, rows),
        "profile": profiles.told(connection, client, user, rows.seal),
        "authenticator": _authenticator(connection, client, user, rows),
        "calls": told,
        "tries": tries.of_citizen(connection, mark),
        "revocations": tokens.revoked_of_citizen(connection, mark),
        "audit": [lines[id_] for id_ in sorted(lines)],
    }
    return dict(from_json(to_json(whole)))


def _batches(connection: Connection, client: str, user: str) -> Iterator[Sequence[Any]]:
    after, whose = "", {"client": client, "user": user, "limit": AT_ONCE}
    while batch := connection.execute(_CALLS, whose | {"after": after}).all():
        yield batch
        after = batch[-1].id


def _calls(connection: Connection, batch: Sequence[Any], rows: Rows) -> list[dict[str, Any]]:
    ids = [row.id for row in batch]
    published: dict[str, list[dict[str, Any]]] = {id_: [] for id_ in ids}
    for row in connection.execute(_EVENTS, {"ids": ids}):
        event = rows.event(row)
        shown = {"id": event.id, "sequence": event.sequence, "type": event.type, "time": event.time}
        published[event.call_id].append(shown | {"data": event.data})
    keys = {row.call_id: row.key for row in connection.execute(_KEYS, {"ids": ids})}
    kept = recordings.of_calls(connection, ids)
    told = (_call(row, published[row.id], keys.get(row.id), rows) for row in batch)
    return [{**each, "recordings": kept[each["id"]]} for each in told]


def _call(row: Row[Any], published: list[dict[str, Any]], key: str | None, rows: Rows) -> dict[str, Any]:
    call = rows.call(row)
    times: dict[str, datetime | None] = {
        name: getattr(call, name)
        for name in ("accepted_at", "dialled_at", "answered_at", "ended_at", "scheduled_for", "state_since")
    }
    return {
        "id": call.id,
        "ticket": call.ticket,
        "state": call.state.value,
        "outcome": call.outcome and call.outcome.value,
        "cause": call.cause and call.cause.slug,
        "agent": call.agent,
        "idempotency_key": key,
        **times,
        **from_json(write_birth(call.request, call.terms)),
        "events": published,
    }


def _record(connection: Connection, client: str, user: str, rows: Rows) -> dict[str, Any] | None:
    record = citizens.get(connection, client, user, rows.seal)
    return {"data": record.data, "updated_at": record.updated_at} if record else None


def _authenticator(connection: Connection, client: str, user: str, rows: Rows) -> dict[str, Any] | None:
    """That there is one, and since when. Its secret would let others make the citizen's codes."""
    found = citizens.authenticators_of(connection, [(client, user)], rows.seal).get((client, user))
    return {"created_at": found.created_at, "confirmed_at": found.confirmed_at} if found else None


def _line(row: Row[Any]) -> dict[str, Any]:
    return {
        "at": row.at,
        "actor": row.actor,
        "action": row.action,
        "verdict": row.verdict,
        "call_id": row.call_id,
        "detail": from_json(row.detail),
    }
