"""The service stops in the middle of each state and is started again on the same ledger: as if nothing had happened."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from pbx_bridge.call.recovery import Picture
from pbx_bridge.call.states import State
from tests.house import ANNA, BORIS, House, closed_until, mobile
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)

SERVED = "requested dialing ringing answered queued offered talking ended"
LIVING = [State.DIALING, State.RINGING, State.ANSWERED, State.QUEUED, State.OFFERED, State.TALKING]


def people(service: House) -> None:
    """Anna answers after 5 s, ann after another 5 s, and hangs up 20 s later."""
    service.fake.citizen(ANNA, after_s=5)
    service.fake.agent("ann", after_s=5, hangs_up_after_s=20)


async def served_as_ever(service: House, call: str) -> None:
    end = await service.end(call)
    assert (end.path, end.outcome, end.cause.slug) == (SERVED, "completed", "agent_hung_up")
    assert end.talked_to == ["ann"]
    assert service.fake.rings == {ANNA: 1}
    assert await service.unsettled() == []


@pytest.mark.parametrize("state", LIVING)
@pytest.mark.parametrize("away_s", [0, 1, 7, 15])
async def test_stopped_in_each_state_for_a_while(service: House, state: State, away_s: float) -> None:
    people(service)
    call = await service.call()
    await service.until(call, state)
    async with service.away():
        await service.time.advance(away_s)
    await served_as_ever(service, call)


@pytest.mark.parametrize("state", LIVING[1:])
async def test_stopped_in_each_state_until_all_is_over(service: House, state: State) -> None:
    people(service)
    call = await service.call()
    await service.until(call, state)
    async with service.away():
        await service.time.advance(600)
    await served_as_ever(service, call)


@pytest.mark.parametrize("state", LIVING)
async def test_stopped_in_each_state_while_asterisk_dies(service: House, state: State) -> None:
    people(service)
    call = await service.call()
    await service.until(call, state)
    async with service.away():
        service.fake.crash(back_after_s=1)
        await service.time.advance(5)
    end = await service.end(call)
    assert (end.outcome, end.cause.slug) == ("lost", "asterisk_restarted")
    assert service.fake.rings[ANNA] <= 1


async def test_stopped_at_every_moment_around_the_order_to_dial(service: House) -> None:
    """Between the commit and the order, while the order is under way, between its answer and the note of it."""
    people(service)
    for moment_ms in range(0, 40, 2):
        service.fake.rings.clear()
        call = await service.call()
        await service.time.advance(moment_ms / 1000)
        await service.restart()
        await served_as_ever(service, call)
        await service.time.advance(10)


async def test_stopped_at_every_moment_around_the_order_to_a_busy_citizen(service: House) -> None:
    service.fake.citizen(ANNA, busy=True)
    for moment_ms in range(0, 40, 2):
        service.fake.rings.clear()
        call = await service.call()
        await service.time.advance(moment_ms / 1000)
        await service.restart()
        end = await service.end(call)
        assert (end.path, end.outcome) == ("requested dialing ended", "busy"), moment_ms
        assert service.fake.rings == {ANNA: 1}


async def test_stopped_time_and_again(service: House) -> None:
    people(service)
    call = await service.call()
    for _ in range(30):
        await service.time.advance(1.1)
        await service.restart()
    await served_as_ever(service, call)


async def test_an_order_that_was_never_sent_is_sent_by_the_next_life(service: House) -> None:
    people(service)
    service.fake.cut()
    await service.is_deaf()
    call = await service.call()
    await service.stop()
    service.fake.mend()
    await service.start()
    await served_as_ever(service, call)


async def test_one_look_answers_for_all_the_orders_that_were_never_sent(
    service: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.fake.cut()
    await service.is_deaf()
    numbers = [f"+791600000{place:02}" for place in range(20)]
    for number in numbers:
        service.fake.citizen(number)
        await service.call(number)
    await service.stop()
    service.fake.mend()
    looks = 0
    picture = service.fake.picture

    async def counted(since: datetime) -> Picture:
        nonlocal looks
        looks += 1
        return await picture(since)

    monkeypatch.setattr(service.fake, "picture", counted)
    await service.start()
    await service.time.advance(1)
    assert service.fake.rings == dict.fromkeys(numbers, 1)
    assert looks == 1


async def test_an_order_that_comes_too_late_is_not_sent(service: House) -> None:
    people(service)
    service.fake.cut()
    await service.is_deaf()
    call = await service.call()
    await service.stop()
    service.fake.mend()
    await service.time.advance(120)
    await service.start()
    end = await service.end(call)
    assert end.outcome in ("failed", "unreachable")
    assert service.fake.rings == {}


async def test_an_order_whose_answer_was_lost_together_with_the_life_that_sent_it(service: House) -> None:
    people(service)
    service.fake.lose_reply("dial", done=True)
    call = await service.call()
    await service.time.advance(0.02)
    await service.restart()
    await served_as_ever(service, call)


async def test_an_abort_is_carried_out_by_the_next_life(service: House) -> None:
    people(service)
    call = await service.call()
    await service.until(call, State.TALKING)
    service.fake.delays["hang_up"] = 5.0
    abort = asyncio.create_task(service.conductor.abort(call, by="client:portal"))
    await service.time.advance(1)
    await service.stop()
    abort.cancel()
    service.fake.delays.clear()
    await service.start()
    end = await service.end(call)
    assert (end.outcome, end.cause.slug) == ("cancelled", "aborted")


async def test_the_next_device_is_tried_by_the_next_life(service: House) -> None:
    anna = service.fake.citizen(ANNA, answers=False)
    service.fake.citizen(BORIS, answers=False)
    call = await service.call(devices=[mobile(ANNA), mobile(BORIS)])
    await service.until(call, State.RINGING)
    async with service.away():
        anna.decline(486)
        await service.time.advance(3)
    second = await service.until(call, State.RINGING)
    assert second.attempt == 2
    assert service.fake.rings == {ANNA: 1, BORIS: 1}


async def test_a_call_for_tomorrow_survives_the_night(service: House) -> None:
    people(service)
    service.opening = closed_until(NOON + timedelta(hours=20))
    call = await service.call()
    async with service.away():
        await service.time.advance(10 * 3600)
    await service.time.advance(10 * 3600)
    end = await service.end(call)
    assert end.outcome == "completed"
    assert service.fake.rings == {ANNA: 1}


async def test_a_call_that_was_due_while_the_service_was_away_rings_at_its_return(service: House) -> None:
    people(service)
    service.opening = closed_until(NOON + timedelta(hours=20))
    call = await service.call()
    async with service.away():
        await service.time.advance(21 * 3600)
    before = service.time()
    await service.until(call, State.RINGING)
    assert service.time() - before < timedelta(seconds=2)


async def test_a_stop_is_quick_whatever_goes_on(service: House) -> None:
    people(service)
    for moment_ms in range(0, 100, 5):
        call = await service.call()
        await service.time.advance(moment_ms / 1000)
        async with asyncio.timeout(1):
            await service.stop()
        await service.start()
        await service.conductor.abort(call, by="client:portal")
        await service.end(call)
