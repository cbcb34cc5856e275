"""Whole calls through the loop, with nothing going wrong: the table, the ledger and the exchange fit together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pbx_bridge.call.model import Device, DeviceKind
from pbx_bridge.call.states import State
from tests.house import ANNA, BORIS, TERMS, VERA, House, closed_until, mobile
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)

SERVED = "requested dialing ringing answered queued offered talking ended"


async def test_a_citizen_talks_to_an_agent(service: House) -> None:
    service.fake.citizen(ANNA, after_s=4)
    service.fake.agent("ann", after_s=3, hangs_up_after_s=60)
    end = await service.end(await service.call())
    assert end.path == SERVED
    assert (end.outcome, end.cause.slug) == ("completed", "agent_hung_up")
    assert end.talked_to == ["ann"]
    assert service.fake.rings == {ANNA: 1}


async def test_times_are_those_of_the_facts(service: House) -> None:
    service.fake.citizen(ANNA, after_s=4)
    service.fake.agent("ann", after_s=3, hangs_up_after_s=60)
    call = await service.present((await service.end(await service.call())).call["id"])
    assert call.answered_at is not None
    assert call.ended_at is not None
    assert timedelta(seconds=4) < call.answered_at - call.accepted_at < timedelta(seconds=4.2)
    assert timedelta(seconds=63) <= call.ended_at - call.answered_at < timedelta(seconds=64)


async def test_the_citizen_hangs_up_first(service: House) -> None:
    service.fake.citizen(ANNA, hangs_up_after_s=30)
    service.fake.agent("ann")
    end = await service.end(await service.call())
    assert (end.outcome, end.cause.slug) == ("completed", "citizen_hung_up")


@pytest.mark.parametrize(
    ("way", "outcome", "slug"),
    [
        ({"busy": True}, "busy", "busy"),
        ({"declines": True}, "rejected", "rejected"),
        ({"unknown": True}, "invalid_number", "unknown_number"),
        ({"answers": False}, "no_answer", "no_answer"),
        ({"silent": True}, "unreachable", "silent_device"),
        ({"refuses": 480}, "unreachable", "unavailable"),
        ({"refuses": 503}, "congestion", "congestion"),
    ],
)
async def test_a_citizen_who_is_not_reached(service: House, way: dict[str, bool], outcome: str, slug: str) -> None:
    service.fake.citizen(ANNA, **way)
    service.fake.agent("ann")
    end = await service.end(await service.call())
    assert (end.outcome, end.cause.slug) == (outcome, slug)
    assert service.fake.rings == {ANNA: 1}


async def test_nobody_is_logged_in(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", logged_in=False)
    end = await service.end(await service.call())
    assert (end.outcome, end.cause.slug) == ("queue_timeout", "queue_empty")


async def test_all_agents_let_it_ring(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", lets_ring=True)
    end = await service.end(await service.call())
    assert (end.outcome, end.cause.slug) == ("queue_timeout", "queue_timeout")
    assert len(end.offered_to) > 5


async def test_the_first_agent_declines_and_the_second_answers(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", declines=True)
    service.fake.agent("bob", hangs_up_after_s=10)
    end = await service.end(await service.call())
    assert end.path == "requested dialing ringing answered queued offered queued offered talking ended"
    assert end.offered_to == ["ann", "bob"]


async def test_the_talk_lasts_too_long(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann")
    end = await service.end(await service.call())
    assert (end.outcome, end.cause.slug) == ("time_limit", "time_limit")
    assert service.time() - NOON < timedelta(seconds=TERMS.time_limit_s + 5)


async def test_devices_are_tried_one_after_another(service: House) -> None:
    service.fake.citizen(ANNA, busy=True)
    service.fake.citizen(BORIS, answers=False)
    service.fake.citizen(VERA)
    service.fake.agent("ann", hangs_up_after_s=10)
    call = await service.call(devices=[mobile(ANNA), mobile(BORIS), mobile(VERA)])
    end = await service.end(call)
    assert end.path == f"requested dialing dialing ringing dialing {SERVED.partition('dialing ')[2]}"
    assert end.call["attempt"] == 3
    assert service.fake.rings == {ANNA: 1, BORIS: 1, VERA: 1}


async def test_everybody_gets_a_place_and_moves_up(service: House) -> None:
    for seconds, number in enumerate((ANNA, BORIS, VERA), start=1):
        service.fake.citizen(number, after_s=seconds)
    service.fake.agent("ann", after_s=5, hangs_up_after_s=60)
    calls = [await service.call(number) for number in (ANNA, BORIS, VERA)]
    ends = [await service.end(call) for call in calls]
    assert [end.outcome for end in ends] == ["completed"] * 3
    places = [event["data"]["call"]["queue"] for event in ends[2].events]
    positions = [place["position"] for place in places if place and place["position"]]
    assert list(dict.fromkeys(positions)) == [3, 2, 1]


async def test_a_call_for_tomorrow_rings_tomorrow(service: House) -> None:
    service.opening = closed_until(NOON + timedelta(hours=20))
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=10)
    call = await service.call()
    assert (await service.present(call)).state is State.SCHEDULED
    await service.time.advance(19 * 3600)
    assert service.fake.rings == {}
    ringing = await service.until(call, State.RINGING)
    assert ringing.dialled_at is not None
    assert timedelta(0) <= ringing.dialled_at - (NOON + timedelta(hours=20)) < timedelta(seconds=6)
    assert (await service.end(call)).outcome == "completed"


async def test_a_device_without_endpoint_is_no_mystery(service: House) -> None:
    service.fake.agent("ann")
    end = await service.end(await service.call(devices=[Device(DeviceKind.SIP, address="nobody")]))
    assert (end.outcome, end.cause.slug) == ("unreachable", "no_endpoint")


async def test_nothing_is_left_to_be_done(service: House) -> None:
    service.fake.citizen(ANNA, hangs_up_after_s=20)
    service.fake.agent("ann")
    await service.end(await service.call())
    await service.time.advance(60)
    assert await service.unsettled() == []
    assert await service.ledger.next_wake() is None
