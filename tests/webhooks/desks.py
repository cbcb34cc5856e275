"""Receivers over real HTTP, down to the bytes, and what sends to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from pbx_bridge.addresses import Reach
from pbx_bridge.webhooks.answer import Heard
from pbx_bridge.webhooks.post import Post

from .owed import NEW

OWN = Reach((ip_network("127.0.0.0/8"), ip_network("::1/128")), plain=True)
EVENT = {"id": "evt_1", "type": "call.ended", "sequence": 7}
BODY = json.dumps(EVENT).encode()
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Desk:
    """Whoever listens, with all that was said to them. `answers` are given one after the other, the last for ever."""

    answers: list[bytes | Talk]
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(dict(headers_of(head)).get("content-length", 0))
                self.heard.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if callable(answer):
                    await answer(reader, writer)
                    return
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/hook"


def headers_of(head: bytes) -> list[tuple[str, str]]:
    lines = head.decode().split("\r\n")[1:]
    return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]


@asynccontextmanager
async def desk(*answers: bytes | Talk) -> AsyncIterator[Desk]:
    made = Desk(list(answers))
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@asynccontextmanager
async def post(reach: Reach = OWN, **more: Any) -> AsyncIterator[Post]:
    made = Post(reach, **more)
    yield made
    await made.close()


async def sends(made: Post, url: str, secrets: tuple[str, ...] = (NEW,)) -> Heard:
    return await made.send(url, "evt_1", BODY, secrets, datetime.now(UTC))


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
