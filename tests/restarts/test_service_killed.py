"""The service is killed (-9) in each living state, and the call goes on: nobody is cut off, nobody is rung twice.

After the restart the history is as if nothing had happened.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.ending import Cause
from tests.stage import RINGING, TRYING, Plan, Stage
from workshop.phone import Phone

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

ALONE = "requested dialing ringing answered queued"
SERVED = f"{ALONE} offered talking ended"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(terms={"RING_S": 20})


async def hear_each_other(one: Phone, other: Phone) -> None:
    await asyncio.gather(one.hears(other.tone_hz), other.hears(one.tone_hz))


# ── killed, and back while the call still goes on ────────────────────────────────────────────────────────
async def test_right_after_the_answer_to_the_portal(stage: Stage) -> None:
    """Before, while or after Asterisk is asked to dial: every phone rings, and rings once."""
    times = 6
    calls = await asyncio.gather(*(stage.call(RINGING) for _ in range(times)))
    async with stage.service_dead():
        pass
    for call in calls:
        await stage.becomes(call, "ringing")
        await stage.portal.abort(call)
    for end in await stage.ends(*calls):
        assert end.path == "requested dialing ringing ended"
        assert end.outcome == "cancelled"
    assert len(await stage.trunk.invites(RINGING)) == times


async def test_while_dialing(stage: Stage) -> None:
    call = await stage.call(TRYING)
    await stage.trunk.is_called(TRYING)
    async with stage.service_dead():
        pass
    assert (await stage.portal.get(call))["state"] == "dialing"
    await stage.portal.abort(call)
    end = await stage.end(call)
    assert end.path == "requested dialing ended"
    assert end.outcome == "cancelled"
    assert (await stage.trunk.is_left(TRYING)).facts == ("CANCEL",)
    assert await stage.rings(call) == 1


async def test_while_ringing(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    async with stage.service_dead():
        pass
    assert (await stage.portal.get(call))["state"] == "ringing"
    await citizen.answer()
    await stage.becomes(call, "talking")
    await hear_each_other(citizen, ann)
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert end.cause == Cause("citizen_hung_up", "citizen")
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_while_waiting(stage: Stage) -> None:
    ann, first, second = await stage.agent("ann"), await stage.citizen(), await stage.citizen()
    before = await stage.occupy(ann)
    calls = []
    for citizen in (first, second):
        calls.append(await stage.call(citizen))
        await stage.takes(citizen, calls[-1])
        await stage.becomes(calls[-1], "queued")
    async with stage.service_dead():
        await first.hang_up()
        await first.ended()
    abandoned = await stage.end(calls[0])
    assert abandoned.outcome == "abandoned"
    waiting = await stage.portal.get(calls[1])
    assert (waiting["state"], waiting["queue"]["position"]) == ("queued", 1), "it moved up while nobody looked"
    await ann.hang_up()
    await stage.becomes(calls[1], "talking")
    await hear_each_other(second, ann)
    await second.hang_up()
    ends = await stage.ends(before, calls[1])
    assert [end.path for end in ends] == [SERVED, SERVED]
    assert (first.rung_count, second.rung_count, ann.rung_count) == (1, 1, 2)


async def test_while_an_agent_rings(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann", behaviour="ring"), await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await asyncio.gather(stage.becomes(call, "offered"), ann.rings())
    async with stage.service_dead():
        pass
    seen = await stage.portal.get(call)
    assert seen["state"] in ("offered", "queued"), "an agent who does not answer rings, rests and rings again"
    await ann.set_behaviour("answer")
    await ann.talks()
    await stage.becomes(call, "talking")
    await ann.hang_up()
    end = await stage.end(call)
    assert end.talked_to == ["ann"]
    assert end.cause == Cause("agent_hung_up", "agent")
    assert citizen.rung_count == 1


async def test_while_talking(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    async with stage.service_dead():
        await hear_each_other(citizen, ann)
    seen = await stage.portal.get(call)
    assert (seen["state"], seen["legs"][-1]["agent"]) == ("talking", "ann")
    await hear_each_other(citizen, ann)
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert end.cause == Cause("agent_hung_up", "agent")
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_while_on_hold(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await hear_each_other(citizen, ann)
    await citizen.hold()
    await stage.becomes(call, "on_hold")
    async with stage.service_dead():
        pass
    assert (await stage.portal.get(call))["state"] == "on_hold"
    await citizen.unhold()
    await ann.hears(citizen.tone_hz)
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == f"{ALONE} offered talking on_hold talking ended"


@pytest.mark.xfail(strict=True, reason="a look at Asterisk does not tell yet whether a leg is on hold")
async def test_a_talk_that_goes_on_unseen_is_not_on_hold_any_more(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await hear_each_other(citizen, ann)
    await citizen.hold()
    await stage.becomes(call, "on_hold")
    async with stage.service_dead():
        await citizen.unhold()
        await ann.hears(citizen.tone_hz)
    state = (await stage.portal.get(call))["state"]
    await citizen.hang_up()
    await stage.end(call)
    assert state == "talking"


async def test_again_and_again(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    for _ in range(3):
        async with stage.service_dead():
            pass
    await hear_each_other(citizen, ann)
    await citizen.hang_up()
    assert (await stage.end(call)).path == SERVED
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


# ── the call moves on while the service is dead ──────────────────────────────────────────────────────────
async def test_the_citizen_answers_and_talks_while_the_service_is_dead(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    async with stage.service_dead():
        await citizen.answer()
        await ann.talks()
        await hear_each_other(citizen, ann)
    seen = await stage.portal.get(call)
    assert (seen["state"], seen["legs"][-1]["agent"]) == ("talking", "ann")
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert end.talked_to == ["ann"]
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_a_waiting_citizens_turn_comes_while_the_service_is_dead(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    before = await stage.occupy(ann)
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await stage.becomes(call, "queued")
    async with stage.service_dead():
        await ann.hang_up()
        await ann.talks()
        await hear_each_other(citizen, ann)
    seen = await stage.portal.get(call)
    assert (seen["state"], seen["legs"][-1]["agent"]) == ("talking", "ann")
    await ann.hang_up()
    ends = await stage.ends(before, call)
    assert [end.path for end in ends] == [SERVED, SERVED]
    assert [end.cause for end in ends] == [Cause("agent_hung_up", "agent")] * 2
    assert (citizen.rung_count, ann.rung_count) == (1, 2)


async def test_the_agent_answers_while_the_service_is_dead(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann", behaviour="ring"), await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await asyncio.gather(stage.becomes(call, "offered"), ann.rings())
    async with stage.service_dead():
        await ann.answer()
        await ann.talks()
        await hear_each_other(citizen, ann)
    seen = await stage.portal.get(call)
    assert (seen["state"], seen["legs"][-1]["agent"]) == ("talking", "ann")
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_one_agent_declines_and_another_answers_while_the_service_is_dead(stage: Stage) -> None:
    agents = [await stage.agent(name, behaviour="ring") for name in ("ann", "bob")]
    citizen = await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    offered = (await stage.becomes(call, "offered"))["legs"][-1]["agent"]
    first, second = sorted(agents, key=lambda agent: agent.name != offered)
    await first.rings()
    async with stage.service_dead():
        await second.set_behaviour("answer")
        await first.decline()
        await second.talks()
        await hear_each_other(citizen, second)
    seen = await stage.portal.get(call)
    assert (seen["state"], seen["legs"][-1]["agent"]) == ("talking", second.name)
    await second.hang_up()
    end = await stage.end(call)
    assert end.talked_to == [second.name]
    assert end.offered_to == [first.name, second.name]
    assert (first.rung_count, second.rung_count) == (1, 1)


async def test_the_next_device_rings_though_the_first_was_busy_while_the_service_was_dead(stage: Stage) -> None:
    ann, first, second = await stage.agent("ann"), await stage.citizen(), await stage.citizen()
    devices = [{"kind": "mobile", "number": phone.number} for phone in (first, second)]
    call = await stage.call(first, devices=devices)
    await asyncio.gather(stage.becomes(call, "ringing"), first.rings())
    async with stage.service_dead():
        await first.decline(486)
        await first.ended()
    await second.rings()
    await second.answer()
    await stage.becomes(call, "talking")
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == "requested dialing ringing dialing ringing answered queued offered talking ended"
    assert (first.rung_count, second.rung_count, ann.rung_count) == (1, 1, 1)
