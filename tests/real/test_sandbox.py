"""Each number of the sandbox does what its row says, on the real Asterisk: through its trunk to itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pbx_bridge.sandbox import NUMBERS
from tests.ending import Ending
from tests.stage import Plan, Stage
from workshop.desk import Agent

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")
AGENTS = ("ann", "bob", "eve", "dan", "fay")
#: Longer than the slow one rings.
TERMS = {"RING_S": 10, "TIME_LIMIT_S": 60}


@pytest.fixture(scope="module")
def plan() -> Plan:
    agents = [Agent(name) for name in AGENTS]
    return Plan(terms=TERMS, agents=agents, environment={"PBX_SANDBOX__ENABLED": "true"})


async def talked(stage: Stage, number: str, **how: object) -> Ending:
    """A call to it, which the agent ends as soon as they talk."""
    call = await stage.portal.call(number, **how)
    agent = (await stage.becomes(call, "talking", within_s=20))["legs"][-1]["agent"]
    await stage.phone(agent).hang_up()
    return await stage.end(call)


async def ended(stage: Stage, number: str) -> Ending:
    """A call to it, which ends by itself."""
    return await stage.end(await stage.portal.call(number))


async def test_each_number_leads_where_its_row_says(stage: Stage) -> None:
    for name in AGENTS:
        await stage.agent(name)
    rows = [row for row in NUMBERS if row.outcome]
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    answered, ends = await asyncio.gather(
        asyncio.gather(
            talked(stage, "+70000000200"),
            talked(stage, "+70000000222"),
            talked(stage, "+70000000208"),
            talked(stage, "+70000000201", when=soon),
        ),
        asyncio.gather(*(ended(stage, row.number) for row in rows)),
    )
    assert [(end.outcome, end.cause.slug) for end in ends] == [(row.outcome, row.cause) for row in rows]
    assert {end.outcome for end in answered} == {"completed"}
    quick, _, slow, called_back = answered
    assert 0.8 < rang_s(quick) < 4
    assert 7.8 < rang_s(slow) < 10
    assert "scheduled" in called_back.path
    gone = ends[0]
    assert "talking" in gone.path
    assert 9 < seconds(gone.call["answered_at"], gone.call["ended_at"]) < 13
    assert all("+7000***" in end.call["user"]["phone"] for end in (*answered, *ends))


def rang_s(end: Ending) -> float:
    """From the first ring to the answer."""
    ringing = next(event["time"] for event in end.events if event["data"]["call"]["state"] == "ringing")
    return seconds(ringing, end.call["answered_at"])


def seconds(from_: str, to: str) -> float:
    return (datetime.fromisoformat(to) - datetime.fromisoformat(from_)).total_seconds()
