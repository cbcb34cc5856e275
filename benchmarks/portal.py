"""What HTTP costs: accepting calls at a steady rate, and thousands of streams that wait.

    python -m benchmarks.portal                  # 5,000 readers; about a minute and a half
    python -m benchmarks.portal --readers 1000 --seconds 5

The service runs in a process of its own, with the real conductor and a ledger on SQLite; in the place of Asterisk
is a line on which every dial works and nobody answers. Askers and readers live in this process, on the same
machine, so their own CPU time slows what they measure: the figures are upper bounds. CPU is of the service alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from aiohttp import web

from pbx_bridge.call import events as e
from pbx_bridge.call.model import Terms, call_of_leg
from pbx_bridge.call.recovery import Picture
from pbx_bridge.conductor.conductor import Conductor
from pbx_bridge.conductor.ports import DialOrder, Heard, QueueSeen
from pbx_bridge.directory.service import Directory, Service
from pbx_bridge.hours.schedule import ALWAYS
from pbx_bridge.ledger import Client, Ledger, migrate, new_key
from pbx_bridge.ledger.access import SecondStep
from pbx_bridge.portal.clients import new_client
from pbx_bridge.portal.guard import TOKENS
from pbx_bridge.portal.needs import Needs, Settings
from pbx_bridge.portal.rights import SCOPES
from pbx_bridge.portal.serving import Runner, spare_collections
from pbx_bridge.portal.site import create_app

RATE = 50
ABORTS = 200
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
DIRECTORY = Directory({"support": Service("support", "support", ALWAYS)})


def now() -> datetime:
    return datetime.now(UTC)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


# ── the service, in its own process ──────────────────────────────────────────────────────────────────────────
class PatientLine:
    """An Asterisk on which every device exists and nobody ever answers."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[Heard] = asyncio.Queue()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PatientLine]:
        yield self

    async def look(self, since: datetime) -> Picture:
        return Picture(now(), now())

    async def queues(self) -> list[QueueSeen]:
        return []

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while True:
            yield await self._heard.get()

    async def dial(self, order: DialOrder) -> None:
        pass

    async def hang_up(self, leg: str) -> None:
        self._heard.put_nowait(Heard(call_of_leg(leg) or "", e.DeviceGone(leg, 487, 16), now()))

    async def redirect(self, leg: str, queue: str) -> None:
        pass

    async def forget(self, before: datetime) -> None:
        pass


async def serve(folder: Path) -> None:
    """Start, say where and with which token, and run until stdin closes."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    url = f"sqlite:///{folder / 'bench.db'}"
    await migrate(url)
    ledger = await Ledger.open(url, [new_key()], pepper=b"p" * 32)
    terms = Terms(ring_s=3600)  # no call may end by itself while streams are watched
    settings = Settings(pepper=b"p" * 32, terms=terms)
    made = new_client(settings.pepper, now())
    await ledger.add_client(
        Client(made.id, "bench", frozenset(SCOPES), now(), 3600, (made.key,), second_step=SecondStep.NONE)
    )
    conductor = Conductor(ledger, PatientLine(), now, "bench")
    app = create_app(Needs(conductor, ledger, settings, now, lambda: DIRECTORY))
    runner = Runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    spare_collections()
    running = asyncio.create_task(conductor.run())
    token = app[TOKENS].issue(made.id, frozenset(SCOPES), 3600)
    say(json.dumps({"port": runner.addresses[0][1], "token": token}))
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await ledger.close()


# ── the askers ───────────────────────────────────────────────────────────────────────────────────────────────
class Service:
    """The process under measurement."""

    def __init__(self, pid: int, port: int, session: aiohttp.ClientSession) -> None:
        self.pid = pid
        self.port = port
        self.session = session
        self.users = 0

    def rss_mb(self) -> float:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE / 2**20

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def starved_s(self) -> float:
        """How long its main thread was ready to run, and another program had the CPU."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]) / 1e9

    async def initiate(self) -> tuple[str, float]:
        """A call's id, and the seconds until it was accepted."""
        self.users += 1
        body = {
            "service": "support",
            "user": {"id": f"u-{self.users}", "phone": "+79161234567"},
            "client_ref": "x" * 50,
        }
        began = time.perf_counter()
        async with self.session.post("/v1/calls", json=body, headers={"Idempotency-Key": f"k-{self.users}"}) as reply:
            answer = await reply.json()
        assert reply.status == 202, answer
        return answer["call"]["id"], time.perf_counter() - began


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.portal", "--serve", folder,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout
        assert process.stdin
        hello = json.loads(await process.stdout.readline())
        base = f"http://127.0.0.1:{hello['port']}"
        headers = {"Authorization": f"Bearer {hello['token']}"}
        async with aiohttp.ClientSession(base, headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:
            try:
                yield Service(process.pid, hello["port"], session)
            finally:
                process.stdin.close()
                await process.wait()


def spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return (
        f"p50 {statistics.median(ordered) * 1000:5.1f} ms, p99 {p99 * 1000:5.1f} ms, worst {ordered[-1] * 1000:5.1f} ms"
    )


async def steadily(under: Service, seconds: float) -> None:
    """Calls at RATE a second, whether or not the earlier ones were answered."""
    loop = asyncio.get_running_loop()
    began, cpu, starved = loop.time(), under.cpu_s(), under.starved_s()
    asked = []
    for number in range(int(seconds * RATE)):
        await asyncio.sleep(began + number / RATE - loop.time())
        asked.append(asyncio.create_task(under.initiate()))
    took = [seconds for _, seconds in await asyncio.gather(*asked)]
    each = (under.cpu_s() - cpu) / len(took) * 1000
    say(f"  {RATE} calls a second accepted: {spread(took)}; {each:.2f} ms of CPU a call, its dial included")
    starved = (under.starved_s() - starved) / (loop.time() - began)
    if starved > 0.05:
        say(f"    not to be trusted: for {starved:.0%} of the time the machine let the service wait for a CPU")


async def many(under: Service, count: int) -> list[str]:
    """As many calls as asked, as fast as 20 askers can."""
    left = iter(range(count))
    made: list[str] = []

    async def asker() -> None:
        for _ in left:
            made.append((await under.initiate())[0])

    began = time.perf_counter()
    await asyncio.gather(*(asker() for _ in range(20)))
    say(f"  {count / (time.perf_counter() - began):.0f} calls accepted a second by 20 askers who do not wait")
    return made


class Reader(asyncio.Protocol):
    """One stream, read with as little as possible: it would be no use to measure the reader."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.seen = b""
        self.began = asyncio.Event()
        self.ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.seen = (self.seen + data)[-20_000:]
        if b"id: 2\n" in self.seen:
            self.began.set()
        if b"event: call.ended" in data and not self.ended.done():
            self.ended.set_result(time.perf_counter())


async def follow(under: Service, calls: list[str]) -> list[Reader]:
    """One reader for each call; returns once all have what happened before."""
    loop = asyncio.get_running_loop()
    head = "\r\n".join(f"{name}: {value}" for name, value in under.session.headers.items())
    readers = []
    for call_id in calls:
        request = f"GET /v1/calls/{call_id}/events HTTP/1.1\r\nHost: b\r\nAccept: text/event-stream\r\n{head}\r\n\r\n"
        _, reader = await loop.create_connection(partial(Reader, request.encode()), "127.0.0.1", under.port)
        readers.append(reader)
    for reader in readers:
        await reader.began.wait()
    return readers


async def told(under: Service, calls: list[str], readers: list[Reader]) -> None:
    """Abort calls one after another; how long from the request to the last event at the reader."""
    took = []
    for call_id, reader in list(zip(calls, readers, strict=True))[:ABORTS]:
        began = time.perf_counter()
        async with under.session.post(f"/v1/calls/{call_id}/abort") as reply:
            assert reply.status == 200
        took.append(await reader.ended - began)
    say(f"  abort asked → `call.ended` at its reader: {spread(took)}")


async def measure(readers: int, seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    async with service() as under:
        say("nobody reads")
        await steadily(under, 1)
        await steadily(under, seconds)
        calls = await many(under, readers)
        before = under.rss_mb()
        cpu, began = under.cpu_s(), time.perf_counter()
        open_ = await follow(under, calls)
        say(
            f"{readers} streams wait; opened in {time.perf_counter() - began:.1f} s, {under.cpu_s() - cpu:.1f} s of CPU"
        )
        each = (under.rss_mb() - before) / readers * 1024
        say(f"  {under.rss_mb():.0f} MB, {before:.0f} before: {each:.1f} KB a reader")

        cpu, began = under.cpu_s(), time.perf_counter()
        await asyncio.sleep(31)
        idle = (under.cpu_s() - cpu) / (time.perf_counter() - began)
        say(f"  two heartbeats later {under.rss_mb():.0f} MB; {idle:.1%} of a CPU")
        await steadily(under, seconds)
        await told(under, calls, open_)
        for reader in open_:
            reader.transport.abort()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.serve) if chosen.serve else measure(chosen.readers, chosen.seconds))
