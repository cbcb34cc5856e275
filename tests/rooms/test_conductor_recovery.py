"""The connection to Asterisk breaks in each state and comes back: the history has every stage, and each once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pbx_bridge.asterisk.fake_people import Agent, Citizen
from pbx_bridge.call.states import State
from pbx_bridge.conductor.ports import Replaced
from tests.house import ANNA, BORIS, TERMS, House, mobile

pytest_plugins = ("tests.house_plugin",)

SERVED = "requested dialing ringing answered queued offered talking ended"
LIVING = [State.DIALING, State.RINGING, State.ANSWERED, State.QUEUED, State.OFFERED, State.TALKING]


def people(house: House) -> tuple[Citizen, Agent]:
    """Anna answers after 5 s, ann after another 5 s, and hangs up 20 s later."""
    return house.fake.citizen(ANNA, after_s=5), house.fake.agent("ann", after_s=5, hangs_up_after_s=20)


@pytest.mark.parametrize("state", LIVING)
@pytest.mark.parametrize("away_s", [0.5, 3, 8, 15])
async def test_cut_in_each_state_for_a_while(house: House, state: State, away_s: float) -> None:
    people(house)
    call = await house.call()
    await house.until(call, state)
    async with house.cut():
        await house.time.advance(away_s)
    end = await house.end(call)
    assert (end.path, end.outcome, end.cause.slug) == (SERVED, "completed", "agent_hung_up")
    assert end.talked_to == ["ann"]
    assert house.fake.rings == {ANNA: 1}


@pytest.mark.parametrize("state", LIVING[1:])
async def test_cut_in_each_state_until_all_is_over(house: House, state: State) -> None:
    people(house)
    call = await house.call()
    await house.until(call, state)
    async with house.cut():
        await house.time.advance(600)
    end = await house.end(call)
    assert (end.path, end.outcome, end.cause.slug) == (SERVED, "completed", "agent_hung_up")
    assert end.talked_to == ["ann"]
    assert house.fake.rings == {ANNA: 1}


@pytest.mark.parametrize("away_s", [0.5, 8, 60])
async def test_the_citizen_hung_up_while_nobody_listened(house: House, away_s: float) -> None:
    house.fake.citizen(ANNA, hangs_up_after_s=2)
    house.fake.agent("ann")
    call = await house.call()
    await house.until(call, State.TALKING)
    async with house.cut():
        await house.time.advance(away_s)
    end = await house.end(call)
    assert (end.outcome, end.cause.slug) == ("completed", "citizen_hung_up")


async def test_when_it_ended_is_when_it_ended_not_when_it_was_learned(house: House) -> None:
    people(house)
    call = await house.call()
    answered_at = (await house.until(call, State.TALKING)).answered_at
    async with house.cut():
        await house.time.advance(600)
    end = await house.end(call)
    assert answered_at is not None
    assert timedelta(seconds=25) <= end.ended_at - answered_at < timedelta(seconds=26)


@pytest.mark.parametrize(
    ("way", "outcome"),
    [({"busy": True}, "busy"), ({"declines": True}, "rejected"), ({"unknown": True}, "invalid_number")],
)
async def test_a_refusal_while_nobody_listened(house: House, way: dict[str, bool], outcome: str) -> None:
    house.fake.citizen(ANNA, after_s=3, **way)
    house.fake.delays["dial"] = 1.0
    call = await house.call()
    await house.time.advance(0.5)
    house.fake.close_line()
    house.fake.lose_reply("connect", done=False)
    await house.time.advance(10)
    end = await house.end(call)
    assert end.outcome == outcome
    assert house.fake.rings == {ANNA: 1}


async def test_after_a_refusal_while_nobody_listened_the_next_device_rings(house: House) -> None:
    anna = house.fake.citizen(ANNA, answers=False)
    house.fake.citizen(BORIS)
    house.fake.agent("ann", hangs_up_after_s=5)
    call = await house.call(devices=[mobile(ANNA), mobile(BORIS)])
    await house.until(call, State.RINGING)
    async with house.cut():
        anna.decline(486)
        await house.time.advance(5)
    assert (await house.end(call)).outcome == "completed"
    assert house.fake.rings == {ANNA: 1, BORIS: 1}


async def test_long_after_a_refusal_nobody_is_rung_out_of_the_blue(house: House) -> None:
    anna = house.fake.citizen(ANNA, answers=False)
    house.fake.citizen(BORIS)
    call = await house.call(devices=[mobile(ANNA), mobile(BORIS)])
    await house.until(call, State.RINGING)
    async with house.cut():
        anna.decline(486)
        await house.time.advance(600)
    # Whose clock is first, the order's or the call's, is a matter of chance; that Boris has peace is not.
    assert (await house.end(call)).outcome in ("failed", "unreachable")
    assert house.fake.rings == {ANNA: 1}


async def test_places_are_right_again_after_a_cut(house: House) -> None:
    house.fake.citizen(ANNA)
    house.fake.citizen(BORIS)
    ann = house.fake.agent("ann", answers=False)
    first = await house.call(ANNA)
    await house.until(first, State.OFFERED)
    second = await house.call(BORIS)
    assert (await house.until(second, State.QUEUED)).place is not None
    async with house.cut():
        ann.answer()
        await house.time.advance(1)
    place = (await house.present(second)).place
    assert place is not None
    assert place.position == 1


async def test_what_is_heard_during_the_look_is_not_lost(house: House) -> None:
    house.fake.citizen(ANNA, after_s=5)
    house.fake.agent("ann", after_s=0.01, hangs_up_after_s=0.01)
    for gap_ms in range(0, 60, 3):
        call = await house.call(terms=TERMS)
        ringing = await house.until(call, State.RINGING)
        assert ringing.dialled_at
        house.fake.close_line()
        house.fake.cut()
        await house.time.advance((ringing.dialled_at - house.time()).total_seconds() + 4.97 + gap_ms / 1000)
        house.fake.mend()
        end = await house.end(call)
        assert (end.path, end.outcome) == (SERVED, "completed"), gap_ms
        await house.time.advance(10)


@pytest.mark.parametrize("state", LIVING)
async def test_asterisk_dies(house: House, state: State) -> None:
    people(house)
    call = await house.call()
    await house.until(call, state)
    house.fake.crash()
    end = await house.end(call)
    assert (end.outcome, end.cause.slug) == ("lost", "asterisk_restarted")
    assert end.path == SERVED[: SERVED.index(state.value)] + f"{state.value} ended"
    await house.time.advance(60)
    assert house.fake.rings[ANNA] <= 1


async def test_after_asterisk_is_back_calls_work_within_seconds(house: House) -> None:
    people(house)
    first = await house.call()
    await house.until(first, State.TALKING)
    house.fake.crash(back_after_s=2)
    await house.end(first)
    await house.hears()
    before = house.time()
    second = await house.call()
    await house.until(second, State.RINGING)
    assert house.time() - before < timedelta(seconds=1)
    assert (await house.end(second)).outcome == "completed"


async def test_a_call_that_waits_to_be_dialled_when_asterisk_dies_is_dialled_by_the_next_one_or_told(
    house: House,
) -> None:
    people(house)
    house.fake.crash(back_after_s=2)
    call = await house.call()
    assert (await house.end(call)).outcome in ("completed", "lost")
    assert house.fake.rings[ANNA] <= 1


async def test_an_order_lost_in_a_crash_rings_nobody_twice(house: House) -> None:
    people(house)
    house.fake.delays["dial"] = 1.0
    call = await house.call()
    await house.time.advance(1.01)
    house.fake.crash(back_after_s=1)
    end = await house.end(call)
    assert (end.outcome, end.cause.slug) == ("lost", "asterisk_restarted")
    await house.time.advance(60)
    assert house.fake.rings == {ANNA: 1}


async def test_a_call_that_is_opened_during_the_look_is_not_taken_for_one_that_was_missed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(house)
    await house.stop()
    opened = asyncio.Event()
    unfinished = house.ledger.unfinished

    async def slow_unfinished() -> object:
        await opened.wait()
        return await unfinished()

    monkeypatch.setattr(house.ledger, "unfinished", slow_unfinished)
    house.fake.delays["dial"] = 0.5
    house.start_deaf()
    await house.time.advance(1)
    call = await house.call()
    opened.set()
    end = await house.end(call)
    assert (end.path, end.outcome) == (SERVED, "completed")
    assert house.fake.rings == {ANNA: 1}


async def test_a_leg_whose_call_is_over_is_hung_up_after_the_look(house: House) -> None:
    people(house)
    house.fake.citizen(ANNA, answers=False)
    call = await house.call()
    await house.until(call, State.RINGING)
    async with house.cut():
        await house.conductor.abort(call, by="client:portal")
        await house.stop()
        house.start_deaf()
    assert (await house.end(call)).outcome == "cancelled"
    assert not house.fake.living


async def test_while_deaf_a_call_that_must_be_over_is_ended(house: House) -> None:
    house.fake.citizen(ANNA)
    house.fake.agent("ann")
    call = await house.call()
    await house.until(call, State.TALKING)
    house.fake.cut()
    await house.time.advance(TERMS.time_limit_s - 5)
    assert (await house.present(call)).state is State.TALKING
    await house.time.advance(TERMS.grace_s + 20)
    end = await house.end(call)
    assert (end.outcome, end.cause.slug) == ("lost", "asterisk_restarted")


async def test_while_deaf_deadlines_of_phones_do_not_ring(house: House) -> None:
    house.fake.citizen(ANNA, answers=False)
    call = await house.call()
    await house.until(call, State.RINGING)
    async with house.cut():
        await house.time.advance(TERMS.ring_s + 60)
        assert (await house.present(call)).state is State.RINGING
    assert (await house.end(call)).outcome == "no_answer"


async def test_another_process_takes_asterisk_over_and_this_one_stops(house: House) -> None:
    async with house.fake.connect():
        await house.time.advance(1)
        with pytest.raises(ExceptionGroup) as death:
            await house.stop()
    assert death.value.subgroup(Replaced)
