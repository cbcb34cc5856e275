"""The call ends while the service is dead. After the restart its end is the true one, at the true time.

What Asterisk's dialplan wrote down (dialplan/device-answered.conf, `leg-gone`) is the only witness.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.ending import Cause, Ending
from tests.stage import RINGING, TRYING, Plan, Stage
from workshop.phone import Phone

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

ALONE = "requested dialing ringing answered queued"
SERVED = f"{ALONE} offered talking ended"
A_SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(terms={"QUEUE_S": 4})


async def over(*phones: Phone) -> datetime:
    """When the phones' calls are over."""
    # Who waited in vain hears so before the end (prompt all-busy).
    await asyncio.gather(*(phone.ended(within_s=25) for phone in phones))
    return datetime.now(UTC)


def check(end: Ending, path: str, outcome: str, cause: Cause, at: datetime) -> None:
    assert end.path == path
    assert end.outcome == outcome
    assert end.cause == cause
    assert abs(end.ended_at - at) < A_SECOND, f"it ended at {at}"


# ── the talk ─────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_citizen_ends_the_talk(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    async with stage.service_dead():
        await citizen.hang_up()
        at = await over(citizen, ann)
    check(await stage.end(call), SERVED, "completed", Cause("citizen_hung_up", "citizen"), at)
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_the_agent_ends_the_talk(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    async with stage.service_dead():
        await ann.hang_up()
        at = await over(citizen, ann)
    check(await stage.end(call), SERVED, "completed", Cause("agent_hung_up", "agent"), at)
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_the_citizen_ends_a_talk_that_was_on_hold(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await citizen.hears(ann.tone_hz)
    await citizen.hold()
    await stage.becomes(call, "on_hold")
    async with stage.service_dead():
        await citizen.hang_up()
        at = await over(citizen, ann)
    path = f"{ALONE} offered talking on_hold ended"
    check(await stage.end(call), path, "completed", Cause("citizen_hung_up", "citizen"), at)


# ── before an answer ─────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("code", "outcome", "cause"),
    [
        (486, "busy", Cause("busy", "network", 486, 17)),
        (603, "rejected", Cause("rejected", "network", 603, 21)),
    ],
)
async def test_the_ringing_citizen_declines(stage: Stage, code: int, outcome: str, cause: Cause) -> None:
    citizen = await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    async with stage.service_dead():
        await citizen.decline(code)
        at = await over(citizen)
    check(await stage.end(call), "requested dialing ringing ended", outcome, cause, at)
    assert citizen.rung_count == 1


async def test_the_phone_rings_out(stage: Stage) -> None:
    citizen = await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    async with stage.service_dead():
        at = await over(citizen)
    end = await stage.end(call)
    check(end, "requested dialing ringing ended", "no_answer", Cause("no_answer", "timer", None, 19), at)
    assert citizen.rung_count == 1


async def test_nothing_ever_answers(stage: Stage) -> None:
    call = await stage.call(TRYING)
    await stage.trunk.is_called(TRYING)
    async with stage.service_dead():
        await stage.trunk.is_left(TRYING)
        at = datetime.now(UTC)
    end = await stage.end(call)
    check(end, "requested dialing ended", "unreachable", Cause("silent_device", "timer", None, 19), at)
    assert await stage.rings(call) == 1


@pytest.mark.parametrize(
    ("number", "outcome", "cause"),
    [
        ("+79000000486", "busy", Cause("busy", "network", 486, 17)),
        ("+79000000603", "rejected", Cause("rejected", "network", 603, 21)),
        ("+79000000404", "invalid_number", Cause("unknown_number", "network", 404, 1)),
        ("+79000000503", "congestion", Cause("congestion", "network", 503, 34)),
    ],
)
async def test_the_network_refuses_right_after_the_request(
    stage: Stage, number: str, outcome: str, cause: Cause
) -> None:
    """Killed before, while or after Asterisk dials: whichever it was, the number is called once and believed."""
    call = await stage.call(number)
    async with stage.service_dead():
        pass
    end = await stage.end(call)
    assert end.path == "requested dialing ended"
    assert end.outcome == outcome
    assert end.cause == cause
    assert await stage.rings(call) == 1


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_waiting_citizen_gives_up(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    before = await stage.occupy(ann)
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await stage.becomes(call, "queued")
    async with stage.service_dead():
        await citizen.hang_up()
        at = await over(citizen)
    check(await stage.end(call), f"{ALONE} ended", "abandoned", Cause("hung_up_waiting", "citizen"), at)
    await ann.hang_up()
    assert (await stage.end(before)).path == SERVED


async def test_the_citizen_gives_up_while_an_agent_rings(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann", behaviour="ring"), await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await asyncio.gather(stage.becomes(call, "offered"), ann.rings())
    async with stage.service_dead():
        await citizen.hang_up()
        at = await over(citizen, ann)
    end = await stage.end(call)
    check(end, f"{ALONE} offered ended", "abandoned", Cause("hung_up_waiting", "citizen"), at)


async def test_the_queue_gives_up(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    before = await stage.occupy(ann)
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await stage.becomes(call, "queued")
    async with stage.service_dead():
        at = await over(citizen)
    check(await stage.end(call), f"{ALONE} ended", "queue_timeout", Cause("queue_timeout", "queue"), at)
    await ann.hang_up()
    await stage.end(before)


async def test_the_last_agent_logs_out(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann", behaviour="ring"), await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await asyncio.gather(stage.becomes(call, "offered"), ann.rings())
    async with stage.service_dead():
        await ann.stop()
        at = await over(citizen)
    check(await stage.end(call), f"{ALONE} offered ended", "queue_timeout", Cause("queue_empty", "queue"), at)


# ── everything ───────────────────────────────────────────────────────────────────────────────────────────
async def test_from_ringing_to_the_agents_goodbye(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    async with stage.service_dead():
        await citizen.answer()
        await asyncio.gather(citizen.hears(ann.tone_hz), ann.hears(citizen.tone_hz))
        await ann.hang_up()
        at = await over(citizen, ann)
    end = await stage.end(call)
    check(end, SERVED, "completed", Cause("agent_hung_up", "agent"), at)
    assert end.talked_to == ["ann"]
    assert end.call["answered_at"] is not None


async def test_from_ringing_to_giving_up_in_the_queue(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann", behaviour="ring"), await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    async with stage.service_dead():
        await citizen.answer()
        await ann.rings()
        await citizen.hang_up()
        at = await over(citizen, ann)
    end = await stage.end(call)
    check(end, f"{ALONE} ended", "abandoned", Cause("hung_up_waiting", "citizen"), at)
    assert end.talked_to == []


async def test_from_ringing_to_an_empty_queue(stage: Stage) -> None:
    citizen = await stage.citizen()
    call = await stage.call(citizen)
    await asyncio.gather(stage.becomes(call, "ringing"), citizen.rings())
    async with stage.service_dead():
        await citizen.answer()
        at = await over(citizen)
    end = await stage.end(call)
    check(end, "requested dialing ringing answered ended", "queue_timeout", Cause("queue_empty", "queue"), at)


async def test_from_dialing_on_the_phone_rings_out(stage: Stage) -> None:
    """Nobody saw it ring but Asterisk: still it rang and was not answered."""
    call = await stage.call(RINGING)
    await stage.trunk.is_called(RINGING)
    async with stage.service_dead():
        await stage.trunk.is_left(RINGING)
        at = datetime.now(UTC)
    end = await stage.end(call)
    assert end.outcome == "no_answer"
    assert end.cause == Cause("no_answer", "timer", None, 19)
    assert end.path == "requested dialing ringing ended"
    assert abs(end.ended_at - at) < A_SECOND


async def test_calls_that_ended_in_every_way_are_all_told_after_one_restart(stage: Stage) -> None:
    ann, bob = await stage.agent("ann"), await stage.agent("bob")
    citizens = [await stage.citizen() for _ in range(4)]
    calls = [await stage.talk(citizens[0], ann), await stage.talk(citizens[1], bob)]
    for citizen in citizens[2:]:
        calls.append(await stage.call(citizen))
        await asyncio.gather(stage.becomes(calls[-1], "ringing"), citizen.rings())
    async with stage.service_dead():
        await asyncio.gather(citizens[0].hang_up(), bob.hang_up(), citizens[2].decline(486), citizens[3].decline(603))
        at = await over(*citizens)
    ends = await stage.ends(*calls)
    assert [end.cause.slug for end in ends] == ["citizen_hung_up", "agent_hung_up", "busy", "rejected"]
    assert all(abs(end.ended_at - at) < A_SECOND for end in ends)
