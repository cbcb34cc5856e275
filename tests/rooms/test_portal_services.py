"""The directory over HTTP: what can be called, and what would happen at a moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.call.model import WhenFull
from pbx_bridge.conductor.ports import Member
from pbx_bridge.directory.service import Limits, Service
from pbx_bridge.hours.period import Period
from pbx_bridge.hours.schedule import DESK, Override
from pbx_bridge.ledger.access import Profile, Role
from pbx_bridge.portal import desk_answers as answers

from .portal_desk import crowd, service
from .portal_house import House, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)

REPAIRS = Override(date(2026, 1, 20), date(2026, 1, 21), (Period(600, 720),), "Ремонт", "Repairs")
OVER = replace(REPAIRS, first=date(2026, 1, 5), last=date(2026, 1, 6))
SERVICES = {
    "support": Service(
        "support",
        "first-line",
        replace(DESK, overrides=(OVER, REPAIRS)),
        names={"ru": "Служба поддержки", "en": "Support"},
        synonyms={"ru": ("поддержка", "помощь")},
        numbers=("88001234567",),
        languages=("ru", "en"),
    ),
    "night": service("night"),
    "short": service("short", limits=Limits(wait_s=60)),
    "strict": service("strict", limits=Limits(size=1, then=WhenFull.END)),
}
#: The house's clock stands on a Monday, 09:00 in Moscow: the desk has just opened, and it is 18:00 in Kamchatka.
SUNDAY_NIGHT = "2026-01-11T20:00:00Z"


@pytest_asyncio.fixture
async def site(house: House) -> AsyncIterator[Site]:
    async with serve(house, services=SERVICES) as running:
        yield running


async def what(site: Site, query: str = "", service: str = "support", **how: Any) -> Any:
    reply = await site.get(f"/v1/services/{service}/availability{query}", **how)
    assert reply.status == 200, reply.body
    answers.Availability.model_validate(reply.json)
    assert set(reply.json) == set(answers.Availability.model_fields)
    return reply.json


async def test_the_directory_is_shown_with_names_numbers_and_hours(site: Site) -> None:
    shown = {each["id"]: each for each in (await site.get("/v1/services")).json["services"]}
    assert list(shown) == list(SERVICES)
    support = shown["support"]
    answers.Service.model_validate(support)
    assert support["names"] == {"ru": "Служба поддержки", "en": "Support"}
    assert support["synonyms"] == {"ru": ["поддержка", "помощь"]}
    assert (support["numbers"], support["languages"]) == (["88001234567"], ["ru", "en"])
    hours = support["hours"]
    assert (hours["time_zone"], hours["calendar"]) == ("Europe/Moscow", "ru")
    assert (hours["week"]["monday"], hours["week"]["sunday"]) == (["09:00-20:00"], ["10:00-18:00"])
    assert (hours["holidays"], hours["shortened"]) == (["10:00-16:00"], None)
    assert (await site.get("/v1/services/support")).json == {"service": support}


async def test_dates_that_are_over_are_not_shown(site: Site) -> None:
    (override,) = (await site.get("/v1/services/support")).json["service"]["hours"]["overrides"]
    assert (override["first"], override["last"], override["periods"]) == ("2026-01-20", "2026-01-21", ["10:00-12:00"])
    assert override["why"] == {"ru": "Ремонт", "en": "Repairs"}


async def test_a_queues_name_is_for_staff(site: Site, house: House) -> None:
    engineer, _ = house.client("engineer", role=Role.ENGINEER)
    for headers in (site.bearer(), site.as_citizen()):
        assert b"first-line" not in (await site.get("/v1/services/support", headers=headers)).body
    assert (await site.get("/v1/services/support", client=engineer)).json["service"]["queue"] == "first-line"


async def test_a_program_sees_the_services_that_it_may_call(site: Site, house: House) -> None:
    narrow, _ = house.client("narrow", services=frozenset({"night"}))
    shown = (await site.get("/v1/services", client=narrow)).json["services"]
    assert [each["id"] for each in shown] == ["night"]
    for path in ("support", "support/availability"):
        reply = await site.get(f"/v1/services/{path}", client=narrow)
        assert (reply.status, reply.problem) == (404, "unknown-service")


async def test_a_reload_is_seen_at_once(site: Site, house: House) -> None:
    assert (await site.get("/v1/services/new")).problem == "unknown-service"
    house.directory = replace(house.directory, services={"new": service("new")})
    assert (await site.get("/v1/services/new")).status == 200


async def test_an_open_desk_says_until_when_by_both_clocks(site: Site) -> None:
    found = await what(site, "?time_zone=Asia/Kamchatka")
    assert (found["open"], found["decision"], found["because"]) == (True, "now", None)
    assert found["until"] == {"desk": "2026-01-12T20:00:00+03:00", "citizen": "2026-01-13T05:00:00+12:00"}
    assert found["next_open_at"]["desk"] == "2026-01-13T09:00:00+03:00"
    assert found["would_call_at"] == {"desk": "2026-01-12T09:00:00+03:00", "citizen": "2026-01-12T18:00:00+12:00"}


async def test_a_closed_desk_says_why_and_when_next(site: Site, house: House) -> None:
    house.clock.now = datetime(2026, 1, 11, 20, tzinfo=UTC)
    found = await what(site)
    assert (found["open"], found["decision"], found["until"]) == (False, "later", None)
    assert found["next_open_at"]["desk"] == "2026-01-12T09:00:00+03:00"
    assert found["why"]["ru"]
    assert found["because"] == {"slug": "closed", "words": found["why"]["en"], "words_ru": found["why"]["ru"]}
    assert found["would_call_at"]["desk"] == "2026-01-12T09:00:00+03:00"


async def test_a_callback_obeys_the_citizens_night(site: Site) -> None:
    found = await what(site, f"?at={SUNDAY_NIGHT}&time_zone=America/New_York")
    # 09:00 in Moscow is 01:00 in New York: the first moment of both is 16:00 and 08:00.
    assert found["next_open_at"]["citizen"] == "2026-01-12T01:00:00-05:00"
    assert found["would_call_at"] == {"desk": "2026-01-12T16:00:00+03:00", "citizen": "2026-01-12T08:00:00-05:00"}
    open_but_night = await what(site, "?at=2026-01-12T06:00:00Z&time_zone=America/New_York")
    assert (open_but_night["open"], open_but_night["because"]["slug"]) == (True, "night")


async def test_another_moment_is_asked_as_a_callback_and_without_a_wait(site: Site, house: House) -> None:
    house.views["first-line"] = crowd(Member("ann"), queue="first-line")
    found = await what(site, "?at=2026-01-13T12:00:00%2B03:00")
    assert (found["decision"], found["because"]["slug"], found["queue"]) == ("later", "asked", None)
    assert found["would_call_at"]["desk"] == "2026-01-13T12:00:00+03:00"


async def test_now_the_wait_is_told(site: Site, house: House) -> None:
    house.views["first-line"] = crowd(Member("ann", busy=True), queue="first-line", waiting=2)
    queue = (await what(site))["queue"]
    likely, at_most = house.views["first-line"].newcomer.for_page or (0, 0)
    assert queue == {"waiting": 2, "wait_s": {"likely": likely, "at_most": at_most}}
    assert 0 < likely < at_most


async def test_a_queue_without_agents_promises_nothing(site: Site, house: House) -> None:
    house.views["first-line"] = crowd(Member("ann", paused=True), queue="first-line", waiting=2)
    assert (await what(site))["queue"] == {"waiting": 2, "wait_s": None}


async def test_a_desk_where_nobody_is_logged_in_is_described(site: Site, house: House) -> None:
    house.views["support"] = crowd(waiting=1)
    full = await what(site, service="strict")
    assert (full["queue"], full["decision"]) == ({"waiting": 1, "wait_s": None}, "none")


async def test_while_asterisk_is_not_heard_nothing_is_said_of_the_queue(site: Site, house: House) -> None:
    house.views["support"], house.parts["asterisk"] = crowd(waiting=1), "Asterisk is not heard"
    deaf = await what(site, service="strict")
    assert (deaf["queue"], deaf["decision"]) == (None, "now")


async def test_a_line_that_is_too_long_leads_to_a_callback_or_an_end(site: Site, house: House) -> None:
    house.views["support"] = crowd(Member("ann", busy=True), waiting=5)
    later = await what(site, service="short")
    assert (later["decision"], later["because"]["slug"]) == ("later", "crowded")
    full = await what(site, service="strict")
    assert (full["decision"], full["would_call_at"], full["because"]["slug"]) == ("none", None, "full")
    assert full["because"]["words_ru"]


async def test_a_citizens_zone_is_that_of_their_profile(site: Site, house: House) -> None:
    assert (await what(site, headers=site.as_citizen()))["time_zone"] == "Europe/Moscow"
    kept = Profile(site.client.id, "u-1", time_zone="Asia/Kamchatka", updated_at=house.clock())
    await house.keep_profile(kept)
    assert (await what(site, headers=site.as_citizen()))["time_zone"] == "Asia/Kamchatka"
    assert (await what(site))["time_zone"] == "Europe/Moscow"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("at=tomorrow", "/at"),
        ("at=2026-01-12T06:00:00", "/at"),
        ("at=1700-01-01T00:00:00Z", "/at"),
        ("at=9999-12-31T23:59:59Z", "/at"),
        ("at=0001-01-01T00:00:00Z", "/at"),
        ("time_zone=Mars/Olympus", "/time_zone"),
        ("time_zone=localtime", "/time_zone"),
        ("time_zone=%2B03:00", "/time_zone"),
        ("zone=Europe/Moscow", "/zone"),
    ],
)
async def test_a_moment_that_cannot_be_told_is_refused_in_words(site: Site, query: str, pointer: str) -> None:
    reply = await site.get(f"/v1/services/support/availability?{query}")
    assert reply.status == 422
    assert list(reply.complaints) == [pointer]
