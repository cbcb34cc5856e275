"""A call is ended from outside: in any state, once or twice, with Asterisk there or not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pbx_bridge.call.states import State
from pbx_bridge.conductor import errors
from tests.house import ANNA, BORIS, VERA, House, closed_until, mobile
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)

PORTAL = "client:portal"


async def people(service: House) -> None:
    """Anna answers after 5 s, ann after another 5 s; they talk until somebody ends it."""
    service.fake.citizen(ANNA, after_s=5)
    service.fake.agent("ann", after_s=5)


@pytest.mark.parametrize(
    "state", [State.DIALING, State.RINGING, State.ANSWERED, State.QUEUED, State.OFFERED, State.TALKING]
)
async def test_in_every_state_an_abort_silences_the_phone_and_ends_the_call(service: House, state: State) -> None:
    await people(service)
    call = await service.call()
    await service.until(call, state)
    done = await service.conductor.abort(call, by=PORTAL)
    assert (done.won, done.call.state) == (True, State.ENDED)
    end = await service.end(call)
    assert (end.outcome, end.cause.slug) == ("cancelled", "aborted")
    assert service.fake.rings[ANNA] <= 1
    await service.time.advance(120)
    assert service.fake.rings[ANNA] <= 1


async def test_while_a_citizen_waits_for_a_free_agent(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", paused=True)
    call = await service.call()
    await service.until(call, State.QUEUED)
    assert (await service.conductor.abort(call, by=PORTAL)).won
    assert (await service.end(call)).outcome == "cancelled"


async def test_a_call_for_tomorrow_is_cancelled_without_a_ring(service: House) -> None:
    service.opening = closed_until(NOON + timedelta(hours=20))
    service.fake.citizen(ANNA)
    call = await service.call()
    assert (await service.conductor.abort(call, by=PORTAL)).won
    await service.time.advance(21 * 3600)
    assert service.fake.rings == {}


async def test_an_abort_leaves_the_other_devices_alone(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    service.fake.citizen(BORIS)
    call = await service.call(devices=[mobile(ANNA), mobile(BORIS)])
    await service.until(call, State.RINGING)
    await service.conductor.abort(call, by=PORTAL)
    assert (await service.end(call)).outcome == "cancelled"
    assert service.fake.rings == {ANNA: 1}


async def test_twice_at_once_is_once(service: House) -> None:
    await people(service)
    call = await service.call()
    await service.until(call, State.TALKING)
    one, other = await asyncio.gather(*(service.conductor.abort(call, by=PORTAL) for _ in range(2)))
    assert (one.won, other.won) == (True, True)
    end = await service.end(call)
    assert [event["type"] for event in end.events].count("call.ended") == 1


async def test_a_repeat_says_the_same(service: House) -> None:
    await people(service)
    call = await service.call()
    await service.until(call, State.RINGING)
    first = await service.conductor.abort(call, by=PORTAL)
    assert await service.conductor.abort(call, by=PORTAL) == first


async def test_what_was_quicker_has_won(service: House) -> None:
    service.fake.citizen(ANNA, busy=True)
    call = await service.call()
    await service.end(call)
    late = await service.conductor.abort(call, by=PORTAL)
    assert not late.won
    assert late.call.outcome == "busy"


async def test_a_citizen_who_hangs_up_while_the_abort_is_under_way_changes_nothing(service: House) -> None:
    anna = service.fake.citizen(ANNA)
    service.fake.agent("ann")
    service.fake.delays["hang_up"] = 1.0
    call = await service.call()
    await service.until(call, State.TALKING)
    abort = asyncio.create_task(service.conductor.abort(call, by=PORTAL))
    await service.time.advance(0.5)
    anna.hang_up()
    assert (await abort).won
    assert (await service.end(call)).outcome == "cancelled"


async def test_only_the_revision_that_was_seen_is_aborted(service: House) -> None:
    await people(service)
    call = await service.call()
    seen = await service.until(call, State.RINGING)
    await service.until(call, State.TALKING)
    with pytest.raises(errors.RevisionPassed):
        await service.conductor.abort(call, by=PORTAL, if_revision=seen.revision)
    present = await service.present(call)
    assert present.state is State.TALKING
    assert (await service.conductor.abort(call, by=PORTAL, if_revision=present.revision)).won


async def test_a_call_that_is_not_there(service: House) -> None:
    with pytest.raises(errors.UnknownCall):
        await service.conductor.abort("call_nobody", by=PORTAL)


@pytest.mark.parametrize("phase_s", [0.0, 0.1, 0.2, 0.3, 0.4])
async def test_while_asterisk_is_away_the_answer_comes_in_time_and_the_phone_is_silenced_before_the_end(
    service: House, phase_s: float
) -> None:
    await people(service)
    call = await service.call()
    await service.until(call, State.TALKING)
    async with service.cut():
        before = service.time()
        done = await service.conductor.abort(call, by=PORTAL)
        assert (done.won, done.call.state) == (True, State.TALKING)
        assert service.time() - before < timedelta(seconds=3)
        await service.time.advance(60 + phase_s)
    assert (await service.end(call)).outcome == "cancelled"


async def test_an_order_to_dial_that_waits_for_asterisk_is_never_sent(service: House) -> None:
    await people(service)
    async with service.cut():
        call = await service.call()
        await service.time.advance(3)
        assert (await service.conductor.abort(call, by=PORTAL)).won
        assert (await service.end(call)).outcome == "cancelled"
    await service.time.advance(60)
    assert service.fake.rings == {}


async def test_an_abort_between_commit_and_ring(service: House) -> None:
    await people(service)
    service.fake.delays["dial"] = 1.0
    call = await service.call()
    await service.time.advance(0.5)
    abort = asyncio.create_task(service.conductor.abort(call, by=PORTAL))
    assert (await abort).won
    assert (await service.end(call)).outcome == "cancelled"
    assert service.fake.rings[ANNA] <= 1


@pytest.mark.parametrize("done", [True, False])
async def test_a_lost_answer_to_the_hang_up_is_asked_again(service: House, done: bool) -> None:
    await people(service)
    call = await service.call()
    await service.until(call, State.TALKING)
    service.fake.lose_reply("hang_up", done=done)
    assert (await service.conductor.abort(call, by=PORTAL)).won
    assert (await service.end(call)).outcome == "cancelled"


async def test_others_are_not_touched(service: House) -> None:
    for number in (ANNA, BORIS, VERA):
        service.fake.citizen(number)
    service.fake.agent("ann", hangs_up_after_s=30)
    calls = [await service.call(number) for number in (ANNA, BORIS, VERA)]
    await service.until(calls[1], State.QUEUED)
    await service.conductor.abort(calls[1], by=PORTAL)
    assert [(await service.end(call)).outcome for call in calls] == ["completed", "cancelled", "completed"]
