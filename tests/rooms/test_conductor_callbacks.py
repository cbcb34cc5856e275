"""Calls that wait for their time: hours, the citizen's night, the order of requests, agents, the citizen's wishes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from pbx_bridge.call.model import Terms, WhenFull, Why
from pbx_bridge.call.states import State
from pbx_bridge.conductor import errors
from pbx_bridge.directory.service import Callbacks, Directory, Limits, Service
from pbx_bridge.directory.terms import terms_for
from pbx_bridge.hours.period import Period
from pbx_bridge.hours.schedule import ALWAYS, DESK, Override
from pbx_bridge.line.pacing import Rules
from tests.house import ANNA, BORIS, TERMS, VERA, House
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)

#: 15:00 in Moscow; the desk is open until 20:00, and from 9:00 on the next day.
CLOSES, OPENS = NOON + timedelta(hours=5), NOON + timedelta(hours=18)
SUPPORT = Service("support", "support", DESK, callbacks=Callbacks(Rules(attempts=3, pauses_s=(600, 1800), least=1)))
EARLY = OPENS - timedelta(hours=1)


def directory(*services: Service) -> Directory:
    return Directory({each.id: each for each in services})


@pytest.fixture
async def desk(service: House) -> House:
    """A support line with its hours."""
    service.directory = directory(SUPPORT)
    return service


def early(desk: House) -> None:
    """It is the next morning, an hour before the desk opens."""
    desk.time.set_clock(EARLY - desk.time())


async def ask(desk: House, number: str = ANNA, zone: str = "Europe/Moscow", base: Terms = TERMS) -> str:
    """Ask for a call on the terms of the service, as the portal does."""
    terms = terms_for(desk.directory.services["support"], base, None)
    return await desk.call(number, terms=terms, zone=zone)


async def test_out_of_hours_a_request_is_kept_and_says_until_when_and_why(desk: House) -> None:
    early(desk)
    call = await desk.present(await ask(desk))
    assert call.state is State.SCHEDULED
    assert call.scheduled_for == OPENS
    assert call.reason is not None
    assert (call.reason.why, bool(call.reason.ru), bool(call.reason.en)) == (Why.CLOSED, True, True)


async def test_it_is_dialled_when_the_desk_opens_and_not_before(desk: House) -> None:
    desk.fake.citizen(ANNA)
    desk.fake.agent("ann", hangs_up_after_s=60)
    early(desk)
    call = await ask(desk)
    ringing = await desk.until(call, State.RINGING, within_s=20 * 3600)
    assert ringing.dialled_at is not None
    assert timedelta(0) <= ringing.dialled_at - OPENS < timedelta(seconds=1)
    assert (await desk.end(call)).outcome == "completed"
    assert desk.fake.rings == {ANNA: 1}


async def test_who_asked_first_is_called_first_and_nobody_rings_for_whom_no_agent_is_expected(desk: House) -> None:
    desk.fake.agent("ann", hangs_up_after_s=120)
    early(desk)
    order = []
    for number in (VERA, ANNA, BORIS):
        desk.fake.citizen(number)
        order.append(await ask(desk, number))
        await desk.time.advance(60)
    ends = [await desk.end(call) for call in order]
    assert [end.outcome for end in ends] == ["completed"] * 3
    dialled = [(await desk.present(call)).dialled_at for call in order]
    for before, after in pairwise(dialled):
        assert before is not None
        assert after is not None
        # The talk of the one before lasted two minutes; ann could not have taken the next one sooner.
        assert after - before >= timedelta(seconds=100)


async def test_somebody_for_whom_it_is_night_is_called_when_it_is_day(desk: House) -> None:
    desk.fake.citizen(ANNA)
    desk.fake.agent("ann", hangs_up_after_s=60)
    early(desk)
    call = await ask(desk, zone="America/New_York")
    scheduled = await desk.present(call)
    # 8:00 in New York is 16:00 in Moscow.
    assert scheduled.scheduled_for == datetime(2026, 1, 13, 13, tzinfo=UTC)
    ringing = await desk.until(call, State.RINGING, within_s=30 * 3600)
    assert ringing.dialled_at is not None
    assert ringing.dialled_at >= datetime(2026, 1, 13, 13, tzinfo=UTC)


async def test_who_is_not_reached_is_tried_again_after_rising_pauses_and_then_told(desk: House) -> None:
    desk.fake.citizen(ANNA, answers=False)
    desk.fake.agent("ann")
    early(desk)
    call = await ask(desk)
    end = await desk.end(call)
    assert (end.outcome, desk.fake.rings) == ("no_answer", {ANNA: 3})
    rung = [datetime.fromisoformat(event["time"]) for event in await desk.history(call)
            if event["data"]["call"]["state"] == "ringing"]  # fmt: skip
    pauses = [after - before for before, after in pairwise(rung)]
    ring = timedelta(seconds=TERMS.ring_s)
    for pause, wanted in zip(pauses, (600, 1800), strict=True):
        assert timedelta(0) <= pause - ring - timedelta(seconds=wanted) < timedelta(seconds=2)


async def test_a_retry_never_falls_into_the_time_when_the_desk_is_closed(desk: House) -> None:
    desk.fake.citizen(ANNA, answers=False)
    desk.fake.agent("ann")
    hours = replace(DESK, week=((Period(9 * 60, 9 * 60 + 5),),) * 7)
    desk.directory = directory(replace(SUPPORT, hours=hours))
    call = await ask(desk)
    for _ in range(3):
        waits = await desk.until(call, State.SCHEDULED)
        assert waits.scheduled_for is not None
        desk.time.set_clock(waits.scheduled_for - desk.time() - timedelta(seconds=30))
        await desk.until(call, State.RINGING)
    assert (await desk.end(call)).outcome == "no_answer"
    days = [event["data"]["call"]["scheduled_for"] for event in await desk.history(call)
            if event["type"] == "call.scheduled"]  # fmt: skip
    assert days == [f"2026-01-{day}T06:00:00.000Z" for day in (13, 14, 15)]


async def test_a_citizen_may_choose_another_time(desk: House) -> None:
    desk.fake.citizen(ANNA)
    desk.fake.agent("ann", hangs_up_after_s=60)
    early(desk)
    call = await ask(desk)
    moved = await desk.conductor.move(call, OPENS + timedelta(hours=2), by="client:portal")
    assert moved.scheduled_for == OPENS + timedelta(hours=2)
    assert moved.reason is not None
    assert moved.reason.why is Why.ASKED
    ringing = await desk.until(call, State.RINGING, within_s=30 * 3600)
    assert ringing.dialled_at is not None
    assert ringing.dialled_at >= OPENS + timedelta(hours=2)


async def test_a_time_out_of_hours_becomes_the_next_one_that_is_not(desk: House) -> None:
    early(desk)
    moved = await desk.conductor.move(await ask(desk), OPENS + timedelta(hours=15), by="client:portal")
    assert moved.scheduled_for == OPENS + timedelta(days=1)


async def test_a_time_that_the_desks_hours_put_beyond_the_requests_life_is_refused(desk: House) -> None:
    early(desk)
    call = await ask(desk)
    known = await desk.present(call)
    kept_until = known.accepted_at + timedelta(seconds=known.terms.keep_s)
    with pytest.raises(errors.NotMovable, match="no time like that"):
        await desk.conductor.move(call, kept_until - timedelta(hours=1), by="client:portal")
    assert (await desk.present(call)).scheduled_for == known.scheduled_for


async def test_a_call_that_goes_on_cannot_be_put_off(desk: House) -> None:
    desk.fake.citizen(ANNA, answers=False)
    call = await ask(desk)
    await desk.until(call, State.RINGING)
    with pytest.raises(errors.NotMovable, match="ringing"):
        await desk.conductor.move(call, OPENS, by="client:portal")


async def test_a_callback_can_be_cancelled(desk: House) -> None:
    early(desk)
    call = await ask(desk)
    assert (await desk.conductor.abort(call, by="client:portal")).won
    await desk.time.advance(20 * 3600)
    assert desk.fake.rings == {}


async def test_who_waits_in_the_line_may_keep_the_place_and_be_called_back(desk: House) -> None:
    desk.fake.agent("ann", hangs_up_after_s=100)
    for number in (ANNA, BORIS):
        desk.fake.citizen(number)
    first = await ask(desk, BORIS)
    await desk.until(first, State.TALKING)
    call = await ask(desk)
    await desk.until(call, State.QUEUED)
    kept = await desk.conductor.keep_place(call, by="client:portal")
    assert kept.state is State.SCHEDULED
    assert kept.reason is not None
    assert kept.reason.why is Why.KEPT
    talking = await desk.until(call, State.TALKING)
    assert (talking.callback, talking.attempt) == (True, 2)
    assert desk.fake.rings[ANNA] == 2


async def test_a_full_line_becomes_a_callback(desk: House) -> None:
    desk.directory = directory(replace(SUPPORT, limits=Limits(size=1)))
    desk.fake.agent("ann", hangs_up_after_s=100)
    for number in (ANNA, BORIS, VERA):
        desk.fake.citizen(number)
    await desk.until(await ask(desk, BORIS), State.TALKING)
    await desk.until(await ask(desk, VERA), State.QUEUED)
    call = await desk.present(await ask(desk))
    assert call.reason is not None
    assert (call.state, call.reason.why) == (State.SCHEDULED, Why.CROWDED)
    assert (await desk.end(call.id)).outcome == "completed"


async def test_a_full_line_overflows_into_another_queue(desk: House) -> None:
    limits = Limits(size=1, then=WhenFull.OVERFLOW, overflow="second")
    desk.directory = directory(replace(SUPPORT, limits=limits))
    desk.fake.agent("ann")
    desk.fake.agent("eve", "second", hangs_up_after_s=10)
    for number in (ANNA, BORIS, VERA):
        desk.fake.citizen(number)
    await desk.until(await ask(desk, BORIS), State.TALKING)
    await desk.until(await ask(desk, VERA), State.QUEUED)
    talks = await desk.until(await ask(desk), State.TALKING)
    assert (talks.agent, talks.queue) == ("eve", "second")


async def test_a_full_line_without_another_way_is_said_at_once(desk: House) -> None:
    desk.directory = directory(replace(SUPPORT, limits=Limits(size=1, then=WhenFull.END)))
    desk.fake.agent("ann")
    for number in (ANNA, BORIS, VERA):
        desk.fake.citizen(number)
    await desk.until(await ask(desk, BORIS), State.TALKING)
    await desk.until(await ask(desk, VERA), State.QUEUED)
    end = await desk.end(await ask(desk))
    assert (end.outcome, end.cause.slug) == ("congestion", "queue_full")
    assert desk.fake.rings[ANNA] == 0


async def test_a_citizen_who_talks_to_us_is_called_back_after_that(desk: House) -> None:
    other = replace(SUPPORT, id="reference", queue="reference", hours=ALWAYS)
    desk.directory = directory(SUPPORT, other)
    desk.fake.citizen(ANNA)
    desk.fake.agent("ann", hangs_up_after_s=60)
    desk.fake.agent("eve", "reference", hangs_up_after_s=600)
    desk.time.set_clock(OPENS - timedelta(seconds=60) - NOON)
    waits = await ask(desk)
    talk = await desk.call(ANNA, service="reference", queue="reference")
    await desk.until(talk, State.TALKING)
    await desk.time.advance(120)
    busy = await desk.present(waits)
    assert busy.reason is not None
    assert (busy.state, busy.reason.why) == (State.SCHEDULED, Why.BUSY)
    await desk.until(talk, State.ENDED)
    assert (await desk.end(waits)).outcome == "completed"


async def test_a_restart_in_the_middle_calls_nobody_twice_and_nobody_never(desk: House) -> None:
    numbers = [f"+7916{place:07}" for place in range(40)]
    for name in ("ann", "bob", "cat"):
        desk.fake.agent(name, hangs_up_after_s=90)
    early(desk)
    calls = []
    for number in numbers:
        desk.fake.citizen(number)
        calls.append(await ask(desk, number))
    await desk.time.advance((OPENS - desk.time()).total_seconds())
    for pause in (0.5, 3, 40, 100, 7, 300):
        await desk.time.advance(pause)
        await desk.restart()
    for call in calls:
        assert (await desk.end(call)).outcome == "completed"
    assert desk.fake.rings == dict.fromkeys(numbers, 1)


async def test_a_clock_that_is_set_forward_and_back_calls_nobody_twice(desk: House) -> None:
    desk.fake.citizen(ANNA)
    desk.fake.agent("ann", hangs_up_after_s=60)
    early(desk)
    call = await ask(desk)
    desk.time.set_clock(timedelta(hours=2))
    await desk.until(call, State.RINGING, within_s=60)
    desk.time.set_clock(timedelta(hours=-2))
    await desk.until(call, State.ENDED, within_s=30 * 3600)
    assert desk.fake.rings == {ANNA: 1}


async def test_other_hours_are_other_times_for_those_who_wait(desk: House) -> None:
    desk.fake.citizen(ANNA)
    desk.fake.agent("ann", hangs_up_after_s=60)
    early(desk)
    call = await ask(desk)
    closed = Override(OPENS.date(), OPENS.date(), (), "переезд", "moving")
    desk.directory = directory(replace(SUPPORT, hours=replace(DESK, overrides=(closed,))))
    desk.conductor.reloaded()
    await desk.time.advance(30)
    later = await desk.present(call)
    assert later.scheduled_for == OPENS + timedelta(days=1)
    desk.directory = directory(replace(SUPPORT, hours=ALWAYS))
    desk.conductor.reloaded()
    await desk.until(call, State.RINGING, within_s=60)
    assert (await desk.end(call)).outcome == "completed"


async def test_a_service_that_is_gone_from_the_directory_forgets_nobody(desk: House) -> None:
    desk.fake.citizen(ANNA)
    desk.fake.agent("ann", hangs_up_after_s=60)
    early(desk)
    call = await ask(desk)
    desk.directory = directory()
    desk.conductor.reloaded()
    assert (await desk.end(call)).outcome == "completed"


async def test_one_callback_is_enough_for_one_citizen_and_service(desk: House) -> None:
    desk.fake.agent("ann", hangs_up_after_s=600)
    for number in (ANNA, BORIS):
        desk.fake.citizen(number)
    await desk.until(await ask(desk, BORIS), State.TALKING)
    waits = await ask(desk)
    await desk.until(waits, State.QUEUED)
    later = await desk.call(ANNA, when=OPENS)
    assert (await desk.present(later)).state is State.SCHEDULED
    await desk.conductor.keep_place(waits, by="client:portal")
    merged = await desk.until(waits, State.ENDED)
    assert merged.cause is not None
    assert merged.cause.slug == "callback_merged"
