"""Sealing anew with the first key, so that older keys can be forgotten.

One pass over calls and events in the order of their ids, a few hundred rows in each transaction: the service may
go on meanwhile, and a pass that was cut off is simply begun again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Table, bindparam, select, update

from .rows import BIRTH, event_place
from .seal import Seal
from .tables import calls, events

AT_ONCE = 500


class _Kind(NamedTuple):
    table: Table
    sealed: Column[bytes]
    owner: Column[str]


_KINDS = (_Kind(calls, calls.c.sealed_request, calls.c.id), _Kind(events, events.c.data, events.c.call_id))


def batches(seal: Seal) -> Iterator[Batch]:
    """All the work there is; each batch is to be repeated until its `step` says that nothing is left."""
    for kind in _KINDS:
        yield Batch(seal, kind)


class Batch:
    """The walk through one table."""

    def __init__(self, seal: Seal, kind: _Kind) -> None:
        self._seal = seal
        self._kind = kind
        self._after = ""
        id_ = kind.table.c.id
        place = kind.table.c.get("sequence", kind.owner)
        rows = select(id_, kind.owner, place, kind.sealed).where(id_ > bindparam("after"))
        self._next = rows.order_by(id_).limit(AT_ONCE).with_for_update()
        self._change = update(kind.table).where(id_ == bindparam("row")).values({kind.sealed.name: bindparam("fresh")})
        self.changed = 0

    def step(self, connection: Connection) -> bool:
        """Seal the next rows anew where they need it. False at the end. Raises Unreadable, and changes nothing then."""
        rows = connection.execute(self._next, {"after": self._after}).all()
        fresh = [self._fresh(*row) for row in rows if row[3][: len(self._seal.first_id)] != self._seal.first_id]
        if fresh:
            connection.execute(self._change, fresh)
        self.changed += len(fresh)
        if rows:
            self._after = rows[-1][0]
        return len(rows) == AT_ONCE

    def _fresh(self, id_: str, owner: str, sequence: Any, sealed: bytes) -> dict[str, Any]:
        place = BIRTH if self._kind.table is calls else event_place(sequence)
        return {"row": id_, "fresh": self._seal.close(owner, place, self._seal.open(owner, place, sealed))}
