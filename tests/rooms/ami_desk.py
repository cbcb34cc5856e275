"""A stand-in for Asterisk's manager port: it notes each action and answers what the test says."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pbx_bridge.asterisk.ami import Ami

SECRET = "s3cret-of-the-desk"
BANNER = "Asterisk Call Manager/11.0.0\r\n"

Headers = Mapping[str, str]
Answer = Callable[[Headers], str]


def message(*pairs: str, **headers: str) -> str:
    """One message: ready-made lines, then headers."""
    return "\r\n".join([*pairs, *(f"{key}: {value}" for key, value in headers.items())]) + "\r\n\r\n"


def success(action: Headers) -> str:
    return message(Response="Success", ActionID=action["ActionID"], Message="Done")


def error(words: str) -> Answer:
    return lambda action: message(Response="Error", ActionID=action["ActionID"], Message=words)


def silence(_: Headers) -> str:
    return ""


def tape(text: str) -> Answer:
    """A list as Asterisk gave it; {id} stands for the action's id."""
    return lambda action: text.strip().replace("\n", "\r\n").replace("{id}", action["ActionID"]) + "\r\n\r\n"


@dataclass
class Desk:
    """The server's side. `answers` by action; whatever is not named succeeds."""

    port: int = 0
    connections: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def ami(self, **options: Any) -> Ami:
        return Ami("127.0.0.1", self.port, "pbx", SECRET, **options)

    def say(self, *texts: str) -> None:
        """Words nobody asked for, on the newest connection."""
        self._writers[-1].write("".join(texts).encode())

    def hang_up(self) -> None:
        """End the newest connection in good order."""
        self._writers[-1].close()

    def cut(self) -> None:
        """Break the newest connection: the other side sees a reset."""
        transport = self._writers[-1].transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    def names(self) -> list[str]:
        return [each.get("Action", "?") for each in self.asked]

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for a fact about this desk; a second is more than enough for any."""
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(happened)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        writer.write(BANNER.encode())
        await self._tell()
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                action = dict(line.split(": ", 1) for line in text.split("\r\n") if ": " in line)
                self.asked.append(action)
                writer.write(self.answers.get(action.get("Action", ""), success)(action).encode())
                await self._tell()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """A desk on a port of its own."""
    desk = Desk()
    server = await asyncio.start_server(desk.serve, "127.0.0.1", 0)
    desk.port = server.sockets[0].getsockname()[1]
    try:
        yield desk
    finally:
        for writer in desk._writers:
            writer.close()
        server.close()
        await server.wait_closed()
