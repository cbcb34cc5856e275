"""What a look shows of a leg in each state, and what is remembered of legs that ended."""

from __future__ import annotations

from pbx_bridge.call import events as e
from pbx_bridge.call.recovery import LegSeen, LegState, Trace
from tests.contract.town import ANNA, BORIS, OTHER, QUICK, Ear, Town, dialled, listening, talking, waiting

pytest_plugins = ("tests.virtual_time_plugin",)


async def test_nothing_is_seen_where_nothing_is(town: Town, ear: Ear) -> None:
    picture = await ear.picture()
    assert dict(picture.legs) == {}
    assert dict(picture.traces) == {}
    assert picture.since <= picture.at


async def test_a_silent_leg_is_down(town: Town, ear: Ear) -> None:
    leg = await dialled(town, await town.silent_number())
    await ear.sees(leg, LegSeen(LegState.DOWN))


async def test_a_ringing_leg_rings(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town)
    await anna.rings()
    await ear.sees(leg, LegSeen(LegState.RINGING))


async def test_a_waiting_leg_has_its_place(town: Town, ear: Ear) -> None:
    anna, boris, ann = await town.citizen(ANNA), await town.citizen(BORIS), await town.agent("ann")
    first = await waiting(town, ear, anna, ANNA)
    await ann.rings()
    second = await waiting(town, ear, boris, BORIS)
    await ear.sees(first, LegSeen(LegState.UP, QUICK, 1, ("ann",)))
    await ear.sees(second, LegSeen(LegState.UP, QUICK, 2))


async def test_a_talking_leg_has_its_agent(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await ear.sees(leg, LegSeen(LegState.UP, agent="ann"))


async def test_a_redirected_leg_waits_in_the_other_queue(town: Town, ear: Ear) -> None:
    anna, ann, bob = await town.citizen(), await town.agent("ann"), await town.agent("bob", OTHER)
    leg = await talking(town, ear, anna, ann)
    await town.exchange.redirect(leg, OTHER)
    await bob.rings()
    await ear.sees(leg, LegSeen(LegState.UP, OTHER, 1, ("bob",)))
    await bob.answers()
    await ear.sees(leg, LegSeen(LegState.UP, agent="bob"))


async def test_places_are_right_after_a_look_too(town: Town) -> None:
    anna, boris, ann = await town.citizen(ANNA), await town.citizen(BORIS), await town.agent("ann")
    async with listening(town) as before:
        await waiting(town, before, anna, ANNA)
        await ann.rings()
        second = await waiting(town, before, boris, BORIS)
    async with listening(town) as after:
        await after.sees(second, LegSeen(LegState.UP, QUICK, 2))
        await anna.hangs_up()
        assert await after.hears(e.QueueMoved, second) == e.QueueMoved(second, 1)


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────
def codes(trace: Trace) -> tuple[int | None, int | None]:
    return trace.sip, trace.q850


async def test_a_refusal_is_remembered_with_its_codes(town: Town, ear: Ear) -> None:
    leg = await dialled(town, await town.refusing_number(486))
    await ear.hears(e.DeviceGone, leg)
    trace = await ear.trace(leg)
    assert codes(trace) == (486, 17)
    assert trace.answered_at is None


async def test_ringing_in_vain_is_remembered_without_a_status(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town, ring_s=1)
    await anna.rings()
    await ear.hears(e.DeviceGone, leg)
    trace = await ear.trace(leg)
    assert codes(trace) == (None, 19)
    assert trace.rang


async def test_silence_is_remembered_as_silence(town: Town, ear: Ear) -> None:
    leg = await dialled(town, await town.silent_number(), ring_s=1)
    await ear.hears(e.DeviceGone, leg)
    trace = await ear.trace(leg)
    assert codes(trace) == (None, 19)
    assert not trace.rang


async def test_a_hang_up_from_here_is_remembered(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town)
    await anna.rings()
    await town.exchange.hang_up(leg)
    await ear.hears(e.DeviceGone, leg)
    assert codes(await ear.trace(leg)) == (None, 16)


async def test_who_hung_up_waiting_is_remembered(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna)
    await ann.rings()
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    trace = await ear.trace(leg)
    assert trace.answered_at is not None
    assert (trace.queue, trace.queue_status, trace.agent, trace.limit_reached) == (QUICK, None, None, False)


async def test_waiting_in_vain_is_remembered(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna, queue_s=1)
    await ann.rings()
    await ear.hears(e.DeviceGone, leg)
    trace = await ear.trace(leg)
    assert (trace.queue, trace.queue_status, trace.agent) == (QUICK, "TIMEOUT", None)


async def test_an_unknown_queue_is_remembered(town: Town, ear: Ear) -> None:
    anna = await town.citizen()
    leg = await dialled(town, queue="no-such-queue")
    await anna.rings()
    await anna.answers()
    await ear.hears(e.DeviceGone, leg)
    trace = await ear.trace(leg)
    assert (trace.queue, trace.queue_status) == ("no-such-queue", "UNKNOWN")


async def test_a_talk_that_the_agent_ended_is_remembered(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await ann.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    trace = await ear.trace(leg)
    assert (trace.queue, trace.queue_status, trace.agent) == (QUICK, "CONTINUE", "ann")
    assert trace.waited_s in (0, 1)


async def test_a_talk_that_the_citizen_ended_is_remembered(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann)
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    trace = await ear.trace(leg)
    assert (trace.queue, trace.queue_status, trace.agent) == (QUICK, None, "ann")


async def test_a_talk_that_reached_its_limit_is_remembered(town: Town, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await talking(town, ear, anna, ann, time_limit_s=1)
    await ear.hears(e.DeviceGone, leg)
    trace = await ear.trace(leg)
    assert (trace.queue_status, trace.agent, trace.limit_reached) == (None, "ann", True)


async def test_after_a_redirect_the_old_agent_is_forgotten(town: Town, ear: Ear) -> None:
    anna, ann, bob = await town.citizen(), await town.agent("ann"), await town.agent("bob", OTHER)
    leg = await talking(town, ear, anna, ann)
    await town.exchange.redirect(leg, OTHER)
    await bob.rings()
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    trace = await ear.trace(leg)
    assert (trace.queue, trace.queue_status, trace.agent, trace.waited_s) == (OTHER, None, None, None)
