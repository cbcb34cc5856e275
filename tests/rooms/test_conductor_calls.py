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


async def test_a_citizen_talks_to_an_agent(house: House) -> None:
    house.fake.citizen(ANNA, after_s=4)
    house.fake.agent("ann", after_s=3, hangs_up_after_s=60)
    end = await house.end(await house.call())
    assert end.path == SERVED
    assert (end.outcome, end.cause.slug) == ("completed", "agent_hung_up")
    assert end.talked_to == ["ann"]
    assert house.fake.rings == {ANNA: 1}


async def test_times_are_those_of_the_facts(house: House) -> None:
    house.fake.citizen(ANNA, after_s=4)
    house.fake.agent("ann", after_s=3, hangs_up_after_s=60)
    call = await house.present((await house.end(await house.call())).call["id"])
    assert call.answered_at is not None
    assert call.ended_at is not None
    assert timedelta(seconds=4) < call.answered_at - call.accepted_at < timedelta(seconds=4.2)
    assert timedelta(seconds=63) <= call.ended_at - call.answered_at < timedelta(seconds=64)


async def test_the_citizen_hangs_up_first(house: House) -> None:
    house.fake.citizen(ANNA, hangs_up_after_s=30)
    house.fake.agent("ann")
    end = await house.end(await house.call())
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
async def test_a_citizen_who_is_not_reached(house: House, way: dict[str, bool], outcome: str, slug: str) -> None:
    house.fake.citizen(ANNA, **way)
    house.fake.agent("ann")
    end = await house.end(await house.call())
    assert (end.outcome, end.cause.slug) == (outcome, slug)
    assert house.fake.rings == {ANNA: 1}


async def test_nobody_is_logged_in(house: House) -> None:
    house.fake.citizen(ANNA)
    house.fake.agent("ann", logged_in=False)
    end = await house.end(await house.call())
    assert (end.outcome, end.cause.slug) == ("queue_timeout", "queue_empty")


async def test_all_agents_let_it_ring(house: House) -> None:
    house.fake.citizen(ANNA)
    house.fake.agent("ann", lets_ring=True)
    end = await house.end(await house.call())
    assert (end.outcome, end.cause.slug) == ("queue_timeout", "queue_timeout")
    assert len(end.offered_to) > 5


async def test_the_first_agent_declines_and_the_second_answers(house: House) -> None:
    house.fake.citizen(ANNA)
    house.fake.agent("ann", declines=True)
    house.fake.agent("bob", hangs_up_after_s=10)
    end = await house.end(await house.call())
    assert end.path == "requested dialing ringing answered queued offered queued offered talking ended"
    assert end.offered_to == ["ann", "bob"]


async def test_the_talk_lasts_too_long(house: House) -> None:
    house.fake.citizen(ANNA)
    house.fake.agent("ann")
    end = await house.end(await house.call())
    assert (end.outcome, end.cause.slug) == ("time_limit", "time_limit")
    assert house.time() - NOON < timedelta(seconds=TERMS.time_limit_s + 5)


async def test_devices_are_tried_one_after_another(house: House) -> None:
    house.fake.citizen(ANNA, busy=True)
    house.fake.citizen(BORIS, answers=False)
    house.fake.citizen(VERA)
    house.fake.agent("ann", hangs_up_after_s=10)
    call = await house.call(devices=[mobile(ANNA), mobile(BORIS), mobile(VERA)])
    end = await house.end(call)
    assert end.path == f"requested dialing dialing ringing dialing {SERVED.partition('dialing ')[2]}"
    assert end.call["attempt"] == 3
    assert house.fake.rings == {ANNA: 1, BORIS: 1, VERA: 1}


async def test_everybody_gets_a_place_and_moves_up(house: House) -> None:
    for seconds, number in enumerate((ANNA, BORIS, VERA), start=1):
        house.fake.citizen(number, after_s=seconds)
    house.fake.agent("ann", after_s=5, hangs_up_after_s=60)
    calls = [await house.call(number) for number in (ANNA, BORIS, VERA)]
    ends = [await house.end(call) for call in calls]
    assert [end.outcome for end in ends] == ["completed"] * 3
    places = [event["data"]["call"]["queue"] for event in ends[2].events]
    positions = [place["position"] for place in places if place and place["position"]]
    assert list(dict.fromkeys(positions)) == [3, 2, 1]


async def test_a_call_for_tomorrow_rings_tomorrow(house: House) -> None:
    house.opening = closed_until(NOON + timedelta(hours=20))
    house.fake.citizen(ANNA)
    house.fake.agent("ann", hangs_up_after_s=10)
    call = await house.call()
    assert (await house.present(call)).state is State.SCHEDULED
    await house.time.advance(19 * 3600)
    assert house.fake.rings == {}
    ringing = await house.until(call, State.RINGING)
    assert ringing.dialled_at is not None
    assert timedelta(0) <= ringing.dialled_at - (NOON + timedelta(hours=20)) < timedelta(seconds=6)
    assert (await house.end(call)).outcome == "completed"


async def test_a_device_without_endpoint_is_no_mystery(house: House) -> None:
    house.fake.agent("ann")
    end = await house.end(await house.call(devices=[Device(DeviceKind.SIP, address="nobody")]))
    assert (end.outcome, end.cause.slug) == ("unreachable", "no_endpoint")


async def test_nothing_is_left_to_be_done(house: House) -> None:
    house.fake.citizen(ANNA, hangs_up_after_s=20)
    house.fake.agent("ann")
    await house.end(await house.call())
    await house.time.advance(60)
    assert await house.unsettled() == []
    assert await house.ledger.next_wake() is None
