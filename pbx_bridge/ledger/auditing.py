"""The part of `Ledger` that writes, shows and proves the audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Row

from . import reads
from .base import Base
from .chain import HEAD, line_row
from .values import Anchor, AuditFilter, AuditLine, StoredLine, Verified
from .verify import Walk


class Auditing(Base):
    """Who did what. Every method may raise LedgerUnavailable."""

    async def note(self, lines: Sequence[AuditLine]) -> None:
        """Write lines that belong to no Change, in a transaction of their own."""
        rows = [line_row(line, self._rows.marks) for line in lines]
        if rows:
            await self._change(lambda connection: self._chain.append(connection, rows))

    async def audit(self, call_id: str | None = None, *, after: int = 0, limit: int = 1000) -> list[StoredLine]:
        """Audit lines (of one call) with an id above `after`, oldest first."""
        return await self.audit_page(AuditFilter(call_id=call_id), after=after, limit=limit)

    async def audit_page(self, filter_: AuditFilter, *, after: int = 0, limit: int = 100) -> list[StoredLine]:
        """Audit lines that come after line `after`, in the order they were written; where the filter names times, in
        the order of those, which can differ by moments."""
        mark = self._rows.marks.citizen(*filter_.citizen) if filter_.citizen else None
        return [_stored(row) for row in await self._ask(reads.audit_page(filter_, mark, after, limit))]

    async def anchor(self) -> Anchor:
        """The end of the chain now, to be kept where nobody who can write this database can write."""
        rows = await self._ask(HEAD)
        return Anchor(rows[0].id, rows[0].chain) if rows else Anchor(0, "")

    async def verify_audit(self, *, anchors: Sequence[Anchor] = ()) -> Verified:
        """Walk along the whole chain up to its present end, and past every anchor; the service may go on meanwhile."""
        return await Walk(self._chain, anchors).go(self._store.read)


def _stored(row: Row[Any]) -> StoredLine:
    line = AuditLine(row.at, row.actor, row.action, row.verdict, from_json(row.detail), row.call_id)
    return StoredLine(row.id, line, row.chain, row.mark)
