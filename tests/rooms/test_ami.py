"""The connection to AMI: what it sends, hears and reads out of lists that a real Asterisk 22.10.1 gave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from pbx_bridge.asterisk import errors
from pbx_bridge.asterisk.ami import Ami
from pbx_bridge.asterisk.ami_answers import CoreChannel, Entry, Member
from pbx_bridge.asterisk.ami_events import CLASSES, WANTED, event_filters
from tests.rooms.ami_desk import SECRET, Desk, error, message, open_desk, silence, tape
from tests.rooms.ami_tapes import CHANNELS, NOTHING, QUEUE_STATUS, TREE


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as made:
        yield made


@pytest.fixture
async def ami(desk: Desk) -> AsyncIterator[Ami]:
    """Connected, and listened to by nobody else."""
    made = desk.ami()
    async with made.listen():
        yield made


# ── Listening ────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_login_asks_only_for_the_classes_of_the_wanted_events(desk: Desk) -> None:
    async with desk.ami().listen():
        pass
    [login] = desk.asked
    login.pop("ActionID")
    assert login == {"Action": "Login", "Username": "pbx", "Secret": SECRET, "Events": CLASSES}


async def test_unwanted_events_are_not_for_us(desk: Desk) -> None:
    async with desk.ami(events={"AgentConnect"}).listen() as events:
        desk.say(message(Event="ContactStatus"), message(Event="AgentConnect", MemberName="Анна"))
        assert await anext(events) == {"Event": "AgentConnect", "MemberName": "Анна"}


async def test_manager_conf_is_told_of_every_wanted_event() -> None:
    lines = event_filters()
    assert len(lines) == len(WANTED)
    assert "eventfilter(action(include),name(AgentConnect),method(none)) =" in lines


async def test_what_is_said_right_after_the_login_is_heard(desk: Desk) -> None:
    booted = message(Event="FullyBooted", Status="Fully Booted")
    desk.answers["Login"] = lambda action: message(Response="Success", ActionID=action["ActionID"]) + booted
    async with desk.ami().listen() as events:
        assert (await anext(events))["Status"] == "Fully Booted"


async def test_an_orderly_end_stops_the_iterator_after_the_last_event(desk: Desk) -> None:
    async with desk.ami().listen() as events:
        desk.say(message(Event="AgentConnect"))
        desk.hang_up()
        assert [each["Event"] async for each in events] == ["AgentConnect"]


async def test_a_broken_connection_is_told_after_the_last_event(desk: Desk) -> None:
    async with desk.ami().listen() as events:
        desk.say(message(Event="AgentConnect"))
        assert (await anext(events))["Event"] == "AgentConnect"
        desk.cut()
        with pytest.raises(errors.AmiUnreachable, match="broke"):
            await anext(events)


async def test_leaving_closes_the_connection_and_ends_the_actions(desk: Desk) -> None:
    ami = desk.ami()
    async with ami.listen():
        pass
    with pytest.raises(errors.AmiDisconnected, match="Ping was not sent"):
        await ami.ping()
    async with ami.listen():
        await ami.ping()
    assert desk.connections == 2


async def test_events_inside_and_around_a_list_are_heard_as_events(desk: Desk) -> None:
    between = message(Event="AgentConnect", MemberName="Анна")
    listed = tape(QUEUE_STATUS)
    desk.answers["QueueStatus"] = lambda action: (
        between + listed(action).replace("\r\n\r\nEvent: QueueEntry", f"\r\n\r\n{between}Event: QueueEntry", 1)
    )
    ami = desk.ami()
    async with ami.listen() as events:
        status = await ami.queue_status()
        assert len(status.queues["support"].entries) == 2
        assert [(await anext(events))["MemberName"] for _ in range(2)] == ["Анна", "Анна"]


# ── Ways not to get in ───────────────────────────────────────────────────────────────────────────────────
async def enter(ami: Ami) -> None:
    async with ami.listen():
        raise AssertionError("this should not have worked")


async def test_a_wrong_secret_is_told_without_telling_it(desk: Desk) -> None:
    desk.answers["Login"] = error("Authentication failed")
    with capture_logs() as logged, pytest.raises(errors.AmiUnauthorized, match=r"manager\.conf") as caught:
        await enter(desk.ami())
    assert SECRET not in repr(logged) + repr(caught.value)


async def test_nobody_listening_is_unreachable(unused_tcp_port: int) -> None:
    with pytest.raises(errors.AmiUnreachable, match="Check that Asterisk runs"):
        await enter(Ami("127.0.0.1", unused_tcp_port, "pbx", SECRET))


async def test_a_host_without_an_address_is_unreachable() -> None:
    with pytest.raises(errors.AmiUnreachable, match="No AMI connection to asterisk"):
        await enter(Ami("asterisk.invalid", 5038, "pbx", SECRET, action_timeout_s=1.0))


async def test_a_peer_that_answers_no_login_is_unreachable(desk: Desk) -> None:
    desk.answers["Login"] = silence
    with pytest.raises(errors.AmiUnreachable, match="did not answer our login"):
        await enter(desk.ami(action_timeout_s=0.2))


async def test_a_peer_that_hangs_up_on_the_login_is_unreachable() -> None:
    async def slam(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(slam, "127.0.0.1", 0)
    with pytest.raises(errors.AmiUnreachable):
        await enter(Ami("127.0.0.1", server.sockets[0].getsockname()[1], "pbx", SECRET))
    server.close()


# ── Actions ──────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_refusal_holds_asterisks_words(desk: Desk, ami: Ami) -> None:
    desk.answers["Redirect"] = error("Channel does not exist: PJSIP/a-1")
    with pytest.raises(errors.AmiRefused) as caught:
        await ami.redirect("PJSIP/a-1", "to-queue", "support")
    assert caught.value.message == "Channel does not exist: PJSIP/a-1"


async def test_a_missing_right_is_told_by_name(desk: Desk, ami: Ami) -> None:
    desk.answers["DBPut"] = error("Permission denied")
    with pytest.raises(errors.AmiUnauthorized, match="DBPut: add the right to `write`"):
        await ami.db_put("pbx-bridge", "x", "y")


async def test_many_actions_at_once_get_their_own_answers(desk: Desk, ami: Ami) -> None:
    desk.answers["Echo"] = lambda action: message(Response="Success", ActionID=action["ActionID"], Said=action["Say"])
    answers = await asyncio.gather(*(ami.action("Echo", Say=number) for number in range(500)))
    assert [answer[0]["Said"] for answer in answers] == [str(number) for number in range(500)]


async def test_a_list_comes_with_its_answer_and_its_end(desk: Desk, ami: Ami) -> None:
    desk.answers["DBGetTree"] = tape(TREE)
    messages = await ami.action("DBGetTree", Family="pbx-bridge")
    assert [each.get("Event") for each in messages] == [None, *["DBGetTreeResponse"] * 2, "DBGetTreeComplete"]


async def test_a_repeated_header_keeps_all_its_values(desk: Desk, ami: Ami) -> None:
    desk.answers["Echo"] = lambda action: message(
        "Response: Success", f"ActionID: {action['ActionID']}", "Output: one", "Output: two", "Output: three"
    )
    [answer] = await ami.action("Echo")
    assert answer["Output"] == "one\ntwo\nthree"


async def test_a_redirect_names_the_place(desk: Desk, ami: Ami) -> None:
    await ami.redirect("PJSIP/trunk-00000001", "to-queue", "support", 1)
    asked = {key: value for key, value in desk.asked[-1].items() if key != "ActionID"}
    assert asked == {
        "Action": "Redirect",
        "Channel": "PJSIP/trunk-00000001",
        "Context": "to-queue",
        "Exten": "support",
        "Priority": "1",
    }


# ── What lists say ───────────────────────────────────────────────────────────────────────────────────────
async def test_queues_have_members_and_waiting_callers_in_order(desk: Desk, ami: Ami) -> None:
    desk.answers["QueueStatus"] = tape(QUEUE_STATUS)
    queues = (await ami.queue_status()).queues
    assert list(queues) == ["support", "night"]
    support = queues["support"]
    assert (support.strategy, support.waiting, support.hold_s, support.talk_s) == ("rrmemory", 2, 7, 61)
    assert (support.completed, support.abandoned) == (5, 1)
    assert support.members == (
        Member("Анна", "PJSIP/anna", 2, paused=False, in_call=True, penalty=0, calls_taken=5, last_call=1795371357),
        Member("Борис", "PJSIP/boris", 1, paused=True, in_call=False, penalty=3, calls_taken=0, reason="обед"),
    )
    assert support.entries == (
        Entry(1, "PJSIP/trunk-00000002", "pb.8.1", 31),
        Entry(2, "PJSIP/trunk-00000003", "pb.9.1", 2),
    )
    assert (queues["night"].members, queues["night"].entries) == ((), ())
    assert "Queue" not in desk.asked[-1]


async def test_one_queue_is_asked_for_by_name_and_an_unknown_one_is_not_there(desk: Desk, ami: Ami) -> None:
    desk.answers["QueueStatus"] = tape(NOTHING)
    assert (await ami.queue_status("нет")).queues == {}
    assert desk.asked[-1]["Queue"] == "нет"


async def test_channels_come_with_linkedid_and_bridge(desk: Desk, ami: Ami) -> None:
    desk.answers["CoreShowChannels"] = tape(CHANNELS)
    citizen, agent = await ami.core_channels()
    assert citizen == CoreChannel(
        name="PJSIP/trunk-00000000",
        uniqueid="pb.8.1",
        linkedid="pb.8.1",
        state="Up",
        bridge_id="b9d16da0-04f6-4777-865b-d6772d5d6114",
        application="Queue",
        application_data="support",
        context="device-answered",
        exten="support",
    )
    assert (agent.linkedid, agent.state, agent.bridge_id) == ("pb.8.1", "Ringing", "")


async def test_a_family_is_read_without_its_own_name(desk: Desk, ami: Ami) -> None:
    desk.answers["DBGetTree"] = tape(TREE)
    assert await ami.db_tree("pbx-bridge/12") == {"pb.8.1": "17: занято", "pb.9.1": ""}
    assert await ami.db_tree("pbx-bridge") == {"12/pb.8.1": "17: занято", "12/pb.9.1": ""}
    desk.answers["DBGetTree"] = tape(NOTHING)
    assert await ami.db_tree("pbx-bridge") == {}


async def test_a_family_is_deleted_key_by_key(desk: Desk, ami: Ami) -> None:
    desk.answers["DBGetTree"] = tape(TREE)
    await ami.db_deltree("pbx-bridge")
    assert sorted(each["Variable"] for each in desk.asked if each["Action"] == "Setvar") == [
        "DB_DELETE(pbx-bridge/12/pb.8.1)",
        "DB_DELETE(pbx-bridge/12/pb.9.1)",
    ]


@pytest.mark.parametrize("key", ["", "a)b", "a,b", "${EPOCH}", "a b", 'a"b', "a//b", "/a", "a/", "a\r\nb"])
async def test_a_key_that_could_end_the_expression_is_refused(desk: Desk, ami: Ami, key: str) -> None:
    with pytest.raises(errors.UnsafeValue):
        await ami.db_del("pbx-bridge", key)
    assert desk.names() == ["Login"]
