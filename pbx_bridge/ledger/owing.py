"""The part of `Ledger` that knows what programs are owed by webhook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from . import clients, deliveries
from .base import Base
from .chain import line_row
from .postings import Arrears, Delivery, DeliveryFilter, DeliveryPage, Lane, Owed, Posting, Settled, target_of
from .reads import CALL
from .values import AuditLine, StoredEvent


class Owing(Base):
    """Deliveries. Every method may raise LedgerUnavailable, and Unreadable where it opens."""

    async def deliver(
        self,
        settled: Sequence[Settled],
        wanted: Sequence[tuple[Lane, int]],
        at: datetime,
        *,
        owner: str,
        lease_s: float,
    ) -> list[Posting]:
        """Keep what became of tries, and claim up to so many due deliveries of each lane; all in one transaction. They
        are yours for `lease_s` seconds, in order."""
        until = at + timedelta(seconds=lease_s)

        def step(connection: Connection) -> tuple[list[Row[Any]], list[Any], dict[str, bytes]]:
            if settled:
                deliveries.settle(connection, settled, at)
            claimed: list[Row[Any]] = []
            for lane, limit in wanted:
                claimed += deliveries.claim(connection, lane, limit, at, owner, until)
            return claimed, *_contents(connection, claimed)

        claimed, events, requests = await self._change(step)
        stored = {row.id: self._rows.event(row) for row in events}
        urls = {id_: self._rows.request(id_, sealed).callback_url for id_, sealed in requests.items()}
        return [_posting(row, stored.get(row.event_id), urls.get(row.call_id)) for row in claimed]

    async def lanes(self) -> Mapping[Lane, datetime]:
        """Every lane that is owed something, and when it is worth looking at it again."""
        return {Lane(row.client, row.target): row.due for row in await self._ask(deliveries.LANES)}

    async def take_back(self, is_dead: Callable[[str], bool], at: datetime) -> int:
        """Nobody waits for the leases of claimants that are dead; their tries do not count. Returns how many those
        were."""
        dead = [row.claimed_by for row in await self._ask(deliveries.CLAIMANTS) if is_dead(row.claimed_by)]
        if not dead:
            return 0
        values = {"dead": dead, "at": at}
        return await self._change(lambda connection: connection.execute(deliveries.TAKE_BACK, values).rowcount)

    async def drop_lane(self, lane: Lane, why: str, at: datetime) -> int:
        """Send nothing of this any more, and say why. Returns how many deliveries that were."""
        values = {"of_client": lane.client, "of_target": lane.target, "why": why, "at": at}
        return await self._change(lambda connection: connection.execute(deliveries.DROP_LANE, values).rowcount)

    async def give_up_address(self, client: str, url: str, line: AuditLine) -> bool:
        """The program is told nothing at `url` from the line's time on; what it is owed waits. False when it has
        another address meanwhile, or that one was given up before; then there is no line either."""

        def step(connection: Connection) -> bool:
            given_up = clients.give_up_address(connection, client, url, line.at)
            if given_up:
                self._chain.append(connection, [line_row(line, self._rows.marks)])
            return given_up

        return await self._change(step)

    async def deliveries(self, filter_: DeliveryFilter, *, before: str | None = None, limit: int = 50) -> DeliveryPage:
        """A page of deliveries, newest event first, those before the event id `before`."""
        wanted = deliveries.page(filter_.client, filter_.call_id, filter_.state, before)
        found = await self._ask(wanted, {"limit": limit + 1})
        shown = tuple(_delivery(row) for row in found[:limit])
        return DeliveryPage(shown, shown[-1].event_id if len(found) > limit else None)

    async def event(self, event_id: str) -> StoredEvent | None:
        """One event by its id."""
        rows = await self._ask(deliveries.EVENTS, {"ids": [event_id]})
        return self._rows.event(rows[0]) if rows else None

    async def replay(self, event: StoredEvent, at: datetime) -> bool:
        """Owe an event anew, whatever became of it, by a schedule that begins now. False when a try is under way, or
        when the program has no address that works or no secret."""
        (row,) = await self._ask(CALL, {"id": event.call_id})
        url = self._rows.call(row).request.callback_url
        target = target_of(url) if url else ""
        return await self._change(lambda connection: deliveries.replay(connection, event.id, target, at))

    async def replay_dead(self, client: str, at: datetime) -> int:
        """Owe all dead letters of a program anew; returns how many there were."""
        values = {"of_client": client, "at": at}
        return await self._change(lambda connection: connection.execute(deliveries.REPLAY_DEAD, values).rowcount)

    async def arrears(self) -> Arrears:
        """How much is owed, to all programs together."""
        (waiting,), dead = await self._ask(deliveries.WAITING), await self.dead_letters()
        return Arrears(waiting.waiting, waiting.oldest, sum(dead.values()))

    async def dead_letters(self) -> Mapping[str, int]:
        """How many dead letters each program has that has any."""
        return {row.client: row.dead for row in await self._ask(deliveries.DEAD)}


def _contents(connection: Connection, claimed: Iterable[Row[Any]]) -> tuple[list[Any], dict[str, bytes]]:
    """The events as they are stored, sealed; and the requests of the calls that may have addresses of their own."""
    ids = [row.event_id for row in claimed]
    if not ids:
        return [], {}
    own = sorted({row.call_id for row in claimed if row.target})
    requests = connection.execute(deliveries.REQUESTS, {"ids": own}).all() if own else []
    found = list(connection.execute(deliveries.EVENTS, {"ids": ids}).all())
    return found, {row.id: row.sealed_request for row in requests}


def _posting(row: Row[Any], event: StoredEvent | None, url: str | None) -> Posting:
    return Posting(
        event_id=row.event_id,
        call_id=row.call_id,
        sequence=row.sequence,
        lane=Lane(row.client, row.target),
        attempt=row.attempts,
        tries=row.attempts - row.spent,
        begun_at=row.begun_at,
        event=event,
        url=url,
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        event_id=row.event_id,
        call_id=row.call_id,
        sequence=row.sequence,
        type=row.type,
        client=row.client,
        target=row.target,
        state=Owed(row.state),
        attempts=row.attempts,
        tries=row.attempts - row.spent,
        begun_at=row.begun_at,
        not_before=row.not_before,
        last_status=row.last_status,
        last_error=row.last_error,
        created_at=row.created_at,
        settled_at=row.settled_at,
    )
