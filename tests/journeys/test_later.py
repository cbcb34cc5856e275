"""Calls that are not made at once, as a portal sees them: from the request through closed hours to the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pbx_bridge.directory.service import Callbacks, Directory, Service
from pbx_bridge.hours.schedule import DESK
from pbx_bridge.line.pacing import Rules
from tests.house import ANNA, House
from tests.journeys.door import Door
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)

#: 15:00 in Moscow is noon here; the desk opens at nine the next morning.
OPENS = NOON + timedelta(hours=18)


@pytest.fixture(autouse=True)
async def desk(service: House) -> None:
    """A support line with its hours, an agent, and Anna."""
    support = Service("support", "support", DESK, callbacks=Callbacks(Rules(attempts=3, pauses_s=(600, 1800), least=1)))
    service.directory = Directory({"support": support})
    service.fake.agent("ann", hangs_up_after_s=60)


def at_night(service: House) -> None:
    """It is the next morning, an hour before the desk opens."""
    service.time.set_clock(OPENS - timedelta(hours=1) - service.time())


async def told(door: Door, query: str = "") -> Any:
    return (await door.portal.ask("GET", f"/v1/services/support/availability{query}")).body


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def test_what_the_page_was_told_before_is_what_happens(service: House, door: Door) -> None:
    service.fake.citizen(ANNA, presses="1")
    at_night(service)
    before = await told(door)
    assert (before["open"], before["decision"], before["because"]["slug"]) == (False, "later", "closed")
    call = await door.portal.call(ANNA)
    waits = await door.portal.get(call)
    assert moment(waits["scheduled_for"]) == moment(before["would_call_at"]["desk"]) == OPENS
    assert waits["scheduled_because"] == before["because"]
    end = await door.end(call)
    assert (end.outcome, end.talked_to) == ("completed", ["ann"])
    assert service.fake.rings == {ANNA: 1}


async def test_a_moved_callback_rings_at_its_new_time_and_once(service: House, door: Door) -> None:
    service.fake.citizen(ANNA, presses="1")
    at_night(service)
    call = await door.portal.call(ANNA)
    to = OPENS + timedelta(hours=2)
    moved = await door.portal.ask("POST", f"/v1/calls/{call}/move", {"to": to.isoformat()})
    assert (moved.status, moved.body["as_asked"]) == (200, True)
    story = await door.follows(call, "dialing")
    assert moment(story.events[-1]["time"]) >= to
    assert (await door.end(call)).outcome == "completed"
    assert service.fake.rings == {ANNA: 1}


async def test_a_time_that_is_asked_for_is_when_it_rings(service: House, door: Door) -> None:
    service.fake.citizen(ANNA, presses="1")
    when = NOON + timedelta(hours=2)
    asked = await told(door, f"?at={when:%Y-%m-%dT%H:%M:%SZ}")
    assert (asked["decision"], moment(asked["would_call_at"]["desk"])) == ("later", when)
    call = await door.portal.call(ANNA, when=when.isoformat())
    story = await door.follows(call, "dialing")
    assert when <= moment(story.events[-1]["time"]) < when + timedelta(minutes=1)
    assert (await door.end(call)).outcome == "completed"


async def test_a_callback_is_called_off_without_a_ring(service: House, door: Door) -> None:
    service.fake.citizen(ANNA)
    at_night(service)
    call = await door.portal.call(ANNA)
    assert (await door.portal.abort(call)).body["won"] is True
    assert (await door.end(call)).outcome == "cancelled"
    assert service.fake.rings == {}
    late = await door.portal.ask("POST", f"/v1/calls/{call}/move", {"to": (OPENS + timedelta(hours=1)).isoformat()})
    assert (late.status, late.problem, late.body["state"]) == (409, "not-movable", "ended")
