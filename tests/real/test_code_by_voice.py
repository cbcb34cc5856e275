"""A real telephone hears a code, and Asterisk tells nobody and keeps nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from pbx_bridge.asterisk.act import Trunk
from pbx_bridge.asterisk.ami import Ami
from pbx_bridge.asterisk.ari import WANTED, Ari
from pbx_bridge.asterisk.ari_ear import ALWAYS
from pbx_bridge.asterisk.exchange import Exchange
from pbx_bridge.call.model import code_leg_id
from pbx_bridge.call.recovery import Picture
from pbx_bridge.conductor.ports import CodeOrder
from pbx_bridge.phone import Phone as Number
from workshop.desk import desk
from workshop.digits import Spoken, heard_in
from workshop.phone import Phone
from workshop.prefix import Prefix
from workshop.server import AsteriskServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANNA, BORIS = "+79161111111", "+79162222222"
#: Every digit is in one of them, and two are doubled.
CODES = {ANNA: "493817", BORIS: "002566"}
#: A reading takes six seconds.
READ_S = 40.0


@dataclass
class Story:
    """Two codes, read at the same time."""

    heard: dict[str, list[Spoken]] = field(default_factory=dict)
    """Code → the digits that its citizen heard."""
    ends: dict[str, str] = field(default_factory=dict)
    """Code → how the call ended for the citizen."""
    told: dict[str, str] = field(default_factory=dict)
    """What Asterisk said meanwhile, by listener."""
    kept: dict[str, bytes] = field(default_factory=dict)
    """Every file that Asterisk wrote."""
    picture: Picture | None = None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(prefix: Prefix, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    """Both citizens answer and listen to the end (15 s)."""
    folder = tmp_path_factory.mktemp("codes")
    story = Story()
    async with AsyncExitStack() as stack:
        phones = {number: await stack.enter_async_context(Phone(number, catchall=True)) for number in CODES}
        server = await stack.enter_async_context(_asterisk(prefix, folder, phones))
        exchange = _exchange(server)
        stack.push_async_callback(exchange.close)
        async with _listening(server, story):
            await asyncio.gather(*(_read(exchange, phones[number], number, folder, prefix, story) for number in CODES))
        async with exchange.connect() as line:
            story.picture = await line.look(datetime.now(UTC) - timedelta(minutes=2))
        await server.stop()
        story.kept = dict(_files(server.folder))
        yield story


@asynccontextmanager
async def _asterisk(prefix: Prefix, folder: Path, phones: Mapping[str, Phone]) -> AsyncIterator[AsteriskServer]:
    """An Asterisk with a line to each phone."""
    server = AsteriskServer(prefix, folder / "asterisk")
    server.extra = desk(trunks={f"line-{number[1:]}": phone.port for number, phone in phones.items()})
    try:
        await server.start()
        yield server
    finally:
        server.kill()
        await server.stop()
        server.close()


def _exchange(server: AsteriskServer) -> Exchange:
    ari = Ari(f"http://127.0.0.1:{server.ports.http}", server.ari_user, server.ari_password, "pbx-bridge")
    ami = Ami("127.0.0.1", server.ports.ami, server.ami_user, server.ami_password)
    trunks = [Trunk(number, f"line-{number[1:]}") for number in CODES]
    return Exchange(ari, ami, trunks, lambda: datetime.now(UTC))


async def _read(exchange: Exchange, phone: Phone, number: str, folder: Path, prefix: Prefix, story: Story) -> None:
    code = CODES[number]
    leg = code_leg_id(f"call_{number[-4:]}", 1)
    await exchange.say_code(CodeOrder(leg, Number(number), code, "ru-RU", 10))
    await phone.talks()
    recording = folder / f"{number}.wav"
    await phone.records(recording, READ_S)
    story.ends[code] = (await phone.ended()).how
    story.heard[code] = await asyncio.to_thread(heard_in, recording, prefix.data / "sounds" / "ru")


@asynccontextmanager
async def _listening(server: AsteriskServer, story: Story) -> AsyncIterator[None]:
    """What the service's own users at Asterisk are told: all of AMI, ARI's events, and ARI's list of channels."""
    async with aiohttp.ClientSession(
        headers={"Authorization": aiohttp.encode_basic_auth(server.ari_user, server.ari_password)}
    ) as session:
        ready = asyncio.Event()
        listeners = [
            asyncio.create_task(_ami(server, story)),
            asyncio.create_task(_ari_events(session, server, story, ready)),
            asyncio.create_task(_channels(session, server, story)),
        ]
        await ready.wait()
        try:
            yield
        finally:
            for each in listeners:
                each.cancel()
            ended = await asyncio.gather(*listeners, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended


async def _ami(server: AsteriskServer, story: Story) -> None:
    """Everything that our manager user is told, unfiltered by any client."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports.ami)
    login = f"Action: Login\r\nUsername: {server.ami_user}\r\nSecret: {server.ami_password}\r\nEvents: on\r\n\r\n"
    writer.write(login.encode())
    story.told["AMI"] = ""
    try:
        while data := await reader.read(4096):
            story.told["AMI"] += data.decode(errors="replace")
    finally:
        writer.close()


async def _ari_events(
    session: aiohttp.ClientSession, server: AsteriskServer, story: Story, ready: asyncio.Event
) -> None:
    """What an application with the service's filter is told of the lines."""
    url = f"http://127.0.0.1:{server.ports.http}/ari"
    allowed = [{"type": each} for each in (*WANTED, *ALWAYS)]
    story.told["ARI"] = ""
    async with session.ws_connect(f"{url}/events?app=an-ear") as socket:
        app = f"{url}/applications/an-ear"
        for _ in range(100):
            async with session.put(f"{app}/eventFilter", json={"allowed": allowed}) as reply:
                if reply.status == 200:
                    break
        for number in CODES:
            source = {"eventSource": f"endpoint:PJSIP/line-{number[1:]}"}
            async with session.post(f"{app}/subscription", params=source) as reply:
                assert reply.status == 200
        ready.set()
        async for frame in socket:
            story.told["ARI"] += str(frame.data)


async def _channels(session: aiohttp.ClientSession, server: AsteriskServer, story: Story) -> None:
    """The list of channels, time and again; each look is a line."""
    story.told["channels"] = ""
    while True:
        async with session.get(f"http://127.0.0.1:{server.ports.http}/ari/channels") as reply:
            story.told["channels"] += await reply.text() + "\n"
        await asyncio.sleep(0.05)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for part in ("log", "lib", "spool", "cache"):
        for path in (folder / part).rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(folder)), path.read_bytes()


# ── what the citizen hears ───────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("code", CODES.values())
async def test_the_digits_are_heard_twice_in_russian_and_in_order(story: Story, code: str) -> None:
    assert "".join(spoken.digit for spoken in story.heard[code]) == code * 2


@pytest.mark.parametrize("code", CODES.values())
async def test_there_is_time_to_lift_the_telephone_to_the_ear_and_to_write(story: Story, code: str) -> None:
    spoken = story.heard[code]
    assert spoken[0].at_s > 1.0
    assert spoken[6].at_s - spoken[5].at_s > 1.5
    pauses = [later.at_s - earlier.at_s for earlier, later in pairwise(spoken)]
    assert min(pauses) > 0.5


@pytest.mark.parametrize("code", CODES.values())
async def test_then_asterisk_hangs_up(story: Story, code: str) -> None:
    assert story.ends[code] == "hung up there"


async def test_the_trace_tells_that_it_was_answered(story: Story) -> None:
    assert story.picture
    assert not story.picture.legs
    traces = story.picture.traces
    assert set(traces) == {code_leg_id("call_1111", 1), code_leg_id("call_2222", 1)}
    for trace in traces.values():
        assert trace.answered_at
        assert 10 < (trace.ended_at - trace.answered_at).total_seconds() < 20
        assert not trace.limit_reached


# ── what nobody else learns ──────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("listener", ["AMI", "ARI", "channels"])
async def test_nobody_who_listens_to_asterisk_is_told_the_code(story: Story, listener: str) -> None:
    told = story.told[listener]
    for code in CODES.values():
        assert code not in told, told[max(told.index(code) - 200, 0) : told.index(code) + 50]


async def test_the_listeners_do_hear_something(story: Story) -> None:
    assert "Message: Authentication accepted" in story.told["AMI"]
    assert '"ChannelDestroyed"' in story.told["ARI"]
    assert len(set(_shown(story.told["channels"]))) > 1, "one digit at a time may be seen"


def _shown(looks: str) -> Iterator[str]:
    """What the lists of channels showed as the argument of SayDigits."""
    for look in looks.splitlines():
        channels: list[dict[str, Any]] = []
        with contextlib.suppress(json.JSONDecodeError):
            channels = json.loads(look)
        for channel in channels:
            if channel["dialplan"]["app_name"] == "SayDigits":
                yield channel["dialplan"]["app_data"]


async def test_no_file_of_asterisks_holds_a_code_or_a_number(story: Story) -> None:
    assert {"log/messages.log", "lib/astdb.sqlite3"} <= set(story.kept)
    assert b"pb.call_1111.c1" in story.kept["lib/astdb.sqlite3"]
    leaks = [
        name
        for name, content in story.kept.items()
        for private in (*CODES.values(), *(number[2:] for number in CODES))
        if private.encode() in content
    ]
    assert not leaks


@pytest.mark.asyncio(loop_scope="function")
async def test_without_prompts_it_hangs_up_at_once_and_the_log_says_so_but_no_digit(
    prefix: Prefix, tmp_path: Path
) -> None:
    async with Phone("citizen", catchall=True) as phone, _asterisk(prefix, tmp_path, {ANNA: phone}) as server:
        for language in ("ru", "en"):
            shutil.rmtree(server.folder / "data" / "sounds" / language)
        exchange = _exchange(server)
        await exchange.say_code(CodeOrder(code_leg_id("call_x", 1), Number(ANNA), CODES[ANNA], "ru", 10))
        call = await phone.ended()
        await exchange.close()
        assert call.answered
        assert call.ended
        assert call.ended - call.answered < 3, "nobody listens to silence for long"
        log = server.log_path.read_text()
        assert "File beep does not exist" in log
        assert "digits/" not in log
