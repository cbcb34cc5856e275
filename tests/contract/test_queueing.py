"""The citizen has answered and waits: places, offers, and every way out of a queue."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.conductor.ports import NoSuchLeg
from tests.contract.town import ANNA, BORIS, OTHER, QUICK, Ear, Town, dialled, in_stages, talking, waiting

pytest_plugins = ("tests.virtual_time_plugin",)


async def test_who_answers_joins_the_queue_and_is_offered(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna)
    await ann.rings()
    await ear.hears(e.AgentRang, leg)
    assert in_stages(ear.heard, leg) == [
        e.DeviceRang(leg),
        e.DeviceAnswered(leg),
        e.QueueJoined(leg, QUICK, 1),
        e.AgentRang(leg, "ann"),
    ]


@pytest.mark.parametrize("sip", [486, 603])
async def test_an_agent_who_declines_is_followed_by_the_next(town: Town, ear: Ear, sip: int) -> None:
    anna, ann, bob = await town.citizen(), await town.agent("ann"), await town.agent("bob")
    leg = await waiting(town, ear, anna)
    await ann.rings()
    await ann.declines(sip)
    await bob.rings()
    await bob.answers()
    await ear.hears(e.AgentAnswered, leg)
    assert in_stages(ear.heard, leg)[2:] == [
        e.QueueJoined(leg, QUICK, 1),
        e.AgentRang(leg, "ann"),
        e.AgentDeclined(leg, "ann"),
        e.AgentRang(leg, "bob"),
        e.AgentAnswered(leg, "bob"),
    ]


async def test_agents_who_let_it_ring_do_not_stand_before_the_others(town: Town, ear: Ear) -> None:
    anna, ann, bob = await town.citizen(), await town.agent("ann"), await town.agent("bob")
    leg = await waiting(town, ear, anna)
    await ann.rings()
    await bob.rings()
    await ann.rings()
    await bob.rings()
    await bob.answers()
    await ear.hears(e.AgentAnswered, leg)
    assert in_stages(ear.heard, leg)[3:] == [
        e.AgentRang(leg, "ann"),
        e.AgentDeclined(leg, "ann"),
        e.AgentRang(leg, "bob"),
        e.AgentDeclined(leg, "bob"),
        e.AgentRang(leg, "ann"),
        e.AgentDeclined(leg, "ann"),
        e.AgentRang(leg, "bob"),
        e.AgentAnswered(leg, "bob"),
    ]


async def test_the_only_agent_is_rung_again_after_a_pause(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna)
    await ann.rings()
    await ann.declines()
    await ann.rings()
    await ear.hears(e.AgentRang, leg, times=2)


async def test_a_citizen_who_waited_too_long_is_told_so(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna, queue_s=1)
    await ann.rings()
    await anna.hears_the_end()
    await ann.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert e.QueueLeft(leg, "TIMEOUT") in ear.heard
    assert e.DeviceHungUp(leg) not in ear.heard


async def test_a_queue_without_agents_is_told_at_once(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town)
    await anna.rings()
    await anna.answers()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg)[:3] == [
        e.DeviceRang(leg),
        e.DeviceAnswered(leg),
        e.QueueLeft(leg, "JOINEMPTY"),
    ]


async def test_a_queue_that_is_not_there_is_told_at_once(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town, queue="no-such-queue")
    await anna.rings()
    await anna.answers()
    await ear.hears(e.DeviceGone, leg)
    assert e.QueueLeft(leg, "UNKNOWN") in ear.heard


async def test_when_the_last_agent_leaves_the_waiting_is_over(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna)
    await ann.rings()
    await ann.declines()
    await ear.hears(e.AgentDeclined, leg)
    await ann.leaves()
    await ear.hears(e.DeviceGone, leg)
    assert e.QueueLeft(leg, "LEAVEEMPTY") in ear.heard


async def test_a_paused_agent_is_not_rung_but_keeps_the_queue_open(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    await ann.pauses()
    leg = await waiting(town, ear, anna)
    assert not [fact for fact in ear.heard if isinstance(fact, e.AgentRang)]
    await ann.pauses(False)
    await ann.rings()
    await ear.hears(e.AgentRang, leg)


async def test_places_move_up(town: Town, ear: Ear) -> None:
    anna, boris, ann = await town.citizen(ANNA), await town.citizen(BORIS), await town.agent("ann")
    first = await waiting(town, ear, anna, ANNA)
    await ann.rings()
    second = await waiting(town, ear, boris, BORIS)
    assert e.QueueJoined(second, QUICK, 2) in ear.heard
    await ann.answers()
    moved = await ear.hears(e.QueueMoved, second)
    assert moved == e.QueueMoved(second, 1)
    assert not [fact for fact in ear.heard if fact.leg == first and isinstance(fact, e.QueueMoved)]


async def test_a_citizen_who_hangs_up_waiting_says_goodbye(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna)
    await ann.rings()
    await anna.hangs_up()
    await ann.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg)[3:] == [
        e.AgentRang(leg, "ann"),
        e.DeviceHungUp(leg),
        e.DeviceGone(leg, None, None),
    ]


async def test_a_waiting_leg_that_is_hung_up_from_here_says_no_goodbye(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna)
    await ann.rings()
    await town.exchange.hang_up(leg)
    await anna.hears_the_end()
    await ann.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert e.DeviceHungUp(leg) not in ear.heard


async def test_the_limit_also_ends_the_waiting(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna, time_limit_s=1)
    await ann.rings()
    await anna.hears_the_end()
    await ann.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg)[3:] == [
        e.AgentRang(leg, "ann"),
        e.LimitReached(leg),
        e.DeviceGone(leg, None, 16),
    ]


async def test_a_redirect_takes_a_waiting_citizen_to_another_queue(town: Town, ear: Ear) -> None:
    anna, ann, bob = await town.citizen(), await town.agent("ann"), await town.agent("bob", OTHER)
    leg = await waiting(town, ear, anna)
    await ann.rings()
    await town.exchange.redirect(leg, OTHER)
    await ann.hears_the_end()
    await bob.rings()
    await ear.hears(e.AgentRang, leg, agent="bob")
    assert in_stages(ear.heard, leg)[2:] == [
        e.QueueJoined(leg, QUICK, 1),
        e.AgentRang(leg, "ann"),
        e.QueueJoined(leg, OTHER, 1),
        e.AgentRang(leg, "bob"),
    ]


@pytest.mark.parametrize("nowhere", [OTHER, "no-such-queue"])
async def test_a_redirect_to_where_nobody_is_leads_back(town: Town, ear: Ear, nowhere: str) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await town.exchange.redirect(leg, nowhere)
    await ann.rings()
    await ear.hears(e.QueueJoined, leg, times=2)
    await ear.hears(e.AgentRang, leg, times=2)
    assert not [fact for fact in ear.heard if isinstance(fact, e.QueueLeft | e.DeviceGone)]


async def test_a_leg_that_only_rings_cannot_be_redirected(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    await town.agent("bob", OTHER)
    leg = await dialled(town)
    await anna.rings()
    with pytest.raises(NoSuchLeg):
        await town.exchange.redirect(leg, OTHER)
    await anna.declines()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg) == [e.DeviceRang(leg), e.DeviceGone(leg, 603, 21)]


async def test_a_leg_that_is_gone_cannot_be_redirected(town: Town) -> None:
    with pytest.raises(NoSuchLeg):
        await town.exchange.redirect("pb.call_gone.1", OTHER)
