"""The clock's part: what is waited for in vain ends by a deadline, ours later than Asterisk's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pbx_bridge.asterisk.fake_legs import FakeLeg
from pbx_bridge.call.model import Terms
from pbx_bridge.call.states import State
from tests.house import ANNA, BORIS, TERMS, House, closed_until
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)


async def test_asterisk_is_given_the_first_word(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    call = await service.call()
    end = await service.end(call)
    assert end.cause.slug == "no_answer"
    assert ("alarm", "TimeUp", "taken") not in await service.audit(call)


async def test_a_leg_that_says_nothing_is_hung_up_by_us(service: House, monkeypatch: pytest.MonkeyPatch) -> None:
    service.fake.citizen(ANNA, answers=False)
    monkeypatch.setattr(FakeLeg, "_gone", lambda *_, **__: None)
    call = await service.call()
    before = service.time()
    await service.until(call, State.ENDED)
    present = await service.present(call)
    assert present.cause is not None
    assert present.cause.slug == "no_answer"
    late = timedelta(seconds=TERMS.ring_s + 2 * TERMS.grace_s)
    assert late <= service.time() - before < late + timedelta(seconds=2)


async def test_a_call_for_tomorrow_waits_for_asterisk(service: House) -> None:
    service.opening = closed_until(NOON + timedelta(hours=1))
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=5)
    call = await service.call()
    await service.time.advance(3500)
    async with service.cut():
        await service.time.advance(600)
        assert (await service.present(call)).state is State.SCHEDULED
    assert (await service.end(call)).outcome == "completed"


async def test_a_call_for_tomorrow_is_not_kept_for_ever(service: House) -> None:
    service.opening = closed_until(NOON + timedelta(hours=1))
    service.fake.citizen(ANNA)
    call = await service.call(terms=Terms(keep_s=7200))
    service.fake.cut()
    await service.time.advance(7300)
    end = await service.end(call)
    assert (end.outcome, end.cause.slug) == ("expired", "callback_expired")
    assert service.fake.rings == {}


async def test_rounds_are_tried_after_a_pause(service: House) -> None:
    service.fake.citizen(ANNA, answers=False)
    service.fake.agent("ann")
    service.opening = closed_until(NOON + timedelta(minutes=10))
    call = await service.call(terms=Terms(ring_s=20, rounds=2, pauses_s=(600,)))
    ended = await service.until(call, State.ENDED)
    states = [event.data["call"]["state"] for event in await service.ledger.events(call)]
    assert " ".join(states) == "requested" + " scheduled dialing ringing" * 3 + " ended"
    assert (ended.outcome, ended.attempt) == ("no_answer", 3)
    assert service.fake.rings == {ANNA: 3}


async def test_a_deadline_that_comes_sooner_is_not_slept_through(service: House) -> None:
    service.opening = closed_until(NOON + timedelta(hours=5))
    service.fake.citizen(ANNA)
    await service.call(ANNA)
    opens = NOON + timedelta(hours=1, seconds=2.5)
    service.opening = closed_until(opens)
    service.fake.citizen(BORIS)
    service.fake.agent("ann", hangs_up_after_s=5)
    sooner = await service.call(BORIS)
    ringing = await service.until(sooner, State.RINGING)
    assert ringing.dialled_at is not None
    assert ringing.dialled_at - opens < timedelta(seconds=0.1)


async def test_the_clock_does_not_turn_in_vain(service: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    due = service.ledger.due

    async def counted(*arguments: object) -> object:
        nonlocal looks
        looks += 1
        return await due(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(service.ledger, "due", counted)
    service.fake.citizen(ANNA)
    service.fake.agent("ann")
    await service.until(await service.call(), State.TALKING)
    await service.time.advance(1000)
    assert looks < 20
