"""A program's whole log over HTTP: pages, a stream, and the way back to where a reader was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from pbx_bridge.call import events as e
from pbx_bridge.conductor.feed import Feed
from pbx_bridge.ledger.access import Role
from pbx_bridge.ledger.envelope import envelope
from pbx_bridge.portal import stream as stream_room
from pbx_bridge.portal.limits import RequestLimits

from .portal_house import House, Site, Stream, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)
SSE = {"Accept": "text/event-stream"}
UNKNOWN = "evt_" + "0" * 26


@asynccontextmanager
async def following(site: Site, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    """Read the log as a stream."""
    asked = {**SSE, **site.bearer(), **headers}
    async with site.session.get(f"{site.url}/v1/events{query}", headers=asked) as response:
        yield Stream(response)


async def seen(stream: Stream, count: int) -> list[str]:
    """The ids of the next events."""
    events = [await stream.event() for _ in range(count)]
    assert all(event and event["id"] == event["data"]["id"] for event in events)
    return [event["id"] for event in events if event]


def ids(house: House) -> list[str]:
    return [event.id for event in house.log]


# ── pages ──
async def test_all_calls_are_in_one_log_in_the_order_of_what_happened(site: Site, house: House) -> None:
    one, other = await site.open_call("u-1"), await site.open_call("u-2")
    house.rings(one)
    house.hangs_up(other)
    page = (await site.get("/v1/events")).json
    assert [event["subject"] for event in page["events"]] == [one, one, other, other, one, other]
    assert (page["last"], page["more"]) == (ids(house)[-1], False)
    assert page["events"][:2] == (await site.get(f"/v1/calls/{one}/events")).json["events"][:2]


async def test_pages_go_on_where_the_last_one_ended(site: Site, house: House) -> None:
    for user in range(4):
        await site.open_call(f"u-{user}")
    found: list[str] = []
    page: dict[str, Any] = {"last": "", "more": True}
    while page["more"]:
        page = (await site.get(f"/v1/events?limit=3&after={page['last']}")).json
        found += [event["id"] for event in page["events"]]
    assert found == ids(house)
    again = (await site.get(f"/v1/events?after={page['last']}")).json
    assert again == {"events": [], "last": page["last"], "more": False}


async def test_who_wants_some_types_goes_on_behind_the_others_too(site: Site, house: House) -> None:
    call = await site.open_call()
    house.rings(call)
    page = (await site.get("/v1/events?type=call.accepted,call.ended")).json
    assert [event["type"] for event in page["events"]] == ["call.accepted"]
    assert page["last"] == ids(house)[-1]


async def test_whoever_begins_now_is_told_where_now_is(site: Site, house: House) -> None:
    assert (await site.get("/v1/events?after=now")).json == {"events": [], "last": "", "more": False}
    await site.open_call()
    assert (await site.get("/v1/events?after=now")).json["last"] == ids(house)[-1]


@pytest.mark.parametrize("where", ["query", "header"])
async def test_an_event_that_is_not_there_is_said_to_be_unknown(site: Site, where: str) -> None:
    await site.open_call()
    query, headers = (f"?after={UNKNOWN}", {}) if where == "query" else ("", {"Last-Event-ID": UNKNOWN})
    for accept in ({}, SSE):
        reply = await site.get(f"/v1/events{query}", headers={**accept, **headers})
        assert (reply.status, reply.problem) == (404, "unknown-event")


@pytest.mark.parametrize("wrong", ["1", "evt_", "evt_" + "u" * 26, "now ", "evt_" + "0" * 26 + "%0A"])
async def test_what_is_no_id_is_refused(site: Site, wrong: str) -> None:
    assert list((await site.get(f"/v1/events?after={wrong}")).complaints) == ["/after"]


async def test_a_header_that_is_no_id_is_refused(site: Site) -> None:
    reply = await site.get("/v1/events", headers={"Last-Event-ID": "12"})
    assert list(reply.complaints) == ["/Last-Event-ID"]


# ── whose ──
async def test_another_programs_events_do_not_exist(site: Site, house: House) -> None:
    stranger, _ = house.client("stranger")
    await site.open_call()
    assert (await site.get("/v1/events", client=stranger)).json["events"] == []
    reply = await site.get(f"/v1/events?after={ids(house)[0]}", client=stranger)
    assert reply.problem == "unknown-event"
    assert (await site.get(f"/v1/events?client={site.client.id}", client=stranger)).problem == "unknown-client"


async def test_a_citizen_follows_a_call_and_not_the_programs_log(site: Site) -> None:
    assert (await site.get("/v1/events", headers=site.as_citizen())).problem == "wrong-role"


async def test_staff_read_all_or_one_program_and_leave_a_line(site: Site, house: House) -> None:
    auditor, _ = house.client("auditor", role=Role.AUDITOR)
    stranger, _ = house.client("stranger")
    await site.open_call()
    await site.open_call(client=stranger)
    assert len((await site.get("/v1/events", client=auditor)).json["events"]) == len(house.log)
    mine = (await site.get(f"/v1/events?client={stranger.id}", client=auditor)).json["events"]
    assert [event["id"] for event in mine] == [event.id for event in house.log if event.client == stranger.id]
    noted = [line for line, _ in house.lines if line.action == "read-all-events"]
    assert [(line.actor, line.detail) for line in noted] == [
        (f"client:{auditor.id}", {"client": None}),
        (f"client:{auditor.id}", {"client": stranger.id}),
    ]


# ── the stream ──
async def test_a_reader_gets_what_was_and_then_what_comes_of_all_calls(site: Site, house: House) -> None:
    one = await site.open_call("u-1")
    async with following(site) as stream:
        assert await seen(stream, 2) == ids(house)
        await site.open_call("u-2")
        house.rings(one)
        assert await seen(stream, 3) == ids(house)[2:]


async def test_a_reader_goes_on_behind_the_last_event_it_saw(site: Site, house: House) -> None:
    for user in range(3):
        await site.open_call(f"u-{user}")
    for place in (0, 3, 5):
        async with following(site, "?after=now", **{"Last-Event-ID": ids(house)[place]}) as stream:
            assert await seen(stream, 5 - place) == ids(house)[place + 1 :]


async def test_a_reader_who_begins_now_is_given_the_place_before_anything_happens(site: Site, house: House) -> None:
    await site.open_call()
    async with following(site, "?after=now") as stream:
        lines = [await stream._line() for _ in range(3)]
        assert lines[-1] == f"id: {ids(house)[-1]}\n"
        await site.open_call("u-2")
        assert await seen(stream, 2) == ids(house)[2:]


async def test_who_waits_for_what_is_rare_is_told_how_far_they_are(site: Site, house: House) -> None:
    call = await site.open_call()
    _queue(house, call, 150)
    async with following(site, "?type=call.ended") as stream:
        assert await _bookmark(stream) == ids(house)[99]
        _queue(house, call, 100)
        assert await _bookmark(stream) > ids(house)[150]
        house.hangs_up(call)
        assert await seen(stream, 1) == ids(house)[-1:]


async def test_a_reader_of_the_log_who_leaves_is_forgotten(house: House) -> None:
    async with serve(house, heartbeat_s=0.01) as site:
        async with following(site) as stream:
            await site.open_call()
            await seen(stream, 1)
            assert house.feed.followers == 1
            stream.response.close()
        await house.nobody_reads()


async def test_two_hundred_readers_cost_one_reading_and_one_making_of_each_event(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(event: Any, node: str) -> Any:
        made.append(event.id)
        return envelope(event, node)

    monkeypatch.setattr("pbx_bridge.portal.frames.envelope", counted)
    async with serve(house) as site, AsyncExitStack() as stack:
        site.session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        streams = [await stack.enter_async_context(following(site, "?after=now")) for _ in range(200)]
        call = await site.open_call()
        await asyncio.gather(*(seen(stream, 2) for stream in streams))
        reads = house.reads
        _queue(house, call, 20)
        both = await asyncio.gather(*(seen(stream, 20) for stream in streams))
        assert all(one == ids(house)[2:] for one in both)
        assert house.reads == reads
        assert made == ids(house)


async def test_a_slow_reader_is_told_to_come_again_and_holds_up_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes_more, send = asyncio.Event(), stream_room._Reader._send

    async def slowly(reader: Any, frame: bytes) -> None:
        await send(reader, frame)
        if "X-Slow" in reader._request.headers:
            await takes_more.wait()

    monkeypatch.setattr(stream_room._Reader, "_send", slowly)
    house.feed = Feed(house, house.hub, held=20)
    async with serve(house) as site, following(site, "?after=now", **{"X-Slow": "1"}) as slow, following(site) as quick:
        call = await site.open_call()
        read = await seen(quick, 2)
        for _ in range(3):
            _queue(house, call, 10)
            read += await seen(quick, 10)
        assert read == ids(house)
        takes_more.set()
        told = []
        while event := await slow.event():
            told.append(event["id"])
        assert (told, slow.reason) == (ids(house)[: len(told)], "too_slow")
        assert 0 < len(told) <= 2
        async with following(site, **{"Last-Event-ID": told[-1]}) as again:
            assert await seen(again, 32 - len(told)) == ids(house)[len(told) :]


# ── how many ──
async def test_one_stream_too_many_is_refused_and_may_come_later(house: House) -> None:
    limits = RequestLimits(streams_per_program=3, streams_per_citizen=1)
    async with serve(house, limits=limits) as site, AsyncExitStack() as stack:
        call = await site.open_call()
        citizen = f"/v1/calls/{call}/events"
        await stack.enter_async_context(site.follow(call, **site.as_citizen()))
        refused = await site.get(citizen, headers={**SSE, **site.as_citizen()})
        assert (refused.status, refused.problem, refused.headers["Retry-After"]) == (429, "too-many-streams", "5")
        await stack.enter_async_context(site.follow(call))
        async with following(site) as third:
            await seen(third, 1)
            assert (await site.get("/v1/events", headers=SSE)).problem == "too-many-streams"
            assert (await site.get("/v1/events")).status == 200, "a page is no stream"
            stranger, _ = house.client("stranger")
            async with following(site, **site.bearer(stranger)) as theirs:
                assert theirs.response.status == 200


def _queue(house: House, call: str, moves: int) -> None:
    """The citizen moves so often in the line."""
    leg = house.calls_[call].leg or ""
    if house.calls_[call].place is None:
        house.tell(call, e.DeviceAnswered(leg))
        house.tell(call, e.QueueJoined(leg, "support", 10**6))
        moves -= 2
    for _ in range(moves):
        place = house.calls_[call].place
        assert place
        house.tell(call, e.QueueMoved(leg, place.position - 1))


async def _bookmark(stream: Stream) -> str:
    """The next id that comes alone."""
    before = ""
    while line := await stream._line():
        if line == "\n" and before.startswith("id: "):
            return before.removeprefix("id: ").rstrip()
        before = line
    raise AssertionError("the stream has ended")
