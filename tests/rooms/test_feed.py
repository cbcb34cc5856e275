"""The live end of the log: what was just committed is handed on, and never less than all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest

from pbx_bridge.conductor.feed import POLL_S, Feed
from pbx_bridge.conductor.hub import Hub
from pbx_bridge.ledger import LedgerUnavailable, StoredEvent
from tests.virtual_time import VirtualTime

pytest_plugins = ("tests.virtual_time_plugin",)
NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)


class Log:
    """A log that other processes write, too."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.reads = 0
        self.away = False

    def write(self, client: str = "portal") -> tuple[str, list[StoredEvent]]:
        """One event more: the id before it, and the event."""
        before, number = self.last, len(self.events) + 1
        row = StoredEvent(f"evt_{number:04}", f"call_{number}", client, 1, "call.accepted", NOON, {})
        self.events.append(row)
        return before, [row]

    @property
    def last(self) -> str:
        return self.events[-1].id if self.events else ""

    async def events_after(self, event_id: str, client: str | None = None, limit: int = 1000) -> list[StoredEvent]:
        self.reads += 1
        found = [event for event in self.events if event.id > event_id and client in (None, event.client)][:limit]
        await asyncio.sleep(0.01)
        if self.away:
            raise LedgerUnavailable("the database went away")
        return found

    async def last_event(self, client: str | None = None) -> str:
        last = self.last
        await asyncio.sleep(0.01)
        return last


@asynccontextmanager
async def running(log: Log, hub: Hub | None = None, held: int = 10) -> AsyncIterator[Feed]:
    feed = Feed(log, Hub() if hub is None else hub, held)
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Reader:
    """Somebody who follows, and what they saw."""

    def __init__(self, feed: Feed, client: str | None = "portal", after: str = "") -> None:
        self.seen: list[str] = []
        self.lost = 0
        self._task = asyncio.create_task(self._read(feed, client, after))

    async def _read(self, feed: Feed, client: str | None, after: str) -> None:
        with feed.follow(client) as follow:
            while True:
                stretch = follow.take(after)
                live = stretch is not None
                if stretch is None:
                    self.lost += 1
                    stretch = await follow.page(after)
                after = stretch.upto
                self.seen += [event.id for event in stretch.events]
                if live:
                    await follow.changed()

    def leave(self) -> None:
        self._task.cancel()


async def test_a_reader_is_told_what_was_there_and_what_comes(virtual_time: VirtualTime) -> None:
    log = Log()
    log.write()
    log.write("kiosk")
    async with running(log) as feed:
        mine, all_ = Reader(feed), Reader(feed, None)
        await virtual_time.advance(0.5)
        reads = log.reads
        feed.wrote(*log.write())
        feed.wrote(*log.write("kiosk"))
        await virtual_time.advance(0.1)
        assert log.reads == reads
        assert mine.seen == ["evt_0001", "evt_0003"]
        assert all_.seen == [event.id for event in log.events]
        mine.leave()
        all_.leave()


async def test_what_another_process_wrote_is_found_and_comes_in_its_order(virtual_time: VirtualTime) -> None:
    log, hub = Log(), Hub()
    async with running(log, hub) as feed:
        reader = Reader(feed)
        await virtual_time.advance(0.1)
        log.write()
        with hub.watch("call_1") as watch:
            await virtual_time.advance(POLL_S)
            assert watch.take(0) == log.events
        log.write()
        feed.wrote(*log.write())  # ours, behind one that is not yet known
        await virtual_time.advance(0.1)
        assert reader.seen == ["evt_0001", "evt_0002", "evt_0003"]
        reader.leave()


async def test_a_reader_who_comes_at_any_moment_misses_nothing(virtual_time: VirtualTime) -> None:
    log = Log()
    async with running(log) as feed:
        readers: list[Reader] = []
        for turn in range(120):
            written = log.write()
            if turn % 3:
                feed.wrote(*written)
            await virtual_time.advance(0.003)
            readers.append(Reader(feed, after=log.events[turn // 2].id))
            if turn % 7 == 0:
                readers.pop(0).leave()
        await virtual_time.advance(2 * POLL_S)
        for reader in readers:
            assert reader.seen == [event.id for event in log.events if event.id >= reader.seen[0]]
            reader.leave()


async def test_a_thousand_who_come_at_once_are_one_reading(virtual_time: VirtualTime) -> None:
    log = Log()
    log.write()
    async with running(log) as feed:
        await virtual_time.advance(0.1)
        readers = [Reader(feed) for _ in range(1000)]
        await virtual_time.advance(0.1)
        assert log.reads <= 2
        assert all(reader.seen == ["evt_0001"] for reader in readers)
        assert feed.followers == 1000
        for reader in readers:
            reader.leave()
        await virtual_time.advance(0.1)
        assert feed.followers == 0


async def test_a_reader_who_is_behind_what_is_held_is_sent_to_the_ledger(virtual_time: VirtualTime) -> None:
    log = Log()
    async with running(log, held=3) as feed:
        await virtual_time.advance(0.1)
        with feed.follow("portal") as follow:
            for _ in range(3):
                feed.wrote(*log.write())
            stretch = follow.take("")
            assert stretch
            assert len(stretch.events) == 3
            feed.wrote(*log.write())
            assert follow.take("") is None
            assert [event.id for event in (await follow.page("")).events] == [event.id for event in log.events]
            assert feed.holds("portal", "evt_0004")
            assert not feed.holds("portal", "evt_0001")


async def test_a_ledger_that_is_away_is_asked_again(virtual_time: VirtualTime) -> None:
    log = Log()
    async with running(log) as feed:
        with feed.follow(None) as follow:
            await follow.page("")
            log.write()
            log.away = True
            await virtual_time.advance(3 * POLL_S)
            with pytest.raises(LedgerUnavailable):
                await follow.page("")
            log.away = False
            await virtual_time.advance(2 * POLL_S)
            stretch = follow.take("")
            assert stretch
            assert stretch.events == log.events


async def test_while_nobody_reads_events_are_not_read(virtual_time: VirtualTime) -> None:
    log = Log()
    async with running(log) as feed:
        for _ in range(5):
            log.write()
            await virtual_time.advance(POLL_S)
        assert log.reads == 0
        assert feed.newest == log.events[-1].id
