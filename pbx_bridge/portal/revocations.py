"""Tokens that died before their time. Every process learns of each within a second, and knows when it is blind.

What is revoked is told by a mark: one token, the tokens of one citizen, or those of a program. A grant has all three.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog
from aiohttp import web

from ..conductor.ports import Clock
from ..ledger.access import Revocation
from .grant import Grant
from .needs import Ledger

log = structlog.get_logger(__name__)

Mark = tuple[str, str | None, str | None]
"""Program, citizen, token id; None: all of them."""


def mark_of(revocation: Revocation) -> Mark:
    """What it revokes."""
    citizen = revocation.citizen if revocation.token_id is None else None
    return revocation.client, citizen, revocation.token_id


def marks_of(grant: Grant) -> tuple[Mark, ...]:
    """Everything by which the grant could be revoked."""
    marks: tuple[Mark, ...] = ((grant.client, None, grant.token_id), (grant.client, None, None))
    return marks if grant.citizen is None else (*marks, (grant.client, grant.citizen, None))


def covers(revocation: Revocation, grant: Grant) -> bool:
    """Whether it kills that token. Times of issue are whole seconds, so one issued in the same second dies too."""
    if mark_of(revocation) not in marks_of(grant):
        return False
    return revocation.token_id is not None or grant.issued_at <= revocation.at.timestamp()


class Revocations:
    """Those that matter now. `listen` is called with each new one, for whoever holds something open."""

    def __init__(self, ledger: Ledger, clock: Clock, blind_s: float) -> None:
        self._ledger = ledger
        self._clock = clock
        self._blind_s = blind_s
        self._after = 0
        self._seen_at = float("-inf")
        self._known: dict[Mark, Revocation] = {}
        self._listeners: list[Callable[[Revocation], None]] = []

    def listen(self, listener: Callable[[Revocation], None]) -> None:
        """Be told of each, at once."""
        self._listeners.append(listener)

    async def poll(self) -> None:
        """Learn what is new. Raises LedgerUnavailable."""
        began, now = asyncio.get_running_loop().time(), self._clock()
        found = await self._ledger.revocations(self._after, now)
        for revocation in found:
            self._after = max(self._after, revocation.id)
            self._take(revocation)
        self._seen_at = began
        self._forget(now)

    async def revoke(self, revocation: Revocation) -> None:
        """Store it; here it counts at once. Raises LedgerUnavailable."""
        self._take(await self._ledger.revoke(revocation))  # the next poll brings it again: no harm, and none is missed
        log.info("revoked", client=revocation.client, what="a token" if revocation.token_id else "tokens")

    def dead(self, grant: Grant) -> bool:
        """Whether the token was revoked."""
        known = (self._known.get(mark) for mark in marks_of(grant))
        return any(revocation is not None and covers(revocation, grant) for revocation in known)

    @property
    def blind(self) -> bool:
        """Whether the ledger could not be read for so long that nobody should be believed."""
        return asyncio.get_running_loop().time() - self._seen_at > self._blind_s

    def _take(self, revocation: Revocation) -> None:
        mark = mark_of(revocation)
        if (known := self._known.get(mark)) is not None:
            if known.at >= revocation.at:
                return
            revocation = replace(revocation, until=max(known.until, revocation.until))
        self._known[mark] = revocation
        for listener in self._listeners:
            listener(revocation)

    def _forget(self, now: datetime) -> None:
        """Those that no living token can have. Dicts are small: one entry a logout, for the life of a token."""
        over = [mark for mark, revocation in self._known.items() if revocation.until < now]
        for mark in over:
            del self._known[mark]


REVOCATIONS: web.AppKey[Revocations] = web.AppKey("revocations", Revocations)
