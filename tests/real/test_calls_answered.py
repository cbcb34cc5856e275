"""A citizen presses the button, the phone rings, an agent talks: every way in which that goes well."""

from __future__ import annotations

import asyncio

import pytest

from tests.ending import Cause
from tests.stage import Plan, Stage

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVED = "requested dialing ringing answered queued offered talking ended"
BUSY = "+79000000486"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(citizens=("alice",))


async def test_a_call_is_answered_and_served_until_the_agent_hangs_up(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert end.outcome == "completed"
    assert end.cause == Cause("agent_hung_up", "agent")
    assert (end.words, end.words_ru) == ("the agent hung up", "Специалист завершил разговор.")
    assert (citizen.rung_count, ann.rung_count) == (1, 1)
    assert end.talked_to == ["ann"]
    await stage.is_quiet()


async def test_a_call_is_answered_and_served_until_the_citizen_hangs_up(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert end.outcome == "completed"
    assert end.cause == Cause("citizen_hung_up", "citizen")
    assert (end.words, end.words_ru) == ("the citizen hung up", "Вы завершили разговор.")
    assert (citizen.rung_count, ann.rung_count) == (1, 1)
    await stage.is_quiet()


async def test_citizen_and_agent_hear_each_other(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    await stage.talk(citizen, ann)
    await asyncio.gather(citizen.hears(ann.tone_hz), ann.hears(citizen.tone_hz))
    to_citizen, to_agent = await asyncio.gather(citizen.heard(), ann.heard())
    assert to_citizen.hz == pytest.approx(ann.tone_hz, abs=2)
    assert to_agent.hz == pytest.approx(citizen.tone_hz, abs=2)
    assert to_citizen.level_dbfs == pytest.approx(-15, abs=2)
    assert to_agent.level_dbfs == pytest.approx(-15, abs=2)


async def test_two_talks_at_once_do_not_hear_each_other(stage: Stage) -> None:
    agents = {name: await stage.agent(name) for name in ("ann", "bob")}
    citizens = [await stage.citizen(), await stage.citizen()]
    calls = [await stage.call(citizen) for citizen in citizens]
    await asyncio.gather(*map(stage.takes, citizens, calls))
    for citizen, call in zip(citizens, calls, strict=True):
        agent = agents[(await stage.becomes(call, "talking"))["legs"][-1]["agent"]]
        await asyncio.gather(citizen.hears(agent.tone_hz), agent.hears(citizen.tone_hz))
    assert [agent.rung_count for agent in agents.values()] == [1, 1]


async def test_a_softphone_that_is_registered_is_rung_and_served(stage: Stage) -> None:
    ann, alice = await stage.agent("ann"), await stage.softphone("alice")
    call = await stage.call("+79001000000", devices=[{"kind": "sip", "address": "alice"}])
    await stage.takes(alice, call)
    await stage.becomes(call, "talking")
    await asyncio.gather(alice.hears(ann.tone_hz), ann.hears(alice.tone_hz))
    await alice.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert end.cause == Cause("citizen_hung_up", "citizen")
    assert alice.rung_count == 1
    assert await stage.rings(call) == 0, "the mobile number was not among the devices"


async def test_when_the_first_device_is_busy_the_second_rings(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    devices = [{"kind": "mobile", "number": BUSY}, {"kind": "mobile", "number": citizen.number}]
    call = await stage.call(BUSY, devices=devices)
    await stage.takes(citizen, call)
    await stage.becomes(call, "talking")
    await ann.talks()
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == "requested dialing dialing ringing answered queued offered talking ended"
    assert end.outcome == "completed"
    assert [event["data"]["call"]["attempt"] for event in end.events[:3]] == [0, 1, 2]
    assert end.events[2]["data"]["call"]["cause"]["slug"] == "busy", "why the first device was left is told"
    assert (await stage.rings(call), citizen.rung_count) == (1, 1)


async def test_a_talk_that_the_citizen_holds_is_on_hold_until_it_goes_on(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await citizen.hears(ann.tone_hz)
    await citizen.hold()
    await stage.becomes(call, "on_hold")
    await citizen.unhold()
    await ann.hears(citizen.tone_hz)
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered queued offered talking on_hold talking ended"
    assert end.cause == Cause("citizen_hung_up", "citizen")


async def test_a_talk_that_the_agent_holds_is_on_hold(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await citizen.hears(ann.tone_hz)
    await ann.hold()
    await stage.becomes(call, "on_hold")
    await ann.unhold()
    await citizen.hears(ann.tone_hz)
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered queued offered talking on_hold talking ended"
