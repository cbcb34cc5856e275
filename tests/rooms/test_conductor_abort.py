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


async def people(house: House) -> None:
    """Anna answers after 5 s, ann after another 5 s; they talk until somebody ends it."""
    house.fake.citizen(ANNA, after_s=5)
    house.fake.agent("ann", after_s=5)


@pytest.mark.parametrize(
    "state", [State.DIALING, State.RINGING, State.ANSWERED, State.QUEUED, State.OFFERED, State.TALKING]
)
async def test_in_every_state_an_abort_silences_the_phone_and_ends_the_call(house: House, state: State) -> None:
    await people(house)
    call = await house.call()
    await house.until(call, state)
    done = await house.conductor.abort(call, by=PORTAL)
    assert (done.won, done.call.state) == (True, State.ENDED)
    end = await house.end(call)
    assert (end.outcome, end.cause.slug) == ("cancelled", "aborted")
    assert house.fake.rings[ANNA] <= 1
    await house.time.advance(120)
    assert house.fake.rings[ANNA] <= 1


async def test_while_a_citizen_waits_for_a_free_agent(house: House) -> None:
    house.fake.citizen(ANNA)
    house.fake.agent("ann", paused=True)
    call = await house.call()
    await house.until(call, State.QUEUED)
    assert (await house.conductor.abort(call, by=PORTAL)).won
    assert (await house.end(call)).outcome == "cancelled"


async def test_a_call_for_tomorrow_is_cancelled_without_a_ring(house: House) -> None:
    house.opening = closed_until(NOON + timedelta(hours=20))
    house.fake.citizen(ANNA)
    call = await house.call()
    assert (await house.conductor.abort(call, by=PORTAL)).won
    await house.time.advance(21 * 3600)
    assert house.fake.rings == {}


async def test_an_abort_leaves_the_other_devices_alone(house: House) -> None:
    house.fake.citizen(ANNA, answers=False)
    house.fake.citizen(BORIS)
    call = await house.call(devices=[mobile(ANNA), mobile(BORIS)])
    await house.until(call, State.RINGING)
    await house.conductor.abort(call, by=PORTAL)
    assert (await house.end(call)).outcome == "cancelled"
    assert house.fake.rings == {ANNA: 1}


async def test_twice_at_once_is_once(house: House) -> None:
    await people(house)
    call = await house.call()
    await house.until(call, State.TALKING)
    one, other = await asyncio.gather(*(house.conductor.abort(call, by=PORTAL) for _ in range(2)))
    assert (one.won, other.won) == (True, True)
    end = await house.end(call)
    assert [event["type"] for event in end.events].count("call.ended") == 1


async def test_a_repeat_says_the_same(house: House) -> None:
    await people(house)
    call = await house.call()
    await house.until(call, State.RINGING)
    first = await house.conductor.abort(call, by=PORTAL)
    assert await house.conductor.abort(call, by=PORTAL) == first


async def test_what_was_quicker_has_won(house: House) -> None:
    house.fake.citizen(ANNA, busy=True)
    call = await house.call()
    await house.end(call)
    late = await house.conductor.abort(call, by=PORTAL)
    assert not late.won
    assert late.call.outcome == "busy"


async def test_a_citizen_who_hangs_up_while_the_abort_is_under_way_changes_nothing(house: House) -> None:
    anna = house.fake.citizen(ANNA)
    house.fake.agent("ann")
    house.fake.delays["hang_up"] = 1.0
    call = await house.call()
    await house.until(call, State.TALKING)
    abort = asyncio.create_task(house.conductor.abort(call, by=PORTAL))
    await house.time.advance(0.5)
    anna.hang_up()
    assert (await abort).won
    assert (await house.end(call)).outcome == "cancelled"


async def test_only_the_revision_that_was_seen_is_aborted(house: House) -> None:
    await people(house)
    call = await house.call()
    seen = await house.until(call, State.RINGING)
    await house.until(call, State.TALKING)
    with pytest.raises(errors.RevisionPassed):
        await house.conductor.abort(call, by=PORTAL, if_revision=seen.revision)
    present = await house.present(call)
    assert present.state is State.TALKING
    assert (await house.conductor.abort(call, by=PORTAL, if_revision=present.revision)).won


async def test_a_call_that_is_not_there(house: House) -> None:
    with pytest.raises(errors.UnknownCall):
        await house.conductor.abort("call_nobody", by=PORTAL)


async def test_while_asterisk_is_away_the_answer_comes_in_time_and_the_phone_is_silenced_later(house: House) -> None:
    await people(house)
    call = await house.call()
    await house.until(call, State.TALKING)
    async with house.cut():
        before = house.time()
        done = await house.conductor.abort(call, by=PORTAL)
        assert (done.won, done.call.state) == (True, State.TALKING)
        assert house.time() - before < timedelta(seconds=3)
        await house.time.advance(60)
    assert (await house.end(call)).outcome == "cancelled"


async def test_an_order_to_dial_that_waits_for_asterisk_is_never_sent(house: House) -> None:
    await people(house)
    async with house.cut():
        call = await house.call()
        await house.time.advance(3)
        assert (await house.conductor.abort(call, by=PORTAL)).won
        assert (await house.end(call)).outcome == "cancelled"
    await house.time.advance(60)
    assert house.fake.rings == {}


async def test_an_abort_between_commit_and_ring(house: House) -> None:
    await people(house)
    house.fake.delays["dial"] = 1.0
    call = await house.call()
    await house.time.advance(0.5)
    abort = asyncio.create_task(house.conductor.abort(call, by=PORTAL))
    assert (await abort).won
    assert (await house.end(call)).outcome == "cancelled"
    assert house.fake.rings[ANNA] <= 1


@pytest.mark.parametrize("done", [True, False])
async def test_a_lost_answer_to_the_hang_up_is_asked_again(house: House, done: bool) -> None:
    await people(house)
    call = await house.call()
    await house.until(call, State.TALKING)
    house.fake.lose_reply("hang_up", done=done)
    assert (await house.conductor.abort(call, by=PORTAL)).won
    assert (await house.end(call)).outcome == "cancelled"


async def test_others_are_not_touched(house: House) -> None:
    for number in (ANNA, BORIS, VERA):
        house.fake.citizen(number)
    house.fake.agent("ann", hangs_up_after_s=30)
    calls = [await house.call(number) for number in (ANNA, BORIS, VERA)]
    await house.until(calls[1], State.QUEUED)
    await house.conductor.abort(calls[1], by=PORTAL)
    assert [(await house.end(call)).outcome for call in calls] == ["completed", "cancelled", "completed"]
