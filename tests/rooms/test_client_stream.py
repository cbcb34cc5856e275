"""The client follows a call: every event once and in order, whatever becomes of the stream."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.client import Bridge, Problem, StreamEnded, Unreachable
from pbx_bridge.client import wire as wire_
from pbx_bridge.client.stream import Parser

from .client_relay import Relay, bridge, played, relay, signing
from .portal_house import House, Site, away, serve

pytest_plugins = ("tests.rooms.client_fixtures",)
USER = {"id": "u-1", "phone": "+79161234567"}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_, "FIRST_PAUSE_S", 0.01)


class Watcher:
    """Somebody who follows a call, and what they saw."""

    def __init__(self, portal: Any, call_id: str, **how: Any) -> None:
        self.seen: list[int] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._follow(portal, call_id, how))

    async def _follow(self, portal: Any, call_id: str, how: Any) -> None:
        async for event in portal.follow(call_id, **how):
            self.seen.append(event["sequence"])
            self._news.set()

    async def sees(self, sequence: int) -> None:
        """Returns when that event was seen."""
        async with asyncio.timeout(10):
            while not self.seen or self.seen[-1] < sequence:
                self._news.clear()
                await self._news.wait()

    async def end(self) -> list[int]:
        """Everything that was seen, once it is over; raises what following raised."""
        async with asyncio.timeout(10):
            await self._task
        return self.seen


def whole(call_id: str, house: House) -> list[int]:
    return [event.sequence for event in house.events_[call_id]]


async def test_events_come_as_they_happen_to_the_last(portal: Bridge, house: House) -> None:
    call = (await portal.start_call(USER))["id"]
    watcher = Watcher(portal, call)
    await watcher.sees(2)
    house.rings(call)
    await watcher.sees(3)
    house.hangs_up(call)
    assert await watcher.end() == whole(call, house)


async def test_a_broken_line_is_mended_where_it_was(portal: Bridge, house: House, between: Relay) -> None:
    call = (await portal.start_call(USER))["id"]
    watcher = Watcher(portal, call)
    await watcher.sees(2)
    between.cut()
    house.rings(call)
    await watcher.sees(3)
    between.cut()
    house.hangs_up(call)
    assert await watcher.end() == whole(call, house)
    assert b"Last-Event-ID: 3" in between.heard


async def test_who_has_seen_the_end_is_not_kept_waiting(portal: Bridge, house: House) -> None:
    call = (await portal.start_call(USER))["id"]
    last = house.hangs_up(call).revision
    assert [event async for event in portal.follow(call, after=last)] == []


async def test_a_gap_is_filled_from_the_log(portal: Bridge, house: House, between: Relay) -> None:
    call = (await portal.start_call(USER))["id"]
    house.rings(call)
    house.hangs_up(call)

    # The second event gets lost on the way.
    def lose_the_second(data: bytes) -> bytes:
        # As long as before: the bytes are counted on their way.
        return re.sub(rb"id: 2\n.*?\n\n", lambda found: b":" * (len(found[0]) - 1) + b"\n", data, flags=re.DOTALL)

    between.change = lose_the_second
    watcher = Watcher(portal, call)
    assert await watcher.end() == whole(call, house)
    assert b"events?after=1" in between.heard


async def test_an_event_that_comes_twice_is_given_once() -> None:
    async def twice(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        for number in (1, 2, 2, 1, 3):
            kind = "call.ended" if number == 3 else "call.state_changed"
            await stream.write(f'data: {{"sequence": {number}, "type": "{kind}"}}\n\n'.encode())
        return stream

    async with played([web.get("/v1/calls/{id}/events", twice)]) as portal:
        assert await Watcher(portal, "call_1").end() == [1, 2, 3]


async def test_when_the_token_ends_the_stream_goes_on_with_a_new_one(
    portal: Bridge, house: House, between: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = (await portal.start_call(USER))["id"]
    first, dropped = await portal.bearer(), asyncio.Event()
    drop = portal.drop_token
    monkeypatch.setattr(portal, "drop_token", lambda token: (drop(token), dropped.set()))
    house.clock.later(599.9)  # what is left of it is a moment
    watcher = Watcher(portal, call)
    await watcher.sees(2)
    await dropped.wait()
    assert await portal.bearer() != first
    house.hangs_up(call)
    assert await watcher.end() == whole(call, house)
    assert between.heard.count(b"text/event-stream") == 2


async def test_a_service_that_stops_and_comes_back_is_found_again(house: House) -> None:
    async with serve(house) as first, relay(first) as between, bridge(first, between.port) as portal:
        call = (await portal.start_call(USER))["id"]
        watcher = Watcher(portal, call)
        await watcher.sees(2)
        await first.runner.cleanup()
        house.clients_.pop(first.client.id)
        async with serve(house) as second:
            house.clients_[first.client.id] = first.client
            between.to = second.port
            house.hangs_up(call)
            assert await watcher.end() == whole(call, house)


async def test_a_program_that_was_disabled_is_told_and_stops(portal: Bridge, house: House, site: Site) -> None:
    call = (await portal.start_call(USER))["id"]
    watcher = Watcher(portal, call)
    await watcher.sees(2)
    house.disable(site.client)
    with pytest.raises(StreamEnded) as ended:
        await watcher.end()
    assert ended.value.reason == "client_disabled"


async def test_a_revoked_token_is_not_replaced_behind_the_operator_s_back(
    portal: Bridge, house: House, site: Site
) -> None:
    call = (await portal.start_call(USER))["id"]
    watcher = Watcher(portal, call)
    await watcher.sees(2)
    form = {"token": await portal.bearer(), "client_id": site.client.id, "client_secret": site.secret}
    await site.session.post(f"{site.url}/oauth/revoke", data=form)
    with pytest.raises(StreamEnded) as ended:
        await watcher.end()
    assert ended.value.reason == "token_revoked"


async def test_a_call_that_is_not_ours_is_a_problem_at_once(portal: Bridge) -> None:
    with pytest.raises(Problem) as refused:
        await Watcher(portal, "call_" + "0" * 26).end()
    assert refused.value.slug == "unknown-call"


async def test_a_database_that_is_away_is_waited_for_and_not_for_ever(portal: Bridge, house: House) -> None:
    call = (await portal.start_call(USER))["id"]
    house.trouble = away()
    with pytest.raises(Problem) as refused:
        await Watcher(portal, call, patience_s=0.2).end()
    assert refused.value.slug == "database-unavailable"


async def test_a_service_that_is_gone_is_given_up_in_the_end(portal: Bridge, site: Site, house: House) -> None:
    call = (await portal.start_call(USER))["id"]
    watcher = Watcher(portal, call, patience_s=0.3)
    await watcher.sees(2)
    await site.runner.cleanup()
    with pytest.raises(Unreachable):
        await watcher.end()


async def test_who_looks_away_closes_the_stream(house: House) -> None:
    async with serve(house, heartbeat_s=0.05) as site, bridge(site) as portal:
        call = (await portal.start_call(USER))["id"]
        async with contextlib.aclosing(portal.follow(call)) as events:
            async for _ in events:
                break
        await house.nobody_reads()


async def test_a_program_that_signs_follows_as_well(site: Site, house: House) -> None:
    async with bridge(site, signing_key=signing(site)) as portal:
        call = (await portal.start_call(USER))["id"]
        watcher = Watcher(portal, call)
        await watcher.sees(2)
        house.hangs_up(call)
        assert await watcher.end() == whole(call, house)


STREAM = (
    b': hello\nretry: 100\n\nid: 1\nevent: call.accepted\ndata: {"a":\ndata: "\xd0\xb6"}\n\ndata:x\r\n\r\nid: 9\n\n'
)


@given(st.lists(st.integers(1, len(STREAM)), max_size=8))
def test_a_stream_is_understood_wherever_it_is_cut(cuts: list[int]) -> None:
    parser, found, start = Parser(), [], 0
    for cut in [*sorted(cuts), len(STREAM)]:
        found += parser.feed(STREAM[start:cut])
        start = cut
    assert found == [("call.accepted", '{"a":\n"ж"}'), ("message", "x")]


def test_an_event_without_an_end_is_not_kept() -> None:
    with pytest.raises(ValueError, match="too long"):
        Parser().feed(b"x" * (1 << 21))
