"""The part of `Ledger` that knows calls that wait for their time. Each question is answered by an index that holds
scheduled calls only, so the history costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, select, text, update

from ..call.model import Call
from .base import Base
from .rows import CALL_COLUMNS
from .tables import IS_SCHEDULED, calls

_SCHEDULED = select(*CALL_COLUMNS).where(text(IS_SCHEDULED))
_BACKLOG = (
    _SCHEDULED.where(calls.c.queue == bindparam("queue"), calls.c.wake_at <= bindparam("at"))
    .order_by(calls.c.accepted_at, calls.c.id)
    .limit(bindparam("limit"))
)
_PAGE = _SCHEDULED.where(calls.c.id > bindparam("after")).order_by(calls.c.id).limit(bindparam("limit"))
# An expression has no index: the backlog of one queue is found by the ids of all scheduled calls, in their order.
_PAGE_OF_QUEUE = _PAGE.where(calls.c.queue.concat("") == bindparam("queue"))
_NEXT = select(func.min(calls.c.wake_at)).where(text(IS_SCHEDULED), calls.c.wake_at > bindparam("at"))
_IS_DUE = case((calls.c.wake_at <= bindparam("at"), 1), else_=0)
_SIZES = (
    select(calls.c.queue, func.sum(_IS_DUE).label("due"), func.count().label("all_"))
    .where(text(IS_SCHEDULED))
    .group_by(calls.c.queue)
)
_WITHOUT_QUEUE = _SCHEDULED.where(calls.c.queue.is_(None)).with_for_update()
_FILL = (
    update(calls)
    .where(calls.c.id == bindparam("row"), calls.c.queue.is_(None))
    .values(queue=bindparam("its_queue", type_=calls.c.queue.type))
)


class Backlog(Base):
    """Scheduled calls. Every method may raise LedgerUnavailable, and Unreadable where it opens."""

    async def backlog(self, queue: str, at: datetime, limit: int = 100) -> list[Call]:
        """The scheduled calls for a queue whose time has come, in the order in which they were asked for."""
        return await self._calls(_BACKLOG, {"queue": queue, "at": at, "limit": limit})

    async def next_scheduled(self, at: datetime) -> datetime | None:
        """The earliest time after `at` that a scheduled call waits for."""
        return await self._read(lambda connection: connection.scalar(_NEXT, {"at": at}))

    async def backlog_sizes(self, at: datetime) -> Mapping[str, tuple[int, int]]:
        """Of each queue that scheduled calls are meant for: those whose time has come, and all of them.

        Calls that a release before revision 0003 has scheduled are given their queue here, before they are counted.
        """
        sizes = await self._sizes(at)
        if None in sizes:
            await self._change(self._fill_queues)
            sizes = await self._sizes(at)
        return {queue: size for queue, size in sizes.items() if queue is not None}

    async def scheduled(self, after: str = "", limit: int = 100, *, queue: str | None = None) -> list[Call]:
        """A page of scheduled calls (for a queue) with an id above `after`, by id."""
        statement = _PAGE if queue is None else _PAGE_OF_QUEUE
        return await self._calls(statement, {"after": after, "limit": limit, "queue": queue})

    async def _sizes(self, at: datetime) -> dict[str | None, tuple[int, int]]:
        return {row.queue: (row.due, row.all_) for row in await self._ask(_SIZES, {"at": at})}

    def _fill_queues(self, connection: Connection) -> None:
        """The request is sealed, so a migration cannot do it."""
        found = [self._rows.call(row) for row in connection.execute(_WITHOUT_QUEUE)]
        if found:
            connection.execute(_FILL, [{"row": call.id, "its_queue": call.queue} for call in found])
