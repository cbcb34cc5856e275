"""What the ledger costs: facts written alone and in groups, on both databases, and reading out of a long history.

    python -m benchmarks.ledger                       # writing; 20 s
    python -m benchmarks.ledger --history 1000000     # also reading, with so many calls stored; minutes

A fact is what the conductor writes for one: the call loaded, moved and updated, one event, one audit line. CPU is
of this process, all threads, and so without the PostgreSQL server. Nothing is compared between machines.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pbx_bridge.call import events as e
from pbx_bridge.call.machine import accept, advance, deadline
from pbx_bridge.call.model import Call, Device, DeviceKind, Opening, Place, Request, Terms
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.call.states import Outcome, State
from pbx_bridge.ledger import AuditLine, CallFilter, Change, Ledger, NewEvent, migrate, new_key
from pbx_bridge.phone import Phone
from workshop.postgres import serving

GROUPS = (1, 10, 50, 200)
CALLS = 1000
SECONDS = 2.0
NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
PHONE = Phone("+79161234567")


def say(line: str) -> None:
    """One line for people."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def queued_call(number: int, at: datetime = NOON) -> Call:
    """A call whose citizen waits in a queue: the state that changes most often."""
    device = Device(DeviceKind.MOBILE, phone=PHONE)
    request = Request("portal", f"u-{number}", "support", "support", (device,), PHONE, subject="Не приходит СМС")
    call = accept(f"call_{number:026}", f"{number * 7919 % 10**9:09}", request, Terms(), at, confirmation=None).call
    for fact in (e.Admitted(Opening(True)), e.DeviceAnswered(f"pb.{call.id}.1")):
        call = advance(call, fact, at).call
    return advance(call, e.QueueJoined(call.leg or "", "support", 9), at).call


def birth(call: Call) -> Change:
    """A call put down in the middle of its life, with one event."""
    event = NewEvent("call.state_changed", call.revision, call.accepted_at, {"call": snapshot(call)})
    line = AuditLine(NOON, "bench", "open", "taken", {})
    return Change(call=call, wake_at=deadline(call), events=(event,), audit=(line,))


def moved(call: Call) -> Change:
    """The citizen's place changed: the typical fact."""
    position = call.revision % 90 + 1
    after = replace(call, place=Place("support", position, 30, 60), revision=call.revision + 1)
    event = NewEvent("call.queue_updated", after.revision, NOON, {"call": snapshot(after)})
    line = AuditLine(NOON, "asterisk", "QueueMoved", "taken", {"position": position})
    return Change(after, call.revision, deadline(after), (event,), (), (line,))


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """An empty database of each kind."""
    with tempfile.TemporaryDirectory() as folder, serving() as postgres:
        yield {"SQLite": f"sqlite:///{Path(folder) / 'ledger.db'}", "PostgreSQL": postgres.create("ledger")}


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Ledger]:
    """A ledger with fresh tables."""
    await migrate(url)
    ledger = await Ledger.open(url, [new_key()], pepper=b"p" * 32)
    yield ledger
    await ledger.close()


async def fill(ledger: Ledger, calls: list[Call]) -> None:
    """Store calls, five hundred at a time."""
    for start in range(0, len(calls), 500):
        async with ledger.transaction() as transaction:
            await transaction.write([birth(call) for call in calls[start : start + 500]], NOON)


async def take(ledger: Ledger, ids: list[str]) -> None:
    """One transaction as the conductor makes them."""
    async with ledger.transaction() as transaction:
        loaded = await transaction.load(ids)
        await transaction.write([moved(call) for call in loaded.values()], NOON)


async def writing(name: str, ledger: Ledger) -> None:
    """Facts in groups, one transaction after the other."""
    calls = [queued_call(number) for number in range(CALLS)]
    await fill(ledger, calls)
    ids = [call.id for call in calls]
    for group in GROUPS:
        await take(ledger, ids[:group])
        done, lengths = 0, []
        began, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() - began < SECONDS:
            start = done % (CALLS - group + 1)
            at = time.perf_counter()
            await take(ledger, ids[start : start + group])
            lengths.append(time.perf_counter() - at)
            done += group
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        say(
            f"{name:10} groups of {group:3}: {len(lengths) / wall:6.0f} transactions/s {done / wall:7.0f} facts/s"
            f"  {cpu / done * 1e6:5.0f} µs CPU a fact  p99 {percentile(lengths):6.2f} ms a transaction"
        )


def percentile(lengths: list[float], share: int = 99) -> float:
    """In milliseconds."""
    return statistics.quantiles(lengths, n=100)[share - 1] * 1000


async def timed(name: str, what: str, ask: Callable[[], Awaitable[object]], times: int = 200) -> None:
    """How long one question takes, asked alone."""
    lengths = []
    for _ in range(times):
        at = time.perf_counter()
        await ask()
        lengths.append(time.perf_counter() - at)
    say(f"{name:10} {what:52} median {statistics.median(lengths) * 1000:7.2f} ms  p99 {percentile(lengths):7.2f} ms")


def settled(number: int) -> Call:
    """An ended call; one citizen in ten calls ten times as often."""
    at = NOON + timedelta(seconds=number)
    call = queued_call(number, at)
    user = f"u-{number % 50_000}"
    return replace(
        call, request=replace(call.request, user=user), state=State.ENDED, outcome=Outcome.COMPLETED, ended_at=at
    )


async def reading(name: str, ledger: Ledger, history: int) -> None:
    """Questions to a long history, and to ten thousand calls that wait for their day."""
    began = time.perf_counter()
    for start in range(1_000_000, 1_000_000 + history, 5000):
        await fill(ledger, [settled(number) for number in range(start, min(start + 5000, 1_000_000 + history))])
    waiting = [
        replace(queued_call(10_000_000 + number), state=State.SCHEDULED, leg=None, scheduled_for=NOON)
        for number in range(10_000)
    ]
    await fill(ledger, waiting)
    say(f"{name:10} {history} ended and 10000 scheduled calls stored in {time.perf_counter() - began:.0f} s")
    middle = (await ledger.calls(CallFilter(to=NOON + timedelta(seconds=1_000_000 + history // 2)))).next_cursor
    some = f"call_{1_000_000 + history // 2:026}"
    await timed(name, "one call", lambda: ledger.call(some))
    await timed(name, "its events", lambda: ledger.events(some))
    await timed(name, "the last 50 calls of a client", lambda: ledger.calls(CallFilter(client="portal")))
    await timed(name, "50 calls from the middle", lambda: ledger.calls(CallFilter(client="portal"), cursor=middle))
    mine = CallFilter(client="portal", user="u-4711")
    await timed(name, "a citizen's calls", lambda: ledger.calls(mine))
    await timed(name, "100 calls that are due", lambda: ledger.due(NOON + timedelta(days=1)))
    await timed(name, "when to wake next", ledger.next_wake)
    await timed(name, f"all {len(await ledger.unfinished())} unfinished calls", ledger.unfinished, times=20)
    call = (await ledger.unfinished())[0]
    await timed(name, "one fact written", lambda: take(ledger, [call.id]))


async def measure(url: str, name: str, history: int) -> None:
    """Everything about one database."""
    async with opened(url) as ledger:
        await writing(name, ledger)
        if history:
            await reading(name, ledger, history)


def main() -> None:
    """Measure and say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", type=int, default=0, metavar="CALLS", help="read with so many calls stored")
    wanted = parser.parse_args()
    with databases() as urls:
        for name, url in urls.items():
            asyncio.run(measure(url, name, wanted.history))


if __name__ == "__main__":
    main()
