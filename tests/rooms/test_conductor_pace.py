"""A busy desk: facts that follow one another share a transaction; whoever waits for an answer waits no longer."""

from __future__ import annotations

import asyncio

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.model import Call
from pbx_bridge.call.states import State
from pbx_bridge.conductor.jobs import TakeFact
from pbx_bridge.conductor.take import Taker
from tests.house import ANNA, BORIS, VERA, House

pytest_plugins = ("tests.house_plugin",)

PACE_S = 0.5


@pytest.fixture
def taker(service: House) -> Taker:
    """The writer of the conductor at work, with so much time between two transactions that a test sees it."""
    writer = service.conductor._taker
    writer._pace_s = PACE_S
    return writer


async def ringing(service: House, number: str) -> Call:
    service.fake.citizen(number, answers=False)
    return await service.until(await service.call(number), State.RINGING)


async def answers(service: House, taker: Taker, call: Call) -> Call:
    assert call.leg
    return await taker.submit(TakeFact(call.id, e.DeviceAnswered(call.leg), service.time(), "asterisk"))


async def quiet(taker: Taker) -> float:
    """Wait until a fact would be written at once; the loop's time."""
    await asyncio.sleep(2 * PACE_S)
    return asyncio.get_running_loop().time()


async def test_the_first_fact_after_a_silence_is_written_at_once(service: House, taker: Taker) -> None:
    call = await ringing(service, ANNA)
    began = await quiet(taker)
    await answers(service, taker, call)
    assert asyncio.get_running_loop().time() - began < PACE_S / 10


async def test_those_that_follow_it_share_a_transaction(service: House, taker: Taker) -> None:
    first, second, third = [await ringing(service, number) for number in (ANNA, BORIS, VERA)]
    began = await quiet(taker)
    await answers(service, taker, first)
    before = taker.tally.transactions

    async def a_little_later() -> Call:
        await asyncio.sleep(PACE_S / 4)
        return await answers(service, taker, third)

    calls = await asyncio.gather(answers(service, taker, second), a_little_later())
    assert [call.state for call in calls] == [State.ANSWERED] * 2
    assert taker.tally.transactions == before + 1
    assert asyncio.get_running_loop().time() - began < 1.1 * PACE_S


async def test_a_request_takes_the_waiting_facts_along_at_once(service: House, taker: Taker) -> None:
    first, second = [await ringing(service, number) for number in (ANNA, BORIS)]
    began = await quiet(taker)
    await answers(service, taker, first)
    before = taker.tally.transactions
    waiting = asyncio.create_task(answers(service, taker, second))
    await asyncio.sleep(0)
    await service.call(VERA)
    assert (await waiting).state is State.ANSWERED
    assert asyncio.get_running_loop().time() - began < PACE_S / 10
    assert taker.tally.transactions == before + 1


async def test_an_abort_does_not_wait_for_other_facts(service: House, taker: Taker) -> None:
    call, other = [await ringing(service, number) for number in (ANNA, BORIS)]
    began = await quiet(taker)
    await answers(service, taker, other)
    await taker.submit(TakeFact(call.id, e.AbortRequested("client:portal"), service.time(), "client:portal"))
    assert asyncio.get_running_loop().time() - began < PACE_S / 10
