"""The connection to ARI on a real Asterisk: what it does, and the oddities that our code is shaped by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pbx_bridge.asterisk import ari_models, errors
from pbx_bridge.asterisk.ari import WANTED, Ari
from pbx_bridge.asterisk.ari_models import AriEvent
from tests.real import loop
from tests.real.conftest import MakeAsterisk
from workshop.ari_models import DOCUMENTS, render
from workshop.server import AsteriskServer

Events = AsyncIterator[AriEvent]
COMMITTED = Path(ari_models.__file__).read_text(encoding="utf-8")


@pytest.fixture
async def asterisk(make_asterisk: MakeAsterisk) -> AsteriskServer:
    return await loop.start(make_asterisk())


@pytest.fixture
async def ari(asterisk: AsteriskServer) -> AsyncIterator[Ari]:
    made = loop.ari(asterisk)
    yield made
    await made.close()


async def until(events: Events, kind: str, **wanted: object) -> Any:
    """The next event of this kind; `wanted` compares fields of its channel. Whatever comes before is dropped."""
    async with asyncio.timeout(10):
        async for event in events:
            said: Any = event
            if event["type"] == kind and all(said["channel"][key] == value for key, value in wanted.items()):
                return said
    raise AssertionError(f"the connection ended before {kind}")


async def ended(events: Events) -> list[AriEvent]:
    """Everything until the end of the connection, of whatever kind."""
    heard = []
    try:
        async with asyncio.timeout(10):
            async for event in events:
                heard.append(event)
    except errors.Unreachable:
        pass
    return heard


async def test_the_models_are_those_of_this_asterisk(asterisk: AsteriskServer) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_user, asterisk.ari_password)}
    documents = {}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{asterisk.ports.http}", headers=headers) as session:
        for name in DOCUMENTS:
            async with session.get(f"/ari/api-docs/{name}.json") as answer:
                documents[name] = await answer.json()
    assert render(documents) == COMMITTED, "run: python -m workshop.ari_models REST-API-FOLDER"


# ── Hearing ──────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_call_that_is_never_in_stasis_is_heard_to_its_end(ari: Ari) -> None:
    async with loop.listening(ari) as events:
        await loop.dial(ari, "pb.1.1", "answers", "plain")
        await until(events, "ChannelStateChange", id="pb.1.1", state="Up")
        said = await until(events, "ChannelUserevent", id="pb.1.1")
        assert said["eventname"] == "Plain"
        assert said["userevent"]["Слово"] == "привет"
        await ari.hangup("pb.1.1")
        gone = await until(events, "ChannelDestroyed", id="pb.1.1")
        assert gone["cause"] == 16
    assert ari.tally.malformed == 0


async def test_only_wanted_kinds_are_ever_sent(asterisk: AsteriskServer, ari: Ari) -> None:
    """Without the filter this call has ChannelVarset, ChannelDialplan, Dial and more."""
    kinds = set()
    async with loop.listening(ari) as events:
        await loop.dial(ari, "pb.1.1", "answers", "stasis")
        await until(events, "StasisStart", id="pb.1.1")
        await ari.leave_app("pb.1.1")
        await ari.hangup("pb.1.1")
        async with asyncio.timeout(10):
            async for event in events:
                kinds.add(event["type"])
                if event["type"] == "ChannelDestroyed":
                    break
    assert "StasisEnd" in kinds
    assert kinds <= set(WANTED)


async def test_hold_is_heard_of_a_channel_that_was_never_in_stasis(asterisk: AsteriskServer, ari: Ari) -> None:
    async with loop.listening(ari) as events:
        await loop.dial(ari, "pb.1.1", "answers", "stasis")
        await until(events, "StasisStart", id="pb.1.1")
        # Hold goes out as a re-INVITE; the far leg, in the dialplan only, is what hears it.
        await hold(asterisk, "pb.1.1", "POST")
        held = await until(events, "ChannelHold")
        assert held["channel"]["name"].startswith("PJSIP/theirs")
        await hold(asterisk, "pb.1.1", "DELETE")
        unheld = await until(events, "ChannelUnhold")
        assert unheld["channel"]["id"] == held["channel"]["id"]


async def hold(asterisk: AsteriskServer, channel_id: str, method: str) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_user, asterisk.ari_password)}
    url = f"http://127.0.0.1:{asterisk.ports.http}/ari/channels/{channel_id}/hold"
    async with aiohttp.request(method, url, headers=headers) as answer:
        assert answer.status == 204


async def test_arguments_and_states_arrive_as_they_were_given(ari: Ari) -> None:
    async with loop.listening(ari) as events:
        await loop.dial(ari, "pb.1.1", "answers", "stasis")
        assert (await until(events, "StasisStart", id="pb.1.1"))["args"] == ["one", "два"]
        await ari.leave_app("pb.1.1")
        await until(events, "StasisEnd", id="pb.1.1")
        # StasisEnd is not the end: the endpoint's subscription goes on.
        left = await until(events, "ChannelUserevent", id="pb.1.1")
        assert (left["eventname"], left["userevent"]["Status"]) == ("Left", "SUCCESS")
        with pytest.raises(errors.Conflict):
            await ari.leave_app("pb.1.1")


async def test_a_busy_phone_ends_with_both_causes(ari: Ari) -> None:
    async with loop.listening(ari) as events:
        await loop.dial(ari, "pb.1.1", "busy", "plain")
        gone = await until(events, "ChannelDestroyed", id="pb.1.1")
        assert (gone["cause"], gone["tech_cause"]) == (17, 486)


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────
async def test_an_id_that_lives_is_a_conflict_and_rings_nobody_twice(ari: Ari) -> None:
    async with loop.listening(ari) as events:
        await loop.dial(ari, "pb.1.1", "rings", "plain")
        with pytest.raises(errors.Conflict):
            await loop.dial(ari, "pb.1.1", "rings", "plain")
        await until(events, "ChannelStateChange", id="pb.1.1", state="Ringing")
        assert len([each for each in await ari.channels() if each["name"].startswith("PJSIP/rings")]) == 1


async def test_bare_a_connection_that_said_409_says_it_of_an_unknown_endpoint_too(asterisk: AsteriskServer) -> None:
    """Asterisk keeps the last reason per thread, and has a thread per connection."""
    headers = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_user, asterisk.ari_password)}
    base = f"http://127.0.0.1:{asterisk.ports.http}/ari/channels/"
    said = []
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=1)) as session:
        for channel_id, phone in (("a", "nobody"), ("b", "rings"), ("b", "rings"), ("c", "nobody")):
            order = {"endpoint": f"PJSIP/{phone}", "context": "ours", "extension": "plain", "priority": 1}
            async with session.post(base + channel_id, json=order) as answer:
                said.append(answer.status)
                await answer.read()
    assert said == [500, 200, 409, 409]


async def test_an_unknown_endpoint_is_refused_also_after_a_conflict(ari: Ari) -> None:
    await loop.dial(ari, "pb.1.1", "rings", "plain")
    for _ in range(3):
        with pytest.raises(errors.Conflict):
            await loop.dial(ari, "pb.1.1", "rings", "plain")
        with pytest.raises(errors.Refused, match="500 Allocation failed"):
            await loop.dial(ari, "pb.2.1", "unknown", "plain")


async def test_a_wrong_or_too_large_order_is_our_mistake(ari: Ari) -> None:
    for endpoint, variables in (("PJSIP", {}), ("PJSIP/rings", {"X": "x" * 50_000})):
        with pytest.raises(errors.Unprocessable):
            await ari.originate("x", endpoint, context="ours", extension="plain", timeout_s=1, variables=variables)


async def test_hanging_up_twice_finds_nothing_the_second_time(ari: Ari) -> None:
    async with loop.listening(ari) as events:
        await loop.dial(ari, "pb.1.1", "rings", "plain")
        await ari.hangup("pb.1.1", reason=21)
        await until(events, "ChannelDestroyed", id="pb.1.1")
        with pytest.raises(errors.NotFound):
            await ari.hangup("pb.1.1")


@pytest.mark.parametrize("channel_id", ["a/b", "a b", "a+b", "a%b", "a?b&c=d", "имя", 'x"y'])
async def test_any_id_comes_back_as_it_was(ari: Ari, channel_id: str) -> None:
    await loop.dial(ari, channel_id, "rings", "plain")
    assert channel_id in [each["id"] for each in await ari.channels()]
    assert await ari.variable(channel_id, "PB_NAME") == "Ёж"
    assert await ari.variable(channel_id, "PB_NOTHING") is None
    assert await ari.variable(channel_id, "CHANNEL(channeltype)") == "PJSIP"
    await ari.hangup(channel_id)


async def test_endpoints_variables_and_version_can_be_looked_at(ari: Ari) -> None:
    assert (await ari.endpoint("PJSIP", "answers"))["resource"] == "answers"
    with pytest.raises(errors.NotFound):
        await ari.endpoint("PJSIP", "unknown")
    with pytest.raises(errors.NotFound):
        await ari.variable("unknown", "X")
    assert (await ari.info())["system"]["version"].startswith("22.")


async def test_a_bridge_of_the_queue_is_listed_with_its_channels(asterisk: AsteriskServer, ari: Ari) -> None:
    async with loop.ami(asterisk, events={"BridgeEnter"}, classes="call").listen() as entered:
        await loop.dial(ari, "pb.1.1", "answers", "queue")
        await loop.both_entered(entered)
        [bridge] = await ari.bridges()
        assert "pb.1.1" in bridge["channels"]


async def test_a_bridge_is_no_news_to_the_endpoints_subscriber(asterisk: AsteriskServer) -> None:
    """Why a talk is known from AMI's AgentConnect and not from here."""
    ari = loop.ari(asterisk, wanted=("ChannelEnteredBridge", "ChannelDestroyed"))
    ami = loop.ami(asterisk, events={"BridgeEnter"}, classes="call")
    async with loop.listening(ari) as events, ami.listen() as entered:
        await loop.dial(ari, "pb.1.1", "answers", "queue")
        await loop.both_entered(entered)
        await ari.hangup("pb.1.1")
        assert (await anext(events))["type"] == "ChannelDestroyed"
    await ari.close()


# ── The connection ───────────────────────────────────────────────────────────────────────────────────────
async def test_health_knows_no_application_before_somebody_listened(ari: Ari) -> None:
    with pytest.raises(errors.NotFound):
        await ari.healthy()
    async with ari.listen():
        await ari.healthy()


async def test_who_comes_second_replaces_the_first_and_the_first_is_told(asterisk: AsteriskServer, ari: Ari) -> None:
    second = loop.ari(asterisk)
    async with loop.listening(ari) as first_events, loop.listening(second) as events:
        with pytest.raises(errors.Replaced):
            await anext(first_events)
        await loop.dial(second, "pb.1.1", "answers", "plain")
        await until(events, "ChannelUserevent", id="pb.1.1")
    await second.close()


async def test_who_listens_again_at_once_hears_or_is_told_that_he_does_not(asterisk: AsteriskServer) -> None:
    """Asterisk's cleaning after the listener before may switch the application off under the next one."""
    ari, heard, deaf = loop.ari(asterisk, request_timeout_s=1.0, heartbeat_s=2.0), 0, set()
    for number in range(50):
        try:
            async with loop.listening(ari) as events:
                await loop.dial(ari, f"pb.{number}.1", "busy", "plain")
                await until(events, "ChannelDestroyed", id=f"pb.{number}.1")
                heard += 1
        except errors.Unreachable as error:
            deaf.add(str(error).partition(":")[0])
    assert deaf <= {f"Asterisk answers, but application {loop.APP} does not hear what it says"}
    assert heard > 40
    await ari.close()


async def test_a_listener_who_was_replaced_in_silence_finds_out_that_he_is_deaf(asterisk: AsteriskServer) -> None:
    """Asterisk tells of a replacement only if the filter, which belongs to the application, lets that pass."""
    ari = loop.ari(asterisk, heartbeat_s=0.5, request_timeout_s=0.5)
    headers = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_user, asterisk.ari_password)}
    base = f"http://127.0.0.1:{asterisk.ports.http}/ari"
    async with loop.listening(ari) as events, aiohttp.ClientSession(headers=headers) as thief:
        only = {"allowed": [{"type": "StasisStart"}]}
        async with thief.put(f"{base}/applications/{loop.APP}/eventFilter", json=only) as answer:
            assert answer.status == 200
        async with thief.ws_connect(f"{base}/events?app={loop.APP}"):
            with pytest.raises(errors.Unreachable, match="does not hear what it says"):
                await anext(events)
    await ari.close()


async def test_a_killed_asterisk_ends_the_listening_and_a_new_one_is_told_apart(
    asterisk: AsteriskServer, ari: Ari
) -> None:
    async with loop.listening(ari) as events:
        before = (await ari.info())["status"]["startup_time"]
        asterisk.kill()
        await ended(events)
        with pytest.raises(errors.Unreachable):
            await ari.healthy()
    await asterisk.wait()
    await asterisk.start()
    with pytest.raises(errors.NotFound):
        await ari.healthy()
    async with loop.listening(ari) as events:
        assert (await ari.info())["status"]["startup_time"] != before
        await loop.dial(ari, "pb.1.1", "answers", "plain")
        await until(events, "ChannelUserevent", id="pb.1.1")


async def test_an_asterisk_that_stops_ends_the_listening_in_good_order(asterisk: AsteriskServer, ari: Ari) -> None:
    async with loop.listening(ari) as events:
        stopping = asyncio.create_task(asterisk.stop())
        async with asyncio.timeout(10):
            assert [each async for each in events] == []
        await stopping


async def test_a_frozen_asterisk_is_noticed(asterisk: AsteriskServer) -> None:
    ari = loop.ari(asterisk, heartbeat_s=0.2, request_timeout_s=0.3)
    async with loop.listening(ari) as events:
        with loop.frozen(asterisk):
            with pytest.raises(errors.Unreachable, match="TimeoutError"):
                await ari.healthy()
            with pytest.raises(errors.Unreachable, match="No PONG"):
                await anext(events)
    await ari.close()


async def test_a_wrong_password_is_unauthorized(asterisk: AsteriskServer) -> None:
    ari = Ari(f"http://127.0.0.1:{asterisk.ports.http}", asterisk.ari_user, "wrong", loop.APP)
    with pytest.raises(errors.Unauthorized):
        await ari.info()
    with pytest.raises(errors.Unauthorized):
        async with ari.listen():
            pass
    await ari.close()
