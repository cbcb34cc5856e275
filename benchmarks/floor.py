"""The floor: AMI Originate straight into Queue(). No controller, no memory, no events; it cannot be done cheaper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from benchmarks.lab import QUEUE, TRUNK, Lab

START_S = 5.0


class Manager(asyncio.Protocol):
    """An AMI connection that is not read more than it must be. `hear` gets each message, as bytes."""

    def __init__(self, hear: Callable[[bytes], None]) -> None:
        self._hear = hear
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *messages, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for message in messages:
            self._hear(message)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    def send(self, action: str, **fields: str) -> None:
        """One action; nobody waits for its answer."""
        assert self._transport
        lines = [f"Action: {action}", *(f"{key}: {value}" for key, value in fields.items())]
        self._transport.write("\r\n".join([*lines, "", ""]).encode())

    def close(self) -> None:
        if self._transport:
            self._transport.close()


async def log_in(port: int, user: str, secret: str, hear: Callable[[bytes], None], events: str) -> Manager:
    """A connection that is logged in."""
    loop = asyncio.get_running_loop()
    welcome: asyncio.Future[None] = loop.create_future()

    def answer(message: bytes) -> None:
        if not welcome.done() and b"Response: Success" in message:
            welcome.set_result(None)
        hear(message)

    _, manager = await loop.create_connection(lambda: Manager(answer), "127.0.0.1", port)
    manager.send("Login", Username=user, Secret=secret, Events=events)
    async with asyncio.timeout(START_S):
        await welcome
    return manager


class Floor:
    """Starts calls as a bare script would."""

    name = "floor"

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._manager: Manager | None = None

    async def __aenter__(self) -> Floor:
        server = self._lab.server
        secret = server.ami_password
        self._manager = await log_in(server.ports.ami, server.ami_user, secret, lambda message: None, "off")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._manager:
            self._manager.close()

    def call(self, number: str) -> None:
        """One call; returns at once."""
        assert self._manager
        channel = f"PJSIP/{number}@{TRUNK}"
        self._manager.send(
            "Originate",
            Channel=channel,
            Application="Queue",
            Data=f"{QUEUE},c,,,900",
            Timeout="45000",
            Async="true",
        )
