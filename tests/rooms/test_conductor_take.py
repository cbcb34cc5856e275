"""The one door in: what comes together is written together, in order, and nobody suffers for another's fault."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.model import Call, Opening, Request
from pbx_bridge.call.states import State
from pbx_bridge.conductor import errors
from pbx_bridge.conductor.jobs import OpenCall, TakeFact
from pbx_bridge.conductor.take import Taker
from tests.house import ANNA, BORIS, VERA, House, wanted

pytest_plugins = ("tests.house_plugin",)


def taker(house: House) -> Taker:
    """The writer of the conductor at work."""
    return house.conductor._taker


def leg_of(call: Call) -> str:
    assert call.leg
    return call.leg


async def ringing(house: House, number: str = ANNA) -> Call:
    house.fake.citizen(number, answers=False)
    return await house.until(await house.call(number), State.RINGING)


def fact(call: Call, event: e.Event, house: House) -> TakeFact:
    return TakeFact(call.id, event, house.time(), "asterisk")


async def test_facts_that_come_together_are_committed_together(house: House) -> None:
    calls = [await ringing(house, number) for number in (ANNA, BORIS, VERA)]
    before = taker(house).tally.transactions
    answers = [taker(house).submit(fact(call, e.DeviceAnswered(leg_of(call)), house)) for call in calls]
    after = await asyncio.gather(*answers)
    assert [call.state for call in after] == [State.ANSWERED] * 3
    assert taker(house).tally.transactions == before + 1


async def test_facts_about_one_call_are_judged_one_after_another(house: House) -> None:
    call = await ringing(house)
    leg = leg_of(call)
    facts = [
        e.DeviceAnswered(leg),
        e.QueueJoined(leg, "support", 1),
        e.AgentRang(leg, "ann"),
        e.AgentDeclined(leg, "ann"),
        e.AgentRang(leg, "bob"),
        e.AgentAnswered(leg, "bob"),
    ]
    await asyncio.gather(*(taker(house).submit(fact(call, each, house)) for each in facts))
    assert (await house.path(call.id)).split()[2:] == [
        "ringing",
        "answered",
        "queued",
        "offered",
        "queued",
        "offered",
        "talking",
    ]
    assert (await house.present(call.id)).agent == "bob"


async def test_a_refused_fact_is_kept_and_changes_nothing(house: House) -> None:
    call = await ringing(house)
    after = await taker(house).submit(fact(call, e.Unheld(leg_of(call)), house))
    assert after == call
    assert ("asterisk", "Unheld", "refused") in await house.audit(call.id)


async def test_a_fact_about_no_call_of_ours_is_refused_and_takes_nobody_along(house: House) -> None:
    call = await ringing(house)
    stranger = TakeFact("call_stranger", e.DeviceRang("pb.call_stranger.1"), house.time(), "asterisk")
    answered = fact(call, e.DeviceAnswered(leg_of(call)), house)
    results = await asyncio.gather(taker(house).submit(stranger), taker(house).submit(answered), return_exceptions=True)
    assert isinstance(results[0], errors.UnknownCall)
    assert isinstance(results[1], Call)
    assert results[1].state is State.ANSWERED


async def test_a_job_that_fails_takes_no_other_with_it(house: House) -> None:
    def poison(request: Request, at: Any) -> Opening:
        raise ZeroDivisionError("a fault of ours")

    call = await ringing(house)
    jobs = [
        taker(house).submit(OpenCall(wanted(BORIS), house.time(), poison)),
        taker(house).submit(fact(call, e.DeviceAnswered(leg_of(call)), house)),
        house.conductor.open(wanted(VERA)),
    ]
    broken, answered, opened = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(broken, ZeroDivisionError)
    assert isinstance(answered, Call)
    assert answered.state is State.ANSWERED
    assert not isinstance(opened, BaseException)
    assert (await house.history(opened.call_id))[0]["type"] == "call.accepted"


async def test_while_the_database_is_locked_facts_wait_and_nothing_is_lost(house: House) -> None:
    house.fake.agent("ann", hangs_up_after_s=5)
    house.fake.citizen(ANNA, after_s=4)
    call = await house.call()
    await house.until(call, State.RINGING)
    with house.locked():
        await house.time.advance(8)
        assert house.conductor.health()["database"]
        assert (await house.present(call)).state is State.RINGING
    end = await house.end(call)
    assert end.path == "requested dialing ringing answered queued offered talking ended"
    assert end.outcome == "completed"
    assert house.conductor.health()["database"] is None


async def test_while_the_database_is_locked_requests_are_told_at_once(house: House) -> None:
    with house.locked():
        before = house.time()
        with pytest.raises(errors.MemoryUnavailable):
            await house.conductor.open(wanted(ANNA))
        assert house.time() == before
    assert house.fake.rings == {}
    await house.conductor.open(wanted(ANNA))


async def test_after_the_database_was_away_the_same_key_makes_one_call(house: House) -> None:
    house.fake.citizen(ANNA)
    house.fake.agent("ann", hangs_up_after_s=5)
    with house.locked(), pytest.raises(errors.MemoryUnavailable):
        await house.conductor.open(wanted(ANNA, key="k"))
    call = (await house.conductor.open(wanted(ANNA, key="k"))).call_id
    assert (await house.end(call)).outcome == "completed"
    assert house.fake.rings == {ANNA: 1}


async def test_deadlines_pass_while_the_database_is_locked(house: House) -> None:
    house.fake.citizen(ANNA, answers=False)
    call = await house.call()
    await house.until(call, State.RINGING)
    with house.locked():
        await house.time.advance(120)
    end = await house.end(call)
    assert (end.outcome, end.cause.slug) == ("no_answer", "no_answer")


async def test_an_abort_waits_for_the_database_too(house: House) -> None:
    house.fake.citizen(ANNA, answers=False)
    call = await house.call()
    await house.until(call, State.RINGING)
    with house.locked():
        abort = asyncio.create_task(house.conductor.abort(call, by="client:portal"))
        await house.time.advance(3)
        assert not abort.done()
    assert (await abort).won
    assert (await house.end(call)).outcome == "cancelled"
