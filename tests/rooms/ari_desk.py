"""A stand-in for Asterisk's HTTP server: it notes what it is asked and answers what the test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from pbx_bridge.asterisk.ari import Ari

SECRET = "s3cret-of-the-desk"
HUNG_UP = {
    "type": "ChannelDestroyed",
    "application": "pb",
    "timestamp": "2026-11-22T18:10:00.989+0000",
    "cause": 16,
    "cause_txt": "Normal Clearing",
    "channel": {"id": "pb.1.1", "name": "PJSIP/anna-00000001", "state": "Up"},
}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(status: int, body: Any = None) -> Answer:
    """An answer in JSON, as ARI gives it."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return answer


@dataclass
class Asked:
    """One request, and the TCP connection on which it came."""

    method: str
    path: str
    body: Any
    connection: int


@dataclass
class Desk:
    """The server's side. `answers` holds what to say to the next request, else `{}` with status 200."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    password: str = SECRET
    # Whether pings are answered.
    autoping: bool = False
    # An Asterisk that answers, but says nothing of what is to be said to the application.
    deaf: bool = False
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    # What to do with the WebSocket, from its handshake to its end. The default waits for the client to close.
    talk: Callable[[web.WebSocketResponse], Awaitable[None]] | None = None
    closed_by_client: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def ari(self, **options: Any) -> Ari:
        return Ari(self.url, "pbx", self.password, "pb", **options)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for a fact about what was asked; a moment is enough for any."""
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(happened)

    def words(self) -> int:
        """How often we were asked to say a word."""
        return sum("/events/user/" in each for each in self.paths())

    def paths(self) -> list[str]:
        return [f"{each.method} {each.path}" for each in self.asked]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        port = request.transport.get_extra_info("peername")[1] if request.transport else 0
        self.asked.append(Asked(request.method, request.raw_path, json.loads(body) if body else None, port))
        async with self._news:
            self._news.notify_all()
        if request.path == "/ari/events" and "events" not in self.answers:
            return await self._websocket(request)
        for ending, answer in self.answers.items():
            if request.path.endswith(ending):
                return await answer(request)
        if request.path.startswith("/ari/events/user/") and not self.deaf:
            await self._echo(request.match_info["anything"].rsplit("/", 1)[1])
        return web.json_response({})

    async def _echo(self, name: str) -> None:
        said = {"eventname": name, **self.asked[-1].body["variables"]}
        event = {"type": "ChannelUserevent", "application": "pb", "eventname": name, "userevent": said}
        with contextlib.suppress(ConnectionError):
            await self.sockets[-1].send_json(event)

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=self.autoping)
        await socket.prepare(request)
        self.sockets.append(socket)
        if self.talk is not None:
            await self.talk(socket)
        await until_closed(socket)
        self.closed_by_client.set()
        return socket


async def until_closed(socket: web.WebSocketResponse) -> None:
    """Listen until the client says goodbye, answering nothing."""
    while not socket.closed:
        if (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR):
            return


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """A desk on a port of its own."""
    desk = Desk()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", desk.handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    desk.url = str(server.make_url("")).rstrip("/")
    try:
        yield desk
    finally:
        await server.close()
