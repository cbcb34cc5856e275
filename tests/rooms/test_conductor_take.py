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


def taker(service: House) -> Taker:
    """The writer of the conductor at work."""
    return service.conductor._taker


def leg_of(call: Call) -> str:
    assert call.leg
    return call.leg


async def ringing(service: House, number: str = ANNA) -> Call:
    service.fake.citizen(number, answers=False)
    return await service.until(await service.call(number), State.RINGING)


def fact(call: Call, event: e.Event, service: House) -> TakeFact:
    return TakeFact(call.id, event, service.time(), "asterisk")


async def test_facts_that_come_together_are_committed_together(service: House) -> None:
    calls = [await ringing(service, number) for number in (ANNA, BORIS, VERA)]
    before = taker(service).tally.transactions
    answers = [taker(service).submit(fact(call, e.DeviceAnswered(leg_of(call)), service)) for call in calls]
    after = await asyncio.gather(*answers)
    assert [call.state for call in after] == [State.ANSWERED] * 3
    assert taker(service).tally.transactions == before + 1


async def test_facts_about_one_call_are_judged_one_after_another(service: House) -> None:
    call = await ringing(service)
    leg = leg_of(call)
    facts = [
        e.DeviceAnswered(leg),
        e.QueueJoined(leg, "support", 1),
        e.AgentRang(leg, "ann"),
        e.AgentDeclined(leg, "ann"),
        e.AgentRang(leg, "bob"),
        e.AgentAnswered(leg, "bob"),
    ]
    await asyncio.gather(*(taker(service).submit(fact(call, each, service)) for each in facts))
    assert (await service.path(call.id)).split()[2:] == [
        "ringing",
        "answered",
        "queued",
        "offered",
        "queued",
        "offered",
        "talking",
    ]
    assert (await service.present(call.id)).agent == "bob"


async def test_a_refused_fact_is_kept_and_changes_nothing(service: House) -> None:
    call = await ringing(service)
    after = await taker(service).submit(fact(call, e.Unheld(leg_of(call)), service))
    assert after == call
    assert ("asterisk", "Unheld", "refused") in await service.audit(call.id)


async def test_a_fact_about_no_call_of_ours_is_refused_and_takes_nobody_along(service: House) -> None:
    call = await ringing(service)
    stranger = TakeFact("call_stranger", e.DeviceRang("pb.call_stranger.1"), service.time(), "asterisk")
    answered = fact(call, e.DeviceAnswered(leg_of(call)), service)
    jobs = [taker(service).submit(stranger), taker(service).submit(answered)]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(results[0], errors.UnknownCall)
    assert isinstance(results[1], Call)
    assert results[1].state is State.ANSWERED


async def test_a_job_that_fails_takes_no_other_with_it(service: House) -> None:
    def poison(request: Request, at: Any) -> Opening:
        raise ZeroDivisionError("a fault of ours")

    call = await ringing(service)
    jobs = [
        taker(service).submit(OpenCall(wanted(BORIS), service.time(), poison)),
        taker(service).submit(fact(call, e.DeviceAnswered(leg_of(call)), service)),
        service.conductor.open(wanted(VERA)),
    ]
    broken, answered, opened = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(broken, ZeroDivisionError)
    assert isinstance(answered, Call)
    assert answered.state is State.ANSWERED
    assert not isinstance(opened, BaseException)
    assert (await service.history(opened.call_id))[0]["type"] == "call.accepted"


async def test_while_the_database_is_locked_facts_wait_and_nothing_is_lost(service: House) -> None:
    service.fake.agent("ann", hangs_up_after_s=5)
    service.fake.citizen(ANNA, after_s=4)
    call = await service.call()
    await service.until(call, State.RINGING)
    with service.locked():
        await service.time.advance(8)
        assert service.conductor.health()["database"]
        assert (await service.present(call)).state is State.RINGING
    end = await service.end(call)
    assert end.path == "requested dialing ringing answered queued offered talking ended"
    assert end.outcome == "completed"
    assert service.conductor.health()["database"] is None


async def test_while_the_database_is_locked_requests_are_told_at_once(service: House) -> None:
    with service.locked():
        before = service.time()
        with pytest.raises(errors.MemoryUnavailable):
            await service.conductor.open(wanted(ANNA))
        assert service.time() == before
    assert service.fake.rings == {}
    await service.conductor.open(wanted(ANNA))


async def test_after_the_database_was_away_the_same_key_makes_one_call(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=5)
    with service.locked(), pytest.raises(errors.MemoryUnavailable):
        await service.conductor.open(wanted(ANNA, key="k"))
    call = (await service.conductor.open(wanted(ANNA, key="k"))).call_id
    assert (await service.end(call)).outcome == "completed"
    assert service.fake.rings == {ANNA: 1}


async def test_deadlines_pass_while_the_database_is_locked(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    call = await service.call()
    await service.until(call, State.RINGING)
    with service.locked():
        await service.time.advance(120)
    end = await service.end(call)
    assert (end.outcome, end.cause.slug) == ("no_answer", "no_answer")


async def test_an_abort_waits_for_the_database_too(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    call = await service.call()
    await service.until(call, State.RINGING)
    with service.locked():
        abort = asyncio.create_task(service.conductor.abort(call, by="client:portal"))
        await service.time.advance(3)
        assert not abort.done()
    assert (await abort).won
    assert (await service.end(call)).outcome == "cancelled"
