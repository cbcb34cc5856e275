"""The one object of this room: `Ledger`. Everything a call is survives here, and nothing survives elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import text

from ..call.model import Call
from . import outbox, paging, reads, reseal
from .auditing import Auditing
from .backlog import Backlog
from .chain import Chain
from .engines import PATIENCE_S, connect, parse, sqlite_file
from .errors import LedgerUnavailable, NewerTables, Refused
from .explain import EXPLAINABLE, explain
from .lessons import Lessons
from .marks import Marks
from .owing import Owing
from .people import People
from .programs import Programs
from .recordings import Recordings
from .rows import Rows
from .seal import Seal
from .tables import REVISIONS
from .transaction import Transaction
from .values import CallFilter, Page, StoredEvent, Wish


class Ledger(Backlog, Lessons, Programs, People, Owing, Recordings, Auditing):
    """The memory. Reads may be asked at any time; what happens to calls is written in `transaction()`, and what is
    written elsewhere has a transaction of its own.

    Every method may raise LedgerUnavailable.
    """

    @classmethod
    async def open(
        cls, url: str, keys: Sequence[bytes | str], *, pepper: bytes, patience_s: float = PATIENCE_S
    ) -> Ledger:
        """The ledger behind a database URL. The first of `keys` seals, all of them open (see seal.py). `pepper`, of
        16 bytes or more, keys the blind marks and the audit chain; with another one neither fits what is stored.

        Raises BadKey, and LedgerUnavailable when the database cannot be used or its tables are not those that
        this program knows. `patience_s` bounds every wait for a lock or for the server.
        """
        place = parse(url)
        if place.get_backend_name() == "sqlite" and not sqlite_file(place).exists():
            # SQLite would make an empty file at a mistyped path.
            raise LedgerUnavailable(f"there is no database at {place.database}; run the migrations to make one")
        rows, chain = Rows(Seal(keys), Marks(pepper)), Chain(pepper)
        ledger = cls(connect(place, patience_s), rows, chain)
        try:
            ledger._check(await ledger.schema_version())
            if last := await ledger._store.read(lambda connection: connection.scalar(reads.LAST_EVENT)):
                ledger._rows.continue_after(last)
        except BaseException:  # a cancellation too: threads and connections must not outlive it
            await ledger.close()
            raise
        return ledger

    async def close(self) -> None:
        """Let go of the database. Transactions that are open finish first."""
        await self._store.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """All or nothing. Raises the Conflicts of `Transaction.write` once they are certain, at the end or before."""
        transaction: Transaction | None = None
        try:
            async with self._store.writing() as desk:
                transaction = Transaction(desk, self._rows, self._chain)
                yield transaction
        except Refused as refused:
            if transaction is None or refused.constraint not in EXPLAINABLE:
                raise
            changes = transaction.written
            conflict = await self._store.read(lambda connection: explain(connection, changes))
            if conflict is None:
                raise LedgerUnavailable("what stood in the way has just gone; try again", retryable=True) from refused
            raise conflict from refused

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────
    async def call(self, call_id: str) -> Call | None:
        """One call."""
        return next(iter(await self._calls(reads.CALL, {"id": call_id})), None)

    async def call_of_ticket(self, ticket: str) -> Call | None:
        """The call that citizen and agent name by this ticket."""
        return next(iter(await self._calls(reads.TICKET, {"ticket": ticket})), None)

    async def calls(self, filter_: CallFilter, *, cursor: str | None = None, limit: int = 50) -> Page:
        """A page of calls, newest first. Calls accepted meanwhile never shift it. Raises BadCursor, Refused."""
        mark = self._rows.marks.number(filter_.phone.e164) if filter_.phone else None
        found, more = await self._read(lambda connection: paging.page(connection, filter_, mark, cursor, limit))
        return Page(tuple(self._rows.call(row) for row in found), more)

    async def unfinished(self) -> list[Call]:
        """Calls that may have a leg, or are about to: all but the scheduled and the ended ones. In no order."""
        return await self._calls(reads.UNFINISHED, {})

    async def due(self, at: datetime, limit: int = 100) -> list[Call]:
        """Calls whose `wake_at` has come, longest overdue first. Scheduled ones have ways of their own (backlog.py)."""
        return await self._calls(reads.DUE, {"at": at, "limit": limit})

    async def next_wake(self) -> datetime | None:
        """The earliest `wake_at` of calls that are not scheduled; None when there is none."""
        return await self._store.read(lambda connection: connection.scalar(reads.NEXT_WAKE))

    # ── history ──────────────────────────────────────────────────────────────────────────────────────────
    async def events(self, call_id: str, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        """The events of a call with a sequence above `after`, in order."""
        rows = await self._ask(reads.EVENTS, {"call_id": call_id, "after": after, "limit": limit})
        return [self._rows.event(row) for row in rows]

    async def events_of(self, call_ids: Collection[str]) -> list[StoredEvent]:
        """All events of these calls, by call, in order."""
        rows = await self._ask(reads.EVENTS_OF, {"ids": list(call_ids)}) if call_ids else []
        return [self._rows.event(row) for row in rows]

    async def events_after(self, event_id: str, client: str | None = None, limit: int = 1000) -> list[StoredEvent]:
        """The events of all calls (of `client`) with an id above `event_id`, by id; "" begins at the first.

        Ids grow in the order of commits, whichever process writes (transaction.py): nothing ever appears at or before
        an id that was read.
        """
        statement = reads.LATER_EVENTS if client is None else reads.LATER_EVENTS_OF_CLIENT
        rows = await self._ask(statement, {"after": event_id, "client": client, "limit": limit})
        return [self._rows.event(row) for row in rows]

    async def last_event(self, client: str | None = None) -> str:
        """The id of the last event (of `client`); "" where there is none."""
        statement = reads.LAST_EVENT if client is None else reads.LAST_EVENT_OF_CLIENT
        values = {} if client is None else {"client": client}
        return await self._store.read(lambda connection: connection.scalar(statement, values)) or ""

    async def has_event(self, event_id: str, client: str | None = None) -> bool:
        """Whether there is this event (of `client`)."""
        found = await self._ask(reads.ONE_EVENT, {"id": event_id})
        return any(client in (None, row.client) for row in found)

    async def idempotent(self, client: str, key: str) -> tuple[str, str] | None:
        """The fingerprint and the call of a key that the client has used."""
        rows = await self._ask(reads.KEYS, {"pairs": [(client, key)]})
        return (rows[0].fingerprint, rows[0].call_id) if rows else None

    # ── wishes ───────────────────────────────────────────────────────────────────────────────────────────
    async def claim(
        self, owner: str, at: datetime, lease_s: float, limit: int = 100, *, take_over: bool = False
    ) -> list[Wish]:
        """`Transaction.claim` in a transaction of its own."""
        async with self.transaction() as transaction:
            return await transaction.claim(owner, at, lease_s, limit, take_over=take_over)

    async def finish(self, wishes: Collection[Wish]) -> None:
        """`Transaction.finish` in a transaction of its own; better ride along in one that comes anyway."""
        async with self.transaction() as transaction:
            await transaction.finish(wishes)

    async def drop(self, wish: Wish, why: str) -> None:
        """`Transaction.drop` in a transaction of its own."""
        async with self.transaction() as transaction:
            await transaction.drop(wish, why)

    async def retry(self, wish: Wish, not_before: datetime, why: str, *, surely_undone: bool = False) -> None:
        """`Transaction.retry` in a transaction of its own."""
        async with self.transaction() as transaction:
            await transaction.retry(wish, not_before, why, surely_undone=surely_undone)

    async def next_wish(self) -> datetime | None:
        """When the next wish can be claimed (a waiting one, or one whose lease runs out); None without open wishes."""
        return await self._store.read(outbox.next_at)

    async def open_wishes(self) -> list[Wish]:
        """Every wish that is not settled, in order; `maybe_done` where anybody has begun it, even if only now."""
        return await self._store.read(outbox.all_open)

    # ── the database itself ──────────────────────────────────────────────────────────────────────────────
    async def ping(self) -> None:
        """Returns if the database answers; for readiness."""
        await self.schema_version()

    async def may_write(self) -> None:
        """Returns if a transaction can begin now: readers of SQLite get through where a writer would wait."""
        async with self._store.writing() as desk:
            await desk.run(lambda connection: None)

    async def schema_version(self) -> str | None:
        """The revision of the tables; None for a database without any."""
        rows = await self._ask(text("SELECT version_num FROM alembic_version"))  # type: ignore[arg-type]
        return str(rows[0][0]) if rows else None

    async def reseal(self) -> int:
        """Seal everything anew that is not under the first key; returns how many rows were. Then older keys may go.

        Raises Unreadable when a row needs a key that was not given. May run beside a working service that has the
        same keys.
        """
        changed = 0
        for batch in reseal.batches(self._rows.seal):
            more = True
            while more:
                async with self._store.writing() as desk:
                    more = await desk.run(batch.step)
            changed += batch.changed
        return changed

    def _check(self, version: str | None) -> None:
        if version not in REVISIONS and version is not None:
            raise NewerTables(version)
        if version != REVISIONS[-1]:
            raise LedgerUnavailable(f"the tables are not at revision {REVISIONS[-1]} yet; run the migrations first")
