"""Asterisk keeps the time limit while the service is dead, and remembers that it did."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tests.ending import Cause
from tests.stage import Plan, Stage

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = Cause("time_limit", "timer")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(terms={"TIME_LIMIT_S": 3})


async def test_a_talk_reaches_its_limit(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    async with stage.service_dead():
        await asyncio.gather(citizen.ended(), ann.ended())
        at = datetime.now(UTC)
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered queued offered talking ended"
    assert (end.outcome, end.cause) == ("time_limit", LIMIT)
    assert abs((end.ended_at - at).total_seconds()) < 1
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_a_call_nobody_saw_answered_reaches_its_limit_in_the_talk(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    async with stage.service_dead():
        await citizen.answer()
        await asyncio.gather(citizen.ended(), ann.ended())
        at = datetime.now(UTC)
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered queued offered talking ended"
    assert (end.outcome, end.cause) == ("time_limit", LIMIT)
    assert end.talked_to == ["ann"]
    assert abs((end.ended_at - at).total_seconds()) < 1
    answered = datetime.fromisoformat(end.call["answered_at"])
    assert 2.8 < (end.ended_at - answered).total_seconds() < 4


async def test_a_waiting_citizen_reaches_the_limit(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    before = await stage.occupy(ann, time_limit_s=60)
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await stage.becomes(call, "queued")
    async with stage.service_dead():
        await citizen.ended()
        at = datetime.now(UTC)
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered queued ended"
    assert (end.outcome, end.cause) == ("time_limit", LIMIT)
    assert abs((end.ended_at - at).total_seconds()) < 1
    await ann.hang_up()
    await stage.end(before)
