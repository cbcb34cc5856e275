"""Recordings on the real Asterisk: only with consent, only behind the notice, sealed, and heard again as they were."""

from __future__ import annotations

import asyncio
import io
import math
import struct
import wave
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.real.spoken import tone
from tests.stage import QUICK, Mobile, Plan, Stage, until
from workshop.desk import Agent, Queue
from workshop.phone import Phone
from workshop.portal import Portal

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTICE, REFUSED, GOES_ON = 900, 1270, 1040
SUPPORT = """
queue = "support"
wrap_up_s = 0
[names]
ru = "Служба поддержки"
en = "Support line"
[hours]
calendar = "none"
every_day = ["00:00-24:00"]
[recording]
offer = true
"""
YES = {"phone_data": True, "recording": True, "text_version": "2026-01"}
NO = YES | {"recording": False}


def prompts(folder: Path) -> Path:
    russian = folder / "prompts" / "ru"
    russian.mkdir(parents=True)
    for name, hz, seconds in (("notice", NOTICE, 1.0), ("refused", REFUSED, 0.5), ("goes-on", GOES_ON, 1.0)):
        # Loud enough to be told from a voice that speaks meanwhile.
        tone(russian / f"recording-{name}.wav", hz, seconds, loud=30_000)
    (folder / "prompts" / "en").mkdir()
    return folder / "prompts"


@pytest.fixture(scope="module")
def plan() -> Plan:
    """eve sits at another desk, so that nobody but ann is offered."""
    queues, agents = (Queue("sales", QUICK),), (Agent("ann"), Agent("eve", queues=("sales",)))
    return Plan(services={"support.toml": SUPPORT}, prompts=prompts, records=True, queues=queues, agents=agents)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def supervisor(standing_stage: Stage) -> Any:
    """Somebody who may hear them."""
    words = (await standing_stage.service.command("client", "add", "desk", "--role", "supervisor")).split()
    said = dict(zip(words[::2], words[1::2], strict=False))
    async with Portal(standing_stage.service.url, said["client_id"], said["client_secret"]) as portal:
        yield portal


def spool(stage: Stage) -> list[Path]:
    return list((stage.server.folder / "spool/monitor/pbx-bridge").glob("*"))


async def in_talk(stage: Stage, citizen: Mobile, agent: Phone, **how: Any) -> str:
    """The citizen has heard the notice, and talks; the call's id."""
    call = await stage.call(citizen, consent=YES, **how)
    await stage.takes(citizen, call)
    await citizen.hears(NOTICE)
    await agent.talks()
    await stage.becomes(call, "talking")
    return call


async def recordings(stage: Stage, call: str, wanted: int) -> list[dict[str, Any]]:
    """Those of a call, when so many are sealed."""

    async def look() -> list[dict[str, Any]]:
        listed = await stage.portal.ask("GET", f"/v1/calls/{call}/recordings")
        return list(listed.body["recordings"])

    return await until(look, lambda found: len(found) == wanted, f"{wanted} recordings", 12)


def loudness(sound: bytes, hz: int) -> float:
    """The amplitude of a tone in a WAV file; a telephone's is about 4,000 or more where it speaks."""
    with wave.open(io.BytesIO(sound)) as file:
        rate, count = file.getframerate(), file.getnframes()
        samples = struct.unpack(f"<{count}h", file.readframes(count))
    turn = 2 * math.pi * hz / rate
    real = sum(sample * math.cos(turn * at) for at, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(turn * at) for at, sample in enumerate(samples))
    return 2.0 * math.hypot(real, imaginary) / max(1, count)


async def hear(supervisor: Portal, recording: dict[str, Any]) -> bytes:
    heard = await supervisor.ask("GET", f"/v1/recordings/{recording['id']}")
    assert heard.status == 200, heard
    return bytes(heard.body)


async def test_both_are_heard_in_the_file_and_nothing_is_left_in_clear(stage: Stage, supervisor: Portal) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await in_talk(stage, citizen, ann)
    await asyncio.gather(citizen.hears(ann.tone_hz), ann.hears(citizen.tone_hz))
    await asyncio.sleep(1)
    assert len(spool(stage)) == 1
    await ann.hang_up()
    await stage.end(call)
    (recording,) = await recordings(stage, call, 1)
    sound = await hear(supervisor, recording)
    assert min(loudness(sound, citizen.tone_hz), loudness(sound, ann.tone_hz)) > 2000
    assert loudness(sound, NOTICE) < 200
    assert spool(stage) == []
    assert [event["type"] for event in await stage.events(call)].count("recording.started") == 1


async def test_who_presses_0_is_not_recorded_and_talks_all_the_same(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen, consent=YES)
    await stage.takes(citizen, call)
    await citizen.hears(NOTICE)
    await citizen.dtmf("0")
    await citizen.hears(REFUSED)
    await ann.talks()
    await citizen.hears(ann.tone_hz)
    assert (await stage.becomes(call, "talking"))["recording"]["state"] == "refused"
    assert spool(stage) == []
    await ann.hang_up()
    await stage.end(call)


async def test_who_has_said_no_before_hears_nothing_of_it(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    kept = await stage.portal.ask("PUT", "/v1/users/u-no/profile", {"consent": NO})
    assert kept.status == 200, kept
    call = await stage.call(citizen, user="u-no")
    await stage.takes(citizen, call)
    await citizen.hears(ann.tone_hz)
    assert (await stage.becomes(call, "talking"))["recording"] is None
    assert spool(stage) == []
    await ann.hang_up()
    await stage.end(call)


async def test_who_hangs_up_in_the_notice_leaves_nothing(stage: Stage) -> None:
    await stage.agent("ann")
    citizen = await stage.citizen()
    call = await stage.call(citizen, consent=YES)
    await stage.takes(citizen, call)
    await citizen.hears(NOTICE)
    await citizen.hang_up()
    await stage.end(call)
    assert spool(stage) == []


async def test_without_the_prompt_nobody_was_told_and_nobody_is_recorded(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    prompt = stage.server.folder / "data/sounds/ru/pbx-bridge/recording-notice.wav"
    away = prompt.rename(prompt.with_suffix(".away"))
    try:
        call = await stage.call(citizen, consent=YES)
        await stage.takes(citizen, call)
        await citizen.hears(ann.tone_hz)
    finally:
        away.rename(prompt)
    assert (await stage.becomes(call, "talking"))["recording"]["state"] == "asked"
    assert spool(stage) == []
    await ann.hang_up()
    await stage.end(call)


async def test_behind_a_transfer_the_notice_comes_again_and_a_second_file(stage: Stage, supervisor: Portal) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await in_talk(stage, citizen, ann)
    await asyncio.sleep(0.6)
    sent = await stage.portal.ask("POST", f"/v1/calls/{call}/redirect", {"queue": "support"})
    assert sent.status == 202, sent
    await citizen.hears(NOTICE)
    await ann.talks()
    await citizen.hears(ann.tone_hz)
    await asyncio.sleep(0.6)
    await citizen.hang_up()
    await stage.end(call)
    first, second = await recordings(stage, call, 2)
    assert first["began_at"] < second["began_at"]
    for each in (first, second):
        sound = await hear(supervisor, each)
        assert loudness(sound, NOTICE) < 200 < loudness(sound, citizen.tone_hz)


async def test_a_service_that_dies_in_the_talk_loses_nothing_of_it(stage: Stage, supervisor: Portal) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await in_talk(stage, citizen, ann)
    async with stage.service_dead():
        await asyncio.sleep(1)
        await citizen.hang_up()
        await ann.ended()
    (recording,) = await recordings(stage, call, 1)
    sound = await hear(supervisor, recording)
    assert min(loudness(sound, citizen.tone_hz), loudness(sound, ann.tone_hz)) > 2000
    assert spool(stage) == []


async def test_a_pause_is_silence_and_what_is_taken_back_is_over(stage: Stage, supervisor: Portal) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await in_talk(stage, citizen, ann)

    async def ask(action: str) -> None:
        reply = await stage.portal.ask("POST", f"/v1/calls/{call}/recording", {"action": action})
        assert reply.status == 200, reply

    await ask("pause")
    await asyncio.sleep(1.5)
    await ask("resume")
    await asyncio.sleep(0.5)
    await ask("stop")
    await asyncio.sleep(0.5)
    assert all(path.stat().st_size for path in spool(stage)), "the file is closed"
    await asyncio.sleep(0.5)
    await ann.hang_up()
    await stage.end(call)
    (recording,) = await recordings(stage, call, 1)
    sound = await hear(supervisor, recording)
    whole = loudness(sound, ann.tone_hz)
    assert 200 < whole < 4000
    assert recording["length_s"] < 3.5


async def test_a_colleague_who_is_joined_to_the_talk_is_recorded_only_behind_the_notice(
    stage: Stage, supervisor: Portal
) -> None:
    ann, eve, citizen = await stage.agent("ann"), await stage.agent("eve", "sales"), await stage.citizen()
    call = await in_talk(stage, citizen, ann)
    first = ann.live_calls[-1]
    await asyncio.sleep(0.6)
    await ann.hold()
    await stage.becomes(call, "on_hold")
    second = await ann.call("eve")
    await eve.talks()
    await ann.hears(eve.tone_hz, call=second)
    await ann.join(first, second)
    await asyncio.gather(citizen.hears(GOES_ON), eve.hears(GOES_ON))
    await until(lambda: stage.portal.get(call), lambda seen: seen["recording"]["parts"] == 2, "the second part")
    await asyncio.sleep(0.8)
    await eve.hang_up()
    await stage.end(call)
    before, behind = [await hear(supervisor, each) for each in await recordings(stage, call, 2)]
    assert loudness(before, eve.tone_hz) < 200 < loudness(before, ann.tone_hz)
    assert loudness(behind, ann.tone_hz) < 200 < loudness(behind, eve.tone_hz)
    assert loudness(behind, GOES_ON) < 200
