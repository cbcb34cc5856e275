"""A portal's issuer, and the room that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pbx_bridge.issuers.believe import Issuers
from pbx_bridge.issuers.issuer import Issuer
from pbx_bridge.subject import Subject
from tests.issuer import PortalIssuer, issuer

from .portal_house import Clock


class Desk:
    """Somebody who believes the portal's tokens, or does not."""

    def __init__(self, portal: PortalIssuer, clock: Clock, room: Issuers) -> None:
        self.portal = portal
        self.clock = clock
        self.room = room

    async def believe(self, token: str) -> Subject:
        return await self.room.believe(token, frozenset({self.portal.url}))


@asynccontextmanager
async def desk(**settings: Any) -> AsyncIterator[Desk]:
    """One issuer, and a room that knows only it. See PortalIssuer.as_settings."""
    clock = Clock()
    async with issuer(clock) as portal:
        room = Issuers([Issuer(**portal.as_settings(**settings))], clock)
        try:
            yield Desk(portal, clock, room)
        finally:
            await room.close()
