"""One or both connections to Asterisk break or fall silent: no fact is lost, and readiness says so while deaf."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.ending import Cause
from tests.stage import RINGING, Plan, Stage

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVED = "requested dialing ringing answered queued offered talking ended"
ONE_OR_BOTH = pytest.mark.parametrize("names", [("ari",), ("ami",), ("ari", "ami")], ids="+".join)
#: A connection that says nothing is asked after ten seconds, and given up five seconds later.
DEAF_S = 17.0


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(terms={"RING_S": 30}, wired=True)


@asynccontextmanager
async def cut(stage: Stage, *names: str) -> AsyncIterator[None]:
    """These connections are cut inside; afterwards the service has compared itself with Asterisk."""
    for name in names:
        await stage.wires[name].cut()
    parts = await stage.is_ready(False)
    assert "Asterisk" in parts["asterisk"], parts
    assert parts["database"] == "ok"
    yield
    for name in names:
        await stage.wires[name].mend()
    await stage.is_ready(within_s=10)


@ONE_OR_BOTH
async def test_the_call_is_answered_and_talks_while_the_service_is_deaf(stage: Stage, names: tuple[str, ...]) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    async with cut(stage, *names):
        await citizen.answer()
        await asyncio.gather(citizen.hears(ann.tone_hz), ann.hears(citizen.tone_hz))
    assert (await stage.portal.get(call))["state"] == "talking"
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert end.talked_to == ["ann"]
    assert end.cause == Cause("citizen_hung_up", "citizen")
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


@ONE_OR_BOTH
@pytest.mark.parametrize("who", ["citizen", "agent"])
async def test_the_talk_ends_while_the_service_is_deaf(stage: Stage, names: tuple[str, ...], who: str) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    async with cut(stage, *names):
        await (ann if who == "agent" else citizen).hang_up()
        await asyncio.gather(citizen.ended(), ann.ended())
    end = await stage.end(call)
    assert end.path == SERVED
    assert end.cause == Cause(f"{who}_hung_up", who)


@ONE_OR_BOTH
async def test_the_phone_is_busy_while_the_service_is_deaf(stage: Stage, names: tuple[str, ...]) -> None:
    citizen = await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    async with cut(stage, *names):
        await citizen.decline(486)
        await citizen.ended()
    end = await stage.end(call)
    assert end.path == "requested dialing ringing ended"
    assert end.cause == Cause("busy", "network", 486, 17)
    assert citizen.rung_count == 1


async def test_a_call_asked_for_while_the_service_is_deaf_rings_once(stage: Stage) -> None:
    call = await stage.call(stage.number())
    await stage.portal.abort(call)
    async with cut(stage, "ari", "ami"):
        call = await stage.call(RINGING)
        assert (await stage.portal.get(call))["state"] == "dialing"
    await stage.becomes(call, "ringing")
    await stage.portal.abort(call)
    assert (await stage.end(call)).path == "requested dialing ringing ended"
    assert await stage.rings(call) == 1


async def test_an_abort_while_the_service_is_deaf_is_carried_out_when_it_hears_again(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    async with cut(stage, "ari", "ami"):
        reply = await stage.portal.abort(call)
        assert reply.status == 200
        assert reply.body["words"] == "the call is being ended; its events say when it has"
        await citizen.hears(ann.tone_hz)
    await asyncio.gather(citizen.ended(), ann.ended())
    end = await stage.end(call)
    assert (end.path, end.outcome) == (SERVED, "cancelled")


async def test_blinks_lose_nothing(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    for name in ("ari", "ami", "ari"):
        call = await stage.call(citizen)
        await citizen.rings()
        for each in (name, "ari", "ami"):
            await stage.wires[each].cut()
            await stage.wires[each].mend()
        await citizen.answer()
        await asyncio.gather(citizen.talks(), ann.talks())
        await stage.wires[name].cut()
        await ann.hang_up()
        await asyncio.gather(citizen.ended(), ann.ended())
        await stage.wires[name].mend()
        end = await stage.end(call)
        assert end.path.replace("dialing answered", "dialing ringing answered") == SERVED
        assert end.cause == Cause("agent_hung_up", "agent")
        await stage.is_quiet()
    assert (citizen.rung_count, ann.rung_count) == (3, 3)


async def test_an_order_to_dial_whose_answer_is_lost_is_not_given_again(stage: Stage) -> None:
    """Asterisk dials, and the service does not hear that it does."""
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    # Whatever else is asked before the first call to an endpoint has been asked by then.
    before = await stage.talk(citizen, ann)
    await ann.hang_up()
    await stage.end(before)
    stage.wires["ari"].hold_answers()
    call = await stage.call(citizen)
    await citizen.rings()
    await citizen.answer()
    await ann.talks()
    await stage.is_ready(False, within_s=DEAF_S)
    await stage.wires["ari"].mend()
    await stage.is_ready(within_s=10)
    await stage.becomes(call, "talking")
    await ann.hang_up()
    end = await stage.end(call)
    assert end.talked_to == ["ann"]
    assert (citizen.rung_count, ann.rung_count) == (2, 2)


@pytest.mark.parametrize("name", ["ari", "ami"])
async def test_a_connection_that_falls_silent_is_noticed_and_replaced(stage: Stage, name: str) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    stage.wires[name].stall()
    began = time.monotonic()
    await citizen.answer()
    await ann.talks()
    await stage.is_ready(False, within_s=DEAF_S)
    assert time.monotonic() - began < DEAF_S
    await stage.wires[name].mend()
    await stage.is_ready(within_s=10)
    assert (await stage.portal.get(call))["state"] == "talking"
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == SERVED
    assert (citizen.rung_count, ann.rung_count) == (1, 1)
