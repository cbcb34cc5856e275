"""Wires to a server that can be cut while the server goes on: plain TCP, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Self

HOST = "127.0.0.1"

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Wires:
    """One listening port for each port of the server; `ports` has them by the same names."""

    def __init__(self, to: dict[str, int]) -> None:
        self._to = to
        self._servers: list[asyncio.Server] = []
        self._ends: dict[asyncio.StreamWriter, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._fragile = b""
        self._after_the_answer = False
        self.ports: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    async def mend(self) -> None:
        """Listen, on the same ports as before."""
        for name, target in self._to.items():
            server = await asyncio.start_server(self._through(name, target), HOST, self.ports.get(name, 0))
            self.ports[name] = server.sockets[0].getsockname()[1]
            self._servers.append(server)

    async def cut(self) -> None:
        """All connections break at once and none can be made."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        for name in self._to:
            self.drop(name)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop(self, name: str) -> None:
        """The connections of one kind break; new ones can be made at once."""
        for end, of in tuple(self._ends.items()):
            if of == name:
                end.transport.abort()

    def break_at(self, request: bytes, *, after_the_answer: bool) -> None:
        """The connection of the next request that begins so breaks: when the server has answered, but before the
        answer gets here; or before the request gets there."""
        self._fragile, self._after_the_answer = request, after_the_answer

    def _through(
        self, name: str, target: int
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            with contextlib.suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection(HOST, target)
                wire = _Wire(self, writer)
                await asyncio.gather(
                    self._pump(name, reader, far_writer, wire.asks),
                    self._pump(name, far_reader, writer, wire.answers),
                )

        return connected

    async def _pump(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: Callable[[bytes], bool]
    ) -> None:
        self._ends[writer] = name
        try:
            while (data := await reader.read(65536)) and may_pass(data):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            self._ends.pop(writer, None)
            writer.close()


class _Wire:
    """One connection, and whether it is the one to break."""

    def __init__(self, wires: Wires, near: asyncio.StreamWriter) -> None:
        self._wires, self._near = wires, near
        self._breaks = False

    def asks(self, data: bytes) -> bool:
        """Whether what the client says may pass."""
        wires = self._wires
        if wires._fragile and data.startswith(wires._fragile):
            wires._fragile = b""
            self._breaks = True
            if not wires._after_the_answer:
                self._near.transport.abort()
                return False
        return True

    def answers(self, data: bytes) -> bool:
        """Whether what the server says may pass."""
        if self._breaks:
            self._near.transport.abort()
        return not self._breaks
