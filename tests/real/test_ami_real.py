"""The connection to AMI on a real Asterisk, with the rights that our manager.conf gives and no more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from pbx_bridge.asterisk import conf, errors
from pbx_bridge.asterisk.ami import Ami, AmiEvent
from pbx_bridge.asterisk.ami_answers import Member
from pbx_bridge.asterisk.ami_events import CLASSES, WANTED
from pbx_bridge.asterisk.ami_wire import LONGEST_LINE
from pbx_bridge.asterisk.ari import Ari
from tests.real import loop
from tests.real.conftest import MakeAsterisk
from workshop.server import AsteriskServer

Events = AsyncIterator[AmiEvent]


@pytest.fixture
async def asterisk(make_asterisk: MakeAsterisk) -> AsteriskServer:
    return await loop.start(make_asterisk())


@pytest.fixture
async def ari(asterisk: AsteriskServer) -> AsyncIterator[Ari]:
    made = loop.ari(asterisk)
    yield made
    await made.close()


@pytest.fixture
async def ami(asterisk: AsteriskServer) -> Ami:
    return loop.ami(asterisk)


async def until(events: Events, kind: str, **wanted: str) -> AmiEvent:
    """The next event of this kind with these headers. Whatever comes before is dropped."""
    return (await up_to(events, kind, **wanted))[-1]


async def up_to(events: Events, kind: str, **wanted: str) -> list[AmiEvent]:
    """All events up to that one."""
    heard = []
    async with asyncio.timeout(10):
        async for event in events:
            heard.append(event)
            if event["Event"] == kind and all(event.get(key) == value for key, value in wanted.items()):
                return heard
    raise AssertionError(f"the connection ended before {kind}")


# ── Hearing ──────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_booted_asterisk_says_so_first(ami: Ami) -> None:
    async with ami.listen() as events:
        assert (await anext(events))["Event"] == "FullyBooted"


async def test_a_call_through_the_queue_is_told_in_order(asterisk: AsteriskServer, ari: Ari) -> None:
    """The talk must have begun: whoever hangs up before that leaves an AgentComplete without any channel in it."""
    ami = loop.ami(asterisk, events=WANTED | {"BridgeEnter"}, classes=f"{CLASSES},call")
    async with ami.listen() as events:
        await loop.dial(ari, "pb.1.1", "answers", "queue")
        told = await up_to(events, "BridgeEnter", BridgeNumChannels="2")
        await ari.hangup("pb.1.1")
        told += await up_to(events, "AgentComplete")
        ours = [each for each in told if each.get("Uniqueid") == "pb.1.1" and each["Event"] in WANTED]
    assert [each["Event"] for each in ours] == [
        "QueueCallerJoin",
        "AgentCalled",
        "QueueCallerLeave",
        "AgentConnect",
        "AgentComplete",
    ]
    assert {each["MemberName"] for each in ours if "MemberName" in each} == {"Анна Ёлкина"}
    assert (ours[0]["Position"], ours[-1]["Reason"]) == ("1", "caller")


async def test_an_impatient_caller_is_told_of_too(ari: Ari, ami: Ami) -> None:
    async with ami.listen() as events:
        await loop.dial(ari, "pb.1.1", "answers", "nobody")
        await until(events, "QueueCallerJoin", Uniqueid="pb.1.1")
        await ari.hangup("pb.1.1")
        gone = await until(events, "QueueCallerAbandon", Uniqueid="pb.1.1")
        assert gone["OriginalPosition"] == "1"


# ── The filter in manager.conf ───────────────────────────────────────────────────────────────────────────
async def with_filters(server: AsteriskServer) -> AsteriskServer:
    """The same Asterisk with the manager.conf that is shipped: a line in it for each wanted event."""
    return await loop.start(server, filtered=True)


async def test_with_filters_only_wanted_events_are_on_the_wire(make_asterisk: MakeAsterisk) -> None:
    server = await with_filters(make_asterisk())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports.ami)
    login = f"Action: Login\r\nUsername: {server.ami_user}\r\nSecret: {server.ami_password}\r\n"
    writer.write(f"{login}Events: on\r\n\r\n".encode())
    ari, names = loop.ari(server), set()
    await loop.dial(ari, "pb.1.1", "answers", "queue")
    async with asyncio.timeout(10):
        while "AgentConnect" not in names:
            text = (await reader.readuntil(b"\r\n\r\n")).decode()
            names |= {line.removeprefix("Event: ") for line in text.splitlines() if line.startswith("Event: ")}
    writer.close()
    await ari.close()
    assert {"FullyBooted", "QueueCallerJoin", "AgentCalled"} <= names <= WANTED


async def test_filters_leave_the_answers_and_their_lists_alone(make_asterisk: MakeAsterisk) -> None:
    server = await with_filters(make_asterisk())
    ari, ami = loop.ari(server), loop.ami(server)
    async with ami.listen() as events:
        await loop.dial(ari, "pb.1.1", "answers", "nobody")
        await until(events, "QueueCallerJoin")
        assert [each.uniqueid for each in (await ami.queue_status("night")).queues["night"].entries] == ["pb.1.1"]
        assert "pb.1.1" in [each.uniqueid for each in await ami.core_channels()]
    await ari.close()


# ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_queues_are_seen_with_agents_and_callers(ari: Ari, ami: Ami) -> None:
    async with ami.listen() as events:
        for number in (1, 2):
            await loop.dial(ari, f"pb.{number}.1", "answers", "nobody")
            await until(events, "QueueCallerJoin", Uniqueid=f"pb.{number}.1")
        queues = (await ami.queue_status()).queues
        assert set(queues) == {"support", "night"}
        anna = Member("Анна Ёлкина", "Local/anna@agents/n", 1, paused=False, in_call=False, penalty=0, calls_taken=0)
        assert queues["support"].members == (anna,)
        assert queues["support"].strategy == "rrmemory"
        waiting = [(each.position, each.uniqueid) for each in queues["night"].entries]
        assert waiting == [(1, "pb.1.1"), (2, "pb.2.1")]
        assert queues["night"].waiting == 2
        assert list((await ami.queue_status("night")).queues) == ["night"]
        assert (await ami.queue_status("unknown")).queues == {}


async def test_both_legs_of_a_talk_share_linkedid_and_bridge(asterisk: AsteriskServer, ari: Ari) -> None:
    ami = loop.ami(asterisk, events={"BridgeEnter"}, classes="call")
    async with ami.listen() as entered:
        await loop.dial(ari, "pb.1.1", "answers", "queue")
        await loop.both_entered(entered)
        talk = [each for each in await ami.core_channels() if each.bridge_id]
    assert len(talk) == 2
    assert len({each.bridge_id for each in talk}) == 1
    assert {each.linkedid for each in talk} == {"pb.1.1"}
    assert {each.application for each in talk} == {"Queue", "AppQueue"}


# ── Doing ────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_waiting_caller_is_redirected_to_another_place(ari: Ari, ami: Ami) -> None:
    async with ami.listen() as events:
        await loop.dial(ari, "pb.1.1", "answers", "nobody")
        joined = await until(events, "QueueCallerJoin", Uniqueid="pb.1.1")
        await ami.redirect(joined["Channel"], "ours", "plain", 1)
        assert (await until(events, "UserEvent", Uniqueid="pb.1.1"))["Слово"] == "привет"
        with pytest.raises(errors.AmiRefused, match="Channel does not exist"):
            await ami.redirect("PJSIP/unknown-1", "ours", "plain", 1)


async def test_what_the_dialplan_remembers_is_read_and_deleted_without_the_right_to_write_it(
    ari: Ari, ami: Ami
) -> None:
    async with ami.listen() as events:
        await loop.dial(ari, "pb.1.1", "answers", "remembered")
        await until(events, "UserEvent", UserEvent="Remembered")
        assert await ami.db_tree("pb-loop/1") == {"a.b-1": "значение: 1", "имя": ""}
        for _ in range(2):
            await ami.db_del("pb-loop", "1/имя")
        assert await ami.db_tree("pb-loop") == {"1/a.b-1": "значение: 1", "12/c": "3"}
        await ami.db_deltree("pb-loop/1")
        assert await ami.db_tree("pb-loop") == {"12/c": "3"}
        await ami.db_deltree("pb-loop")
        await ami.db_deltree("pb-loop")
        assert await ami.db_tree("pb-loop") == {}
        with pytest.raises(errors.AmiUnauthorized, match="DBPut"):
            await ami.db_put("pb-loop", "a", "b")


async def test_with_the_right_the_memory_can_be_written_too(make_asterisk: MakeAsterisk) -> None:
    server = make_asterisk()
    plain = conf.render(server._params())["manager.conf"]
    server.extra["manager.conf"] = plain.replace(f"write = {conf.AMI_WRITE}", "write = all")
    ami = loop.ami(await loop.start(server))
    async with ami.listen():
        await ami.db_put("pb-loop", "ключ", "зн: 1, 2; 3")
        assert await ami.db_tree("pb-loop") == {"ключ": "зн: 1, 2; 3"}


async def test_the_longest_line_that_we_send_is_taken_whole(ami: Ami) -> None:
    text = "ж" * (LONGEST_LINE // 2)
    async with ami.listen() as events:
        await ami.action("UserEvent", UserEvent="Echo", **{"Twenty-letters-long": text})
        assert (await until(events, "UserEvent"))["Twenty-letters-long"] == text


async def test_a_thousand_actions_at_once_are_answered(ami: Ami) -> None:
    async with ami.listen():
        await asyncio.gather(*(ami.ping() for _ in range(1000)))


# ── The connection ───────────────────────────────────────────────────────────────────────────────────────
async def test_a_wrong_secret_is_unauthorized(asterisk: AsteriskServer) -> None:
    ami = Ami("127.0.0.1", asterisk.ports.ami, asterisk.ami_user, "wrong")
    with pytest.raises(errors.AmiUnauthorized):
        async with ami.listen():
            pass


async def test_an_unknown_action_is_refused_by_name(ami: Ami) -> None:
    async with ami.listen():
        with pytest.raises(errors.AmiRefused, match="Invalid/unknown command"):
            await ami.action("Bogus")


async def test_a_stopping_asterisk_says_goodbye(asterisk: AsteriskServer, ami: Ami) -> None:
    async with ami.listen() as events:
        stopping = asyncio.create_task(asterisk.stop())
        async with asyncio.timeout(10):
            assert [each["Event"] async for each in events] == ["FullyBooted", "Shutdown"]
        await stopping


async def test_a_killed_asterisk_fails_what_was_asked_and_ends_the_listening(
    asterisk: AsteriskServer, ami: Ami
) -> None:
    async with ami.listen() as events:
        with loop.frozen(asterisk):
            asked = asyncio.create_task(ami.queue_status())
            await asyncio.sleep(0)
            asterisk.kill()
        with pytest.raises(errors.AmiDisconnected):
            await asked
        with contextlib.suppress(errors.AmiUnreachable):
            async with asyncio.timeout(10):
                assert [each["Event"] async for each in events] == ["FullyBooted"]
    await asterisk.wait()
    await asterisk.start()
    async with ami.listen():
        await ami.ping()


async def test_a_frozen_asterisk_is_noticed(asterisk: AsteriskServer) -> None:
    ami = loop.ami(asterisk, ping_every_s=0.1, ping_deadline_s=0.1)
    async with ami.listen() as events:
        with loop.frozen(asterisk), pytest.raises(errors.AmiUnreachable, match="did not answer an AMI ping"):
            await until(events, "Nothing")


async def test_the_login_asks_for_no_more_classes_than_we_may_read() -> None:
    assert set(CLASSES.split(",")) <= set(conf.AMI_READ.split(","))
