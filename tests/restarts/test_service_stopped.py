"""The service is stopped in good order (SIGTERM), as for an update: it goes at once, and the calls stay."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.ending import Cause
from tests.stage import Plan, Stage
from workshop.portal import Story

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON_S = 5.0
SERVED = "requested dialing ringing answered queued offered talking ended"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(terms={"RING_S": 20})


async def stop(stage: Stage) -> None:
    began = time.monotonic()
    assert await stage.service.stop() == 0
    assert time.monotonic() - began < SOON_S


async def test_it_goes_at_once_and_the_talk_goes_on(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await stop(stage)
    await asyncio.gather(citizen.hears(ann.tone_hz), ann.hears(citizen.tone_hz))
    await stage.service.start()
    assert (await stage.portal.get(call))["state"] == "talking"
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert end.cause == Cause("citizen_hung_up", "citizen")
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_a_ringing_phone_rings_on_and_is_served(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    await stop(stage)
    await citizen.answer()
    await asyncio.gather(citizen.hears(ann.tone_hz), ann.hears(citizen.tone_hz))
    await stage.service.start()
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert end.cause == Cause("agent_hung_up", "agent")


async def test_whoever_follows_a_call_is_sent_away_and_goes_on_where_they_were(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    story, reads = Story(), asyncio.Event()

    async def follow() -> None:
        async for event in stage.portal.follow(call):
            story.events.append(event)
            if "talking" in story.states:
                reads.set()

    following = asyncio.create_task(follow())
    await reads.wait()
    await stop(stage)
    seen = story.sequences[-1]
    await stage.service.start()
    await citizen.hang_up()
    await following
    assert story.sequences == list(range(1, seen + 2))
    assert story.events[-1]["type"] == "call.ended"
