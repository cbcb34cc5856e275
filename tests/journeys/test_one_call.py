"""From the button to the end, as a portal sees it: one request, one stream, one end."""

from __future__ import annotations

import asyncio

import pytest

from tests.ending import Ending
from tests.house import ANNA, BORIS, VERA, House
from tests.journeys.door import Door, devices

pytest_plugins = ("tests.house_plugin",)

SERVED = "requested dialing ringing answered queued offered talking ended"


async def test_the_citizen_talks_to_an_agent(service: House, door: Door) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=60)
    call = await door.portal.call(ANNA)
    end = await door.end(call)
    assert (end.path, end.outcome) == (SERVED, "completed")
    assert end.talked_to == ["ann"]
    assert service.fake.rings == {ANNA: 1}
    labels = list(dict.fromkeys(event["data"]["call"]["phase_label"] for event in end.events))
    assert labels == ["принято", "вызов", "соединение", "завершено"]


async def test_nothing_in_the_stream_tells_the_number(service: House, door: Door) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=5)
    end = await door.end(await door.portal.call(ANNA))
    assert ANNA not in str(end.events)
    assert ANNA[4:-4] not in str(end.events)


@pytest.mark.parametrize(
    ("way", "outcome"),
    [
        ({"busy": True}, "busy"),
        ({"declines": True}, "rejected"),
        ({"unknown": True}, "invalid_number"),
        ({"answers": False}, "no_answer"),
        ({"silent": True}, "unreachable"),
    ],
)
async def test_each_way_not_to_be_reached_is_told_in_words(
    service: House, door: Door, way: dict[str, bool], outcome: str
) -> None:
    service.fake.citizen(ANNA, **way)
    end = await door.end(await door.portal.call(ANNA))
    assert end.outcome == outcome
    assert end.words_ru


async def test_the_ladder_of_devices_is_climbed_to_the_one_that_answers(service: House, door: Door) -> None:
    service.fake.citizen(ANNA, busy=True)
    service.fake.citizen(BORIS, answers=False)
    service.fake.citizen(VERA)
    service.fake.agent("ann", hangs_up_after_s=5)
    end = await door.end(await door.portal.call(ANNA, devices=devices(ANNA, BORIS, VERA)))
    assert (end.outcome, end.call["attempt"]) == ("completed", 3)
    assert service.fake.rings == {ANNA: 1, BORIS: 1, VERA: 1}


async def test_nobody_is_there_to_answer(service: House, door: Door) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", lets_ring=True)
    end = await door.end(await door.portal.call(ANNA))
    assert end.outcome == "queue_timeout"


async def test_the_limit_of_the_request_is_kept(service: House, door: Door) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann")
    before = service.time.elapsed
    end = await door.end(await door.portal.call(ANNA, time_limit_s=90))
    assert end.outcome == "time_limit"
    assert 90 < service.time.elapsed - before < 100


async def test_abort_while_ringing_and_the_stream_ends(service: House, door: Door) -> None:
    service.fake.citizen(ANNA, answers=False)
    call = await door.portal.call(ANNA)
    stream = asyncio.create_task(door.end(call))
    await door.follows(call, "ringing")
    reply = await door.portal.abort(call)
    assert reply.status == 200
    assert (await stream).outcome == "cancelled"
    again = await door.portal.abort(call)
    assert again.status == 200


async def test_a_repeat_of_the_request_is_the_same_call(service: House, door: Door) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=5)
    replies = [await door.portal.initiate(ANNA, key="k", user="anna") for _ in range(3)]
    assert [reply.status for reply in replies] == [202] * 3
    assert len({reply.body["call"]["id"] for reply in replies}) == 1
    await door.end(replies[0].body["call"]["id"])
    assert service.fake.rings == {ANNA: 1}


async def test_a_citizen_who_has_a_call_is_told_which(service: House, door: Door) -> None:
    service.fake.citizen(ANNA, answers=False)
    call = await door.portal.call(ANNA, user="anna")
    await door.follows(call, "ringing")
    refusal = await door.portal.initiate(ANNA, user="anna")
    assert refusal.status == 409
    assert refusal.body["call_id"] == call


async def test_many_readers_read_the_same(service: House, door: Door) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=30)
    call = await door.portal.call(ANNA)
    stories = await asyncio.gather(*(door.follows(call) for _ in range(20)))
    assert all(story.events == stories[0].events for story in stories)
    assert Ending(stories[0].events).path == SERVED


async def test_a_reader_who_comes_back_reads_on_where_it_was(service: House, door: Door) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=30)
    call = await door.portal.call(ANNA)
    first = await door.follows(call, "queued")
    rest = [event async for event in door.portal.follow(call, after=first.sequences[-1])]
    whole = [*first.sequences, *(event["sequence"] for event in rest)]
    assert whole == list(range(1, len(whole) + 1))


async def test_twenty_citizens_and_three_agents(service: House, door: Door) -> None:
    service.fake.queue("support", wrapup_s=1)
    for name in ("ann", "bob", "cid"):
        service.fake.agent(name, hangs_up_after_s=20)
    numbers = [f"+791600000{place:02}" for place in range(20)]
    for place, number in enumerate(numbers):
        service.fake.citizen(number, after_s=1 + place / 10)
    calls = [await door.portal.call(number) for number in numbers]
    ends = await asyncio.gather(*(door.end(call) for call in calls))
    assert [end.outcome for end in ends] == ["completed"] * 20
    assert set(service.fake.rings.values()) == {1}
    assert {who for end in ends for who in end.talked_to} == {"ann", "bob", "cid"}
