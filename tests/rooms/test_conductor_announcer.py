"""Those who wait are told where they stand: soon, after a move, now and then; and never while an agent speaks."""

from __future__ import annotations

from pbx_bridge.call.states import State
from tests.house import ANNA, BORIS, VERA, House

pytest_plugins = ("tests.house_plugin",)


async def waiting(service: House, number: str) -> str:
    service.fake.citizen(number)
    call = await service.call(number)
    await service.until(call, State.QUEUED)
    return call


def told(service: House, call: str) -> list[tuple[str, ...]]:
    return [order.prompts for order in service.fake.announced if call in order.leg]


async def busy_desk(service: House) -> str:
    """ann talks; the call in which she does."""
    service.fake.agent("ann")
    service.fake.citizen(BORIS)
    call = await service.call(BORIS)
    await service.until(call, State.TALKING)
    return call


async def test_who_joins_is_told_soon_and_once(service: House) -> None:
    await busy_desk(service)
    call = await waiting(service, ANNA)
    await service.time.advance(5)
    assert len(told(service, call)) == 1
    await service.time.advance(60)
    assert len(told(service, call)) == 1


async def test_while_nothing_moves_it_is_said_again_after_two_minutes(service: House) -> None:
    await busy_desk(service)
    call = await waiting(service, ANNA)
    await service.time.advance(130)
    assert len(told(service, call)) == 2


async def test_who_moves_up_is_told_the_new_place(service: House) -> None:
    await busy_desk(service)
    first, second = await waiting(service, ANNA), await waiting(service, VERA)
    await service.time.advance(40)
    before = told(service, second)
    await service.conductor.abort(first, by="test")
    await service.time.advance(5)
    after = told(service, second)
    assert len(after) == len(before) + 1
    assert after[-1] != before[-1]


async def test_nobody_is_told_who_talks(service: House) -> None:
    call = await busy_desk(service)
    await service.time.advance(300)
    assert told(service, call) == []


async def test_an_asterisk_that_cannot_be_asked_costs_an_announcement_and_no_call(service: House) -> None:
    await busy_desk(service)
    call = await waiting(service, ANNA)
    service.fake.lose_reply("announce", done=False)
    await service.time.advance(10)
    assert (await service.present(call)).state is State.QUEUED
    assert service.conductor.health()["asterisk"] is None
