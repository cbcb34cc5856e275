"""A portal under load: asks for calls over HTTP and reads each one's events, with as little processor as possible.

It shares the machine with what it measures, so it is made of bare protocols: aiohttp's client takes five times
as long for the same requests.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field

from benchmarks.lab import QUEUE, Lab
from workshop.portal import Portal
from workshop.service import Service

CONNECTIONS = 16
_STATE, _TYPE, _ENDED = b'"state":"', b'"type":"', b'"type":"call.ended"'


@dataclass
class Told:
    """One call as its portal saw it. Times in seconds since the epoch."""

    number: str
    asked: float
    accepted: float = 0.0
    status: int = 0
    call_id: str = ""
    #: When the ledger's own time says that it was accepted.
    accepted_at: str = ""
    #: State → when its event arrived over SSE.
    states: dict[str, float] = field(default_factory=dict)
    events: int = 0
    over: bool = False


class _Posts(asyncio.Protocol):
    """One kept-alive connection: one request at a time."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._data = b""
        self._told: Told | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, told: Told, request: bytes) -> None:
        assert self._transport
        self._told = told
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        told, self._told, self._data = self._told, None, b""
        assert told
        told.accepted = time.time()
        told.status = int(head[9:12])
        self._driver.answered(self, told, body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._driver.lost(self, self._told)

    def close(self) -> None:
        if self._transport:
            self._transport.close()


class _Stream(asyncio.Protocol):
    """One call's events, read to their end."""

    def __init__(self, driver: Driver, told: Told, request: bytes) -> None:
        self._driver = driver
        self._told = told
        self._request = request
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        *events, self._rest = (self._rest + data).split(b"\n\n")
        for event in events:
            if (at := event.find(_STATE)) >= 0:
                start = at + len(_STATE)
                self._told.states.setdefault(event[start : event.find(b'"', start)].decode(), now)
                self._told.events += 1
            if _ENDED in event:
                self._told.over = True
                assert self._transport
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._driver.told_all(self._told)

    def close(self) -> None:
        if self._transport:
            self._transport.close()


class Driver:
    """The service's counterpart of Floor: starts a call at once, follows it by itself."""

    name = "service"

    def __init__(self, lab: Lab, service: Service, portal: Portal, *, queue: str = QUEUE, follow: bool = True) -> None:
        self._lab = lab
        self._service = service
        self._portal = portal
        self._queue = queue
        self._follow = follow
        self._idle: list[_Posts] = []
        self._waiting: deque[tuple[Told, bytes]] = deque()
        self._streams: set[_Stream] = set()
        self._head = b""
        self._authorization = ""
        self.calls: list[Told] = []
        self.open = 0
        self.refused = 0

    async def __aenter__(self) -> Driver:
        async with self._portal as portal:
            await portal.renew()  # a fresh one: a run takes longer than a token lives
            self._authorization = f"Authorization: Bearer {await portal.token()}\r\n"
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            _, posts = await loop.create_connection(lambda: _Posts(self), "127.0.0.1", self._service.http_port)
            self._idle.append(posts)
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in [*self._idle, *self._streams]:
            each.close()

    def call(self, number: str) -> None:
        """One call; returns at once."""
        user = f"u{number}"
        body = json.dumps({"service": self._queue, "user": {"id": user, "phone": number}}).encode()
        head = (
            f"POST /v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\n{self._authorization}Idempotency-Key: {user}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        told = Told(number, time.time())
        self.calls.append(told)
        self.open += 1
        self._send(told, head + body)

    def _send(self, told: Told, request: bytes) -> None:
        if self._idle:
            self._idle.pop().send(told, request)
        else:
            self._waiting.append((told, request))

    def answered(self, posts: _Posts, told: Told, body: bytes) -> None:
        if self._waiting:
            posts.send(*self._waiting.popleft())
        else:
            self._idle.append(posts)
        if told.status != 202:
            self.refused += 1
            self.open -= 1
            return
        call = json.loads(body)["call"]
        told.call_id, told.accepted_at = call["id"], call["accepted_at"]
        if self._follow:
            request = (
                f"GET /v1/calls/{told.call_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"{self._authorization}Accept: text/event-stream\r\n\r\n"
            ).encode()
            loop = asyncio.get_running_loop()
            stream = _Stream(self, told, request)
            self._streams.add(stream)
            task = loop.create_task(self._listen(stream))
            task.add_done_callback(lambda done: done.exception())
        else:
            self.open -= 1

    async def _listen(self, stream: _Stream) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: stream, "127.0.0.1", self._service.http_port)

    def told_all(self, told: Told) -> None:
        self.open -= 1

    def lost(self, posts: _Posts, told: Told | None) -> None:
        if posts in self._idle:
            self._idle.remove(posts)
        if told is not None:
            self.refused += 1
            self.open -= 1


def _length(head: bytes) -> int:
    low = head.lower()
    at = low.find(b"content-length:")
    return int(low[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
