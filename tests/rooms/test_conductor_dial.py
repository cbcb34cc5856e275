"""The one door out: a device is rung at most once, whatever gets lost on the way."""

from __future__ import annotations

import pytest

from pbx_bridge.call.states import State
from tests.house import ANNA, BORIS, House, mobile

pytest_plugins = ("tests.house_plugin",)

SERVED = "requested dialing ringing answered queued offered talking ended"


@pytest.fixture
async def people(service: House) -> House:
    """Anna answers, ann answers and hangs up after ten seconds."""
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=10)
    return service


async def test_an_order_that_got_through_is_not_repeated(people: House) -> None:
    people.fake.lose_reply("dial", done=True)
    end = await people.end(await people.call())
    assert (end.path, end.outcome) == (SERVED, "completed")
    assert people.fake.rings == {ANNA: 1}


async def test_an_order_that_got_lost_is_repeated(people: House) -> None:
    people.fake.lose_reply("dial", done=False)
    end = await people.end(await people.call())
    assert (end.path, end.outcome) == (SERVED, "completed")
    assert people.fake.rings == {ANNA: 1}


async def test_an_order_that_got_through_to_a_citizen_who_declined_at_once_is_not_repeated(service: House) -> None:
    service.fake.citizen(ANNA, busy=True)
    service.fake.lose_reply("dial", done=True)
    end = await service.end(await service.call())
    assert end.outcome == "busy"
    assert service.fake.rings == {ANNA: 1}


async def test_orders_that_get_lost_time_and_again(people: House) -> None:
    for _ in range(3):
        people.fake.lose_reply("dial", done=False)
    people.fake.lose_reply("dial", done=True)
    end = await people.end(await people.call())
    assert end.outcome == "completed"
    assert people.fake.rings == {ANNA: 1}


@pytest.mark.parametrize("done", [True, False])
async def test_when_not_even_a_look_is_answered(people: House, done: bool) -> None:
    people.fake.lose_reply("dial", done=done)
    people.fake.lose_reply("look", done=False)
    call = await people.call()
    end = await people.end(call)
    assert end.outcome == "completed"
    assert people.fake.rings == {ANNA: 1}
    assert await people.unsettled() == []


async def test_a_look_that_is_never_answered_rings_nobody_twice(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    service.fake.lose_reply("dial", done=True)
    for _ in range(1000):
        service.fake.lose_reply("look", done=False)
    call = await service.call()
    end = await service.end(call)
    assert end.outcome == "no_answer"
    assert service.fake.rings == {ANNA: 1}


@pytest.mark.parametrize("done", [True, False])
async def test_the_connection_breaks_while_the_order_is_under_way(people: House, done: bool) -> None:
    people.fake.delays["dial"] = 1.0
    call = await people.call()
    await people.time.advance(0.9 if done else 0.5)
    if done:
        await people.time.advance(0.11)
    async with people.cut():
        await people.time.advance(3)
    assert (await people.end(call)).outcome == "completed"
    assert people.fake.rings == {ANNA: 1}


async def test_while_asterisk_cannot_be_reached_the_order_waits(people: House) -> None:
    async with people.cut():
        call = await people.call()
        await people.time.advance(10)
    assert (await people.end(call)).outcome == "completed"
    assert people.fake.rings == {ANNA: 1}


async def test_a_refusal_goes_to_the_next_device(people: House) -> None:
    people.fake.citizen(BORIS)
    people.fake.trunk_down = True
    end = await people.end(await people.call(devices=[mobile(BORIS), mobile(ANNA)]))
    assert (end.outcome, end.cause.slug) == ("congestion", "trunk_down")
    assert end.call["attempt"] == 2
    assert people.fake.rings == {}


async def test_wishes_of_one_call_are_carried_out_in_their_order(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    service.fake.delays["dial"] = 2.0
    call = await service.call()
    await service.until(call, State.DIALING)
    await service.conductor.abort(call, by="client:portal")
    end = await service.end(call)
    assert end.outcome == "cancelled"
    await service.time.advance(10)
    assert not service.fake.living
    assert await service.unsettled() == []


async def test_calls_do_not_wait_for_each_other(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.citizen(BORIS)
    service.fake.agent("ann", hangs_up_after_s=5)
    service.fake.lose_reply("dial", done=False)
    first = await service.call(ANNA)
    second = await service.call(BORIS)
    assert [(await service.end(call)).outcome for call in (first, second)] == ["completed", "completed"]
    assert service.fake.rings == {ANNA: 1, BORIS: 1}


async def test_a_hang_up_of_a_leg_that_is_gone_ends_the_call_at_once(service: House) -> None:
    anna = service.fake.citizen(ANNA)
    service.fake.agent("ann")
    call = await service.call()
    await service.until(call, State.TALKING)
    # Asterisk said goodbye while nobody listened, and nobody can look it up for a while.
    for _ in range(10):
        service.fake.lose_reply("connect", done=False)
    service.fake.close_line()
    anna.hang_up()
    before = service.time.elapsed
    await service.conductor.abort(call, by="client:portal")
    end = await service.end(call)
    assert (end.path, end.outcome) == (SERVED, "cancelled")
    assert service.time.elapsed - before < 0.1
