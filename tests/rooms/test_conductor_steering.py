"""Who talks is sent on, and limited anew; the service may be cut off or die in the middle of it."""

from __future__ import annotations

from datetime import datetime

import pytest

from pbx_bridge.call.states import State
from pbx_bridge.conductor.errors import NotSteerable, RevisionPassed, UnknownCall
from pbx_bridge.conductor.steering import Target
from pbx_bridge.phone import Phone
from tests.house import ANNA, BORIS, House

pytest_plugins = ("tests.house_plugin",)

BOSS = "client:boss"
OUTSIDE = Target(number=Phone(BORIS))
TALK = "requested dialing ringing answered queued offered talking"


async def talking(service: House, hangs_up_after_s: float | None = None) -> str:
    """Anna talks to ann."""
    service.fake.citizen(ANNA, after_s=1)
    service.fake.agent("ann", after_s=1, hangs_up_after_s=hangs_up_after_s)
    call = await service.call()
    await service.until(call, State.TALKING)
    return call


async def test_somebody_outside_takes_over(service: House) -> None:
    call = await talking(service)
    service.fake.citizen(BORIS, after_s=5, hangs_up_after_s=60)
    sent = await service.conductor.redirect(call, OUTSIDE, by=BOSS)
    assert sent.transfer
    assert sent.transfer.number == "+7916***2222"
    assert (await service.until(call, State.TALKING)).outside == "+7916***2222"
    end = await service.end(call)
    assert end.path == f"{TALK} transferring talking ended"
    assert end.cause.slug == "agent_hung_up"
    assert BORIS not in str(end.events)


async def test_nobody_outside_and_the_citizen_is_back_with_the_agents(service: House) -> None:
    call = await talking(service, hangs_up_after_s=60)
    service.fake.citizen(BORIS, busy=True)
    await service.conductor.redirect(call, OUTSIDE, by=BOSS)
    end = await service.end(call)
    assert end.path == f"{TALK} transferring queued offered talking ended"
    assert service.fake.rings[ANNA] == 1


async def test_a_number_that_died_with_the_service_is_forgotten_and_the_citizen_stays(service: House) -> None:
    call = await talking(service, hangs_up_after_s=300)
    boris = service.fake.citizen(BORIS)
    service.fake.cut()
    await service.conductor.redirect(call, OUTSIDE, by=BOSS)
    async with service.away():
        service.fake.mend()
    present = await service.until(call, State.TALKING)
    assert (present.agent, present.transfer) == ("ann", None)
    assert boris.rung == 0
    assert (await service.end(call)).path == f"{TALK} transferring talking ended"


async def test_a_queue_that_was_asked_for_in_a_former_life_is_reached_in_the_next(service: House) -> None:
    call = await talking(service)
    service.fake.agent("eve", "sales", after_s=1, hangs_up_after_s=20)
    service.fake.cut()
    await service.conductor.redirect(call, Target(queue="sales"), by=BOSS)
    async with service.away():
        service.fake.mend()
    end = await service.end(call)
    assert end.path == f"{TALK} transferring queued offered talking ended"
    assert end.talked_to == ["ann", "eve"]


async def test_who_decided_on_an_older_picture_is_told_so(service: House) -> None:
    call = await talking(service)
    seen = (await service.present(call)).revision
    with pytest.raises(RevisionPassed):
        await service.conductor.redirect(call, Target(queue="sales"), by=BOSS, if_revision=seen - 1)
    await service.conductor.abort(call, by=BOSS)
    with pytest.raises(NotSteerable, match="ended"):
        await service.conductor.redirect(call, Target(queue="sales"), by=BOSS)
    with pytest.raises(UnknownCall):
        await service.conductor.redirect("call_none", Target(queue="sales"), by=BOSS)


# ── the time limit ───────────────────────────────────────────────────────────────────────────────────────
async def test_a_shorter_limit_ends_the_talk_though_the_service_is_dead(service: House) -> None:
    call = await talking(service)
    limited = await service.conductor.limit(call, 120, by=BOSS)
    await service.works(1)
    async with service.away():
        await service.time.advance(600)
    end = await service.end(call)
    assert end.cause.slug == "time_limit"
    assert limited.answered_at
    assert 119 <= (end.ended_at - limited.answered_at).total_seconds() <= 122


async def test_a_longer_limit_lets_the_talk_go_on(service: House) -> None:
    call = await talking(service, hangs_up_after_s=2000)
    await service.conductor.limit(call, 3600, by=BOSS)
    assert (await service.end(call)).cause.slug == "agent_hung_up"


async def test_a_minute_before_the_end_it_is_said_once(service: House) -> None:
    call = await talking(service)
    end = await service.end(call)
    warned = [event for event in end.events if event["type"] == "call.limit_warning"]
    assert len(warned) == 1
    assert end.cause.slug == "time_limit"
    limit_at = warned[0]["data"]["call"]["limit_at"]
    assert (_moment(limit_at) - _moment(warned[0]["time"])).total_seconds() == pytest.approx(60, abs=1)


def _moment(text: object) -> datetime:
    return text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
