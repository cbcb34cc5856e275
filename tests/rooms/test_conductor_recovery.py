"""The connection to Asterisk breaks in each state and comes back: the history has every stage, and each once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pbx_bridge.asterisk.fake_legs import FakeLeg
from pbx_bridge.asterisk.fake_people import Agent, Citizen
from pbx_bridge.call.states import State
from pbx_bridge.conductor.ports import DialOrder, Replaced
from tests.house import ANNA, BORIS, TERMS, House, mobile

pytest_plugins = ("tests.house_plugin",)

SERVED = "requested dialing ringing answered queued offered talking ended"
LIVING = [State.DIALING, State.RINGING, State.ANSWERED, State.QUEUED, State.OFFERED, State.TALKING]


def people(service: House) -> tuple[Citizen, Agent]:
    """Anna answers after 5 s, ann after another 5 s, and hangs up 20 s later."""
    return service.fake.citizen(ANNA, after_s=5), service.fake.agent("ann", after_s=5, hangs_up_after_s=20)


@pytest.mark.parametrize("state", LIVING)
@pytest.mark.parametrize("away_s", [0.5, 3, 8, 15])
async def test_cut_in_each_state_for_a_while(service: House, state: State, away_s: float) -> None:
    people(service)
    call = await service.call()
    await service.until(call, state)
    async with service.cut():
        await service.time.advance(away_s)
    end = await service.end(call)
    assert (end.path, end.outcome, end.cause.slug) == (SERVED, "completed", "agent_hung_up")
    assert end.talked_to == ["ann"]
    assert service.fake.rings == {ANNA: 1}


@pytest.mark.parametrize("state", LIVING[1:])
async def test_cut_in_each_state_until_all_is_over(service: House, state: State) -> None:
    people(service)
    call = await service.call()
    await service.until(call, state)
    async with service.cut():
        await service.time.advance(600)
    end = await service.end(call)
    assert (end.path, end.outcome, end.cause.slug) == (SERVED, "completed", "agent_hung_up")
    assert end.talked_to == ["ann"]
    assert service.fake.rings == {ANNA: 1}


@pytest.mark.parametrize("away_s", [0.5, 8, 60])
async def test_the_citizen_hung_up_while_nobody_listened(service: House, away_s: float) -> None:
    service.fake.citizen(ANNA, hangs_up_after_s=2)
    service.fake.agent("ann")
    call = await service.call()
    await service.until(call, State.TALKING)
    async with service.cut():
        await service.time.advance(away_s)
    end = await service.end(call)
    assert (end.outcome, end.cause.slug) == ("completed", "citizen_hung_up")


async def test_when_it_ended_is_when_it_ended_not_when_it_was_learned(service: House) -> None:
    people(service)
    call = await service.call()
    answered_at = (await service.until(call, State.TALKING)).answered_at
    async with service.cut():
        await service.time.advance(600)
    end = await service.end(call)
    assert answered_at is not None
    assert timedelta(seconds=25) <= end.ended_at - answered_at < timedelta(seconds=26)


@pytest.mark.parametrize(
    ("way", "outcome"),
    [({"busy": True}, "busy"), ({"declines": True}, "rejected"), ({"unknown": True}, "invalid_number")],
)
async def test_a_refusal_while_nobody_listened(service: House, way: dict[str, bool], outcome: str) -> None:
    service.fake.citizen(ANNA, after_s=3, **way)
    service.fake.delays["dial"] = 1.0
    call = await service.call()
    await service.time.advance(0.5)
    service.fake.close_line()
    service.fake.lose_reply("connect", done=False)
    await service.time.advance(10)
    end = await service.end(call)
    assert end.outcome == outcome
    assert service.fake.rings == {ANNA: 1}


async def test_after_a_refusal_while_nobody_listened_the_next_device_rings(service: House) -> None:
    anna = service.fake.citizen(ANNA, answers=False)
    service.fake.citizen(BORIS)
    service.fake.agent("ann", hangs_up_after_s=5)
    call = await service.call(devices=[mobile(ANNA), mobile(BORIS)])
    await service.until(call, State.RINGING)
    async with service.cut():
        anna.decline(486)
        await service.time.advance(5)
    assert (await service.end(call)).outcome == "completed"
    assert service.fake.rings == {ANNA: 1, BORIS: 1}


async def test_long_after_a_refusal_nobody_is_rung_out_of_the_blue(service: House) -> None:
    anna = service.fake.citizen(ANNA, answers=False)
    service.fake.citizen(BORIS)
    call = await service.call(devices=[mobile(ANNA), mobile(BORIS)])
    await service.until(call, State.RINGING)
    async with service.cut():
        anna.decline(486)
        await service.time.advance(600)
    # Whose clock is first, the order's or the call's, is a matter of chance; that Boris has peace is not.
    assert (await service.end(call)).outcome in ("failed", "unreachable")
    assert service.fake.rings == {ANNA: 1}


async def test_places_are_right_again_after_a_cut(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.citizen(BORIS)
    ann = service.fake.agent("ann", answers=False)
    first = await service.call(ANNA)
    await service.until(first, State.OFFERED)
    second = await service.call(BORIS)
    assert (await service.until(second, State.QUEUED)).place is not None
    async with service.cut():
        ann.answer()
        await service.time.advance(1)
    place = (await service.present(second)).place
    assert place is not None
    assert place.position == 1


async def test_what_is_heard_during_the_look_is_not_lost(service: House) -> None:
    service.fake.citizen(ANNA, after_s=5)
    service.fake.agent("ann", after_s=0.01, hangs_up_after_s=0.01)
    for gap_ms in range(0, 60, 3):
        call = await service.call(terms=TERMS)
        ringing = await service.until(call, State.RINGING)
        assert ringing.dialled_at
        service.fake.close_line()
        service.fake.cut()
        await service.time.advance((ringing.dialled_at - service.time()).total_seconds() + 4.97 + gap_ms / 1000)
        service.fake.mend()
        end = await service.end(call)
        assert (end.path, end.outcome) == (SERVED, "completed"), gap_ms
        await service.time.advance(10)


@pytest.mark.parametrize("state", LIVING)
async def test_asterisk_dies(service: House, state: State) -> None:
    people(service)
    call = await service.call()
    await service.until(call, state)
    service.fake.crash()
    end = await service.end(call)
    assert (end.outcome, end.cause.slug) == ("lost", "asterisk_restarted")
    assert end.path == SERVED[: SERVED.index(state.value)] + f"{state.value} ended"
    await service.time.advance(60)
    assert service.fake.rings[ANNA] <= 1


async def test_after_asterisk_is_back_calls_work_within_seconds(service: House) -> None:
    people(service)
    first = await service.call()
    await service.until(first, State.TALKING)
    service.fake.crash(back_after_s=2)
    await service.end(first)
    await service.hears()
    before = service.time()
    second = await service.call()
    await service.until(second, State.RINGING)
    assert service.time() - before < timedelta(seconds=1)
    assert (await service.end(second)).outcome == "completed"


async def test_a_call_that_waits_to_be_dialled_when_asterisk_dies_is_dialled_by_the_next_one_or_told(
    service: House,
) -> None:
    people(service)
    service.fake.crash(back_after_s=2)
    call = await service.call()
    assert (await service.end(call)).outcome in ("completed", "lost")
    assert service.fake.rings[ANNA] <= 1


async def test_an_order_lost_in_a_crash_rings_nobody_twice(service: House) -> None:
    people(service)
    service.fake.delays["dial"] = 1.0
    call = await service.call()
    await service.time.advance(1.01)
    service.fake.crash(back_after_s=1)
    end = await service.end(call)
    assert (end.outcome, end.cause.slug) == ("lost", "asterisk_restarted")
    await service.time.advance(60)
    assert service.fake.rings == {ANNA: 1}


async def test_a_call_that_is_opened_during_the_look_is_not_taken_for_one_that_was_missed(
    service: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(service)
    await service.stop()
    opened = asyncio.Event()
    unfinished = service.ledger.unfinished

    async def slow_unfinished() -> object:
        await opened.wait()
        return await unfinished()

    monkeypatch.setattr(service.ledger, "unfinished", slow_unfinished)
    service.fake.delays["dial"] = 0.5
    service.start_deaf()
    await service.time.advance(1)
    call = await service.call()
    opened.set()
    end = await service.end(call)
    assert (end.path, end.outcome) == (SERVED, "completed")
    assert service.fake.rings == {ANNA: 1}


async def test_an_abort_that_was_asked_while_deaf_is_carried_out_after_the_look(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    call = await service.call()
    await service.until(call, State.RINGING)
    async with service.cut():
        await service.conductor.abort(call, by="client:portal")
        await service.stop()
        service.start_deaf()
    assert (await service.end(call)).outcome == "cancelled"
    assert not service.fake.living


async def test_a_leg_whose_call_is_over_is_hung_up_after_the_look(
    service: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeLeg, "_reach_limit", lambda leg: None)
    service.fake.citizen(ANNA)
    service.fake.agent("ann")
    call = await service.call()
    await service.until(call, State.TALKING)
    async with service.cut():
        await service.until(call, State.ENDED)
        assert service.fake.living
    await service.time.advance(1)
    assert not service.fake.living


async def test_a_leg_that_is_none_of_ours_is_left_alone(service: House) -> None:
    anna = service.fake.citizen(ANNA, answers=False)
    await service.fake.dial(DialOrder("pb.call_of_somebody_else.1", mobile(ANNA), "support", 30, 60, 300, "1", "ru"))
    await service.restart()
    await service.time.advance(5)
    assert anna.talk is not None


@pytest.mark.parametrize(("way", "outcome"), [("is busy", "busy"), ("declines", "rejected"), ("hangs up", "abandoned")])
async def test_the_citizen_goes_at_every_moment_around_the_look_of_the_next_life(
    service: House, way: str, outcome: str
) -> None:
    """The order to dial was sent, its answer never came, and what the look shows is old a moment later."""
    anna = service.fake.citizen(ANNA, answers=False, silent=way == "is busy")
    service.fake.agent("ann")
    for moment_ms in range(0, 80, 4):
        service.fake.rings.clear()
        call = await service.call()
        await service.time.advance(0.02)
        await service.stop()
        if way == "hangs up":
            anna.answer()
        service.start_deaf()
        await service.time.advance(moment_ms / 1000)
        if way == "is busy":
            anna.decline(486)
        else:
            anna.hang_up()
        end = await service.end(call)
        assert end.outcome == outcome, moment_ms
        assert service.fake.rings == {ANNA: 1}, moment_ms
        await service.hears()


async def test_while_deaf_a_call_that_must_be_over_is_ended(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann")
    call = await service.call()
    await service.until(call, State.TALKING)
    service.fake.cut()
    await service.time.advance(TERMS.time_limit_s - 5)
    assert (await service.present(call)).state is State.TALKING
    await service.time.advance(TERMS.grace_s + 20)
    end = await service.end(call)
    assert (end.outcome, end.cause.slug) == ("lost", "asterisk_restarted")


async def test_while_deaf_deadlines_of_phones_do_not_ring(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    call = await service.call()
    await service.until(call, State.RINGING)
    async with service.cut():
        await service.time.advance(TERMS.ring_s + 60)
        assert (await service.present(call)).state is State.RINGING
    assert (await service.end(call)).outcome == "no_answer"


async def test_another_process_takes_asterisk_over_and_this_one_stops(service: House) -> None:
    async with service.fake.connect():
        await service.time.advance(1)
        with pytest.raises(ExceptionGroup) as death:
            await service.stop()
    assert death.value.subgroup(Replaced)
