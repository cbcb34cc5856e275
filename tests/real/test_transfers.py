"""From one human to another, on a whole service with real telephones: what they hear, and that nobody is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.ending import Cause
from tests.stage import QUICK, Plan, Stage
from workshop.desk import Agent, Queue
from workshop.phone import Phone

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

BUSY = "+79000000486"
TALK = "requested dialing ringing answered queued offered talking"


SERVICE = """
queue = "{queue}"
wrap_up_s = 0
[names]
ru = "Служба {queue}"
en = "Service {queue}"
[hours]
calendar = "none"
every_day = {hours}
"""
#: One never closes; the other opens once, when this test is over.
OPEN = SERVICE.format(queue="support", hours='["00:00-24:00"]')
DAY = (datetime.now(UTC) + timedelta(days=3)).date()
CLOSED = f"""{SERVICE.format(queue="sales", hours="[]")}
[[hours.override]]
from = {DAY}
to = {DAY}
periods = ["10:00-11:00"]
why = "один раз"
"""
SERVICES = {"support.toml": OPEN, "closed.toml": CLOSED}


@pytest.fixture(scope="module")
def plan() -> Plan:
    """eve sits at another desk; nobody sits at the third."""
    queues = (Queue("support", QUICK), Queue("sales", QUICK), Queue("nobody", QUICK))
    agents = (Agent("ann"), Agent("bob"), Agent("eve", queues=("sales",)))
    return Plan(queues=queues, agents=agents, services=SERVICES, terms={"QUEUE_S": 30, "TIME_LIMIT_S": 120})


async def steer(stage: Stage, call: str, how: str, **body: Any) -> Any:
    return await stage.portal.ask("POST", f"/v1/calls/{call}/{how}", body)


async def they_talk(one: Phone, other: Phone) -> None:
    """Each hears the other's tone."""
    await asyncio.gather(one.hears(other.tone_hz), other.hears(one.tone_hz))


async def talks_again(stage: Stage, call: str, sent: Any) -> Mapping[str, Any]:
    """The snapshot with which they talk again after they were sent on."""
    async with asyncio.timeout(10), aclosing(stage.portal.follow(call, sent.body["call"]["revision"])) as events:
        async for event in events:
            if event["data"]["call"]["state"] == "talking":
                talk: Mapping[str, Any] = event["data"]["call"]
                return talk
    raise AssertionError("the call ended before")


def types(events: Any) -> list[str]:
    return [event["type"] for event in events]


def party(call: Mapping[str, Any]) -> Mapping[str, Any]:
    last: Mapping[str, Any] = call["legs"][-1]
    return last


# ── by the portal or a supervisor ────────────────────────────────────────────────────────────────────────
async def test_who_talks_is_sent_to_another_queue_and_hears_the_next_agent(stage: Stage) -> None:
    ann, eve, citizen = await stage.agent("ann"), await stage.agent("eve", "sales"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await they_talk(citizen, ann)
    assert (await steer(stage, call, "redirect", queue="sales")).status == 202
    await ann.ended()
    await eve.talks()
    await they_talk(citizen, eve)
    await eve.hang_up()
    end = await stage.end(call)
    assert end.path == f"{TALK} transferring queued offered talking ended"
    assert end.talked_to == ["ann", "eve"]
    assert "call.redirected" in types(end.events)


async def test_who_talks_is_sent_to_a_number_outside(stage: Stage) -> None:
    ann, citizen, other = await stage.agent("ann"), await stage.citizen(), await stage.citizen()
    call = await stage.talk(citizen, ann)
    stage.expects(other.number)
    sent = await steer(stage, call, "redirect", number=other.number)
    assert sent.status == 202
    await ann.ended()
    await other.rings()
    await other.answer()
    talk = await talks_again(stage, call, sent)
    assert (party(talk)["party"], party(talk)["state"]) == ("outside", "up")
    await they_talk(citizen, other)
    assert other.number not in str(await stage.events(call))
    await other.hang_up()
    end = await stage.end(call)
    assert end.path == f"{TALK} transferring talking ended"
    assert end.cause == Cause("agent_hung_up", "agent")
    assert other.rung_count == 1


async def test_a_number_that_is_busy_leads_back_to_the_queue_and_its_agents(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    assert (await steer(stage, call, "redirect", number=BUSY)).status == 202
    await ann.ended()
    await ann.talks()
    await they_talk(citizen, ann)
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == f"{TALK} transferring queued offered talking ended"
    assert citizen.rung_count == 1


async def test_a_queue_where_nobody_sits_leads_back(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    assert (await steer(stage, call, "redirect", queue="nobody")).status == 202
    await ann.talks()
    await they_talk(citizen, ann)
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == f"{TALK} transferring queued offered talking ended"


async def test_a_service_that_is_closed_takes_nobody_and_they_talk_on(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    reply = await steer(stage, call, "redirect", service="closed")
    assert (reply.status, reply.problem) == (409, "desk-closed")
    assert reply.body["next_open_at"] == f"{DAY}T07:00:00Z"
    await they_talk(citizen, ann)
    await ann.hang_up()
    assert (await stage.end(call)).path == f"{TALK} ended"


async def test_a_number_that_no_trunk_carries_leaves_them_talking(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    reply = await steer(stage, call, "redirect", number="+74950000000")
    assert reply.status == 202
    assert party(await talks_again(stage, call, reply))["agent"] == "ann"
    await they_talk(citizen, ann)
    await ann.hang_up()
    assert (await stage.end(call)).path == f"{TALK} transferring talking ended"


async def test_a_new_limit_is_asterisks_own(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    assert (await steer(stage, call, "limit", time_limit_s=5)).status == 200
    assert (await citizen.ended(within_s=15)).how == "hung up there"
    end = await stage.end(call)
    assert end.cause == Cause("time_limit", "timer")
    answered, over = end.call["answered_at"], end.call["ended_at"]
    assert 4 < seconds_between(answered, over) < 7


def seconds_between(one: str, other: str) -> float:
    return (datetime.fromisoformat(other) - datetime.fromisoformat(one)).total_seconds()


# ── by the agent, on the telephone ───────────────────────────────────────────────────────────────────────
async def test_an_agent_sends_the_citizen_to_another_agent(stage: Stage) -> None:
    ann, eve, citizen = await stage.agent("ann"), await stage.agent("eve", "sales"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await ann.transfer("eve")
    await eve.talks()
    await they_talk(citizen, eve)
    await eve.hang_up()
    end = await stage.end(call)
    assert end.path == f"{TALK} transferring talking ended"
    assert end.talked_to == ["ann", "eve"]
    sent = next(event["data"]["call"] for event in end.events if event["type"] == "call.redirected")
    assert sent["transfer"] == {"by": "agent", "to": "eve", "number": None}


async def test_an_agent_sends_the_citizen_to_another_queue(stage: Stage) -> None:
    ann, eve, citizen = await stage.agent("ann"), await stage.agent("eve", "sales"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await ann.transfer("sales")
    await eve.talks()
    await they_talk(citizen, eve)
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == f"{TALK} transferring queued offered talking ended"
    assert end.talked_to == ["ann", "eve"]


async def test_an_agent_who_sends_the_citizen_to_nobody_does_not_drop_them(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await ann.transfer("nobody-of-that-name")
    await ann.talks()
    await they_talk(citizen, ann)
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == f"{TALK} transferring queued offered talking ended"


async def test_an_agent_who_sends_the_citizen_to_a_closed_service_does_not_drop_them(stage: Stage) -> None:
    ann, eve, citizen = await stage.agent("ann"), await stage.agent("eve", "sales"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await ann.transfer("closed")
    await ann.talks()
    await they_talk(citizen, ann)
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == f"{TALK} transferring queued offered talking ended"
    assert eve.rung_count == 0


async def test_an_agent_asks_a_colleague_first_and_then_joins_the_two(stage: Stage) -> None:
    ann, eve, citizen = await stage.agent("ann"), await stage.agent("eve", "sales"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    first = ann.live_calls[-1]
    await ann.hold()
    await stage.becomes(call, "on_hold")
    second = await ann.call("eve")
    await eve.talks()
    await they_talk(ann, eve)
    await ann.join(first, second)
    await they_talk(citizen, eve)
    await eve.hang_up()
    end = await stage.end(call)
    assert end.talked_to == ["ann", "eve"]
    assert end.path.startswith(f"{TALK} on_hold")
    assert end.cause == Cause("agent_hung_up", "agent")
    assert types(end.events).count("call.redirected") == 1
