"""The time limit of a call is kept by Asterisk, wherever the call is when it passes."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from tests.ending import Cause, Ending
from tests.stage import QUICK, Plan, Stage
from workshop.desk import Queue

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT_S = 3
LIMIT = Cause("time_limit", "timer")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(terms={"TIME_LIMIT_S": LIMIT_S}, queues=(Queue("support", {**QUICK, "timeout": "10"}),))


def check_limit(end: Ending) -> None:
    """The limit counts from the answer."""
    assert end.outcome == "time_limit"
    assert end.cause == LIMIT
    assert end.words == "the call's time limit passed"
    assert end.words_ru == "Время разговора истекло."
    answered = datetime.fromisoformat(end.call["answered_at"])
    assert LIMIT_S - 0.2 < (end.ended_at - answered).total_seconds() < LIMIT_S + 1


async def test_a_talk_ends_at_its_time_limit(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    assert (await citizen.ended()).how == "hung up there"
    assert (await ann.ended()).how == "hung up there"
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered queued offered talking ended"
    check_limit(end)
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_waiting_ends_at_the_time_limit(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    before = await stage.occupy(ann, time_limit_s=60)
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered queued ended"
    check_limit(end)
    assert (await citizen.ended()).how == "hung up there"
    assert (citizen.rung_count, ann.rung_count) == (1, 1)
    await ann.hang_up()
    await stage.end(before)


async def test_the_time_limit_passes_while_an_agent_rings(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann", behaviour="ring"), await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await asyncio.gather(stage.becomes(call, "offered"), ann.rings())
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered queued offered ended"
    check_limit(end)
    assert (await ann.ended()).how == "cancelled there"
    assert citizen.rung_count == 1


async def test_the_requests_own_limit_goes_before_the_operators(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen, time_limit_s=60)
    await stage.takes(citizen, call)
    seen = await stage.becomes(call, "talking")
    assert seen["time_limit_s"] == 60
    answered, limit = (datetime.fromisoformat(seen[name]) for name in ("answered_at", "limit_at"))
    assert (limit - answered).total_seconds() == 60
    await ann.hang_up()
    assert (await stage.end(call)).outcome == "completed"
