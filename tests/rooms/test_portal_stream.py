"""Following a call's events: nothing missed, nothing twice, whatever happens to the connection."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from pbx_bridge.call import events as e
from pbx_bridge.portal.grant import Grant
from pbx_bridge.portal.readers import Readers, Reason

from .portal_house import House, Site, away, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)


async def test_a_reader_gets_what_it_missed_and_then_what_happens(site: Site, house: House) -> None:
    call_id = await site.open_call()
    async with site.follow(call_id) as stream:
        assert stream.response.headers["Content-Type"] == "text/event-stream"
        first, second = await stream.event(), await stream.event()
        house.rings(call_id)
        third = await stream.event()
        house.hangs_up(call_id)
        fourth = await stream.event()
        assert await stream.event() is None
    assert [event and (event["id"], event["event"]) for event in (first, second, third, fourth)] == [
        ("1", "call.accepted"),
        ("2", "call.state_changed"),
        ("3", "call.state_changed"),
        ("4", "call.ended"),
    ]
    as_json = (await site.get(f"/v1/calls/{call_id}/events")).json["events"]
    assert [event and event["data"] for event in (first, second, third, fourth)] == as_json


async def test_a_reader_is_told_how_soon_to_come_back(site: Site, house: House) -> None:
    call_id = await site.open_call()
    house.hangs_up(call_id)
    async with site.follow(call_id) as stream:
        await stream.rest()
    assert stream.retry_ms == 1000
    assert stream.comments == ["the call has ended"]


@pytest.mark.parametrize("seen", range(5))
async def test_a_reader_resumes_behind_any_event(site: Site, house: House, seen: int) -> None:
    call_id = await site.open_call()
    house.rings(call_id)
    house.hangs_up(call_id)
    async with site.follow(call_id, **{"Last-Event-ID": str(seen)}) as stream:
        assert stream.response.status == (204 if seen == 4 else 200)
        assert await stream.rest() == list(range(seen + 1, 5))


async def test_the_header_of_a_reconnecting_reader_counts_more_than_its_first_url(site: Site, house: House) -> None:
    call_id = await site.open_call()
    house.hangs_up(call_id)
    async with site.follow(call_id, "?after=1", **{"Last-Event-ID": "2"}) as stream:
        assert await stream.rest() == [3]
    async with site.follow(call_id, "?after=1") as stream:
        assert await stream.rest() == [2, 3]


@pytest.mark.parametrize("seen", ["x", "-1", "1.0", "٣", "99999999999", "2147483648", "1 2"])
async def test_a_number_that_was_never_sent_is_refused(site: Site, seen: str) -> None:
    call_id = await site.open_call()
    headers = {"Accept": "text/event-stream", "Last-Event-ID": seen}
    reply = await site.get(f"/v1/calls/{call_id}/events", headers=headers)
    assert reply.status == 422
    assert list(reply.complaints) == ["/Last-Event-ID"]


@pytest.mark.parametrize(
    ("accept", "streamed"),
    [
        ("text/event-stream", True),
        ("text/event-stream, */*;q=0.1", True),
        ("TEXT/Event-Stream;charset=utf-8", True),
        ("application/json", False),
        ("application/json, text/event-stream;q=0.5", False),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=x", False),
        ("*/*", False),
        ("", False),
        (",;,", False),
    ],
)
async def test_only_who_asks_for_a_stream_gets_one(site: Site, house: House, accept: str, streamed: bool) -> None:
    call_id = await site.open_call()
    house.hangs_up(call_id)
    reply = await site.get(f"/v1/calls/{call_id}/events", headers={"Accept": accept})
    assert reply.headers["Content-Type"].startswith("text/event-stream" if streamed else "application/json")


async def test_events_that_come_while_a_page_is_sent_are_not_lost(site: Site, house: House) -> None:
    call_id = await site.open_call()
    leg = house.calls_[call_id].leg or ""
    house.tell(call_id, e.DeviceAnswered(leg))
    house.tell(call_id, e.QueueJoined(leg, "support", 500))

    async def moves() -> None:
        for position in range(499, 0, -1):
            house.tell(call_id, e.QueueMoved(leg, position))
            if position % 7 == 0:
                await asyncio.sleep(0)
        house.hangs_up(call_id)

    async with site.follow(call_id) as early:
        moving = asyncio.create_task(moves())
        numbers = await early.rest()
        await moving
    last = house.calls_[call_id].revision
    assert numbers == list(range(1, last + 1))
    async with site.follow(call_id) as late:
        assert await late.rest() == numbers


async def test_every_reader_of_a_call_gets_everything(site: Site, house: House) -> None:
    call_id = await site.open_call()
    async with site.follow(call_id) as one, site.follow(call_id) as other:
        await one.event()
        house.rings(call_id)
        house.hangs_up(call_id)
        assert (await one.rest(), await other.rest()) == ([2, 3, 4], [1, 2, 3, 4])


async def test_silence_is_filled_with_comments_and_asks_nothing_of_the_ledger(house: House) -> None:
    async with serve(house, heartbeat_s=0.01) as site:
        call_id = await site.open_call()
        async with site.follow(call_id) as stream:
            await stream.event()
            await stream.event()
            reads = house.reads
            for _ in range(5):
                assert await stream.comment() == "ping"
            assert house.reads == reads


async def test_a_reader_that_leaves_is_forgotten(house: House) -> None:
    async with serve(house, heartbeat_s=0.01) as site:
        call_id = await site.open_call()
        async with site.follow(call_id) as stream:
            await stream.event()
            assert len(house.hub) == 1
            stream.response.close()
        await house.nobody_reads()
        metrics = (await site.get("/metrics")).body.decode()
        assert "pbx_sse_readers 0.0" in metrics


async def test_a_stream_ends_with_its_token(house: House) -> None:
    async with serve(house, heartbeat_s=0.01) as site:
        call_id = await site.open_call()
        token = site.app_tokens().issue(site.client.id, frozenset({"calls:read"}), 1)
        house.clock.later(0.95)
        async with site.follow(call_id, Authorization=f"Bearer {token}") as stream:
            assert await stream.rest() == [1, 2]
        assert stream.comments[-1] == "the token has expired; connect again with a new one"
        assert stream.reason == "token_expired"


async def test_a_stopping_service_says_goodbye_and_the_reader_resumes_elsewhere(house: House) -> None:
    async with serve(house) as site:
        call_id = await site.open_call()
        async with site.follow(call_id) as stream:
            await stream.event()
            await stream.event()
            stopping = asyncio.create_task(site.runner.cleanup())
            assert await stream.event() is None
            await stopping
        assert stream.comments[-1] == "the service stops; connect again"
        assert stream.reason == "service_stops"
        assert stream.retry_ms == 1000
    house.hangs_up(call_id)
    async with serve(house) as site:
        site.client = next(iter(house.clients_.values()))
        async with site.follow(call_id, **{"Last-Event-ID": "2"}) as stream:
            assert await stream.rest() == [3]


GRANT = Grant("client_1", frozenset({"calls:read"}), 0, "token-1", citizen="u-1")


@pytest.mark.parametrize("turns", range(5))
async def test_a_service_may_stop_while_a_reader_just_wakes_by_itself(turns: int) -> None:
    readers = Readers()
    with readers.seat(GRANT) as seat:
        waiting = asyncio.create_task(seat.wait(asyncio.Future[int](), asyncio.get_running_loop().time()))
        for _ in range(turns):
            await asyncio.sleep(0)
        await readers.close(web.Application())
        assert await waiting is False
        assert seat.reason is Reason.SERVICE_STOPS


async def test_a_reader_that_comes_to_wait_while_the_service_stops_does_not_wait() -> None:
    readers = Readers()
    await readers.close(web.Application())
    with readers.seat(GRANT) as seat:
        assert await seat.wait(asyncio.Future[int](), asyncio.get_running_loop().time() + 3600) is False


async def test_a_failing_ledger_ends_the_stream_without_a_broken_answer(site: Site, house: House) -> None:
    call_id = await site.open_call()
    async with site.follow(call_id) as stream:
        await stream.event()
        await stream.event()
        house.trouble = away()
        house.hub.ring(call_id, 99)
        assert await stream.event() is None
    house.trouble = None
    house.hangs_up(call_id)
    async with site.follow(call_id, **{"Last-Event-ID": "2"}) as stream:
        assert await stream.rest() == [3]


async def test_head_does_not_open_a_stream(site: Site) -> None:
    call_id = await site.open_call()
    reply = await site.ask("HEAD", f"/v1/calls/{call_id}/events", headers={"Accept": "text/event-stream"})
    assert (reply.status, reply.body) == (200, b"")


async def test_a_reader_that_takes_nothing_is_let_go(house: House) -> None:
    async with serve(house, heartbeat_s=0.01, send_s=0.05) as site:
        call_id = await site.open_call(user="u")
        head = f"GET /v1/calls/{call_id}/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
        head += f"Authorization: {site.bearer()['Authorization']}\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1024)
        writer.write(head.encode())
        await reader.readuntil(b"\r\n\r\n")
        leg = house.calls_[call_id].leg or ""
        house.tell(call_id, e.DeviceAnswered(leg))
        house.tell(call_id, e.QueueJoined(leg, "support", 10**9))
        position = 10**9
        gone = asyncio.create_task(house.nobody_reads())
        while not gone.done():
            for _ in range(100):
                position -= 1
                house.tell(call_id, e.QueueMoved(leg, position))
            await asyncio.sleep(0)
        await gone
        writer.transport.abort()


async def test_what_was_just_committed_is_not_read_again(site: Site, house: House) -> None:
    call_id = await site.open_call()
    async with site.follow(call_id) as stream:
        await stream.event()
        await stream.event()
        reads = house.reads
        house.rings(call_id)
        assert await stream.event()
        assert house.reads == reads
        house.hangs_up(call_id)
        assert await stream.rest() == [4]
        assert house.reads == reads
