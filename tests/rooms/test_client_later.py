"""The client asks when somebody answers, and puts calls off."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pbx_bridge.client import Bridge, Problem
from pbx_bridge.hours.schedule import DESK

from .portal_desk import service
from .portal_house import House

pytest_plugins = ("tests.rooms.client_fixtures",)
USER = {"id": "u-1", "phone": "+79161234567"}
MOSCOW = ZoneInfo("Europe/Moscow")
SUNDAY_NIGHT = datetime(2026, 1, 11, 23, tzinfo=MOSCOW)


@pytest.fixture(autouse=True)
def hours(house: House) -> None:
    """One desk never closes, the other does."""
    services = {"support": service("support"), "office": service("office", hours=DESK)}
    house.directory = replace(house.directory, services=services)


async def test_the_directory_is_read(portal: Bridge) -> None:
    support, office = await portal.services()
    assert (support["id"], support["hours"]["week"]["monday"]) == ("support", ["00:00-24:00"])
    assert (office["id"], office["hours"]["week"]["monday"]) == ("office", ["09:00-20:00"])


async def test_it_is_told_when_somebody_answers(portal: Bridge) -> None:
    assert (await portal.availability("support"))["open"] is True
    night = await portal.availability("office", at=SUNDAY_NIGHT, time_zone="Asia/Kamchatka")
    assert (night["open"], night["next_open_at"]["citizen"]) == (False, "2026-01-12T18:00:00+12:00")
    with pytest.raises(Problem, match="unknown-service"):
        await portal.availability("a/b")


async def test_a_callback_is_moved_in_any_zone(portal: Bridge, house: House) -> None:
    noon = house.clock().replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=2)
    call = await portal.start_call(USER, when=noon.isoformat())
    for later in (noon + timedelta(days=1), (noon + timedelta(days=2)).astimezone(MOSCOW)):
        moved = await portal.move(call["id"], later)
        assert datetime.fromisoformat(moved["scheduled_for"]) == later


async def test_who_does_not_wait_keeps_no_place(portal: Bridge) -> None:
    call = await portal.start_call(USER)
    with pytest.raises(Problem, match="not-movable"):
        await portal.keep_place(call["id"])


async def test_a_time_without_a_zone_is_not_guessed_at(portal: Bridge) -> None:
    naive = datetime(2026, 1, 14, 12)  # noqa: DTZ001
    with pytest.raises(ValueError, match="zone"):
        await portal.move("call_1", naive)
    with pytest.raises(ValueError, match="zone"):
        await portal.availability("support", at=naive)
