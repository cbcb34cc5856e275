"""Erasing one citizen: what they are is taken out of every row, what happened stays for the figures.

The citizen's calls keep service, times, states and outcome under a name that leads nowhere. The audit keeps its
lines, which hold only a blind mark. SQLite overwrites what it takes out, once its log is written back; PostgreSQL
when it vacuums; backups are the operator's. Copies of a request in other processes' memory are never given out again
(rows.py compares them with the row), and go when they are pushed out or the process ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, bindparam, delete, select, text, update

from ..call.model import Device, Request, Terms
from . import citizens, profiles, tries
from .deliveries import DROP_OWN
from .errors import StillActive
from .forms import read_birth, write_birth
from .recordings import DOOM_OF_CALLS, FORGET_CONSENT
from .rows import BIRTH, EVENT_COLUMNS, Rows, event_place
from .tables import IS_LIVING, calls, events, idempotency
from .values import Erased

AT_ONCE = 200
ERASED = "erased:"
#: Members of a snapshot, however deep, that may tell who the citizen is.
_TELLING = frozenset({"phone", "number", "address", "to", "session_id", "subject", "client_ref"})

_OF_CITIZEN = (calls.c.client == bindparam("client"), calls.c.user_id == bindparam("user"))
# Locked, so that none of them comes back to life: a call that has ended stays so.
_LIVING = select(calls.c.id).where(*_OF_CITIZEN, text(IS_LIVING)).with_for_update()
_NEXT = (
    select(calls.c.id, calls.c.sealed_request)
    .where(*_OF_CITIZEN, calls.c.id > bindparam("after"))
    .order_by(calls.c.id)
    .limit(bindparam("limit"))
    .with_for_update()
)
_EVENTS = select(*EVENT_COLUMNS).where(events.c.call_id.in_(bindparam("ids", expanding=True)))
_ERASE_CALL = (
    update(calls)
    .where(calls.c.id == bindparam("row"))
    .values(user_id=bindparam("alias"), number_mark=None, sealed_request=bindparam("fresh"), nameless=True)
)
_ERASE_EVENT = update(events).where(events.c.id == bindparam("row")).values(data=bindparam("fresh"))
_DROP_KEYS = delete(idempotency).where(idempotency.c.call_id.in_(bindparam("ids", expanding=True)))


def erase(connection: Connection, client: str, user: str, at: datetime, rows: Rows) -> tuple[Erased, list[str]]:
    """All of it, and the ids of the calls. Raises StillActive."""
    with overwriting(connection):
        return _erase(connection, client, user, at, rows)


@contextmanager
def overwriting(connection: Connection) -> Iterator[None]:
    """Otherwise what a row said stays readable in SQLite's file until something else is written there."""
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql("PRAGMA secure_delete=ON")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA secure_delete=OFF")


def _erase(connection: Connection, client: str, user: str, at: datetime, rows: Rows) -> tuple[Erased, list[str]]:
    if living := connection.execute(_LIVING, {"client": client, "user": user}).first():
        raise StillActive(living.id)
    alias = ERASED + secrets.token_hex(16)
    ids: list[str] = []
    records = told = 0
    for batch in _calls(connection, client, user):
        ids += batch
        events_, keys = empty(connection, batch, dict.fromkeys(batch, alias), at, rows)
        told, records = told + events_, records + keys
    records += citizens.drop(connection, client, user)
    records += profiles.drop(connection, client, user)
    records += citizens.drop_authenticator(connection, client, user)
    records += tries.drop(connection, rows.marks.citizen(client, user))
    return Erased(len(ids), told, records), ids


def empty(
    connection: Connection, batch: Mapping[str, bytes], aliases: Mapping[str, str], at: datetime, rows: Rows
) -> tuple[int, int]:
    """Take the citizen out of ended calls (id to sealed request), which bear these names from now on. Returns how many
    events tell of nobody any more, and how many other records are gone."""
    ids = list(batch)
    told = _events(connection, ids, aliases, rows)
    connection.execute(DROP_OWN, {"ids": ids, "at": at})
    connection.execute(DOOM_OF_CALLS, {"ids": ids, "at": at, "words": "erasure"})
    connection.execute(FORGET_CONSENT, {"ids": ids})
    keys = connection.execute(_DROP_KEYS, {"ids": ids}).rowcount
    connection.execute(_ERASE_CALL, [_call(id_, sealed, aliases[id_], rows) for id_, sealed in batch.items()])
    return told, keys


def _calls(connection: Connection, client: str, user: str) -> Iterator[dict[str, bytes]]:
    after, whose = "", {"client": client, "user": user, "limit": AT_ONCE}
    while found := connection.execute(_NEXT, whose | {"after": after}).all():
        yield {row.id: row.sealed_request for row in found}
        after = found[-1].id


def _call(id_: str, sealed: bytes, alias: str, rows: Rows) -> dict[str, Any]:
    request, terms = read_birth(rows.seal.open(id_, BIRTH, sealed))
    fresh = rows.seal.close(id_, BIRTH, write_birth(*nameless(request, terms, alias)))
    return {"row": id_, "alias": alias, "fresh": fresh}


def _events(connection: Connection, ids: list[str], aliases: Mapping[str, str], rows: Rows) -> int:
    changed = []
    for row in connection.execute(_EVENTS, {"ids": ids}).all():
        place = event_place(row.sequence)
        told = without_person(from_json(rows.seal.open(row.call_id, place, row.data)), aliases[row.call_id])
        changed.append({"row": row.id, "fresh": rows.seal.close(row.call_id, place, to_json(told))})
    if changed:
        connection.execute(_ERASE_EVENT, changed)
    return len(changed)


def nameless(request: Request, terms: Terms, alias: str) -> tuple[Request, Terms]:
    """What may stay of a request. It is made anew, so a field that is not named here is gone."""
    consent = request.consent and replace(request.consent, text_version="")
    kept = Request(
        client=request.client,
        user=alias,
        service=request.service,
        queue=request.queue,
        devices=tuple(Device(device.kind) for device in request.devices),
        time_zone=request.time_zone,
        locale=request.locale,
        consent=consent,
        direction=request.direction,
    )
    return kept, terms


def without_person(told: Any, alias: str) -> Any:
    """A snapshot that says the same of the call and nothing of the citizen."""
    if isinstance(told, list):
        return [without_person(each, alias) for each in told]
    if not isinstance(told, dict):
        return told
    return {
        name: {"id": alias, "phone": None}
        if name == "user"
        else None
        if name in _TELLING
        else without_person(value, alias)
        for name, value in told.items()
    }
