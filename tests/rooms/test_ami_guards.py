"""Every trap of panoramisk 1.4 that was seen: first what it does when bare, then that ours does not.

When a bare test fails after an upgrade, panoramisk has mended it: the guard may go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from panoramisk import Manager
from panoramisk.ami_protocol import AMIProtocol
from structlog.testing import capture_logs

from pbx_bridge.asterisk import errors
from pbx_bridge.asterisk.ami_wire import LONGEST_LINE, LONGEST_MESSAGE, Wire
from tests.rooms.ami_desk import SECRET, Desk, message, open_desk, silence

JOINED = message(Event="QueueCallerJoin", Queue="support", Uniqueid="pb.1.1", Position="1", Count="1")


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as made:
        yield made


@pytest.fixture
async def bare(desk: Desk) -> AsyncIterator[Manager]:
    """panoramisk as its manual shows it, logged in."""
    manager = Manager(
        host="127.0.0.1",
        port=desk.port,
        username="pbx",
        secret=SECRET,
        reconnect_timeout=0,
        loop=asyncio.get_running_loop(),
    )
    await manager.connect()
    await desk.until(lambda: desk.names() == ["Login"])
    yield manager
    manager.connection_lost = lambda exc: None
    manager.close()


class Pipe(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.ended = False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.ended = True

    abort = close


def wire() -> tuple[Wire, list[dict[str, str]], Pipe]:
    """A Wire without a network: feed it with data_received()."""
    heard: list[dict[str, str]] = []
    made, pipe = Wire(heard.append, lambda reason: None), Pipe()
    made.connection_made(pipe)
    return made, heard, pipe


# ── A line break in a value ──────────────────────────────────────────────────────────────────────────────
EVIL = "support\r\n\r\nAction: Originate\r\nChannel: PJSIP/79160000001"


async def test_bare_a_line_break_in_a_value_smuggles_an_action_in(desk: Desk, bare: Manager) -> None:
    bare.send_action({"Action": "QueueStatus", "Queue": EVIL})
    await desk.until(lambda: "Originate" in desk.names())


UNSENDABLE = [EVIL, "a\rb", "a\nb", "a\0b", "\ud800", "x" * (LONGEST_LINE + 1), "ж" * LONGEST_LINE]


@pytest.mark.parametrize("value", UNSENDABLE)
async def test_a_value_that_is_no_line_is_refused_and_nothing_is_sent(desk: Desk, value: str) -> None:
    ami = desk.ami()
    async with ami.listen():
        with pytest.raises(errors.UnsafeValue, match="QueueStatus was not sent"):
            await ami.queue_status(value)
        with pytest.raises(ValueError, match="was not sent"):
            await ami.redirect("PJSIP/a-1", value, "s")
        await ami.ping()
    assert desk.names() == ["Login", "Ping"]


@pytest.mark.parametrize("name", ["Queue\r\nAction", "Queue: x", "", "ActionID", "actionid", "Action", "Ж"])
async def test_a_header_name_that_is_none_is_refused(desk: Desk, name: str) -> None:
    ami = desk.ami()
    async with ami.listen():
        with pytest.raises(errors.UnsafeValue):
            await ami.action("QueueStatus", **{name: "x"})
        with pytest.raises(errors.UnsafeValue):
            await ami.action("Ping\r\nAction: Originate")
    assert desk.names() == ["Login"]


# ── Actions sent again ───────────────────────────────────────────────────────────────────────────────────
async def test_bare_an_unanswered_action_is_sent_again_after_a_reconnect(desk: Desk, bare: Manager) -> None:
    desk.answers["Originate"] = silence
    bare.send_action({"Action": "Originate", "Channel": "PJSIP/79160000001"})
    await desk.until(lambda: desk.names() == ["Login", "Originate"])
    desk.hang_up()
    await desk.until(lambda: desk.names() == ["Login", "Originate", "Login"])
    desk.say(message(Event="FullyBooted"))
    await desk.until(lambda: desk.names() == ["Login", "Originate", "Login", "Originate"])


@pytest.mark.parametrize("ending", ["hang_up", "cut"])
async def test_an_unanswered_action_fails_and_is_never_sent_again(desk: Desk, ending: str) -> None:
    desk.answers["Redirect"] = silence
    ami = desk.ami()
    async with ami.listen() as events:
        asked = asyncio.create_task(ami.redirect("PJSIP/a-1", "to-queue", "support"))
        await desk.until(lambda: desk.names() == ["Login", "Redirect"])
        getattr(desk, ending)()
        with pytest.raises(errors.AmiDisconnected, match="Redirect was answered; it may have been done"):
            await asked
        with pytest.raises(errors.AmiDisconnected, match="Ping was not sent"):
            await ami.ping()
        assert await anything(events) == []
    # Nothing connects by itself: whoever listens again decides when, and looks first.
    assert desk.connections == 1
    async with ami.listen():
        desk.say(message(Event="FullyBooted"))
        await ami.ping()
    assert desk.names() == ["Login", "Redirect", "Login", "Ping"]


async def anything(events: AsyncIterator[dict[str, str]]) -> list[dict[str, str]]:
    """All that comes until the connection's end, of whatever kind."""
    heard = []
    try:
        async for event in events:
            heard.append(event)
    except errors.AmiUnreachable:
        pass
    return heard


# ── Letters between two TCP segments ─────────────────────────────────────────────────────────────────────
AGENT = message(Event="AgentConnect", MemberName="Анна Ёлкина", Queue="поддержка").encode()


class BareListener:
    """What panoramisk's protocol needs around it."""

    save_stream = None

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []

    def dispatch(self, event: Any) -> None:
        self.heard.append(dict(event.items()))


async def test_bare_letters_between_two_segments_are_lost() -> None:
    names = set()
    for border in range(1, len(AGENT)):
        protocol, listener = AMIProtocol(), BareListener()
        protocol.connection_made(None)
        protocol.factory, protocol.encoding = listener, "utf8"
        protocol.data_received(AGENT[:border])
        protocol.data_received(AGENT[border:])
        names.add(listener.heard[0]["MemberName"])
    assert "Анна Ёлкина" in names
    assert "нна Ёлкина" in names
    assert len(names) > 5


async def test_letters_are_whole_wherever_tcp_cuts() -> None:
    for border in range(1, len(AGENT)):
        made, heard, _ = wire()
        made.data_received(AGENT[:border])
        made.data_received(AGENT[border:])
        assert heard == [{"Event": "AgentConnect", "MemberName": "Анна Ёлкина", "Queue": "поддержка"}]


async def test_letters_are_whole_byte_by_byte() -> None:
    made, heard, _ = wire()
    for each in AGENT * 2:
        made.data_received(bytes([each]))
    assert [each["MemberName"] for each in heard] == ["Анна Ёлкина"] * 2


# ── Errors while listening ───────────────────────────────────────────────────────────────────────────────
async def test_bare_an_error_in_a_listener_ends_the_connection(desk: Desk, bare: Manager) -> None:
    errors_seen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: errors_seen.append(context))

    def stumble(_: Manager, event: Any) -> None:
        raise LookupError(event.queue)

    bare.register_event("QueueCallerJoin", stumble)
    desk.say(JOINED)
    # It is back with a second connection; whatever was said between the two is lost.
    await desk.until(lambda: desk.connections == 2)
    assert isinstance(errors_seen[0]["exception"], LookupError)


async def test_an_error_while_listening_is_logged_and_the_connection_lives() -> None:
    heard: list[dict[str, str]] = []

    def stumble(event: dict[str, str]) -> None:
        heard.append(event)
        raise LookupError(event["Queue"])

    made, pipe = Wire(stumble, lambda reason: None), Pipe()
    made.connection_made(pipe)
    with capture_logs() as logged:
        made.data_received((JOINED + JOINED).encode())
    assert len(heard) == 2
    assert not pipe.ended
    assert [each["ami_event"] for each in logged] == ["QueueCallerJoin"] * 2


async def test_bare_a_doubled_action_id_is_more_than_it_can_bear() -> None:
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory = BareListener()
    with pytest.raises(TypeError):
        protocol.data_received(message("ActionID: 1", "ActionID: 2", "Event: QueueCallerJoin").encode())


async def test_a_doubled_action_id_costs_one_message() -> None:
    made, heard, pipe = wire()
    with capture_logs():
        made.data_received(message("ActionID: 1", "ActionID: 2", "Event: QueueCallerJoin").encode() + JOINED.encode())
    assert [each["Uniqueid"] for each in heard] == ["pb.1.1"]
    assert not pipe.ended


@given(st.lists(st.binary(max_size=60), max_size=5))
@example([b"Event: \xd0"])
@example([b"Response: Follows\r\n\r\nResponse: Fail\r\n\r\n"])
@example([b"Event: Shutdown\r\nEvent: Shutdown\r\n\r\n"])
def test_no_rubbish_ends_the_connection(rubbish: list[bytes]) -> None:
    async def listen() -> None:
        made, heard, pipe = wire()
        with capture_logs():
            for each in rubbish:
                made.data_received(each)
            made.data_received(b"\r\n\r\n" + JOINED.encode())
        assert heard[-1]["Uniqueid"] == "pb.1.1"
        assert not pipe.ended

    asyncio.run(listen())


async def test_a_peer_that_never_ends_its_message_is_given_up() -> None:
    reasons: list[errors.AmiError | None] = []
    made, pipe = Wire(lambda event: None, reasons.append), Pipe()
    made.connection_made(pipe)
    for _ in range(LONGEST_MESSAGE // 65536 + 1):
        made.data_received(b"x" * 65536)
    assert pipe.ended
    assert [type(each) for each in reasons] == [errors.AmiUnreachable]


# ── A peer that is gone ──────────────────────────────────────────────────────────────────────────────────
async def test_bare_unanswered_pings_tell_it_nothing(desk: Desk) -> None:
    desk.answers["Ping"] = silence
    manager = Manager(
        host="127.0.0.1",
        port=desk.port,
        username="pbx",
        secret=SECRET,
        ping_delay=0,
        ping_interval=0,
        loop=asyncio.get_running_loop(),
    )
    await manager.connect()
    await desk.until(lambda: desk.names().count("Ping") >= 20)
    assert manager._connected
    assert not manager.protocol.closed
    manager.connection_lost = lambda exc: None
    manager.close()


async def test_a_peer_that_answers_no_ping_is_given_up(desk: Desk) -> None:
    desk.answers["Ping"] = silence
    ami = desk.ami(ping_every_s=0.02, ping_deadline_s=0.02)
    async with ami.listen() as events:
        desk.say(JOINED)
        assert (await anext(events))["Uniqueid"] == "pb.1.1"
        with pytest.raises(errors.AmiUnreachable, match=r"did not answer an AMI ping within 0\.02 s"):
            await anext(events)
        with pytest.raises(errors.AmiDisconnected):
            await ami.ping()


async def test_a_peer_that_answers_its_pings_is_kept(desk: Desk) -> None:
    ami = desk.ami(ping_every_s=0.001, ping_deadline_s=5.0)
    async with ami.listen() as events:
        await desk.until(lambda: desk.names().count("Ping") >= 5)
        desk.say(JOINED)
        assert (await anext(events))["Event"] == "QueueCallerJoin"


# ── When an answer is whole ──────────────────────────────────────────────────────────────────────────────
ADDED = "Added interface to queue"


async def test_bare_adding_a_member_waits_for_a_list_that_never_comes(desk: Desk, bare: Manager) -> None:
    desk.answers["QueueAdd"] = lambda action: message(Response="Success", ActionID=action["ActionID"], Message=ADDED)
    added = bare.send_action({"Action": "QueueAdd", "Queue": "support"})
    await bare.send_action({"Action": "Ping"})
    assert not added.done()


async def test_adding_a_member_is_done_when_asterisk_says_so(desk: Desk) -> None:
    desk.answers["QueueAdd"] = lambda action: message(Response="Success", ActionID=action["ActionID"], Message=ADDED)
    ami = desk.ami()
    async with ami.listen():
        [answer] = await ami.action("QueueAdd", Queue="support", Interface="PJSIP/anna")
    assert answer["Message"] == ADDED


# ── Shutdown ─────────────────────────────────────────────────────────────────────────────────────────────
GOODBYE = message(Event="Shutdown", Shutdown="Cleanly", Restart="False")


async def test_bare_shutdown_makes_it_hang_up_before_the_last_words(desk: Desk, bare: Manager) -> None:
    first = bare.protocol
    desk.say(GOODBYE)
    await desk.until(lambda: desk.connections == 2)
    assert first.closed


async def test_after_shutdown_the_last_words_are_heard(desk: Desk) -> None:
    async with desk.ami().listen() as events:
        desk.say(GOODBYE, JOINED)
        desk.hang_up()
        assert [each["Event"] for each in await anything(events)] == ["Shutdown", "QueueCallerJoin"]


# ── Its log ──────────────────────────────────────────────────────────────────────────────────────────────
async def test_bare_numbers_are_written_to_the_log(desk: Desk, bare: Manager, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk.say(message(Event="QueueCallerJoin", CallerIDNum="79160000001"))
    await bare.send_action({"Action": "Ping"})
    assert "79160000001" in caplog.text


async def test_neither_numbers_nor_secrets_are_written_to_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ami = desk.ami()
    with capture_logs() as logged:
        async with ami.listen() as events:
            desk.say(message(Event="QueueCallerJoin", CallerIDNum="79160000001"))
            await anext(events)
            desk.answers["Setvar"] = silence
            asked = asyncio.create_task(ami.action("Setvar", Variable="X", Value="79160000001"))
            await desk.until(lambda: desk.names()[-1] == "Setvar")
            desk.cut()
            with pytest.raises(errors.AmiDisconnected) as caught:
                await asked
    for secret in (SECRET, "79160000001"):
        assert secret not in caplog.text + repr(logged) + repr(caught.value)


# ── Late answers ─────────────────────────────────────────────────────────────────────────────────────────
async def test_an_answer_that_comes_too_late_disturbs_nobody(desk: Desk) -> None:
    late: list[str] = []

    def keep(action: dict[str, str]) -> str:
        late.append(message(Response="Success", ActionID=action["ActionID"], Message="late"))
        return ""

    desk.answers["CoreStatus"] = keep  # type: ignore[assignment]
    ami = desk.ami(action_timeout_s=0.2)
    async with ami.listen() as events:
        with pytest.raises(errors.AmiTimeout, match=r"did not answer CoreStatus within 0\.2 s"):
            await ami.action("CoreStatus")
        desk.say(late[0], JOINED)
        assert (await anext(events))["Event"] == "QueueCallerJoin"
        await ami.ping()
        assert ami._wire is not None
        assert ami._wire.responses == {}
