"""Who is called back must prove to be human; who waits in vain, or does not want to wait, may choose."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.model import WhenFull
from pbx_bridge.call.recovery import Trace
from tests.contract.town import ANNA, BORIS, OTHER, QUICK, Ear, Town, dialled, in_stages, talking, waiting

pytest_plugins = ("tests.virtual_time_plugin",)

#: Asked twice, with five seconds to think each time.
ASKED_TWICE_S = 20.0


async def last_word(ear: Ear, leg: str) -> tuple[str | None, str | None]:
    trace: Trace = await ear.trace(leg)
    return trace.queue, trace.queue_status


# ── proof ────────────────────────────────────────────────────────────────────────────────────────────────
async def test_who_presses_1_comes_to_an_agent(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await dialled(town, prove=True)
    await anna.rings()
    await anna.answers()
    await ear.hears(e.DeviceAnswered, leg)
    await anna.presses("1")
    await ann.rings()
    await ear.hears(e.AgentRang, leg)
    assert in_stages(ear.heard, leg)[1:] == [
        e.DeviceAnswered(leg),
        e.QueueJoined(leg, QUICK, 1),
        e.AgentRang(leg, "ann"),
    ]


@pytest.mark.parametrize(("key", "choice"), [("2", e.Choice.LATER), ("3", e.Choice.CANCEL)])
async def test_who_presses_another_key_has_chosen(town: Town, ear: Ear, key: str, choice: e.Choice) -> None:
    anna, _ = await town.citizen(), await town.agent("ann")
    leg = await dialled(town, prove=True)
    await anna.rings()
    await anna.answers()
    await ear.hears(e.DeviceAnswered, leg)
    await anna.presses(key)
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg)[1:3] == [e.DeviceAnswered(leg), e.Chosen(leg, choice)]
    assert not [fact for fact in ear.heard if isinstance(fact, e.QueueJoined)]
    assert await last_word(ear, leg) == (None, choice.value)


async def test_nobody_is_offered_to_a_machine(town: Town, ear: Ear) -> None:
    anna, _ = await town.citizen(), await town.agent("ann")
    leg = await dialled(town, prove=True)
    await anna.rings()
    await anna.answers()
    await ear.hears(e.DeviceAnswered, leg)
    await ear.hears(e.DeviceGone, leg, within_s=ASKED_TWICE_S)
    assert e.MachineAnswered(leg) in ear.heard
    assert not [fact for fact in ear.heard if isinstance(fact, e.QueueJoined)]
    assert await last_word(ear, leg) == (None, "nobody")


async def test_after_a_wrong_key_one_is_asked_again(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await dialled(town, prove=True)
    await anna.rings()
    await anna.answers()
    await ear.hears(e.DeviceAnswered, leg)
    await anna.presses("51")
    await ann.rings()
    await ear.hears(e.AgentRang, leg)


async def test_who_hangs_up_before_the_proof_leaves_no_last_word(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town, prove=True)
    await anna.rings()
    await anna.answers()
    await ear.hears(e.DeviceAnswered, leg)
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    assert await last_word(ear, leg) == (None, None)


# ── keys in the queue ────────────────────────────────────────────────────────────────────────────────────
async def test_who_waits_may_keep_the_place_and_hang_up(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna, then=WhenFull.CALLBACK)
    await ann.rings()
    await anna.presses("1")
    await ann.hears_the_end()
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert e.Chosen(leg, e.Choice.CALLBACK) in ear.heard
    assert not [fact for fact in ear.heard if isinstance(fact, e.QueueLeft | e.DeviceHungUp)]
    assert await last_word(ear, leg) == (QUICK, "callback")


@pytest.mark.parametrize("then", [WhenFull.END, WhenFull.OVERFLOW])
async def test_a_key_that_is_not_offered_costs_nobody_the_place(town: Town, ear: Ear, then: WhenFull) -> None:
    anna, boris, ann = await town.citizen(ANNA), await town.citizen(BORIS), await town.agent("ann")
    first = await waiting(town, ear, anna, ANNA, then=then, overflow=OTHER)
    await ann.rings()
    second = await waiting(town, ear, boris, BORIS, then=then, overflow=OTHER)
    await anna.presses("123")
    await ann.answers()
    await ear.hears(e.AgentAnswered, first)
    assert e.QueueMoved(second, 1) in ear.heard
    assert [fact for fact in ear.heard if isinstance(fact, e.QueueJoined)] == [
        e.QueueJoined(first, QUICK, 1),
        e.QueueJoined(second, QUICK, 2),
    ]


async def test_keys_mean_nothing_in_a_talk(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann, then=WhenFull.CALLBACK)
    await anna.presses("1")
    await ann.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    assert e.QueueLeft(leg, "CONTINUE") in ear.heard
    assert not [fact for fact in ear.heard if isinstance(fact, e.Chosen)]


# ── waited in vain ───────────────────────────────────────────────────────────────────────────────────────
async def test_who_waited_too_long_is_offered_a_callback(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna, queue_s=1, then=WhenFull.CALLBACK)
    await ann.rings()
    await ann.hears_the_end()
    await anna.presses("1")
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert e.Chosen(leg, e.Choice.CALLBACK) in ear.heard
    assert not [fact for fact in ear.heard if isinstance(fact, e.QueueLeft)]
    assert await last_word(ear, leg) == (QUICK, "callback")


async def test_who_wants_no_callback_has_left_the_queue(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town, then=WhenFull.CALLBACK)
    await anna.rings()
    await anna.answers()
    await ear.hears(e.DeviceAnswered, leg)
    await anna.presses("3")
    await ear.hears(e.DeviceGone, leg)
    assert [fact for fact in ear.heard if isinstance(fact, e.QueueLeft | e.Chosen)] == [e.QueueLeft(leg, "JOINEMPTY")]
    assert await last_word(ear, leg) == (QUICK, "JOINEMPTY")


async def test_another_queue_takes_over(town: Town, ear: Ear) -> None:
    anna, _, bob = await town.citizen(), await town.agent("ann"), await town.agent("bob", OTHER)
    leg = await waiting(town, ear, anna, queue_s=1, then=WhenFull.OVERFLOW, overflow=OTHER)
    await bob.rings()
    await ear.hears(e.QueueJoined, leg, queue=OTHER)
    await ear.hears(e.DeviceGone, leg)
    assert [fact for fact in ear.heard if isinstance(fact, e.QueueLeft)] == [e.QueueLeft(leg, "TIMEOUT")]
    assert await last_word(ear, leg) == (OTHER, "TIMEOUT")


async def test_where_nobody_is_in_the_other_queue_either_it_is_over(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town, then=WhenFull.OVERFLOW, overflow=OTHER)
    await anna.rings()
    await anna.answers()
    await ear.hears(e.DeviceGone, leg)
    assert [fact for fact in ear.heard if isinstance(fact, e.QueueLeft)] == [e.QueueLeft(leg, "JOINEMPTY")]
    assert await last_word(ear, leg) == (OTHER, "JOINEMPTY")


async def test_a_redirect_that_leads_nowhere_leads_back_to_the_queue_that_took_over(town: Town, ear: Ear) -> None:
    anna, bob = await town.citizen(), await town.agent("bob", OTHER)
    leg = await dialled(town, then=WhenFull.OVERFLOW, overflow=OTHER)
    await anna.rings()
    await anna.answers()
    await bob.rings()
    await bob.answers()
    await ear.hears(e.AgentAnswered, leg)
    await town.exchange.redirect(leg, QUICK)
    await bob.rings()
    await ear.hears(e.QueueJoined, leg, queue=OTHER, times=2)


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────
async def test_who_has_a_higher_priority_goes_before(town: Town, ear: Ear) -> None:
    anna, boris, ann = await town.citizen(ANNA), await town.citizen(BORIS), await town.agent("ann")
    await ann.pauses()
    first = await waiting(town, ear, anna, ANNA)
    second = await waiting(town, ear, boris, BORIS, priority=5)
    assert e.QueueJoined(second, QUICK, 1) in ear.heard
    assert await ear.hears(e.QueueMoved, first) == e.QueueMoved(first, 2)
