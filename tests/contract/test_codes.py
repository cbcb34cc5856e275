"""A code is read to whoever answers: one ring, no fact of any call, and a trace that tells that it was."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.model import call_of_leg, code_leg_id, code_of_leg
from pbx_bridge.call.recovery import LegSeen, LegState, may_dial
from pbx_bridge.conductor.ports import AlreadyDialled, CodeOrder, DialRefused, NoSuchLeg, Unanswered
from pbx_bridge.phone import Phone
from tests.contract.town import ANNA, BORIS, PATIENCE_S, Ear, Town, dialled, listening

pytest_plugins = ("tests.virtual_time_plugin",)

CODE = "493817"

_numbers = itertools.count(1)


def reading(to: str = ANNA, *, leg: str | None = None, ring_s: int = 20) -> CodeOrder:
    """An order to read a code to a number, as a leg of its own."""
    return CodeOrder(leg or code_leg_id(f"call_{next(_numbers):04}", 1), Phone(to), CODE, "ru", ring_s)


async def rung(town: Town, to: str = ANNA, **more: int) -> str:
    """Have a code read, and give the leg."""
    order = reading(to, **more)
    await town.exchange.say_code(order)
    return order.leg


async def may_ring_again(ear: Ear, leg: str, since: datetime) -> bool:
    return may_dial(leg, since, await ear.picture())


async def is_over(ear: Ear, leg: str) -> None:
    """Look until the leg is gone; nobody says when."""
    async with asyncio.timeout(PATIENCE_S):
        while leg in (await ear.picture()).legs:
            pass  # looking is the wait


def test_a_leg_that_reads_a_code_is_no_leg_of_the_call() -> None:
    leg = code_leg_id("call_x", 2)
    assert call_of_leg(leg) is None
    assert code_of_leg(leg) == ("call_x", 2)


async def test_it_rings_once_and_rings_no_second_time_while_it_rings(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await rung(town)
    await anna.rings()
    await ear.sees(leg, LegSeen(LegState.RINGING))
    with pytest.raises(AlreadyDialled):
        await town.exchange.say_code(reading(leg=leg))
    await anna.declines()
    await anna.hears_the_end()


async def test_a_leg_that_has_ended_may_not_ring_again(town: Town, ear: Ear) -> None:
    before = town.now()
    anna = await town.citizen()
    leg = await rung(town)
    await anna.rings()
    assert not await may_ring_again(ear, leg, before)
    await anna.declines(486)
    await anna.hears_the_end()
    await is_over(ear, leg)
    assert not await may_ring_again(ear, leg, before)
    trace = await ear.trace(leg)
    assert (trace.sip, trace.q850, trace.answered_at) == (486, 17, None)


async def test_whoever_answers_hears_the_code_twice(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await rung(town)
    await anna.rings()
    await anna.answers()
    assert await anna.hears_digits() == CODE * 2
    await is_over(ear, leg)
    trace = await ear.trace(leg)
    assert trace.answered_at
    assert 10 < (trace.ended_at - trace.answered_at).total_seconds() < 20
    assert (trace.sip, trace.q850) == (None, 16)


async def test_whoever_answers_and_hangs_up_early_leaves_a_trace_too(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await rung(town)
    await anna.rings()
    await anna.answers()
    await ear.sees(leg, LegSeen(LegState.UP))
    await anna.hangs_up()
    await is_over(ear, leg)
    trace = await ear.trace(leg)
    assert trace.answered_at is not None
    assert trace.answered_at <= trace.ended_at
    assert (trace.queue, trace.agent, trace.limit_reached) == (None, None, False)


async def test_nothing_that_happens_to_it_is_told(town: Town, ear: Ear) -> None:
    anna, boris = await town.citizen(ANNA), await town.citizen(BORIS)
    # Anna's line is followed because of a call; that of the code is the same line.
    call = await dialled(town, ANNA)
    await anna.rings()
    await anna.declines()
    await ear.hears(e.DeviceGone, call)
    for person, number in ((anna, ANNA), (boris, BORIS)):
        leg = await rung(town, number)
        await person.rings()
        await person.answers()
        await person.hangs_up()
        await is_over(ear, leg)
    assert {fact.leg for fact in ear.heard} == {call}


@pytest.mark.parametrize("sip", [486, 603, 404, 480, 503])
async def test_a_refusal_is_no_error_and_leaves_its_trace(town: Town, ear: Ear, sip: int) -> None:
    leg = await rung(town, await town.refusing_number(sip))
    await is_over(ear, leg)
    assert (await ear.trace(leg)).sip == sip


async def test_asterisk_itself_ends_the_ringing(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await rung(town, ring_s=2)
    await anna.rings()
    await anna.hears_the_end()
    await is_over(ear, leg)
    assert (await ear.trace(leg)).rang


async def test_a_number_that_cannot_be_reached_is_refused(town: Town) -> None:
    with pytest.raises(DialRefused) as refusal:
        await rung(town, await town.unreachable_number())
    assert refusal.value.cause.slug == "trunk_down"


async def test_it_can_be_hung_up_once(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await rung(town)
    await anna.rings()
    await town.exchange.hang_up(leg)
    await anna.hears_the_end()
    await is_over(ear, leg)
    with pytest.raises(NoSuchLeg):
        await town.exchange.hang_up(leg)


@pytest.mark.parametrize("done", [True, False])
async def test_after_a_lost_answer_a_look_tells_whether_it_rang(town: Town, ear: Ear, done: bool) -> None:
    before = town.now()
    anna = await town.citizen()
    order = reading()
    town.lose_the_answer_to_say_code(done=done)
    with pytest.raises(Unanswered):
        await town.exchange.say_code(order)
    if done:
        await anna.rings()
    assert await may_ring_again(ear, order.leg, before) is not done


async def test_a_service_that_comes_back_sees_it(town: Town) -> None:
    anna = await town.citizen()
    leg = await rung(town)
    await anna.rings()
    await anna.answers()
    async with listening(town) as ear:
        await ear.sees(leg, LegSeen(LegState.UP))
