"""Walking along the audit chain: does every line still say what was written, and is none missing?

Lines are read some hundred at a time, so an audit of any length is checked in the same memory, and the service goes
on meanwhile: lines written after the walk began are left for the next one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from .chain import HEAD, SAID_COLUMNS, Chain, Said
from .tables import audit
from .values import Anchor, Verified

AT_ONCE = 500

_NEXT = (
    select(*SAID_COLUMNS, audit.c.chain)
    .where(audit.c.id > bindparam("after"), audit.c.id <= bindparam("last"))
    .order_by(audit.c.id)
    .limit(bindparam("limit"))
)
_LAST = select(func.max(audit.c.id))

Read = Callable[[Callable[[Connection], Any]], Awaitable[Any]]


class _Fault(Exception):
    """The first thing that is wrong, in words."""


class _Head(NamedTuple):
    end: Anchor
    proof: str


class Walk:
    """One check of the whole chain."""

    def __init__(self, chain: Chain, anchors: Sequence[Anchor]) -> None:
        self._chain = chain
        self._anchors: dict[int, set[str]] = {}
        for anchor in anchors:
            self._anchors.setdefault(anchor.id, set()).add(anchor.chain)
        self._end = Anchor(0, "")
        self._lines = 0
        self._unchained = 0

    async def go(self, read: Read) -> Verified:
        """From the first line to the one that is the last now."""
        fault = None
        try:
            head: _Head = await read(self._head)
            while await read(lambda connection: self._step(connection, head.end.id)):
                pass
            await read(lambda connection: self._close(connection, head))
        except _Fault as found:
            fault = str(found)
        return Verified(self._lines, self._unchained, self._end, fault)

    def _head(self, connection: Connection) -> _Head:
        row = connection.execute(HEAD).one_or_none()
        if row is None:
            raise _Fault("the record of the last line is gone")
        return _Head(Anchor(row.id, row.chain), row.proof or "")

    def _step(self, connection: Connection, last: int) -> bool:
        """Check the next lines; whether there may be more."""
        values = {"after": self._end.id, "last": last, "limit": AT_ONCE}
        try:
            rows = connection.execute(_NEXT, values).all()
        except (TypeError, ValueError):  # a time that is none, written by hand
            raise _Fault(f"a line after line {self._end.id} was changed: it cannot even be read") from None
        for row in rows:
            self._take(row)
        return len(rows) == AT_ONCE

    def _take(self, row: Sequence[Any]) -> None:
        said, link = Said(*row[:-1]), row[-1]
        if link is None and not self._end.chain:
            # Before there was a chain the database counted, and left gaps.
            self._unchained += 1
        elif said.id != self._end.id + 1:
            raise _Fault(f"{_lines(self._end.id + 1, said.id - 1)} removed")
        elif link is None or link != self._link(said):
            raise _Fault(f"line {said.id} was changed, or put in, or does not belong after line {self._end.id}")
        self._end = Anchor(said.id, link or "")
        self._lines += 1
        if self._anchors.get(said.id, {self._end.chain}) != {self._end.chain}:
            raise _Fault(f"line {said.id} is not the one that was anchored: the audit was changed and chained anew")

    def _link(self, said: Said) -> str | None:
        try:
            return self._chain.link(self._chain.proof(self._end), said)
        except (TypeError, ValueError, AttributeError):  # no such line was ever written by us
            return None

    def _close(self, connection: Connection, head: _Head) -> None:
        """Is the last line the one that was written last?"""
        last = max(self._anchors, default=0)
        if self._end.id < last:
            raise _Fault(f"lines were cut off: the audit ends with line {self._end.id}, but line {last} was anchored")
        if self._end.id < head.end.id:
            raise _Fault(f"lines were cut off: the audit ends with line {self._end.id}, the last was {head.end.id}")
        if head.end.chain != self._end.chain or head.proof != self._chain.proof(head.end):
            raise _Fault("lines were cut off: the record of the last line was not written by this service")
        # The lines first: who writes meanwhile adds line and record together.
        beyond = connection.execute(_LAST).scalar() or 0
        if beyond > self._head(connection).end.id:
            raise _Fault(f"{_lines(head.end.id + 1, beyond)} put in after the last one that was written")


def _lines(first: int, last: int) -> str:
    return f"line {first} was" if first == last else f"lines {first} to {last} were"
