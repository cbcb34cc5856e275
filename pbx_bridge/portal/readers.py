"""Who reads a stream now, and by which token: so that the ones whose right ends are told, and nobody else is woken.

Each open stream has a seat. A seat is found by what could end it (revocations.Mark), so ending one costs nothing for
the thousands of others.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from aiohttp import web

from ..ledger.access import Revocation
from .grant import Grant
from .problems import Problem
from .revocations import Mark, covers, mark_of, marks_of

#: Seconds after which whoever found no seat may ask again.
FULL_S = 5


class Reason(StrEnum):
    """Why a stream ended before its call. Readers compare these."""

    TOKEN_REVOKED = "token_revoked"  # noqa: S105  a reason, not a secret
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    CLIENT_DISABLED = "client_disabled"
    SERVICE_STOPS = "service_stops"
    TOO_SLOW = "too_slow"


class Seat:
    """One open stream. `reason` is set once, when its right to go on has ended."""

    __slots__ = ("_wait", "grant", "reason")

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.reason: Reason | None = None
        self._wait: asyncio.Timeout | None = None

    def end(self, reason: Reason) -> None:
        """Wake it, to say goodbye and leave."""
        if self.reason is None:
            self.reason = reason
        if self._wait is not None and not self._wait.expired():  # else it wakes by itself, and may not be touched
            self._wait.reschedule(asyncio.get_running_loop().time())

    async def wait(self, changed: Awaitable[object], until: float) -> bool:
        """Until there is news (True), or the loop's time `until`, or the end (False)."""
        try:
            async with asyncio.timeout_at(until if self.reason is None else 0) as self._wait:
                await changed
        except TimeoutError:
            return False
        finally:
            self._wait = None
        return True


class Readers:
    """All seats: at most `per_program` of one program and its citizens, `per_citizen` of one citizen."""

    def __init__(self, per_program: int | None = None, per_citizen: int | None = None) -> None:
        self._per_program = per_program
        self._per_citizen = per_citizen
        self._seats: defaultdict[Mark, set[Seat]] = defaultdict(set)
        self._clients: Counter[str] = Counter()
        self.stopping = False

    @contextmanager
    def seat(self, grant: Grant) -> Iterator[Seat]:
        """A place for a stream, for as long as it is open. Raises Problem when there is none."""
        self._admit(grant)
        seat, marks = Seat(grant), marks_of(grant)
        if self.stopping:
            seat.end(Reason.SERVICE_STOPS)
        for mark in marks:
            self._seats[mark].add(seat)
        self._clients[grant.client] += 1
        try:
            yield seat
        finally:
            for mark in marks:
                self._leave(mark, seat)
            self._clients[grant.client] -= 1
            if not self._clients[grant.client]:
                del self._clients[grant.client]

    def _admit(self, grant: Grant) -> None:
        limits = [(self._per_program, self._clients[grant.client])]
        if grant.citizen is not None:
            limits.append((self._per_citizen, len(self._seats.get((grant.client, grant.citizen, None), ()))))
        if any(limit is not None and open_ >= limit for limit, open_ in limits):
            raise Problem("too-many-streams", retry_after_s=FULL_S)

    def _leave(self, mark: Mark, seat: Seat) -> None:
        self._seats[mark].discard(seat)
        if not self._seats[mark]:
            del self._seats[mark]

    def revoked(self, revocation: Revocation) -> None:
        """End those whose token it was."""
        for seat in self._seats.get(mark_of(revocation), ()):
            if covers(revocation, seat.grant):
                seat.end(Reason.TOKEN_REVOKED)

    def clients(self) -> list[str]:
        """The programs of which somebody reads. Asked every second: it costs nothing for each reader."""
        return list(self._clients)

    def disabled(self, client: str) -> None:
        """End all of a program."""
        for seat in self._seats.get((client, None, None), ()):
            seat.end(Reason.CLIENT_DISABLED)

    async def close(self, app: web.Application) -> None:
        """End all: the service stops."""
        self.stopping = True
        for client in self.clients():
            for seat in self._seats[client, None, None]:
                seat.end(Reason.SERVICE_STOPS)


READERS: web.AppKey[Readers] = web.AppKey("readers", Readers)
