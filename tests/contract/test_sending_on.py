"""The citizen is sent to somebody outside, and the time limit changes: by wish, in the middle of a call."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.conductor.ports import DialRefused, NoSuchLeg
from pbx_bridge.phone import Phone
from tests.contract.town import ANNA, BORIS, QUICK, Ear, Town, dialled, talking, waiting

pytest_plugins = ("tests.virtual_time_plugin",)


async def test_somebody_outside_answers_and_hangs_up(town: Town, ear: Ear) -> None:
    anna, boris, ann = await town.citizen(ANNA), await town.citizen(BORIS), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await town.exchange.forward(leg, Phone(BORIS))
    await ann.hears_the_end()
    await boris.rings()
    await boris.answers()
    await ear.hears(e.OutsideAnswered, leg)
    await boris.hangs_up()
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert e.QueueLeft(leg, "CONTINUE") in ear.heard


@pytest.mark.parametrize("sip", [486, 404])
async def test_nobody_outside_leads_back_to_the_queue(town: Town, ear: Ear, sip: int) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await town.exchange.forward(leg, Phone(await town.refusing_number(sip)))
    await ear.hears(e.TransferFailed, leg, returns=True)
    await ear.hears(e.QueueJoined, leg, times=2, queue=QUICK)
    await ann.rings()
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, leg)


async def test_a_number_that_no_trunk_carries_changes_nothing(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    with pytest.raises((DialRefused, NoSuchLeg)):
        await town.exchange.forward("pb.call_none.1", Phone(BORIS))
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    assert not [fact for fact in ear.heard if isinstance(fact, e.TransferFailed | e.OutsideAnswered)]


async def test_a_talk_ends_at_its_new_limit(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann, time_limit_s=300)
    await town.exchange.set_limit(leg, 301, 1)
    await anna.hears_the_end()
    await ann.hears_the_end()
    await ear.hears(e.LimitReached, leg)
    await ear.hears(e.DeviceGone, leg)


async def test_a_wait_ends_at_its_new_limit(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    await town.agent("eve")
    leg = await waiting(town, ear, anna, time_limit_s=300)
    await town.exchange.set_limit(leg, 301, 1)
    await ear.hears(e.LimitReached, leg)
    await ear.hears(e.DeviceGone, leg)


async def test_a_limit_that_is_set_before_the_answer_counts_from_it(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await dialled(town, time_limit_s=300)
    await anna.rings()
    await town.exchange.set_limit(leg, 2, None)
    await anna.answers()
    await ear.hears(e.QueueJoined, leg)
    await ann.rings()
    await ear.hears(e.LimitReached, leg)
    await ear.hears(e.DeviceGone, leg)


async def test_a_leg_that_is_not_there_has_no_limit(town: Town) -> None:
    with pytest.raises(NoSuchLeg):
        await town.exchange.set_limit("pb.call_none.1", 60, 60)
