"""What limits count: calls opened, codes sent, codes mistyped. Kept for a day, under blind marks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, or_, select

from .access import NewTry, Try, TryKind
from .marks import Marks
from .tables import tries

#: The citizen's client and id, and the number in clear (E.164) where one was given.
Whose = tuple[str, str, str | None]

_CITIZENS: BindParameter[Any] = bindparam("citizens", expanding=True)
_NUMBERS: BindParameter[Any] = bindparam("numbers", expanding=True)
_RECENT = (
    select(tries.c.kind, tries.c.at, tries.c.citizen, tries.c.number)
    .where(tries.c.at >= bindparam("since"), or_(tries.c.citizen.in_(_CITIZENS), tries.c.number.in_(_NUMBERS)))
    .order_by(tries.c.at, tries.c.id)
)
_OF_CITIZEN = (
    select(tries.c.kind, tries.c.at).where(tries.c.citizen == bindparam("mark")).order_by(tries.c.at, tries.c.id)
)
_DROP = delete(tries).where(tries.c.citizen == bindparam("mark"))
_FORGET = delete(tries).where(tries.c.at <= bindparam("at"))
_ADD = insert(tries)


def add(connection: Connection, new: Iterable[NewTry], at: datetime, marks: Marks) -> None:
    """Count these, all at that time."""
    connection.execute(_ADD, [_row(each, at, marks) for each in new])


def recent(connection: Connection, whose: Collection[Whose], since: datetime, marks: Marks) -> dict[Whose, list[Try]]:
    """See `Transaction.recent`."""
    marked = {each: (marks.citizen(each[0], each[1]), marks.number(each[2])) for each in whose}
    citizens = sorted({citizen for citizen, _ in marked.values()})
    numbers = sorted({number for _, number in marked.values() if number})
    rows = connection.execute(_RECENT, {"since": since, "citizens": citizens, "numbers": numbers}).all()
    return {
        each: [
            Try(TryKind(row.kind), row.at, row.citizen == citizen, number is not None and row.number == number)
            for row in rows
            if row.citizen == citizen or (number and row.number == number)
        ]
        for each, (citizen, number) in marked.items()
    }


def of_citizen(connection: Connection, mark: str) -> list[dict[str, Any]]:
    """Kinds and times."""
    return [dict(row._mapping) for row in connection.execute(_OF_CITIZEN, {"mark": mark})]


def drop(connection: Connection, mark: str) -> int:
    """Forget the citizen's."""
    return connection.execute(_DROP, {"mark": mark}).rowcount


def forget(connection: Connection, at: datetime) -> int:
    """Delete those from that moment and before."""
    return connection.execute(_FORGET, {"at": at}).rowcount


def _row(new: NewTry, at: datetime, marks: Marks) -> dict[str, Any]:
    number = marks.number(new.number)
    return {"at": at, "kind": new.kind.value, "citizen": marks.citizen(new.client, new.user), "number": number}
