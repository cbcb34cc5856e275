"""The front door of a house on virtual time: open it, close it, and come again after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from pbx_bridge.call.model import WhenFull
from pbx_bridge.conductor.conductor import Conductor
from pbx_bridge.directory.service import Directory, Limits, Service
from pbx_bridge.hours.schedule import ALWAYS
from pbx_bridge.ledger import Client
from pbx_bridge.ledger.access import SecondStep
from pbx_bridge.portal.clients import new_client
from pbx_bridge.portal.needs import Needs, Settings
from pbx_bridge.portal.serving import Runner
from pbx_bridge.portal.site import create_app
from tests.ending import Ending
from tests.house import PATIENCE_S, TERMS, House
from workshop.portal import Portal, Story

PEPPER = b"p" * 32
SCOPES = frozenset({"calls:read", "calls:write"})
HOST = "127.0.0.1"
#: Hours pass at once here, unless the ledger is asked in each of their seconds.
POLL_S = 60.0
#: What there is to be called where a test does not care.
PLAIN = Directory({"support": Service("support", "support", ALWAYS, limits=Limits(then=WhenFull.END))})


class Door:
    """HTTP in front of a house. `portal` is the program that asks."""

    portal: Portal

    def __init__(self, house: House) -> None:
        self.house = house
        self._runner: Runner | None = None
        self._port = 0
        self._client = new_client(PEPPER, house.time())
        self._known = False

    async def open(self) -> None:
        """Listen, on the same port as before."""
        settings = Settings(pepper=PEPPER, terms=TERMS, poll_s=POLL_S, blind_s=10 * POLL_S)
        await self._register()
        needs = Needs(self._conductor, self.house.ledger, settings, self.house.time, self._directory)
        self._runner = Runner(create_app(needs))
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port, reuse_address=True).start()
        if not self._port:
            self._port = self._runner.addresses[0][1]
            self.portal = Portal(f"http://{HOST}:{self._port}", self._client.id, self._client.secret)
            await self.portal.__aenter__()

    async def close(self) -> None:
        """Streams and requests end; the portal stays, and will ask again."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def leave(self) -> None:
        """The portal goes too."""
        await self.portal.__aexit__(None, None, None)
        await self.close()

    @asynccontextmanager
    async def shut(self) -> AsyncIterator[None]:
        """The whole service is away inside: no HTTP, no loop; afterwards both are there again."""
        await self.close()
        async with self.house.away():
            yield
        await self.open()

    async def follows(self, call: str, *states: str) -> Story:
        """The story read over SSE until the call is in one of the states; the end unless one is named."""
        return await self.portal.until(call, *states, within_s=PATIENCE_S)

    async def end(self, call: str) -> Ending:
        """How it ended, as one reader of the stream saw it from the first event to the last."""
        story = await self.follows(call)
        ending = Ending(story.events)
        assert story.events == await self.portal.events(call), "the stream and the log say the same"
        assert await self.house.end(call), "the laws of its history hold"
        return ending

    def _directory(self) -> Directory:
        return self.house.directory if self.house.directory.services else PLAIN

    @property
    def _conductor(self) -> Conductor:
        return self.house.conductor

    async def _register(self) -> None:
        if not self._known:
            made = self._client
            await self.house.ledger.add_client(
                Client(
                    made.id,
                    "a portal",
                    SCOPES,
                    self.house.time(),
                    3600,
                    (made.key,),
                    second_step=SecondStep.NONE,
                )
            )
            self._known = True


def devices(*numbers: str) -> Sequence[Mapping[str, Any]]:
    """A ladder of mobile telephones."""
    return [{"kind": "mobile", "number": number} for number in numbers]
