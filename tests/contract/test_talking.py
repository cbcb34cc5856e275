"""The citizen and the agent talk: how a talk begins, goes on elsewhere, and ends."""

from __future__ import annotations

from pbx_bridge.call import events as e
from tests.contract.town import ANNA, BORIS, OTHER, Ear, Town, in_stages, talking, waiting

pytest_plugins = ("tests.virtual_time_plugin",)


async def test_when_the_agent_hangs_up_asterisk_says_so(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await ann.hangs_up()
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg)[3:] == [
        e.AgentRang(leg, "ann"),
        e.AgentAnswered(leg, "ann"),
        e.AgentGone(leg, "ann", "agent"),
        e.QueueLeft(leg, "CONTINUE"),
        e.DeviceGone(leg, None, 16),
    ]


async def test_when_the_citizen_hangs_up_asterisk_says_so(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await anna.hangs_up()
    await ann.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg)[4:] == [
        e.AgentAnswered(leg, "ann"),
        e.AgentGone(leg, "ann", "caller"),
        e.DeviceHungUp(leg),
        e.DeviceGone(leg, None, 16),
    ]


async def test_a_talk_that_is_hung_up_from_here_ends_for_both(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await town.exchange.hang_up(leg)
    await anna.hears_the_end()
    await ann.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    assert in_stages(ear.heard, leg)[4:] == [
        e.AgentAnswered(leg, "ann"),
        e.AgentGone(leg, "ann", "caller"),
        e.DeviceGone(leg, None, 16),
    ]


async def test_asterisk_itself_keeps_the_time_limit(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann, time_limit_s=2)
    await anna.hears_the_end()
    await ann.hears_the_end()
    await ear.hears(e.DeviceGone, leg)
    facts = in_stages(ear.heard, leg)
    assert e.LimitReached(leg) in facts
    assert e.DeviceHungUp(leg) not in facts
    assert facts[-1] == e.DeviceGone(leg, None, 16)


async def test_a_redirect_takes_a_talking_citizen_to_another_queue(town: Town, ear: Ear) -> None:
    anna, ann, bob = await town.citizen(), await town.agent("ann"), await town.agent("bob", OTHER)
    leg = await talking(town, ear, anna, ann)
    await town.exchange.redirect(leg, OTHER)
    await ann.hears_the_end()
    await bob.rings()
    await bob.answers()
    await ear.hears(e.AgentAnswered, leg, times=2)
    assert in_stages(ear.heard, leg)[4:] == [
        e.AgentAnswered(leg, "ann"),
        e.QueueJoined(leg, OTHER, 1),
        e.AgentRang(leg, "bob"),
        e.AgentAnswered(leg, "bob"),
    ]
    await bob.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    assert e.AgentGone(leg, "bob", "agent") in ear.heard
    # The old agent's goodbye comes only with the end of the leg, and looks like the citizen's.
    assert e.AgentGone(leg, "ann", "caller") in ear.heard


async def test_an_agent_who_is_free_again_is_rung_for_the_next(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    first = await talking(town, ear, anna, ann)
    await ann.hangs_up()
    await ear.hears(e.DeviceGone, first)
    second = await talking(town, ear, anna, ann)
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, second)


async def test_who_waits_is_offered_when_the_agent_is_free_again(town: Town, ear: Ear) -> None:
    anna, boris, ann = await town.citizen(ANNA), await town.citizen(BORIS), await town.agent("ann")
    first = await talking(town, ear, anna, ann, ANNA)
    second = await waiting(town, ear, boris, BORIS)
    await ann.hangs_up()
    await ear.hears(e.DeviceGone, first)
    await ann.rings()
    await ear.hears(e.AgentRang, second)


async def test_hold_is_told_when_the_citizen_presses_it(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await anna.holds()
    await ear.hears(e.Held, leg)
    await anna.holds(False)
    await ear.hears(e.Unheld, leg)
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, leg)


async def test_hold_is_told_when_the_agent_presses_it(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await ann.holds()
    await ear.hears(e.Held, leg)
    await ann.holds(False)
    await ear.hears(e.Unheld, leg)
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    assert [type(fact) for fact in ear.heard if isinstance(fact, e.Held | e.Unheld)] == [e.Held, e.Unheld]
