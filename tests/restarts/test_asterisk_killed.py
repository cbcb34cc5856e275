"""Asterisk is killed (-9): its calls are lost and told so; the next ones work as soon as it is back."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.ending import Cause
from tests.stage import ANSWERS, TRYING, Plan, Stage
from workshop.phone import Phone

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST = Cause("asterisk_restarted", "recovery")
BACK_S = 5.0


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(terms={"RING_S": 30}, registering=False)


async def in_every_state(stage: Stage, ann: Phone, bob: Phone) -> dict[str, str]:
    """State → a call that is there now. `bob` rings, `ann` talks."""
    talking, offered, queued, ringing = [await stage.citizen() for _ in range(4)]
    calls = {"talking": await stage.talk(talking, ann)}
    for state, citizen in (("offered", offered), ("queued", queued)):
        calls[state] = await stage.call(citizen)
        await stage.takes(citizen, calls[state])
        await stage.becomes(calls[state], state)
    calls["ringing"] = await stage.call(ringing)
    await asyncio.gather(stage.becomes(calls["ringing"], "ringing"), ringing.rings(), bob.rings())
    calls["dialing"] = await stage.call(TRYING)
    await stage.trunk.is_called(TRYING)
    return calls


async def works(stage: Stage) -> None:
    """A new call rings and talks."""
    call = await stage.call(ANSWERS)
    await stage.becomes(call, "talking")
    await stage.portal.abort(call)
    assert (await stage.end(call)).outcome == "cancelled"


async def test_every_call_is_lost_and_new_ones_work_within_five_seconds_of_its_return(stage: Stage) -> None:
    ann, bob = await stage.agent("ann"), await stage.agent("bob", behaviour="ring")
    calls = await in_every_state(stage, ann, bob)
    before = {state: await stage.path(call) for state, call in calls.items()}
    async with stage.asterisk_dead():
        parts = await stage.is_ready(False)
        assert parts["database"] == "ok"
        assert "Asterisk" in parts["asterisk"], parts
    back = time.monotonic()
    await stage.is_ready(within_s=BACK_S)
    await bob.set_behaviour("answer")
    await works(stage)
    assert time.monotonic() - back < BACK_S
    for state, call in calls.items():
        end = await stage.end(call)
        assert end.path == f"{before[state]} ended", state
        assert end.outcome == "lost", state
        assert end.cause == LOST, state
        assert end.words == "Asterisk stopped or was restarted during the call"
        assert end.words_ru == "Звонок прервался из-за сбоя телефонной станции."
    assert await stage.rings(calls["dialing"]) == 1, "nobody is rung again"


@pytest.mark.xfail(strict=True, reason="Asterisk hangs up for everybody, and that is read as the citizen's goodbye")
async def test_an_orderly_stop_of_asterisk_loses_its_calls_too(stage: Stage) -> None:
    ann, bob = await stage.agent("ann"), await stage.agent("bob", behaviour="ring")
    calls = await in_every_state(stage, ann, bob)
    await stage.server.stop()
    await stage.is_ready(False)
    await stage.server.start()
    await stage.is_ready()
    for state, call in calls.items():
        end = await stage.end(call)
        assert end.outcome == "lost", state
        assert end.cause == LOST, state


async def test_calls_are_lost_though_the_service_was_dead_as_well(stage: Stage) -> None:
    ann, bob = await stage.agent("ann"), await stage.agent("bob", behaviour="ring")
    calls = await in_every_state(stage, ann, bob)
    async with stage.service_dead(), stage.asterisk_dead():
        pass
    for state, call in calls.items():
        end = await stage.end(call)
        assert (end.outcome, end.cause) == ("lost", LOST), state
    await bob.set_behaviour("answer")
    await works(stage)


async def test_a_call_asked_for_while_asterisk_is_away_is_dialled_when_it_returns(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    async with stage.asterisk_dead():
        await stage.is_ready(False)
        call = await stage.call(citizen)
        assert (await stage.portal.get(call))["state"] == "dialing"
    await stage.takes(citizen, call)
    await stage.becomes(call, "talking")
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered queued offered talking ended"
    assert end.outcome == "completed"
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_a_call_aborted_while_asterisk_is_away_rings_nobody(stage: Stage) -> None:
    citizen = await stage.citizen()
    async with stage.asterisk_dead():
        await stage.is_ready(False)
        call = await stage.call(citizen)
        reply = await stage.portal.abort(call)
        assert reply.status == 200
    end = await stage.end(call)
    assert (end.path, end.outcome) == ("requested dialing ended", "cancelled")
    assert citizen.rung_count == 0


async def test_a_call_asked_for_while_asterisk_stays_away_ends_and_says_so(stage: Stage) -> None:
    citizen = await stage.citizen()
    async with stage.asterisk_dead():
        await stage.is_ready(False)
        began = time.monotonic()
        call = await stage.call(citizen)
        await stage.portal.until(call, within_s=30)
        took = time.monotonic() - began
    end = await stage.end(call)
    assert 19 < took < 23
    assert (end.path, end.outcome) == ("requested dialing ended", "failed")
    assert end.cause == Cause("exchange_down", "service")
    assert end.words == "Asterisk could not be reached; `pbx-bridge doctor` says why"
    assert end.words_ru == "Телефонная станция недоступна."
    await stage.is_ready()
    assert citizen.rung_count == 0
