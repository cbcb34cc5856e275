"""The service stops in the middle of each state and is started again on the same ledger: as if nothing had happened."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pbx_bridge.call.states import State
from tests.house import ANNA, BORIS, House, closed_until, mobile
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)

SERVED = "requested dialing ringing answered queued offered talking ended"
LIVING = [State.DIALING, State.RINGING, State.ANSWERED, State.QUEUED, State.OFFERED, State.TALKING]


def people(house: House) -> None:
    """Anna answers after 5 s, ann after another 5 s, and hangs up 20 s later."""
    house.fake.citizen(ANNA, after_s=5)
    house.fake.agent("ann", after_s=5, hangs_up_after_s=20)


async def served_as_ever(house: House, call: str) -> None:
    end = await house.end(call)
    assert (end.path, end.outcome, end.cause.slug) == (SERVED, "completed", "agent_hung_up")
    assert end.talked_to == ["ann"]
    assert house.fake.rings == {ANNA: 1}
    assert await house.unsettled() == []


@pytest.mark.parametrize("state", LIVING)
@pytest.mark.parametrize("away_s", [0, 1, 7, 15])
async def test_stopped_in_each_state_for_a_while(house: House, state: State, away_s: float) -> None:
    people(house)
    call = await house.call()
    await house.until(call, state)
    async with house.away():
        await house.time.advance(away_s)
    await served_as_ever(house, call)


@pytest.mark.parametrize("state", LIVING[1:])
async def test_stopped_in_each_state_until_all_is_over(house: House, state: State) -> None:
    people(house)
    call = await house.call()
    await house.until(call, state)
    async with house.away():
        await house.time.advance(600)
    await served_as_ever(house, call)


@pytest.mark.parametrize("state", LIVING)
async def test_stopped_in_each_state_while_asterisk_dies(house: House, state: State) -> None:
    people(house)
    call = await house.call()
    await house.until(call, state)
    async with house.away():
        house.fake.crash(back_after_s=1)
        await house.time.advance(5)
    end = await house.end(call)
    assert (end.outcome, end.cause.slug) == ("lost", "asterisk_restarted")
    assert house.fake.rings[ANNA] <= 1


async def test_stopped_at_every_moment_around_the_order_to_dial(house: House) -> None:
    """Between the commit and the order, while the order is under way, between its answer and the note of it."""
    people(house)
    for moment_ms in range(0, 40, 2):
        house.fake.rings.clear()
        call = await house.call()
        await house.time.advance(moment_ms / 1000)
        await house.restart()
        await served_as_ever(house, call)
        await house.time.advance(10)


async def test_stopped_at_every_moment_around_the_order_to_a_busy_citizen(house: House) -> None:
    house.fake.citizen(ANNA, busy=True)
    for moment_ms in range(0, 40, 2):
        house.fake.rings.clear()
        call = await house.call()
        await house.time.advance(moment_ms / 1000)
        await house.restart()
        end = await house.end(call)
        assert (end.path, end.outcome) == ("requested dialing ended", "busy"), moment_ms
        assert house.fake.rings == {ANNA: 1}


async def test_stopped_time_and_again(house: House) -> None:
    people(house)
    call = await house.call()
    for _ in range(30):
        await house.time.advance(1.1)
        await house.restart()
    await served_as_ever(house, call)


async def test_an_order_that_was_never_sent_is_sent_by_the_next_life(house: House) -> None:
    people(house)
    house.fake.cut()
    await house.is_deaf()
    call = await house.call()
    await house.stop()
    house.fake.mend()
    await house.start()
    await served_as_ever(house, call)


async def test_an_order_that_comes_too_late_is_not_sent(house: House) -> None:
    people(house)
    house.fake.cut()
    await house.is_deaf()
    call = await house.call()
    await house.stop()
    house.fake.mend()
    await house.time.advance(120)
    await house.start()
    end = await house.end(call)
    assert end.outcome in ("failed", "unreachable")
    assert house.fake.rings == {}


async def test_an_order_whose_answer_was_lost_together_with_the_life_that_sent_it(house: House) -> None:
    people(house)
    house.fake.lose_reply("dial", done=True)
    call = await house.call()
    await house.time.advance(0.02)
    await house.restart()
    await served_as_ever(house, call)


async def test_an_abort_is_carried_out_by_the_next_life(house: House) -> None:
    people(house)
    call = await house.call()
    await house.until(call, State.TALKING)
    house.fake.delays["hang_up"] = 5.0
    abort = asyncio.create_task(house.conductor.abort(call, by="client:portal"))
    await house.time.advance(1)
    await house.stop()
    abort.cancel()
    house.fake.delays.clear()
    await house.start()
    end = await house.end(call)
    assert (end.outcome, end.cause.slug) == ("cancelled", "aborted")


async def test_the_next_device_is_tried_by_the_next_life(house: House) -> None:
    anna = house.fake.citizen(ANNA, answers=False)
    house.fake.citizen(BORIS, answers=False)
    call = await house.call(devices=[mobile(ANNA), mobile(BORIS)])
    await house.until(call, State.RINGING)
    async with house.away():
        anna.decline(486)
        await house.time.advance(3)
    second = await house.until(call, State.RINGING)
    assert second.attempt == 2
    assert house.fake.rings == {ANNA: 1, BORIS: 1}


async def test_a_call_for_tomorrow_survives_the_night(house: House) -> None:
    people(house)
    house.opening = closed_until(NOON + timedelta(hours=20))
    call = await house.call()
    async with house.away():
        await house.time.advance(10 * 3600)
    await house.time.advance(10 * 3600)
    end = await house.end(call)
    assert end.outcome == "completed"
    assert house.fake.rings == {ANNA: 1}


async def test_a_call_that_was_due_while_the_service_was_away_rings_at_its_return(house: House) -> None:
    people(house)
    house.opening = closed_until(NOON + timedelta(hours=20))
    call = await house.call()
    async with house.away():
        await house.time.advance(21 * 3600)
    before = house.time()
    await house.until(call, State.RINGING)
    assert house.time() - before < timedelta(seconds=2)


async def test_a_stop_is_quick_whatever_goes_on(house: House) -> None:
    people(house)
    for moment_ms in range(0, 100, 5):
        call = await house.call()
        await house.time.advance(moment_ms / 1000)
        async with asyncio.timeout(1):
            await house.stop()
        await house.start()
        await house.conductor.abort(call, by="client:portal")
        await house.end(call)
