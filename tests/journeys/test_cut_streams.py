"""Readers whose connections break, at random and in the middle of an event, while events are written: each reads every
event exactly once."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

import pytest

from pbx_bridge.client import Bridge
from pbx_bridge.client.stream import Parser
from tests.house import ANNA, BORIS, VERA, House
from tests.journeys.door import HOST, Door
from tests.rooms.client_relay import Relay, relay

pytest_plugins = ("tests.house_plugin",)
CUTS = 100


class Cut:
    """A reader that goes on by Last-Event-ID alone, as a browser does. Its line breaks a hundred times, after up to
    `longest` bytes; `halves` counts how often that was within an event."""

    def __init__(self, door: Door, path: str, longest: int) -> None:
        self._door = door
        self._path = path
        self._longest = longest
        self._dice = random.Random(longest)
        self._last = ""
        self.seen: list[dict[str, Any]] = []
        self.halves = 0

    async def read(self, over: Callable[[dict[str, Any]], bool]) -> None:
        """Until an event is the last one."""
        for _ in range(CUTS):
            if await self._line(over, self._dice.randrange(1, self._longest)):
                raise AssertionError("it was over before the last cut: this test sees too little")
        assert await self._line(over, None)

    async def _line(self, over: Callable[[dict[str, Any]], bool], left: int | None) -> bool:
        """One connection, cut when `left` bytes of events were read. Whether it is over."""
        reader, writer = await asyncio.open_connection(HOST, _port(self._door))
        writer.write(await self._request())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        parser = Parser()
        try:
            while left is None or left > 0:
                piece = await _piece(reader)
                for _, data in parser.feed(piece[:left]):
                    self.seen.append(json.loads(data))
                    if over(self.seen[-1]):
                        return True
                if left is not None:
                    self.halves += left < len(piece)
                    left -= len(piece)
            return False
        finally:
            self._last = parser.last_id or self._last
            writer.transport.abort()

    async def _request(self) -> bytes:
        lines = [f"GET {self._path} HTTP/1.1", "Host: x", "Accept: text/event-stream"]
        lines += [f"Authorization: Bearer {await self._door.portal.token()}"]
        lines += [f"Last-Event-ID: {self._last}"] if self._last else []
        return "\r\n".join([*lines, "", ""]).encode()


async def _piece(reader: asyncio.StreamReader) -> bytes:
    """The next chunk of the answer (RFC 9112, 7.1)."""
    size = int(await reader.readline(), 16)
    return (await reader.readexactly(size + 2))[:-2]


async def busy_line(service: House, door: Door) -> list[str]:
    """Three calls of which much is told, since the one agent never answers."""
    service.fake.agent("ann", declines=True)
    for number in (ANNA, BORIS, VERA):
        service.fake.citizen(number)
    return [await door.portal.call(number) for number in (ANNA, BORIS, VERA)]


async def test_a_reader_of_one_call_reads_every_sequence_once(service: House, door: Door) -> None:
    call = (await busy_line(service, door))[0]
    cut = Cut(door, f"/v1/calls/{call}/events", 5000)
    await cut.read(lambda event: event["type"] == "call.ended")
    assert [event["sequence"] for event in cut.seen] == list(range(1, len(cut.seen) + 1))
    assert [event["id"] for event in cut.seen] == [event.id for event in await service.ledger.events(call)]
    assert cut.halves > CUTS / 2


async def test_a_reader_of_the_whole_log_reads_every_sequence_once(service: House, door: Door) -> None:
    calls, ended = await busy_line(service, door), 0

    def over(event: dict[str, Any]) -> bool:
        nonlocal ended
        ended += event["type"] == "call.ended"
        return bool(ended == len(calls))

    cut = Cut(door, "/v1/events", 12000)
    await cut.read(over)
    assert [event["id"] for event in cut.seen] == [event.id for event in await service.ledger.events_after("")]
    for call in calls:
        sequences = [event["sequence"] for event in cut.seen if event["subject"] == call]
        assert sequences == list(range(1, len(sequences) + 1))
    assert cut.halves > CUTS / 2


@pytest.mark.parametrize("whole", [False, True], ids=["one call", "the whole log"])
async def test_the_client_for_programs_reads_every_sequence_once(service: House, door: Door, whole: bool) -> None:
    call, dice, cuts = (await busy_line(service, door))[0], random.Random(7), 0

    def cutting(data: bytes) -> bytes:
        nonlocal cuts
        if cuts == CUTS or dice.random() < 0.3:
            return data
        cuts += 1
        asyncio.get_running_loop().call_soon(between.cut)
        return data[: dice.randrange(len(data))]

    async with relay(_port(door)) as between, _bridge(door, between) as program:
        seen: list[dict[str, Any]] = []
        await program.bearer()
        between.change = cutting
        events = program.follow_all() if whole else program.follow(call)
        async with aclosing(events):
            async for event in events:
                seen.append(event)
                if (event["subject"], event["type"]) == (call, "call.ended"):
                    break
    log = await service.ledger.events_after("") if whole else await service.ledger.events(call)
    assert [event["id"] for event in seen] == [event.id for event in log][: len(seen)]
    assert cuts == CUTS


def _port(door: Door) -> int:
    return urlsplit(door.portal.url).port or 0


def _bridge(door: Door, between: Relay) -> Bridge:
    portal = door.portal
    return Bridge(f"http://{HOST}:{between.port}", portal.client_id, secret=portal.client_secret, patience_s=600)
