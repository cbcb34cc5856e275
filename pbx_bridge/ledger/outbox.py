"""The outbox: wishes leave in the order they were made, one at a time for each call.

Claiming is one statement on both databases; two claimants never get the same wish while its lease holds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
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
    update,
)

from ..call.commands import Command
from .forms import KNOWN_KINDS, read_command, write_command
from .tables import IS_OPEN, outbox
from .values import Wish

_COLUMNS = (
    outbox.c.id, outbox.c.call_id, outbox.c.kind, outbox.c.body, outbox.c.claimed_by, outbox.c.lease_until,
    outbox.c.attempts, outbox.c.undone, outbox.c.created_at,
)  # fmt: skip

_earlier = outbox.alias("earlier")
_IS_HEAD = ~exists().where(
    _earlier.c.call_id == outbox.c.call_id,
    _earlier.c.id < outbox.c.id,
    text(IS_OPEN.replace("state", "earlier.state")),
)
_IS_FREE = and_(
    text(IS_OPEN.replace("state", "outbox.state")),
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


def _heads() -> Select[int]:
    # A kind that only a newer release knows waits for that release.
    known = outbox.c.kind.in_(KNOWN_KINDS)
    heads = select(outbox.c.id).where(_IS_FREE, known, _IS_HEAD).order_by(outbox.c.id).limit(bindparam("limit"))
    return heads.with_for_update(skip_locked=True)


# A CTE, because PostgreSQL may run a plain subquery with LIMIT more than once and claim more than asked.
_head = _heads().cte("head")
_CLAIM = (
    update(outbox)
    .where(outbox.c.id.in_(select(_head.c.id)))
    .values(
        state="claimed",
        claimed_by=bindparam("owner"),
        lease_until=bindparam("until"),
        attempts=outbox.c.attempts + 1,
    )
    .returning(*_COLUMNS)
)
_ADD = insert(outbox).returning(*_COLUMNS, sort_by_parameter_order=True)
_BUSY = select(outbox.c.call_id).where(
    outbox.c.call_id.in_(bindparam("ids", expanding=True)), text(IS_OPEN)
).distinct()  # fmt: skip
_FINISH = update(outbox).where(outbox.c.id.in_(bindparam("ids", expanding=True))).values(state="done", last_error=None)
# The attempt number is the fence: a claimant whose lease ran out cannot undo what the next one does.
_MINE = and_(outbox.c.id == bindparam("wish"), outbox.c.attempts == bindparam("attempt"), outbox.c.state == "claimed")
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
_NEXT = select(
    func.min(case((outbox.c.state == "waiting", outbox.c.not_before), else_=outbox.c.lease_until))
).where(text(IS_OPEN.replace("state", "outbox.state")), _IS_HEAD)  # fmt: skip
_ALL_OPEN = select(*_COLUMNS).where(text(IS_OPEN), outbox.c.kind.in_(KNOWN_KINDS)).order_by(outbox.c.id)


def claim(connection: Connection, owner: str, at: datetime, lease_s: float, limit: int, take_over: bool) -> list[Wish]:
    """Up to `limit` wishes, each the first open one of its call; they are yours for `lease_s` seconds."""
    until = at + timedelta(seconds=lease_s)
    values = {"owner": owner, "at": at, "until": until, "limit": limit, "take_over": take_over}
    return sorted(map(_wish, connection.execute(_CLAIM, values)), key=lambda wish: wish.id)


def add(
    connection: Connection,
    wanted: Sequence[tuple[str, Command]],
    at: datetime,
    owner: str | None,
    until: datetime | None,
) -> tuple[list[Wish], set[str]]:
    """Store wishes (call id, command) in order. With an owner, the first of each call is born claimed, unless the
    call has an open wish already. Returns the claimed ones, and the calls with wishes left waiting."""
    taken: set[str] = set() if owner else {call_id for call_id, _ in wanted}
    if owner:
        taken.update(connection.execute(_BUSY, {"ids": [call_id for call_id, _ in wanted]}).scalars())
    rows = []
    for call_id, command in wanted:
        rows.append(_row(call_id, command, at, None if call_id in taken else owner, until))
        taken.add(call_id)
    stored = connection.execute(_ADD, rows).all()
    waiting = {row.call_id for row in stored if not row.attempts}
    return [_wish(row) for row in stored if row.attempts], waiting


def finish(connection: Connection, ids: Collection[int]) -> None:
    """They are carried out, whoever did it."""
    connection.execute(_FINISH, {"ids": list(ids)})


def drop(connection: Connection, wish: Wish, why: str) -> None:
    """Never carry it out; `why` stays with it."""
    connection.execute(_DROP, {"wish": wish.id, "attempt": wish.attempts, "why": why})


def retry(connection: Connection, wish: Wish, not_before: datetime, why: str, surely_undone: bool) -> None:
    """Give it back. Unless `surely_undone`, the next claimant is told that it may have been carried out."""
    values = {"wish": wish.id, "attempt": wish.attempts, "later": not_before, "why": why, "surely": surely_undone}
    connection.execute(_RETRY, values)


def next_at(connection: Connection) -> datetime | None:
    """When the next open wish becomes claimable; in the past if one is now."""
    return connection.execute(_NEXT).scalar()


def all_open(connection: Connection) -> list[Wish]:
    """Every wish that is neither done nor dropped, as somebody sees it who has claimed none."""
    return [_wish(row, mine=False) for row in connection.execute(_ALL_OPEN)]


def _row(call_id: str, command: Command, at: datetime, owner: str | None, until: datetime | None) -> dict[str, Any]:
    kind, body = write_command(command)
    return {
        "call_id": call_id,
        "kind": kind,
        "body": body,
        "state": "claimed" if owner else "waiting",
        "claimed_by": owner,
        "lease_until": until if owner else None,
        "attempts": 1 if owner else 0,
        "undone": 0,
        "not_before": at,
        "created_at": at,
    }


def _wish(row: Any, *, mine: bool = True) -> Wish:
    return Wish(
        id=row.id,
        call_id=row.call_id,
        command=read_command(row.kind, row.body),
        owner=row.claimed_by,
        lease_until=row.lease_until,
        attempts=row.attempts,
        maybe_done=row.attempts - mine > row.undone,
        created_at=row.created_at,
    )


__all__ = ["add", "all_open", "claim", "drop", "finish", "next_at", "retry"]
