"""Whole calls on PostgreSQL, the production store: the same loop, the same answers, the same books."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.stage import Plan, Stage
from workshop.portal import Portal
from workshop.postgres import Postgres
from workshop.sms import Gateway

pytest_plugins = ("tests.stage_plugin", "tests.ledger_plugin")
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as running:
        yield running


@pytest.fixture(scope="module")
def plan(postgres: Postgres, gateway: Gateway) -> Plan:
    url = postgres.create("whole_calls")
    return Plan(environment={"PBX_DATABASE__URL": url, "PBX_SMS__URL": gateway.url, "PBX_LIMITS__CODE_PAUSE_S": "0"})


@pytest_asyncio.fixture(loop_scope="module")
async def careful(stage: Stage) -> AsyncIterator[Portal]:
    """A portal whose citizens type codes."""
    async with await stage.service.portal(second_step="code") as portal:
        yield portal


async def test_a_citizen_talks_to_an_agent(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await ann.hang_up()
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered queued offered talking ended"
    assert end.outcome == "completed"
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_nothing_rings_before_the_code_and_everything_after_it(
    stage: Stage, gateway: Gateway, careful: Portal
) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    stage.expects(citizen.number)
    call = await careful.call(citizen.number)
    code = await gateway.code_for(citizen.number)
    assert citizen.rung_count == 0
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert (await careful.confirm(call, wrong)).status == 403
    assert (await careful.confirm(call, code)).status == 200
    await citizen.rings()
    await citizen.answer()
    await ann.talks()
    await ann.hang_up()
    story = await careful.until(call, "ended")
    assert story.events[-1]["data"]["call"]["outcome"] == "completed"
    assert citizen.rung_count == 1


async def test_a_killed_service_rings_nobody_again(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await stage.service.kill()
    await stage.service.start()
    await ann.hang_up()
    assert (await stage.end(call)).outcome == "completed"
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_the_audit_holds_after_all_of_it(stage: Stage) -> None:
    said = await stage.service.command("audit", "verify")
    assert said.startswith("The audit holds: ")
