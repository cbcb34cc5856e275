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


async def test_asterisk_is_given_the_first_word(house: House) -> None:
    house.fake.citizen(ANNA, answers=False)
    call = await house.call()
    end = await house.end(call)
    assert end.cause.slug == "no_answer"
    assert ("alarm", "TimeUp", "taken") not in await house.audit(call)


async def test_a_leg_that_says_nothing_is_hung_up_by_us(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.fake.citizen(ANNA, answers=False)
    monkeypatch.setattr(FakeLeg, "_gone", lambda *_, **__: None)
    call = await house.call()
    before = house.time()
    await house.until(call, State.ENDED)
    present = await house.present(call)
    assert present.cause is not None
    assert present.cause.slug == "no_answer"
    late = timedelta(seconds=TERMS.ring_s + 2 * TERMS.grace_s)
    assert late <= house.time() - before < late + timedelta(seconds=2)


async def test_a_call_for_tomorrow_waits_for_asterisk(house: House) -> None:
    house.opening = closed_until(NOON + timedelta(hours=1))
    house.fake.citizen(ANNA)
    house.fake.agent("ann", hangs_up_after_s=5)
    call = await house.call()
    await house.time.advance(3500)
    async with house.cut():
        await house.time.advance(600)
        assert (await house.present(call)).state is State.SCHEDULED
    assert (await house.end(call)).outcome == "completed"


async def test_a_call_for_tomorrow_is_not_kept_for_ever(house: House) -> None:
    house.opening = closed_until(NOON + timedelta(hours=1))
    house.fake.citizen(ANNA)
    call = await house.call(terms=Terms(keep_s=7200))
    house.fake.cut()
    await house.time.advance(7300)
    end = await house.end(call)
    assert (end.outcome, end.cause.slug) == ("expired", "callback_expired")
    assert house.fake.rings == {}


async def test_rounds_are_tried_after_a_pause(house: House) -> None:
    house.fake.citizen(ANNA, answers=False)
    call = await house.call(terms=Terms(ring_s=20, rounds=2, round_pause_s=600))
    ended = await house.until(call, State.ENDED)
    states = [event.data["call"]["state"] for event in await house.ledger.events(call)]
    assert " ".join(states) == "requested" + " dialing ringing scheduled" * 2 + " dialing ringing ended"
    assert (ended.outcome, ended.attempt) == ("no_answer", 3)
    assert house.fake.rings == {ANNA: 3}


async def test_a_deadline_that_comes_sooner_is_not_slept_through(house: House) -> None:
    house.opening = closed_until(NOON + timedelta(hours=5))
    house.fake.citizen(ANNA)
    await house.call(ANNA)
    house.opening = closed_until(NOON + timedelta(hours=1))
    house.fake.citizen(BORIS)
    house.fake.agent("ann", hangs_up_after_s=5)
    sooner = await house.call(BORIS)
    ringing = await house.until(sooner, State.RINGING)
    assert ringing.dialled_at is not None
    assert ringing.dialled_at - (NOON + timedelta(hours=1)) < timedelta(seconds=1)


async def test_the_clock_does_not_turn_in_vain(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    due = house.ledger.due

    async def counted(*arguments: object) -> object:
        nonlocal looks
        looks += 1
        return await due(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(house.ledger, "due", counted)
    house.fake.citizen(ANNA)
    house.fake.agent("ann")
    await house.until(await house.call(), State.TALKING)
    await house.time.advance(1000)
    assert looks < 20
