"""What queues have learned from their own calls, and how promises of a wait held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from ..line.calibration import Held, Hour
from ..line.estimate import Learned
from . import tables
from .base import Base

_FIGURES = tuple(field.name for field in fields(Held))
_LEARNED = select(tables.learned)
_HELD = (
    select(tables.held)
    .where(
        tables.held.c.queue == bindparam("queue"),
        tables.held.c.hour >= bindparam("from_"),
        tables.held.c.hour < bindparam("to"),
    )
    .order_by(tables.held.c.hour)
)
_FORGET = delete(tables.held).where(tables.held.c.hour < bindparam("at"))


class Lessons(Base):
    """What a supervisor and the estimate need of the past. Every method may raise LedgerUnavailable."""

    async def learned(self) -> Mapping[str, Learned]:
        """What each queue had learned when it was kept last. How fast it fades is today's rule, not that of then."""
        return {row.queue: _learned(row) for row in await self._ask(_LEARNED)}

    async def keep_learned(self, queue: str, learned: Learned, at: datetime) -> None:
        """In place of what was kept."""
        row = {
            "queue": queue,
            "handle_total": learned.handle.total,
            "handle_weight": learned.handle.weight,
            "abandon_total": learned.abandon.total,
            "abandon_weight": learned.abandon.weight,
            "updated_at": at,
        }
        await self._change(lambda connection: _keep_learned(connection, row))

    async def held(self, queue: str, from_: datetime, to: datetime) -> Mapping[Hour, Held]:
        """How a queue's promises held, by the full hours that begin from `from_` on and before `to`, in order."""
        rows = await self._ask(_HELD, {"queue": queue, "from_": from_, "to": to})
        return {Hour(row.queue, row.hour): Held(*(getattr(row, name) for name in _FIGURES)) for row in rows}


def add_held(connection: Connection, held: Iterable[tuple[Hour, Held]]) -> None:
    """Add these to what is known of their hours."""
    sums: dict[Hour, Held] = {}
    for hour, each in held:
        sums[hour] = sums.get(hour, Held()) + each
    # In a fixed order, so that two processes that add to the same hours wait for each other and never in a ring.
    rows = [{"queue": hour.queue, "hour": hour.start} | asdict(sums[hour]) for hour in sorted(sums)]
    adding = _insert(connection, tables.held).values(rows)
    both = {name: tables.held.c[name] + adding.excluded[name] for name in _FIGURES}
    connection.execute(adding.on_conflict_do_update(index_elements=["queue", "hour"], set_=both))


def forget_held(connection: Connection, at: datetime) -> int:
    """Delete the hours before that moment."""
    return connection.execute(_FORGET, {"at": at}).rowcount


def _keep_learned(connection: Connection, row: dict[str, Any]) -> None:
    adding = _insert(connection, tables.learned).values(row)
    fresh = {name: adding.excluded[name] for name in row if name != "queue"}
    connection.execute(adding.on_conflict_do_update(index_elements=["queue"], set_=fresh))


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _learned(row: Any) -> Learned:
    fresh = Learned()
    return Learned(
        handle=replace(fresh.handle, total=row.handle_total, weight=row.handle_weight),
        abandon=replace(fresh.abandon, total=row.abandon_total, weight=row.abandon_weight),
    )
