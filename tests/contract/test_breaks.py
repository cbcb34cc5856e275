"""The connection breaks, Asterisk dies: what goes on, what is lost, what can be learned afterwards."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.recovery import LegSeen, LegState
from pbx_bridge.conductor.ports import AlreadyDialled, OutOfReach, Replaced, Unanswered
from tests.contract.town import QUICK, Ear, Town, dialled, listening, order, talking, waiting

pytest_plugins = ("tests.virtual_time_plugin",)


async def test_a_cut_line_ends_and_nothing_can_be_asked(town: Town, ear: Ear) -> None:
    await town.cut()
    await ear.hears_the_end_of_the_line()
    with pytest.raises(OutOfReach):
        await ear.picture()
    with pytest.raises(OutOfReach):
        async with town.exchange.connect():
            pass


@pytest.mark.parametrize("connection", ["ari", "ami"])
async def test_half_a_line_is_no_line(town: Town, connection: str) -> None:
    anna = await town.citizen()
    async with listening(town) as before:
        leg = await dialled(town)
        await anna.rings()
        town.drop(connection)
        await before.hears_the_end_of_the_line()
    async with listening(town) as after:
        await after.sees(leg, LegSeen(LegState.RINGING))
        await anna.declines()
        await after.hears(e.DeviceGone, leg)


async def test_a_request_that_surely_was_not_sent_is_told_apart(town: Town, ear: Ear) -> None:
    await town.cut()
    await ear.hears_the_end_of_the_line()
    with pytest.raises(OutOfReach) as trouble:
        await town.exchange.dial(order())
    assert not isinstance(trouble.value, Unanswered)


async def test_an_order_whose_answer_got_lost_rings(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    wanted = order()
    town.lose_the_answer_to_dial(done=True)
    with pytest.raises(Unanswered):
        await town.exchange.dial(wanted)
    await anna.rings()
    await ear.sees(wanted.leg, LegSeen(LegState.RINGING))
    with pytest.raises(AlreadyDialled):
        await town.exchange.dial(wanted)


async def test_an_order_that_got_lost_itself_leaves_nothing(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    wanted = order()
    town.lose_the_answer_to_dial(done=False)
    with pytest.raises(Unanswered):
        await town.exchange.dial(wanted)
    picture = await ear.picture()
    assert wanted.leg not in picture.legs
    assert wanted.leg not in picture.traces
    await town.exchange.dial(wanted)
    await anna.rings()


async def test_a_leg_rings_on_while_nobody_listens(town: Town) -> None:
    anna = await town.citizen()
    async with listening(town) as before:
        leg = await dialled(town)
        await anna.rings()
        await before.hears(e.DeviceRang, leg)
        await town.cut()
        await before.hears_the_end_of_the_line()
    await town.mend()
    async with listening(town) as after:
        await after.sees(leg, LegSeen(LegState.RINGING))
        await anna.declines()
        await after.hears(e.DeviceGone, leg)


async def test_a_citizen_reaches_an_agent_while_nobody_listens(town: Town) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    async with listening(town) as before:
        leg = await dialled(town)
        await anna.rings()
        await before.hears(e.DeviceRang, leg)
        await town.cut()
        await before.hears_the_end_of_the_line()
        await anna.answers()
        await ann.rings()
        await ann.answers()
    await town.mend()
    async with listening(town) as after:
        await after.sees(leg, LegSeen(LegState.UP, agent="ann"))
        await anna.hangs_up()
        await after.hears(e.DeviceHungUp, leg)
        await after.hears(e.DeviceGone, leg)


@pytest.mark.parametrize("who", ["citizen", "agent"])
async def test_a_talk_that_ended_while_nobody_listened_has_left_its_trace(town: Town, who: str) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    async with listening(town) as before:
        leg = await talking(town, before, anna, ann)
        await town.cut()
        await before.hears_the_end_of_the_line()
        await (anna if who == "citizen" else ann).hangs_up()
        await anna.hears_the_end()
        await ann.hears_the_end()
    await town.mend()
    async with listening(town) as after:
        trace = await after.trace(leg)
        assert (trace.agent, trace.queue) == ("ann", QUICK)
        assert trace.queue_status == (None if who == "citizen" else "CONTINUE")


async def test_a_refusal_while_nobody_listened_has_left_its_trace(town: Town) -> None:
    anna = await town.citizen()
    async with listening(town) as before:
        leg = await dialled(town)
        await anna.rings()
        await town.cut()
        await before.hears_the_end_of_the_line()
        await anna.declines(486)
        await anna.hears_the_end()
    await town.mend()
    async with listening(town) as after:
        trace = await after.trace(leg)
        assert (trace.sip, trace.q850, trace.answered_at) == (486, 17, None)


async def test_asterisk_that_was_restarted_is_younger_than_the_leg(town: Town) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    async with listening(town) as before:
        dialled_at = town.now()
        leg = await waiting(town, before, anna)
        await ann.rings()
        await town.crash()
        await before.hears_the_end_of_the_line()
    async with listening(town) as after:
        picture = await after.picture()
        assert picture.since > dialled_at
        assert leg not in picture.legs
        assert leg not in picture.traces


async def test_what_reached_the_disk_is_remembered_after_a_crash(town: Town) -> None:
    async with listening(town) as before:
        leg = await dialled(town, await town.refusing_number(486))
        await before.hears(e.DeviceGone, leg)
        await town.writes_to_disk(leg)
        await town.crash()
        await before.hears_the_end_of_the_line()
    async with listening(town) as after:
        assert (await after.trace(leg)).sip == 486


async def test_a_second_listener_takes_the_place_of_the_first(town: Town) -> None:
    async with listening(town) as first, listening(town) as second:
        with pytest.raises(Replaced):
            async for _ in first.line:
                pass
        await second.picture()
