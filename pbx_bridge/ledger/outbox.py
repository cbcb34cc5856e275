"""The outbox: wishes leave in the order they were made, one at a time for each call.

Claiming is one statement on both databases; two claimants never get the same wish while its lease holds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    tuple_,
    update,
)

from ..call.commands import Command
from .forms import KNOWN_KINDS, read_command, write_command
from .tables import IS_OPEN, outbox
from .values import Wish

_COLUMNS = (
    outbox.c.call_id, outbox.c.number, outbox.c.kind, outbox.c.body, outbox.c.claimed_by, outbox.c.lease_until,
    outbox.c.attempts, outbox.c.undone, outbox.c.created_at,
)  # fmt: skip
_KEY = tuple_(outbox.c.call_id, outbox.c.number)
_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)

_IS_OPEN = text(IS_OPEN.replace("state", "outbox.state"))
_earlier = outbox.alias("earlier")
_IS_HEAD = ~exists().where(
    _earlier.c.call_id == outbox.c.call_id,
    _earlier.c.number < outbox.c.number,
    text(IS_OPEN.replace("state", "earlier.state")),
)
_IS_FREE = and_(
    _IS_OPEN,
    or_(
        and_(outbox.c.state == "waiting", outbox.c.not_before <= bindparam("at")),
        and_(outbox.c.state == "claimed", outbox.c.lease_until <= bindparam("at")),
        and_(
            outbox.c.state == "claimed",
            outbox.c.claimed_by != bindparam("owner"),
            bindparam("take_over", type_=Boolean),
        ),
    ),
)


def _heads() -> Select[str, int]:
    # A kind that only a newer release knows waits for that release.
    heads = select(outbox.c.call_id, outbox.c.number).where(_IS_FREE, outbox.c.kind.in_(KNOWN_KINDS), _IS_HEAD)
    oldest = heads.order_by(outbox.c.created_at, outbox.c.call_id).limit(bindparam("limit"))
    return oldest.with_for_update(skip_locked=True)


# A CTE, because PostgreSQL may run a plain subquery with LIMIT more than once and claim more than asked.
_head = _heads().cte("head")
_CLAIM = (
    update(outbox)
    .where(_KEY.in_(select(_head.c.call_id, _head.c.number)))
    .values(
        state="claimed",
        claimed_by=bindparam("owner"),
        lease_until=bindparam("until"),
        attempts=outbox.c.attempts + 1,
    )
    .returning(*_COLUMNS)
)
_ADD = insert(outbox)
_STANDING = (
    select(
        outbox.c.call_id,
        func.max(outbox.c.number),
        func.max(case((_IS_OPEN, 1), else_=0)),
    )
    .where(outbox.c.call_id.in_(bindparam("ids", expanding=True)))
    .group_by(outbox.c.call_id)
)
_FINISH = update(outbox).where(_KEY.in_(_KEYS)).values(state="done", last_error=None)
# The attempt number is the fence: a claimant whose lease ran out cannot undo what the next one does.
_MINE = and_(
    outbox.c.call_id == bindparam("of_call"),
    outbox.c.number == bindparam("of_number"),
    outbox.c.attempts == bindparam("attempt"),
    outbox.c.state == "claimed",
)
_DROP = update(outbox).where(_MINE).values(state="dropped", last_error=bindparam("why"))
_RETRY = (
    update(outbox)
    .where(_MINE)
    .values(
        state="waiting",
        not_before=bindparam("later"),
        last_error=bindparam("why"),
        undone=case((bindparam("surely", type_=Boolean), outbox.c.attempts), else_=outbox.c.undone),
    )
)
_FREE_AT = case((outbox.c.state == "waiting", outbox.c.not_before), else_=outbox.c.lease_until)
_NEXT = select(func.min(_FREE_AT)).where(_IS_OPEN, _IS_HEAD)
_ALL_OPEN = (
    select(*_COLUMNS)
    .where(_IS_OPEN, outbox.c.kind.in_(KNOWN_KINDS))
    .order_by(outbox.c.created_at, outbox.c.call_id, outbox.c.number)
)


def claim(connection: Connection, owner: str, at: datetime, lease_s: float, limit: int, take_over: bool) -> list[Wish]:
    """Up to `limit` wishes, each the first open one of its call; they are yours for `lease_s` seconds."""
    until = at + timedelta(seconds=lease_s)
    values = {"owner": owner, "at": at, "until": until, "limit": limit, "take_over": take_over}
    return sorted(map(_wish, connection.execute(_CLAIM, values)), key=lambda wish: (wish.created_at, wish.call_id))


def add(
    connection: Connection,
    wanted: Sequence[tuple[str, Command]],
    at: datetime,
    owner: str | None,
    until: datetime | None,
) -> tuple[list[Wish], set[str]]:
    """Store wishes (call id, command) in order; the calls' rows must be locked. With an owner, the first of each
    call is born claimed, unless the call has an open wish already. Returns the claimed ones, and the calls with
    wishes left waiting."""
    standing = connection.execute(_STANDING, {"ids": list({call_id for call_id, _ in wanted})})
    last = {call_id: (number, bool(busy)) for call_id, number, busy in standing}
    claimed: list[Wish] = []
    waiting: set[str] = set()
    rows = []
    for call_id, command in wanted:
        number, busy = last.get(call_id, (0, False))
        last[call_id] = number + 1, True
        if owner and until and not busy:
            rows.append(_row(call_id, number + 1, command, at, owner, until))
            claimed.append(Wish(call_id, number + 1, command, owner, until, 1, maybe_done=False, created_at=at))
        else:
            rows.append(_row(call_id, number + 1, command, at, None, None))
            waiting.add(call_id)
    connection.execute(_ADD, rows)
    return claimed, waiting


def finish(connection: Connection, wishes: Collection[Wish]) -> None:
    """They are carried out, whoever did it."""
    connection.execute(_FINISH, {"keys": [(wish.call_id, wish.number) for wish in wishes]})


def drop(connection: Connection, wish: Wish, why: str) -> None:
    """Never carry it out; `why` stays with it."""
    connection.execute(_DROP, _mine(wish) | {"why": why})


def retry(connection: Connection, wish: Wish, not_before: datetime, why: str, surely_undone: bool) -> None:
    """Give it back. Unless `surely_undone`, the next claimant is told that it may have been carried out."""
    connection.execute(_RETRY, _mine(wish) | {"later": not_before, "why": why, "surely": surely_undone})


def next_at(connection: Connection) -> datetime | None:
    """When the next open wish becomes claimable; in the past if one is now."""
    return connection.execute(_NEXT).scalar()


def all_open(connection: Connection) -> list[Wish]:
    """Every wish that is neither done nor dropped, as somebody sees it who has claimed none."""
    return [_wish(row, mine=False) for row in connection.execute(_ALL_OPEN)]


def _mine(wish: Wish) -> dict[str, Any]:
    return {"of_call": wish.call_id, "of_number": wish.number, "attempt": wish.attempts}


def _row(
    call_id: str, number: int, command: Command, at: datetime, owner: str | None, until: datetime | None
) -> dict[str, Any]:
    kind, body = write_command(command)
    return {
        "call_id": call_id,
        "number": number,
        "kind": kind,
        "body": body,
        "state": "claimed" if owner else "waiting",
        "claimed_by": owner,
        "lease_until": until,
        "attempts": 1 if owner else 0,
        "undone": 0,
        "not_before": at,
        "created_at": at,
    }


def _wish(row: Any, *, mine: bool = True) -> Wish:
    return Wish(
        call_id=row.call_id,
        number=row.number,
        command=read_command(row.kind, row.body),
        owner=row.claimed_by,
        lease_until=row.lease_until,
        attempts=row.attempts,
        maybe_done=row.attempts - mine > row.undone,
        created_at=row.created_at,
    )


__all__ = ["add", "all_open", "claim", "drop", "finish", "next_at", "retry"]
