"""The whole service with a directory of files, on the real Asterisk: closed, changed, called back, and dialled."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.stage import Plan, Stage, until
from workshop.phone import Phone

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

HOTLINE = "88001002030"
SUPPORT = """
queue = "support"
numbers = ["+78001002030"]
wrap_up_s = 0
[names]
ru = "Служба поддержки"
en = "Support line"
[hours]
calendar = "none"
every_day = {hours}
"""
OPEN, CLOSED = SUPPORT.format(hours='["00:00-24:00"]'), SUPPORT.format(hours="[]")
#: It opens once, when this test is over, and soon enough that a request is kept until then.
DAY = (datetime.now(UTC) + timedelta(days=3)).date()
SOME_DAY = f"""{CLOSED}
[[hours.override]]
from = {DAY}
to = {DAY}
periods = ["10:00-11:00"]
why = "один раз"
"""
#: Another digest, the same hours today.
CLOSED_ON_NO_DAY = """
[[hours.override]]
from = 2020-01-01
to = 2020-01-01
periods = []
why = "давно"
"""
#: Somebody's telephone behind an operator: it registers, and what it dials comes in as an operator's call.
CALLER = """
[caller](trunk)
auth = caller
aors = caller
callerid = <79167654321>
[caller](login)
username = caller
password = secret
[caller](place)
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(services={"support.toml": SOME_DAY}, pjsip=CALLER)


def daytime() -> str:
    """A zone where it is about noon now: nobody is called back at night."""
    ahead = (12 - datetime.now(UTC).hour + 11) % 24 - 11
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


async def reads(stage: Stage, text: str) -> None:
    """An engineer changes the hours; the service has read them."""
    stage.service.write_service("support.toml", text)
    before = stage.service.log.read_text().count("the directory was read again")

    async def times() -> int:
        return stage.service.log.read_text().count("the directory was read again")

    await until(times, lambda now: now > before, "the directory to be read again", 15)


async def test_who_asks_out_of_hours_is_called_back_when_the_hours_are_changed(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen, zone=daytime())
    waits = await stage.becomes(call, "scheduled")
    assert waits["scheduled_because"]["slug"] == "closed"
    assert waits["scheduled_for"] == f"{DAY}T07:00:00.000Z"
    await reads(stage, OPEN)
    await citizen.rings(within_s=20)
    await citizen.answer()
    await citizen.hears_sound(within_s=10)
    assert ann.rung_count == 0
    await citizen.dtmf("1")
    await stage.becomes(call, "talking")
    await ann.hang_up()
    end = await stage.end(call)
    assert end.outcome == "completed"
    assert citizen.rung_count == 1


async def test_a_broken_file_changes_nothing(stage: Stage) -> None:
    stage.service.write_service("support.toml", OPEN.replace('"support"', "support"))

    async def refused() -> bool:
        return "the changed directory cannot be used" in stage.service.log.read_text()

    await until(refused, bool, "the broken file to be refused", 15)
    ann = await stage.agent("ann")
    call = await stage.occupy(ann)
    await ann.hang_up()
    assert (await stage.end(call)).outcome == "completed"


async def test_who_dials_the_public_number_talks_to_an_agent_and_has_a_history(stage: Stage) -> None:
    await reads(stage, OPEN + CLOSED_ON_NO_DAY)
    ann = await stage.agent("ann")
    server = f"127.0.0.1:{stage.server.ports.sip}"
    async with Phone("caller", registrar=server, password="secret") as caller:
        await caller.call(f"sip:{HOTLINE}@{server}")
        await ann.talks(within_s=40)  # after the welcome and the ticket
        told = await until(lambda: _states(stage), lambda states: "talking" in states, "the talk to be told", 10)
        assert told[:2] == ["answered", "queued"]
        await caller.hang_up()
        await until(lambda: _states(stage), lambda states: "ended" in states, "the end to be told", 10)


async def _states(stage: Stage) -> list[str]:
    """What the service's log says of calls that came in."""
    found = re.findall(r'"call": "call_h[^}]*"state": "(\w+)"', stage.service.log.read_text())
    return found or re.findall(r'"state": "(\w+)"[^}]*"call": "call_h', stage.service.log.read_text())


async def test_who_keeps_the_place_is_called_back_when_an_agent_is_free(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    first = await stage.occupy(ann)
    call = await stage.call(citizen, zone=daytime())
    await stage.takes(citizen, call)
    await stage.becomes(call, "queued")
    kept = await stage.portal.ask("POST", f"/v1/calls/{call}/keep")
    assert (kept.status, kept.body["call"]["state"]) == (200, "scheduled")
    assert kept.body["call"]["scheduled_because"]["slug"] == "kept"
    await citizen.ended()
    stage.expects(citizen.number)
    await ann.hang_up()
    await citizen.rings(within_s=20)
    await citizen.answer()
    await citizen.hears_sound(within_s=10)
    await citizen.dtmf("1")
    await stage.becomes(call, "talking")
    await ann.hang_up()
    assert (await stage.end(call)).outcome == "completed"
    assert (await stage.end(first)).outcome == "completed"
