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


async def test_twenty_at_once_with_one_key_are_one_call_and_one_ring(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=10)
    opened = await asyncio.gather(*(service.conductor.open(wanted(ANNA, key="k")) for _ in range(20)))
    assert len({each.call_id for each in opened}) == 1
    assert sorted(each.replayed for each in opened) == [False] + [True] * 19
    assert all(each.answer == opened[0].answer for each in opened)
    await service.end(opened[0].call_id)
    assert service.fake.rings == {ANNA: 1}


async def test_the_answer_of_a_repeat_is_the_first_answer_however_far_the_call_is(service: House) -> None:
    service.fake.citizen(ANNA, busy=True)
    first = await service.conductor.open(wanted(ANNA, key="k"))
    await service.end(first.call_id)
    again = await service.conductor.open(wanted(ANNA, key="k"))
    assert again == Opened(first.call_id, first.answer, replayed=True)
    assert first.answer["state"] == "requested"


async def test_a_key_is_remembered_by_the_next_life(service: House) -> None:
    service.fake.citizen(ANNA, busy=True)
    first = await service.conductor.open(wanted(ANNA, key="k"))
    await service.restart()
    assert (await service.conductor.open(wanted(ANNA, key="k"))).call_id == first.call_id
    await service.end(first.call_id)
    assert service.fake.rings == {ANNA: 1}


async def test_a_key_with_another_body_is_refused(service: House) -> None:
    await service.conductor.open(wanted(ANNA, key="k", body="one"))
    with pytest.raises(errors.KeyReused):
        await service.conductor.open(wanted(BORIS, key="k", body="another"))


async def test_at_once_with_another_body_one_of_them_is_refused(service: House) -> None:
    service.fake.citizen(ANNA)
    answers = await asyncio.gather(
        service.conductor.open(wanted(ANNA, key="k", body="one")),
        service.conductor.open(wanted(BORIS, key="k", body="another")),
        return_exceptions=True,
    )
    assert isinstance(answers[0], Opened)
    assert isinstance(answers[1], errors.KeyReused)


async def test_a_citizen_who_has_a_call_gets_no_second_one(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    call = await service.call()
    await service.until(call, State.RINGING)
    with pytest.raises(errors.CitizenBusy) as refusal:
        await service.conductor.open(wanted(ANNA))
    assert refusal.value.call_id == call
    assert service.fake.rings == {ANNA: 1}


async def test_two_requests_of_one_citizen_at_once_are_one_call(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    service.fake.citizen(BORIS, answers=False)
    answers = await asyncio.gather(
        service.conductor.open(wanted(ANNA, user="anna")),
        service.conductor.open(wanted(ANNA, user="anna")),
        service.conductor.open(wanted(BORIS)),
        return_exceptions=True,
    )
    assert isinstance(answers[0], Opened)
    assert isinstance(answers[1], errors.CitizenBusy)
    assert isinstance(answers[2], Opened)
    for each in (answers[0], answers[2]):
        await service.until(each.call_id, State.RINGING)
    assert service.fake.rings == {ANNA: 1, BORIS: 1}


async def test_after_the_end_the_citizen_may_call_again(service: House) -> None:
    service.fake.citizen(ANNA, busy=True)
    await service.end(await service.call())
    await service.end(await service.call())
    assert service.fake.rings == {ANNA: 2}


async def test_a_citizen_waits_for_one_callback_of_a_service(service: House) -> None:
    service.opening = closed_until(NOON + timedelta(hours=20))
    first = await service.call()
    with pytest.raises(errors.AlreadyScheduled) as refusal:
        await service.conductor.open(wanted(ANNA))
    assert refusal.value.call_id == first


async def test_the_answer_comes_before_anything_rings(service: House) -> None:
    service.fake.citizen(ANNA)
    opened = await service.conductor.open(wanted(ANNA))
    assert service.fake.rings == {}
    assert opened.answer["phase_label"] == "принято"


async def test_a_request_while_deaf_is_accepted_and_dialled_when_asterisk_is_back(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=10)
    async with service.cut():
        call = await service.call()
        await service.time.advance(5)
        assert (await service.present(call)).state is State.DIALING
    assert (await service.end(call)).outcome == "completed"
    assert service.fake.rings == {ANNA: 1}


async def test_who_waited_too_long_for_asterisk_is_told_the_truth(service: House) -> None:
    service.fake.citizen(ANNA)
    async with service.cut():
        call = await service.call()
        await service.time.advance(25)
        end = await service.end(call)
    assert (end.outcome, end.cause.slug) == ("failed", "exchange_down")
    assert service.fake.rings == {}
