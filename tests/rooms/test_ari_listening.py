"""Listening to ARI, against a stand-in: nothing is lost, nothing holds Asterisk up, and every end is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from pbx_bridge.asterisk import errors
from pbx_bridge.asterisk.ari import WANTED, Ari
from pbx_bridge.asterisk.ari_ear import ECHO
from tests.rooms.ari_desk import HUNG_UP, SECRET, Desk, open_desk, says


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as made:
        yield made


@pytest.fixture
async def ari(desk: Desk) -> AsyncIterator[Ari]:
    made = desk.ari(request_timeout_s=1.0)
    yield made
    await made.close()


async def test_an_endpoint_is_followed_once_for_each_connection(desk: Desk, ari: Ari) -> None:
    asked = "POST /ari/applications/pb/subscription?eventSource=endpoint%3APJSIP%2Foperator"
    for times in (1, 2):
        async with ari.listen():
            await ari.follow("operator")
            await ari.follow("operator")
        assert desk.paths().count(asked) == times


async def test_the_filter_is_set_before_anything_is_followed(desk: Desk, ari: Ari) -> None:
    async with ari.listen():
        pass
    assert desk.paths() == [
        "GET /ari/events?app=pb",
        "PUT /ari/applications/pb/eventFilter",
        "POST /ari/events/user/pbx-bridge-echo?application=pb",
    ]
    allowed = [each["type"] for each in desk.asked[1].body["allowed"]]
    assert set(allowed) == {*WANTED, "ApplicationReplaced"}


async def test_a_404_right_after_connecting_means_ask_again(desk: Desk, ari: Ari) -> None:
    told = 0

    async def known_at_the_third_time(_: web.Request) -> web.StreamResponse:
        nonlocal told
        told += 1
        return web.json_response({"message": "Application not found"}, status=404 if told < 3 else 200)

    desk.answers = {"/eventFilter": known_at_the_third_time}
    async with ari.listen():
        assert told == 3


async def test_an_application_that_stays_unknown_is_not_waited_for_for_ever(desk: Desk) -> None:
    desk.answers = {"/eventFilter": says(404, {"message": "Application not found"})}
    ari = desk.ari(request_timeout_s=0.2)
    with pytest.raises(errors.NotFound):
        async with ari.listen():
            pass
    await asyncio.wait_for(desk.closed_by_client.wait(), 1)
    await ari.close()


async def test_what_is_said_between_connection_and_set_up_is_heard(desk: Desk, ari: Ari) -> None:
    said = asyncio.Event()

    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_json(HUNG_UP)
        said.set()

    async def after_the_event(_: web.Request) -> web.StreamResponse:
        await said.wait()
        return web.json_response({})

    desk.talk = talk
    desk.answers = {"/eventFilter": after_the_event}
    async with ari.listen() as events:
        assert await anext(events) == HUNG_UP


@pytest.mark.parametrize(
    "rubbish",
    ["", "not JSON", "[]", "{}", '"type"', "17", "null", '{"type":[]}', "[" * 100_000, b"\xff\xfe", b"\x00"],
)
async def test_a_malformed_message_is_counted_and_skipped(desk: Desk, ari: Ari, rubbish: str | bytes) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await (socket.send_str(rubbish) if isinstance(rubbish, str) else socket.send_bytes(rubbish))
        await socket.send_json(HUNG_UP)

    desk.talk = talk
    async with ari.listen() as events:
        assert await anext(events) == HUNG_UP
    assert (ari.tally.malformed, ari.tally.heard) == (1, 1)


@pytest.mark.parametrize("said", [None, [], "x", {}, {"token": []}])
async def test_a_strange_word_in_our_name_is_nothing(desk: Desk, ari: Ari, said: object) -> None:
    async with ari.listen() as events:
        await desk.sockets[-1].send_json({"type": "ChannelUserevent", "eventname": ECHO, "userevent": said})
        await desk.sockets[-1].send_json(HUNG_UP)
        assert await anext(events) == HUNG_UP


async def test_an_orderly_end_stops_the_iterator_after_the_last_event(desk: Desk, ari: Ari) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_json(HUNG_UP)
        await socket.close()

    desk.talk = talk
    async with ari.listen() as events:
        assert [each["type"] async for each in events] == ["ChannelDestroyed"]


async def test_a_connection_that_just_ends_stops_the_iterator_too(desk: Desk, ari: Ari) -> None:
    """Asterisk ends like this when it is stopped or killed."""

    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_json(HUNG_UP)
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.close()

    desk.talk = talk
    async with ari.listen() as events:
        assert [each["type"] async for each in events] == ["ChannelDestroyed"]


async def test_who_is_replaced_hears_what_came_before_and_then_of_it(desk: Desk, ari: Ari) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_json(HUNG_UP)
        await socket.send_json({"type": "ApplicationReplaced", "application": "pb"})
        # Asterisk leaves the connection open; whatever would come now is not for us.
        await socket.send_json(HUNG_UP)

    desk.talk = talk
    async with ari.listen() as events:
        await anext(events)
        with pytest.raises(errors.Replaced):
            await anext(events)


async def test_a_peer_that_answers_no_ping_is_given_up(desk: Desk) -> None:
    ari = desk.ari(heartbeat_s=0.05)
    async with ari.listen() as events:
        desk.deaf = True  # Or our own word would be a sign of life.
        with pytest.raises(errors.Unreachable, match="No PONG"):
            await anext(events)
    await ari.close()


async def test_a_connection_that_ends_while_it_is_proven_has_ended_and_is_not_deaf(desk: Desk, ari: Ari) -> None:
    closing: list[asyncio.Task[bool]] = []

    async def close(_: web.Request) -> web.StreamResponse:
        # A task starts when this one waits: after the answer.
        closing.append(asyncio.create_task(desk.sockets[-1].close()))
        return web.json_response({})

    desk.answers = {"/pbx-bridge-echo": close}
    async with ari.listen() as events:
        assert [each async for each in events] == []
    await asyncio.gather(*closing)


async def test_a_connection_that_is_open_and_deaf_is_not_taken(desk: Desk) -> None:
    desk.deaf = True
    ari = desk.ari(request_timeout_s=0.2)
    with pytest.raises(errors.Unreachable, match="does not hear what it says: connect again"):
        async with ari.listen():
            pass
    await asyncio.wait_for(desk.closed_by_client.wait(), 1)
    await ari.close()


async def test_a_connection_that_turns_deaf_is_given_up(desk: Desk) -> None:
    desk.autoping = True
    ari = desk.ari(heartbeat_s=0.3, request_timeout_s=0.3)
    async with ari.listen() as events:
        desk.deaf = True
        await desk.sockets[-1].send_json(HUNG_UP)
        assert await anext(events) == HUNG_UP
        with pytest.raises(errors.Unreachable, match="does not hear what it says"):
            await anext(events)
    await ari.close()


async def test_a_connection_that_hears_is_kept(desk: Desk) -> None:
    """And our own words are no news for the listener."""
    desk.autoping = True
    ari = desk.ari(heartbeat_s=0.2)
    async with ari.listen() as events:
        await desk.until(lambda: desk.words() == 3)
        await desk.sockets[-1].send_json(HUNG_UP)
        assert await anext(events) == HUNG_UP
    await ari.close()


async def test_failing_to_ask_for_a_word_proves_nothing(desk: Desk) -> None:
    desk.autoping = True
    ari = desk.ari(heartbeat_s=0.2)
    async with ari.listen() as events:
        desk.answers = {"/pbx-bridge-echo": says(500, {"message": "busy"})}
        with capture_logs() as logged:
            await desk.until(lambda: desk.words() == 3)
        await desk.sockets[-1].send_json(HUNG_UP)
        assert await anext(events) == HUNG_UP
    assert "could not ask Asterisk to say a word" in {each["event"] for each in logged}
    await ari.close()


async def test_unwanted_events_are_not_for_us(desk: Desk) -> None:
    ari = desk.ari(wanted=("ChannelDestroyed",))
    async with ari.listen() as events:
        await desk.sockets[-1].send_json({"type": "ChannelVarset"})
        await desk.sockets[-1].send_json({"type": "ChannelUserevent", "eventname": "Plain"})
        await desk.sockets[-1].send_json(HUNG_UP)
        assert await anext(events) == HUNG_UP
    await ari.close()


async def test_a_slow_consumer_never_holds_asterisk_up(desk: Desk, ari: Ari) -> None:
    """More than socket buffers hold is said at once; the consumer looks only when all was sent."""
    count, sent = 20_000, asyncio.Event()

    async def talk(socket: web.WebSocketResponse) -> None:
        for number in range(count):
            await socket.send_str(json.dumps({"type": "StasisEnd", "number": number, "padding": "x" * 500}))
        # The client says goodbye when its reader has come so far.
        await socket.close()
        sent.set()

    desk.talk = talk
    with capture_logs() as logged:
        async with ari.listen() as events:
            await asyncio.wait_for(sent.wait(), 30)
            numbers = [each["number"] async for each in events]  # type: ignore[typeddict-item]
    assert numbers == list(range(count))
    assert ari.tally.waiting == 0
    assert ari.tally.most_waiting == count
    warnings = [each["waiting"] for each in logged if each["log_level"] == "warning"]
    assert warnings[:3] == [1000, 2000, 4000]


async def test_leaving_closes_the_connection(desk: Desk, ari: Ari) -> None:
    async with ari.listen():
        pass
    await asyncio.wait_for(desk.closed_by_client.wait(), 1)


async def test_leaving_a_silent_peer_takes_no_longer_than_the_limit(
    desk: Desk, ari: Ari, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.asterisk.ari_http.CLOSE_S", 0.05)
    gone = asyncio.Event()

    async def talk(_: web.WebSocketResponse) -> None:
        await gone.wait()

    desk.talk = talk
    async with asyncio.timeout(1):
        async with ari.listen():
            pass
    gone.set()


async def test_no_log_line_holds_the_secret(desk: Desk, ari: Ari) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str("rubbish")
        await socket.close()

    desk.talk = talk
    with capture_logs() as logged:
        async with ari.listen() as events:
            assert [each async for each in events] == []
        desk.answers = {"": says(500, {"error": "Allocation failed"})}
        with contextlib.suppress(errors.Refused):
            await ari.hangup("pb.1.1")
    assert len(logged) >= 2
    assert SECRET not in repr(logged)
