"""Somebody dials the public number: who is asked, what they hear of it, and that they are a leg like any other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.model import WhenFull, call_of_leg
from pbx_bridge.call.recovery import LegSeen, LegState
from pbx_bridge.conductor.ports import Incoming, NoSuchLeg, Reception
from pbx_bridge.phone import Phone
from tests.contract.town import ANNA, HOTLINE, OTHER, QUICK, Ear, Someone, Town, in_stages, listening

pytest_plugins = ("tests.virtual_time_plugin",)

OPEN = Reception("123456789", "ru", QUICK, time_limit_s=300, queue_s=60, welcome=("welcome",), opens=("ticket",))
CLOSED = Reception("123456789", "ru", None, time_limit_s=300, queue_s=60, opens=("closed",))


class Porter:
    """Decides as it was told to, and remembers who came."""

    def __init__(self, reception: Reception | None) -> None:
        self.reception = reception
        self.came: list[Incoming] = []

    async def __call__(self, incoming: Incoming) -> Reception | None:
        self.came.append(incoming)
        return self.reception

    @property
    def leg(self) -> str:
        assert len(self.came) == 1
        return self.came[0].leg


async def dialling(town: Town, anna: Someone, reception: Reception | None) -> Porter:
    """Anna has dialled the public number, and somebody has decided."""
    porter = Porter(reception)
    await town.receives(porter)
    await anna.calls(HOTLINE)
    return porter


async def test_who_dials_in_comes_to_an_agent(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    porter = await dialling(town, anna, OPEN)
    await ann.rings()
    await ann.answers()
    leg = porter.leg
    await ear.hears(e.AgentAnswered, leg)
    assert [porter.came[0].dialled, porter.came[0].caller] == [HOTLINE, Phone(ANNA)]
    assert call_of_leg(leg)
    await ann.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg) == [
        e.QueueJoined(leg, QUICK, 1),
        e.AgentRang(leg, "ann"),
        e.AgentAnswered(leg, "ann"),
        e.AgentGone(leg, "ann", "agent"),
        e.QueueLeft(leg, "CONTINUE"),
        e.DeviceGone(leg, None, 16),
    ]
    trace = await ear.trace(leg)
    assert trace.came_in is not None
    assert (trace.came_in.dialled, trace.came_in.caller) == (HOTLINE, None)
    assert (trace.queue, trace.queue_status, trace.agent) == (QUICK, "CONTINUE", "ann")


async def test_who_came_in_can_be_hung_up_and_redirected(town: Town, ear: Ear) -> None:
    anna, _, bob = await town.citizen(), await town.agent("ann"), await town.agent("bob", OTHER)
    porter = await dialling(town, anna, OPEN)
    await ear.hears(e.QueueJoined)
    await town.exchange.redirect(porter.leg, OTHER)
    await bob.rings()
    await ear.hears(e.AgentRang, porter.leg, agent="bob")
    await town.exchange.hang_up(porter.leg)
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, porter.leg)
    with pytest.raises(NoSuchLeg):
        await town.exchange.hang_up(porter.leg)


async def test_who_came_in_and_hangs_up_says_goodbye(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    porter = await dialling(town, anna, OPEN)
    await ann.rings()
    await ear.hears(e.AgentRang, porter.leg)
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, porter.leg)
    assert e.DeviceHungUp(porter.leg) in ear.heard


async def test_a_service_that_comes_back_sees_who_came_in(town: Town) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    async with listening(town):
        porter = await dialling(town, anna, OPEN)
        await ann.rings()
    async with listening(town) as after:
        seen = (await after.picture()).legs[porter.leg]
        assert seen.came_in is not None
        assert (seen.came_in.dialled, seen.came_in.caller) == (HOTLINE, Phone(ANNA))
        await after.sees(porter.leg, LegSeen(LegState.UP, QUICK, 1, ("ann",), came_in=seen.came_in))
        await anna.hangs_up()
        await after.hears(e.DeviceGone, porter.leg)


async def test_a_closed_desk_says_so_and_ends_it(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    porter = await dialling(town, anna, CLOSED)
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, porter.leg)
    assert in_stages(ear.heard, porter.leg)[0] == e.QueueLeft(porter.leg, "CLOSED")
    assert (await ear.trace(porter.leg)).queue_status == "CLOSED"


@pytest.mark.parametrize(("keys", "word"), [("1", "callback"), ("4", "CLOSED")])
async def test_a_closed_desk_may_offer_a_callback(town: Town, ear: Ear, keys: str, word: str) -> None:
    anna = await town.citizen()
    porter = await dialling(town, anna, replace(CLOSED, offer=True))
    await anna.answered()
    await anna.presses(keys)
    await anna.hears_the_end()
    leg = porter.leg
    await ear.hears(e.DeviceGone, leg)
    expected = e.Chosen(leg, e.Choice.CALLBACK) if word == "callback" else e.QueueLeft(leg, "CLOSED")
    assert in_stages(ear.heard, leg)[0] == expected
    assert (await ear.trace(leg)).queue_status == word


async def test_who_came_in_may_keep_the_place(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    porter = await dialling(town, anna, replace(OPEN, then=WhenFull.CALLBACK))
    await ann.rings()
    await anna.presses("1")
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, porter.leg)
    assert e.Chosen(porter.leg, e.Choice.CALLBACK) in ear.heard


async def test_who_came_in_waits_no_longer_than_others(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    porter = await dialling(town, anna, replace(OPEN, queue_s=1))
    await ann.rings()
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, porter.leg)
    assert e.QueueLeft(porter.leg, "TIMEOUT") in ear.heard


async def test_the_limit_also_ends_a_call_that_came_in(town: Town, ear: Ear) -> None:
    anna, _ = await town.citizen(), await town.agent("ann")
    porter = await dialling(town, anna, replace(OPEN, time_limit_s=1))
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, porter.leg)
    assert e.LimitReached(porter.leg) in ear.heard


async def _no_answer(_: Incoming) -> Reception | None:
    raise RuntimeError("the one who decides is out of order")


@pytest.mark.parametrize("answer", [Porter(None), _no_answer], ids=["says-nothing", "breaks"])
async def test_where_nobody_decides_asterisk_goes_its_own_way(
    town: Town, ear: Ear, answer: Callable[[Incoming], Awaitable[Reception | None]]
) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    await town.receives(answer)
    await anna.calls(HOTLINE)
    await ann.rings()
    await ann.answers()
    await ear.hears(e.AgentAnswered)


async def test_a_number_that_nobody_has_reaches_nothing(town: Town, ear: Ear) -> None:
    anna, _ = await town.citizen(), await town.agent("ann")
    porter = Porter(OPEN)
    await town.receives(porter)
    await anna.calls("84950000000")
    await anna.hears_the_end()
    assert porter.came == []
    assert not ear.heard
