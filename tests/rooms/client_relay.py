"""Somebody between a client and the service: cuts lines, loses answers, changes words. And a bridge across them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from pbx_bridge.client import Bridge, Key

from .portal_house import House, Site
from .portal_signer import SHARED, Signer


@dataclass
class Relay:
    """Passes bytes on. `change` is what becomes of each piece of an answer; `lose` is how many answers get lost."""

    to: int
    port: int = 0
    change: Callable[[bytes], bytes] = lambda data: data
    lose: int = 0
    connections: int = 0
    heard: bytes = b""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Every line breaks."""
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        self._open |= {writer, back}
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._up(reader, back), self._down(there, writer))
        for each in (writer, back):
            self._open.discard(each)
            each.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.heard += data
            writer.write(data)
        writer.transport.abort()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.lose:
                self.lose -= 1
                break
            writer.write(self.change(data))
        writer.transport.abort()


@asynccontextmanager
async def relay(to: Site | int) -> AsyncIterator[Relay]:
    """A relay in front of the site, or of a port of this machine."""
    between = Relay(to if isinstance(to, int) else to.port)
    server = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    between.port = server.sockets[0].getsockname()[1]
    yield between
    between.cut()
    server.close()


def house_of_today() -> House:
    """A house whose clock is the client's: a client has no other than the real one."""
    house = House()
    house.clock.now = datetime.now(UTC)
    return house


def bridge(site: Site, port: int | None = None, **how: Any) -> Bridge:
    """The site's program."""
    proof = {} if "private_key" in how else {"secret": site.secret}
    return Bridge(f"http://127.0.0.1:{port or site.port}", site.client.id, **{"patience_s": 5, **proof, **how})


def signing(site: Site, *, shared: bool = False) -> Key:
    """A key of the site's program, which from now on must sign."""
    signer = Signer(site.house.clock, "key_s", SHARED) if shared else Signer(site.house.clock, "key_s")
    known = site.house.clients_[site.client.id]
    site.house.clients_[site.client.id] = signer.known_to(known, site.house.clock())
    return Key(signer.keyid, signer.key)


async def _token(request: web.Request) -> web.Response:
    return web.json_response({"access_token": "t", "expires_in": 600})


class played:
    """A service that is played by handlers (tokens it always gives), and a bridge to it."""

    def __init__(self, routes: list[web.RouteDef], **how: Any) -> None:
        self._app = web.Application()
        self._app.add_routes([*routes, web.post("/oauth/token", _token)])
        self._how = how

    async def __aenter__(self) -> Bridge:
        self._runner = web.AppRunner(self._app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self._bridge = Bridge(f"http://127.0.0.1:{port}", "client_1", secret="pbxs_1", **{"patience_s": 5, **self._how})
        return await self._bridge.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self._bridge.__aexit__()
        await self._runner.cleanup()
