"""A request for a call: asked once or twenty times, it is one call, and one citizen has one."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pbx_bridge.call.states import State
from pbx_bridge.conductor import errors
from pbx_bridge.conductor.conductor import Opened
from tests.house import ANNA, BORIS, House, closed_until, wanted
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)


async def test_twenty_at_once_with_one_key_are_one_call_and_one_ring(house: House) -> None:
    house.fake.citizen(ANNA)
    house.fake.agent("ann", hangs_up_after_s=10)
    opened = await asyncio.gather(*(house.conductor.open(wanted(ANNA, key="k")) for _ in range(20)))
    assert len({each.call_id for each in opened}) == 1
    assert sorted(each.replayed for each in opened) == [False] + [True] * 19
    assert all(each.answer == opened[0].answer for each in opened)
    await house.end(opened[0].call_id)
    assert house.fake.rings == {ANNA: 1}


async def test_the_answer_of_a_repeat_is_the_first_answer_however_far_the_call_is(house: House) -> None:
    house.fake.citizen(ANNA, busy=True)
    first = await house.conductor.open(wanted(ANNA, key="k"))
    await house.end(first.call_id)
    again = await house.conductor.open(wanted(ANNA, key="k"))
    assert again == Opened(first.call_id, first.answer, replayed=True)
    assert first.answer["state"] == "requested"


async def test_a_key_is_remembered_by_the_next_life(house: House) -> None:
    house.fake.citizen(ANNA, busy=True)
    first = await house.conductor.open(wanted(ANNA, key="k"))
    await house.restart()
    assert (await house.conductor.open(wanted(ANNA, key="k"))).call_id == first.call_id
    await house.end(first.call_id)
    assert house.fake.rings == {ANNA: 1}


async def test_a_key_with_another_body_is_refused(house: House) -> None:
    await house.conductor.open(wanted(ANNA, key="k", body="one"))
    with pytest.raises(errors.KeyReused):
        await house.conductor.open(wanted(BORIS, key="k", body="another"))


async def test_at_once_with_another_body_one_of_them_is_refused(house: House) -> None:
    house.fake.citizen(ANNA)
    answers = await asyncio.gather(
        house.conductor.open(wanted(ANNA, key="k", body="one")),
        house.conductor.open(wanted(BORIS, key="k", body="another")),
        return_exceptions=True,
    )
    assert isinstance(answers[0], Opened)
    assert isinstance(answers[1], errors.KeyReused)


async def test_a_citizen_who_has_a_call_gets_no_second_one(house: House) -> None:
    house.fake.citizen(ANNA, answers=False)
    call = await house.call()
    await house.until(call, State.RINGING)
    with pytest.raises(errors.CitizenBusy) as refusal:
        await house.conductor.open(wanted(ANNA))
    assert refusal.value.call_id == call
    assert house.fake.rings == {ANNA: 1}


async def test_two_requests_of_one_citizen_at_once_are_one_call(house: House) -> None:
    house.fake.citizen(ANNA, answers=False)
    house.fake.citizen(BORIS, answers=False)
    answers = await asyncio.gather(
        house.conductor.open(wanted(ANNA, user="anna")),
        house.conductor.open(wanted(ANNA, user="anna")),
        house.conductor.open(wanted(BORIS)),
        return_exceptions=True,
    )
    assert isinstance(answers[0], Opened)
    assert isinstance(answers[1], errors.CitizenBusy)
    assert isinstance(answers[2], Opened)
    for each in (answers[0], answers[2]):
        await house.until(each.call_id, State.RINGING)
    assert house.fake.rings == {ANNA: 1, BORIS: 1}


async def test_after_the_end_the_citizen_may_call_again(house: House) -> None:
    house.fake.citizen(ANNA, busy=True)
    await house.end(await house.call())
    await house.end(await house.call())
    assert house.fake.rings == {ANNA: 2}


async def test_a_citizen_waits_for_one_callback_of_a_service(house: House) -> None:
    house.opening = closed_until(NOON + timedelta(hours=20))
    first = await house.call()
    with pytest.raises(errors.AlreadyScheduled) as refusal:
        await house.conductor.open(wanted(ANNA))
    assert refusal.value.call_id == first


async def test_the_answer_comes_before_anything_rings(house: House) -> None:
    house.fake.citizen(ANNA)
    opened = await house.conductor.open(wanted(ANNA))
    assert house.fake.rings == {}
    assert opened.answer["phase_label"] == "принято"


async def test_a_request_while_deaf_is_accepted_and_dialled_when_asterisk_is_back(house: House) -> None:
    house.fake.citizen(ANNA)
    house.fake.agent("ann", hangs_up_after_s=10)
    async with house.cut():
        call = await house.call()
        await house.time.advance(5)
        assert (await house.present(call)).state is State.DIALING
    assert (await house.end(call)).outcome == "completed"
    assert house.fake.rings == {ANNA: 1}


async def test_who_waited_too_long_for_asterisk_is_told_the_truth(house: House) -> None:
    house.fake.citizen(ANNA)
    async with house.cut():
        call = await house.call()
        await house.time.advance(25)
        end = await house.end(call)
    assert (end.outcome, end.cause.slug) == ("failed", "exchange_down")
    assert house.fake.rings == {}
