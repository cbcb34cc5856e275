"""One transaction: load calls, write what became of them, all or nothing.

`write` takes the changes of many calls at once and needs a handful of statements however many they are: facts
that arrive together commit together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update

from ..call.model import Call
from ..call.states import State
from . import citizens, deliveries, lessons, outbox, tries
from .access import Authenticator, Try
from .chain import Chain, line_row
from .engines import Desk
from .errors import Stale
from .postings import Lane, target_of
from .reads import KEYS, LAST_EVENT
from .rows import CALL_COLUMNS, Rows
from .tables import calls, events, idempotency
from .tries import Whose
from .values import Change, StoredEvent, Wish, Written

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
# In the order of ids, so that two processes that want the same calls wait for each other and never in a ring.
_LOAD = select(*CALL_COLUMNS).where(calls.c.id.in_(_IDS)).order_by(calls.c.id).with_for_update()
_REVISIONS = select(calls.c.id, calls.c.revision).where(calls.c.id.in_(_IDS)).order_by(calls.c.id).with_for_update()
_MOVING = (
    "state", "outcome", "cause_slug", "revision", "attempt", "state_since", "ended_at", "wake_at", "queue", "callback",
    "progress",
)  # fmt: skip
UPDATE_CALL = (
    update(calls)
    .where(calls.c.id == bindparam("changed_id"))
    .values({name: bindparam(name, type_=calls.c[name].type) for name in _MOVING})
)
_NEW_CALL, _NEW_KEY, _NEW_EVENT = insert(calls), insert(idempotency), insert(events)
# Who leaves an exclusive state goes first: the place is free for another call in the same write.
_ORDER = {State.ENDED: 0, State.SCHEDULED: 1}


class Transaction:
    """What can be done inside `Ledger.transaction()`. After any error of the ledger it is over.

    A write with audit lines should be its last deed: from then on no other process can write any (chain.py).
    """

    def __init__(self, desk: Desk, rows: Rows, chain: Chain) -> None:
        self._desk = desk
        self._rows = rows
        self._chain = chain
        self._loaded: dict[str, int] = {}
        self.written: list[Change] = []

    async def load(self, ids: Collection[str]) -> dict[str, Call]:
        """The calls among `ids` that exist; nobody else can change them until this transaction is over."""
        if not ids:
            return {}
        rows = await self._desk.run(lambda connection: connection.execute(_LOAD, {"ids": sorted(ids)}).all())
        found = {row[0]: self._rows.call(row) for row in rows}
        self._loaded.update((call.id, call.revision) for call in found.values())
        return found

    async def idempotent(self, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
        """For each (client, key) that was used: the fingerprint of its body, and the call it made."""
        if not pairs:
            return {}
        rows = await self._desk.run(lambda connection: connection.execute(KEYS, {"pairs": list(pairs)}).all())
        return {(row.client, row.key): (row.fingerprint, row.call_id) for row in rows}

    async def recent(self, whose: Collection[Whose], since: datetime) -> dict[Whose, list[Try]]:
        """For each (client, user, number in clear or None): what was counted of that citizen or of that number, by
        whichever citizen, since then; oldest first."""
        if not whose:
            return {}
        return await self._desk.run(lambda connection: tries.recent(connection, whose, since, self._rows.marks))

    async def authenticators(self, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], Authenticator]:
        """Those of the citizens (client, user) that have one; nobody else can change them until this is over."""
        if not pairs:
            return {}
        seal = self._rows.seal
        return await self._desk.run(lambda connection: citizens.authenticators_of(connection, pairs, seal, lock=True))

    async def write(
        self,
        changes: Sequence[Change],
        at: datetime,
        *,
        owner: str | None = None,
        lease_until: datetime | None = None,
        done: Sequence[Wish] = (),
        last: bool = False,
    ) -> Written:
        """Store all of it. With `owner` and `lease_until` the wishes are born claimed by you (see `Written`).
        `done` wishes are finished first. `last`: nothing else is asked of this transaction, so it may be committed.

        Raises a Conflict (see there), Stale when a call is no longer at its `before_revision`, Refused for a
        mistake of the caller's, LedgerUnavailable. `at` is the time of writing, UTC.
        """
        if not changes and not done:
            return Written()
        self.written.extend(changes)
        batch = _Batch(self._rows, changes, at)
        unseen = [id_ for id_ in batch.expected if id_ not in self._loaded]

        def store(connection: Connection) -> Written:
            if done:
                outbox.finish(connection, done)
            known = dict(self._loaded)
            if unseen:
                known.update((row.id, row.revision) for row in connection.execute(_REVISIONS, {"ids": unseen}))
            batch.check(known)
            batch.store(connection)
            wishes: list[Wish] = []
            waiting: set[str] = set()
            if batch.wishes:
                wishes, waiting = outbox.add(connection, batch.wishes, at, owner, lease_until)
            if batch.lines:
                self._chain.append(connection, batch.lines)
            before = batch.publish(connection, self._chain)
            return Written(tuple(batch.stored), tuple(wishes), frozenset(waiting), batch.lanes, before)

        written = await self._desk.run(store, last=last)
        self._loaded.update((change.call.id, change.call.revision) for change in changes if change.call)
        return written

    async def finish(self, wishes: Iterable[Wish]) -> None:
        """These were carried out."""
        if done := list(wishes):
            await self._desk.run(lambda connection: outbox.finish(connection, done))

    async def drop(self, wish: Wish, why: str) -> None:
        """Nobody shall carry it out any more; `why` is kept. Nothing happens if your lease ran out."""
        await self._desk.run(lambda connection: outbox.drop(connection, wish, why))

    async def retry(self, wish: Wish, not_before: datetime, why: str, *, surely_undone: bool = False) -> None:
        """Later again. `surely_undone`: this attempt did nothing, so the next is not told `maybe_done`."""
        await self._desk.run(lambda connection: outbox.retry(connection, wish, not_before, why, surely_undone))

    async def claim(
        self, owner: str, at: datetime, lease_s: float, limit: int = 100, *, take_over: bool = False
    ) -> list[Wish]:
        """The first open wish of up to `limit` calls, yours for `lease_s` seconds. `take_over` takes claimed ones too,
        from whoever else has them: only when the others are known to be dead."""
        return await self._desk.run(lambda connection: outbox.claim(connection, owner, at, lease_s, limit, take_over))


class _Batch:
    """The rows of one `write`, table by table."""

    def __init__(self, rows: Rows, changes: Sequence[Change], at: datetime) -> None:
        self.expected: dict[str, int] = {}
        self.wishes = [(change.call.id, wish) for change in changes if change.call for wish in change.wishes]
        self._new: list[dict[str, Any]] = []
        self._changed: list[dict[str, Any]] = []
        self.stored: list[StoredEvent] = []
        self.lanes: frozenset[Lane] = frozenset()
        self._changes = changes
        self.lines = [
            line_row(line, rows.marks, change.call.id if change.call else None)
            for change in changes
            for line in change.audit
        ]
        self._tries = [each for change in changes for each in change.tries]
        self._authenticators = [change.authenticator for change in changes if change.authenticator]
        self._held = [each for change in changes for each in change.held]
        self._rows, self._at = rows, at
        self._keys = [_key(change, change.call, at) for change in changes if change.call and change.idempotency]
        moved = [(change, change.call) for change in changes if change.call]
        if len({call.id for _, call in moved}) < len(moved):
            raise ValueError("a write takes at most one change for each call")
        for change, call in sorted(moved, key=lambda pair: _ORDER.get(pair[1].state, 2)):
            if change.before_revision is None:
                self._new.append(rows.new_call(call, change.wake_at))
            else:
                self.expected[call.id] = change.before_revision
                self._changed.append(rows.changed_call(call, change.wake_at))

    def check(self, known: dict[str, int]) -> None:
        """Raises Stale for the first call that is not at the revision it should be at."""
        for call_id, revision in self.expected.items():
            if known.get(call_id) != revision:
                raise Stale(call_id)

    def store(self, connection: Connection) -> None:
        """One statement for each table; the database's constraints speak here."""
        for statement, rows in (
            (UPDATE_CALL, self._changed),
            (_NEW_CALL, self._new),
            (_NEW_KEY, self._keys),
        ):
            if rows:
                connection.execute(statement, rows)
        if self._tries:
            tries.add(connection, self._tries, self._at, self._rows.marks)
        if self._authenticators:
            citizens.keep_authenticators(connection, self._authenticators, self._rows.seal)
        if self._held:
            lessons.add_held(connection, self._held)

    def publish(self, connection: Connection, chain: Chain) -> str:
        """The events, last of all: the lines that say why stand in the audit, and until the commit no other process can
        write any (chain.py). So ids grow in the order of commits, whichever process writes: who has read up to an id
        has missed nothing before it. Returns the id before the first."""
        changes = [(change.call, change.events) for change in self._changes if change.call and change.events]
        if not changes:
            return ""
        if not self.lines:
            raise ValueError("what is published needs a line in the audit")
        if self._rows.met != chain.met:  # somebody else has written since: theirs may be the last
            if last := connection.scalar(LAST_EVENT):
                self._rows.continue_after(last)
            self._rows.met = chain.met
        before = self._rows.last_event_id
        self.stored = [self._rows.new_event(call, event) for call, events_ in changes for event in events_]
        connection.execute(_NEW_EVENT, [self._rows.event_row(event) for event in self.stored])
        owed, own = _receivers(self._changes, self.stored)
        self.lanes = _lanes(self.stored, own)
        deliveries.add(connection, owed, own, self._at)
        return before


def _receivers(changes: Sequence[Change], stored: Sequence[StoredEvent]) -> tuple[list[str], dict[str, list[str]]]:
    """The ids of events for the program's address; and, by host, of those for a call's own."""
    hosts = {
        change.call.id: target_of(change.call.request.callback_url)
        for change in changes
        if change.call and change.call.request.callback_url
    }
    own: dict[str, list[str]] = {}
    for event in stored:
        if event.call_id in hosts:
            own.setdefault(hosts[event.call_id], []).append(event.id)
    return [event.id for event in stored if event.call_id not in hosts], own


def _lanes(stored: Sequence[StoredEvent], own: Mapping[str, Sequence[str]]) -> frozenset[Lane]:
    target = {id_: host for host, ids in own.items() for id_ in ids}
    return frozenset(Lane(event.client, target.get(event.id, "")) for event in stored)


def _key(change: Change, call: Call, at: datetime) -> dict[str, Any]:
    assert change.idempotency
    return {
        "client": call.request.client,
        "key": change.idempotency.key,
        "fingerprint": change.idempotency.fingerprint,
        "call_id": call.id,
        "created_at": at,
    }
