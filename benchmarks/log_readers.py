"""Thousands of readers of one program's whole log: `python -m benchmarks.log_readers [READERS]`.

Says what an idle reader costs in memory, and how long it takes until all of them have the events of a burst of calls.
The service is the one of `benchmarks.portal`: real HTTP and ledger, no Asterisk.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import resource
import sys
import time
from functools import partial

from benchmarks import portal

READERS, CALLS = 5000, 10
#: What a reader's stream holds once it waits.
HEAD = b"retry:"


class Reader(asyncio.Protocol):
    """Counts the events that come."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.began = asyncio.Event()
        self.enough = asyncio.Event()
        self.events = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if HEAD in data:
            self.began.set()
        self.events += data.count(b"event: call.accepted")
        if self.events >= CALLS:
            self.enough.set()


async def opened(under: portal.Service, count: int) -> list[Reader]:
    """So many streams of the whole log, each waiting for what comes."""
    head = "\r\n".join(f"{name}: {value}" for name, value in under.session.headers.items())
    request = f"GET /v1/events?after=now HTTP/1.1\r\nHost: b\r\nAccept: text/event-stream\r\n{head}\r\n\r\n".encode()
    loop, readers = asyncio.get_running_loop(), []
    for _ in range(count):
        _, reader = await loop.create_connection(partial(Reader, request), "127.0.0.1", under.port)
        readers.append(reader)
    for reader in readers:
        await reader.began.wait()
    return readers


async def measure(count: int) -> None:
    """Open, look at the memory, let calls happen, and wait for the last reader."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    async with portal.service() as under:
        with contextlib.redirect_stdout(io.StringIO()):
            await portal.many(under, 20)
        before = under.rss_mb()
        readers = await opened(under, count)
        each = (under.rss_mb() - before) / count * 1024
        portal.say(f"{count} readers of the whole log wait: {under.rss_mb():.0f} MB, {each:.1f} KB each")
        cpu, began = under.cpu_s(), time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            await portal.many(under, CALLS)
        for reader in readers:
            await reader.enough.wait()
        took = time.perf_counter() - began
        portal.say(f"  {CALLS} calls were told to all of them within {took:.2f} s, {under.cpu_s() - cpu:.2f} s of CPU")
        for reader in readers:
            reader.transport.abort()


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else READERS))
