"""The two connections between the service and Asterisk, in our hands: cut them, mend them, let nothing through."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self

HOST = "127.0.0.1"
CHUNK = 65536


class Wire:
    """One TCP port that leads to another one."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._asks, self._answers = asyncio.Event(), asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    async def mend(self) -> None:
        """New connections can be made, and whatever was held back goes on."""
        self._asks.set()
        self._answers.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._through, HOST, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """All connections break, and none can be made."""
        server, self._server = self._server, None
        if server:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stall(self) -> None:
        """Nothing goes through in either direction; whoever connects is let in and hears nothing."""
        self._asks.clear()
        self._answers.clear()

    def hold_answers(self) -> None:
        """What the service says still reaches Asterisk; what Asterisk says does not get through."""
        self._answers.clear()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            try:
                far_reader, far_writer = await asyncio.open_connection(HOST, self._target)
                try:
                    await asyncio.gather(
                        _pump(reader, far_writer, self._asks), _pump(far_reader, writer, self._answers)
                    )
                finally:
                    far_writer.transport.abort()
            finally:
                writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event) -> None:
    while data := await reader.read(CHUNK):
        await flows.wait()
        writer.write(data)
        await writer.drain()
    await flows.wait()
    writer.close()
