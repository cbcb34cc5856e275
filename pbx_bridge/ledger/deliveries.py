"""Deliveries as SQL: written with the event, claimed in the order of their call, settled.

Of one call only the first open row can be claimed. Rows behind one that failed share its next time, and get it back
when it is over: so a receiver that is down costs no more than the few rows that are due, however many it is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)

from .access import KeyKind
from .delivery_table import IS_DEAD, IS_OWED, deliveries
from .postings import Lane, Owed, Settled
from .rows import EVENT_COLUMNS
from .tables import calls, client_keys, clients, events

_d = deliveries.c
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_OWED = text(IS_OWED.replace("state", "deliveries.state"))
_DEAD = text(IS_DEAD.replace("state", "deliveries.state"))
_earlier = deliveries.alias("earlier")
_IS_HEAD = ~exists().where(
    _earlier.c.call_id == _d.call_id,
    _earlier.c.sequence < _d.sequence,
    text(IS_OWED.replace("state", "earlier.state")),
)
_IN_LANE = and_(_d.client == bindparam("of_client"), _d.target == bindparam("of_target"), _OWED)

# ── written ──
_CAN_BE_SIGNED = exists().where(
    client_keys.c.client == clients.c.id,
    client_keys.c.kind == KeyKind.WEBHOOK.value,
    or_(client_keys.c.expires_at.is_(None), client_keys.c.expires_at > bindparam("at")),
)
_TOLD = and_(clients.c.callback_url.is_not(None), clients.c.callback_disabled_at.is_(None))
_behind = deliveries.alias("behind")
_SHARED_TIME = (
    select(func.max(_behind.c.not_before))
    .where(_behind.c.call_id == events.c.call_id, _behind.c.state == Owed.WAITING.value)
    .scalar_subquery()
)
_NAMES = (
    "event_id", "call_id", "sequence", "client", "target", "state", "attempts", "spent", "begun_at", "not_before",
    "created_at",
)  # fmt: skip


def _adding(target: Any, who: Any) -> Any:
    at = bindparam("at", type_=_d.begun_at.type)
    rows = (
        select(
            events.c.id, events.c.call_id, events.c.sequence, events.c.client, target, literal(Owed.WAITING.value),
            literal(0), literal(0), at, func.coalesce(_SHARED_TIME, at), at,
        )
        .join(clients, clients.c.id == events.c.client)
        .where(events.c.id.in_(_IDS), clients.c.disabled_at.is_(None), _CAN_BE_SIGNED, who)
    )  # fmt: skip
    return insert(deliveries).from_select(_NAMES, rows)


_ADD = _adding(literal(""), _TOLD)
_ADD_OWN = _adding(bindparam("own_target", type_=_d.target.type), literal(value=True))

# ── claimed ──
_head = (
    select(_d.event_id)
    .where(_IN_LANE, _d.not_before <= bindparam("at"), _IS_HEAD)
    .order_by(_d.not_before, _d.event_id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
    # A CTE, because PostgreSQL may run a plain subquery with LIMIT more than once and claim more than asked.
    .cte("head")
)
CLAIM = (
    update(deliveries)
    .where(_d.event_id.in_(select(_head.c.event_id)))
    .values(
        state=Owed.CLAIMED.value,
        claimed_by=bindparam("owner"),
        not_before=bindparam("until"),
        attempts=_d.attempts + 1,
    )
    .returning(_d.event_id, _d.call_id, _d.sequence, _d.client, _d.target, _d.attempts, _d.spent, _d.begun_at)
)
EVENTS = select(*EVENT_COLUMNS).where(events.c.id.in_(_IDS))
REQUESTS = select(calls.c.id, calls.c.sealed_request).where(calls.c.id.in_(_IDS))
LANES = select(_d.client, _d.target, func.min(_d.not_before).label("due")).where(_OWED).group_by(_d.client, _d.target)
DROP_LANE = (
    update(deliveries)
    .where(_IN_LANE)
    .values(state=Owed.DROPPED.value, settled_at=bindparam("at"), last_error=bindparam("why"))
)
#: A call's own address goes with its citizen; what it is still owed cannot be sent anywhere.
DROP_OWN = (
    update(deliveries)
    .where(_d.call_id.in_(_IDS), _d.target != "", _OWED)
    .values(state=Owed.DROPPED.value, settled_at=bindparam("at"), last_error="its address was erased with the citizen")
)

_CLAIMED = and_(_OWED, _d.state == Owed.CLAIMED.value)
CLAIMANTS = select(_d.claimed_by).where(_CLAIMED).distinct()
TAKE_BACK = (
    update(deliveries)
    .where(_CLAIMED, _d.claimed_by.in_(bindparam("dead", expanding=True)))
    .values(state=Owed.WAITING.value, not_before=bindparam("at"), spent=_d.spent + 1)
)

# ── settled ──
# The attempt number is the fence: a claimant whose lease ran out cannot undo what the next one does.
_MINE = and_(
    _d.event_id == bindparam("of_event"),
    _d.attempts == bindparam("attempt"),
    _d.state == Owed.CLAIMED.value,
)
_SETTLE = (
    update(deliveries)
    .where(_MINE)
    .values(
        state=bindparam("became"),
        not_before=bindparam("again_at", type_=_d.not_before.type),
        spent=_d.spent + bindparam("uncounted"),
        last_status=bindparam("status", type_=_d.last_status.type),
        last_error=bindparam("why", type_=_d.last_error.type),
        settled_at=bindparam("over_at", type_=_d.settled_at.type),
    )
)
_BEHIND = and_(
    _d.call_id == bindparam("of_call"), _d.sequence > bindparam("of_sequence"), _d.state == Owed.WAITING.value
)
_SHARE_TIME = update(deliveries).where(_BEHIND).values(not_before=bindparam("later", type_=_d.not_before.type))


def add(connection: Connection, event_ids: Sequence[str], own: Mapping[str, Sequence[str]], at: datetime) -> None:
    """Owe these stored events to their programs; `own` are the ids, by host, of those whose call has an address of its
    own. Nothing is written for a program without an address that works, or without a secret to sign with."""
    if event_ids:
        connection.execute(_ADD, {"ids": list(event_ids), "at": at})
    for target, ids in own.items():
        connection.execute(_ADD_OWN, {"ids": list(ids), "at": at, "own_target": target})


def claim(connection: Connection, lane: Lane, limit: int, at: datetime, owner: str, until: datetime) -> list[Row[Any]]:
    """Up to `limit` due rows of a lane, each the first open one of its call, in the order of their events."""
    values = {
        "of_client": lane.client,
        "of_target": lane.target,
        "limit": limit,
        "at": at,
        "owner": owner,
        "until": until,
    }
    return sorted(connection.execute(CLAIM, values), key=lambda row: str(row.event_id))


def settle(connection: Connection, settled: Iterable[Settled], at: datetime) -> None:
    """What became of tries. Nothing happens to a row whose lease ran out and that somebody else has by now."""
    known = list(settled)
    connection.execute(_SETTLE, [_row(each, at) for each in known])
    later = [_behind_it(each, each.again_at or at) for each in known if each.again_at or each.posting.tries > 1]
    if later:
        connection.execute(_SHARE_TIME, later)


def _row(settled: Settled, at: datetime) -> dict[str, Any]:
    over = settled.again_at is None
    return {
        "of_event": settled.posting.event_id,
        "attempt": settled.posting.attempt,
        "became": settled.state.value,
        "again_at": at if over else settled.again_at,
        "uncounted": 0 if settled.counts else 1,
        "status": settled.status,
        "why": settled.why,
        "over_at": at if over else None,
    }


def _behind_it(settled: Settled, at: datetime) -> dict[str, Any]:
    return {"of_call": settled.posting.call_id, "of_sequence": settled.posting.sequence, "later": at}


# ── looked at, and sent again ──
_SHOWN = (
    select(deliveries, events.c.type)
    .join(events, events.c.id == _d.event_id)
    .order_by(_d.event_id.desc())
    .limit(bindparam("limit"))
)
_AGAIN: dict[str, Any] = {
    "state": Owed.WAITING.value,
    "spent": _d.attempts,
    "begun_at": bindparam("at"),
    "not_before": bindparam("at"),
    "settled_at": None,
}
REPLAY_DEAD = update(deliveries).where(_d.client == bindparam("of_client"), _DEAD).values(_AGAIN)
_REPLAY = update(deliveries).where(_d.event_id == bindparam("id"), _d.state != Owed.CLAIMED.value).values(_AGAIN)
_KNOWN = select(_d.state).where(_d.event_id == bindparam("id"))
WAITING: Any = select(func.count().label("waiting"), func.min(_d.created_at).label("oldest")).where(_OWED)
DEAD = select(_d.client, func.count().label("dead")).where(_DEAD).group_by(_d.client)


def page(client: str | None, call_id: str | None, state: Owed | None, before: str | None) -> Select[Any]:
    """Newest event first, those below the event id `before`."""
    wanted = _SHOWN
    if call_id is not None:
        wanted = wanted.where(_d.call_id == call_id)
    if client is not None:
        # An expression has no index: a call's few rows are found by theirs, not among all of the program's.
        wanted = wanted.where((_d.client if call_id is None else _d.client.concat("")) == client)
    if state is Owed.DEAD:
        wanted = wanted.where(_DEAD)
    elif state is not None:
        wanted = wanted.where(_d.state == state.value)
    if state in (Owed.WAITING, Owed.CLAIMED):
        wanted = wanted.where(_OWED)
    if before is not None:
        wanted = wanted.where(_d.event_id < before)
    return wanted


def replay(connection: Connection, event_id: str, target: str, at: datetime) -> bool:
    """Owe it anew. False when it is under way already, or owed to nobody."""
    if connection.execute(_KNOWN, {"id": event_id}).first():
        return connection.execute(_REPLAY, {"id": event_id, "at": at}).rowcount > 0
    add(connection, [] if target else [event_id], {target: [event_id]} if target else {}, at)
    return connection.execute(_KNOWN, {"id": event_id}).first() is not None
