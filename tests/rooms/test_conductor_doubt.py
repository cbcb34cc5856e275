"""The database goes away in the middle of a commit, and nobody knows whether it was kept: nothing is lost or twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pbx_bridge.call.states import State
from pbx_bridge.conductor import errors
from tests.house import ANNA, BORIS, House, closed_until, mobile, wanted
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)

SERVED = "requested dialing ringing answered queued offered talking ended"
KEPT = pytest.mark.parametrize("kept", [True, False])


def people(service: House) -> None:
    """Anna answers after 5 s, ann after another 5 s, and hangs up 20 s later."""
    service.fake.citizen(ANNA, after_s=5)
    service.fake.agent("ann", after_s=5, hangs_up_after_s=20)


@KEPT
async def test_of_a_request_that_is_repeated(service: House, kept: bool) -> None:
    people(service)
    service.lose_the_next_commit(kept=kept)
    with pytest.raises(errors.MemoryUnavailable):
        await service.conductor.open(wanted(ANNA, key="k"))
    again = await service.conductor.open(wanted(ANNA, key="k"))
    assert again.replayed is kept
    end = await service.end(again.call_id)
    assert (end.path, end.outcome) == (SERVED, "completed")
    assert service.fake.rings == {ANNA: 1}


async def test_of_a_request_that_nobody_repeats(service: House) -> None:
    people(service)
    service.fake.citizen(BORIS, busy=True)
    service.lose_the_next_commit(kept=True)
    with pytest.raises(errors.MemoryUnavailable):
        await service.conductor.open(wanted(ANNA))
    # The next who asks mends it for both.
    await service.end(await service.call(BORIS))
    await service.time.advance(60)
    assert service.fake.rings == {ANNA: 1, BORIS: 1}


@KEPT
@pytest.mark.parametrize(
    "state", [State.DIALING, State.RINGING, State.ANSWERED, State.QUEUED, State.OFFERED, State.TALKING]
)
async def test_of_each_fact(service: House, state: State, kept: bool) -> None:
    people(service)
    call = await service.call()
    await service.until(call, state)
    service.lose_the_next_commit(kept=kept)
    end = await service.end(call)
    assert (end.path, end.outcome) == (SERVED, "completed")
    assert service.fake.rings == {ANNA: 1}
    await service.time.advance(5)
    assert await service.unsettled() == []


@KEPT
async def test_of_the_refusal_after_which_the_next_device_rings(service: House, kept: bool) -> None:
    people(service)
    boris = service.fake.citizen(BORIS, answers=False)
    call = await service.call(devices=[mobile(BORIS), mobile(ANNA)])
    await service.until(call, State.RINGING)
    await service.time.advance(1)
    service.lose_the_next_commit(kept=kept)
    boris.decline(486)
    end = await service.end(call)
    assert end.outcome == "completed"
    assert service.fake.rings == {ANNA: 1, BORIS: 1}


@KEPT
async def test_of_an_abort(service: House, kept: bool) -> None:
    people(service)
    call = await service.call()
    await service.until(call, State.TALKING)
    await service.time.advance(1)
    service.lose_the_next_commit(kept=kept)
    assert (await service.conductor.abort(call, by="client:portal")).won
    end = await service.end(call)
    assert end.outcome == "cancelled"


@KEPT
async def test_of_the_note_that_it_was_dialled(service: House, kept: bool) -> None:
    people(service)
    service.fake.delays["dial"] = 1.0
    call = await service.call()
    await service.time.advance(1.01)
    service.lose_the_next_commit(kept=kept)
    assert (await service.end(call)).outcome == "completed"
    assert service.fake.rings == {ANNA: 1}


async def test_who_watches_is_told_of_what_was_kept(service: House) -> None:
    anna = service.fake.citizen(ANNA)
    service.fake.agent("ann")
    call = await service.call()
    talking = await service.until(call, State.TALKING)
    await service.time.advance(1)
    with service.conductor.hub.watch(call) as watch:
        service.lose_the_next_commit(kept=True)
        anna.hang_up()
        async with asyncio.timeout(5):
            await watch.changed(talking.revision)
    assert (await service.present(call)).state is State.ENDED


async def test_a_deadline_that_was_kept_unheard_rings_all_the_same(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann")
    service.lose_the_next_commit(kept=True)
    service.opening = closed_until(NOON + timedelta(hours=1))
    with pytest.raises(errors.MemoryUnavailable):
        await service.conductor.open(wanted(ANNA))
    await service.time.advance(3700)
    assert service.fake.rings == {ANNA: 1}


async def test_the_service_is_well_again_without_being_asked(service: House) -> None:
    with service.locked():
        with pytest.raises(errors.MemoryUnavailable):
            await service.conductor.open(wanted(ANNA))
        await service.time.advance(5)
        assert service.conductor.health()["database"]
    await service.time.advance(2)
    assert service.conductor.health()["database"] is None
