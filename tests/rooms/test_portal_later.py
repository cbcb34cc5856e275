"""Calls that are not made at once: another time, the desk's hours, a place that is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.call import events as e
from pbx_bridge.call.model import By, Direction, Prove, WhenFull, leg_id
from pbx_bridge.directory.service import Callbacks, Limits, Service
from pbx_bridge.hours.schedule import DESK
from pbx_bridge.ledger.access import Role, SecondStep
from pbx_bridge.line.pacing import Rules
from pbx_bridge.portal import desk_answers
from pbx_bridge.portal.rights import SCOPES_OF

from .portal_desk import service
from .portal_house import BODY, House, Reply, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)

STRICT = service(
    "strict",
    "second",
    second_step="code",
    priority=3,
    languages=("ru", "en"),
    limits=Limits(queue_s=77, time_limit_s=600, then=WhenFull.OVERFLOW, overflow="other"),
    callbacks=Callbacks(Rules(attempts=5, pauses_s=(60, 120)), keep_s=3600, later_s=90, prove=Prove.ALWAYS),
)
SERVICES = {"support": Service("support", "support", DESK), "night": service("night"), "strict": STRICT}
#: Wednesday, noon in Moscow.
WEDNESDAY = "2026-01-14T12:00:00+03:00"


@pytest_asyncio.fixture
async def site(house: House) -> AsyncIterator[Site]:
    async with serve(house, services=SERVICES) as running:
        yield running


async def scheduled(site: Site, **how: Any) -> str:
    """A call that was asked for on Sunday night, when the desk is closed; its id."""
    site.house.clock.now = datetime(2026, 1, 11, 20, tzinfo=UTC)
    return await site.open_call(**how)


async def move(site: Site, call_id: str, to: str, **how: Any) -> Reply:
    return await site.post(f"/v1/calls/{call_id}/move", json={"to": to}, **how)


# ── asking for a call later ──────────────────────────────────────────────────────────────────────────────
async def test_out_of_hours_the_call_waits_for_the_desk(site: Site) -> None:
    call = (await site.get(f"/v1/calls/{await scheduled(site)}")).json["call"]
    assert (call["state"], call["scheduled_for"]) == ("scheduled", "2026-01-12T06:00:00.000Z")
    assert call["scheduled_because"]["slug"] == "closed"


async def test_a_time_that_is_asked_for_is_kept(site: Site, house: House) -> None:
    reply = await site.initiate({**BODY, "when": WEDNESDAY})
    assert reply.status == 202
    assert house.wanted[0].when == datetime(2026, 1, 14, 9, tzinfo=UTC)
    call = (await site.get(reply.headers["Location"])).json["call"]
    assert (call["state"], call["scheduled_for"]) == ("scheduled", "2026-01-14T09:00:00.000Z")
    assert call["scheduled_because"]["slug"] == "asked"


async def test_now_is_the_default_and_may_be_said(site: Site, house: House) -> None:
    await site.initiate({**BODY, "when": "now"})
    assert house.wanted[0].when is None


async def test_a_time_that_passed_while_an_answer_was_lost_means_now(site: Site, house: House) -> None:
    soon = {**BODY, "when": "2026-01-12T06:00:30Z"}
    first = await site.initiate(soon, key="k")
    house.clock.later(60)
    again = await site.initiate(soon, key="k")
    assert (again.status, again.json) == (202, first.json)


@pytest.mark.parametrize(
    "when", ["2026-01-12T04:59:59Z", "2026-02-12T06:00:00Z", "9999-12-31T23:59:59Z", "noon", "", None, 7]
)
async def test_a_time_that_cannot_be_is_refused(site: Site, house: House, when: Any) -> None:
    reply = await site.initiate({**BODY, "when": when})
    assert (reply.status, list(reply.complaints)) == (422, ["/when"])
    assert house.wanted == []


async def test_the_terms_are_those_of_the_service(site: Site, house: House) -> None:
    await site.initiate({**BODY, "service": "strict", "time_limit_s": 1200})
    terms = house.wanted[0].terms
    assert (terms.time_limit_s, terms.queue_s, terms.priority) == (600, 77, 3)
    assert (terms.rounds, terms.pauses_s, terms.keep_s, terms.later_s) == (4, (60, 120), 3600, 90)
    assert (terms.then, terms.overflow, terms.prove) == (WhenFull.OVERFLOW, "other", Prove.ALWAYS)
    assert house.wanted[0].request.queue == "second"


async def test_a_shorter_limit_than_the_services_is_kept(site: Site, house: House) -> None:
    await site.initiate({**BODY, "service": "strict", "time_limit_s": 30})
    assert house.wanted[0].terms.time_limit_s == 30


@pytest.mark.parametrize(
    ("program", "service_", "by"),
    [
        (SecondStep.NONE, "night", None),
        (SecondStep.NONE, "strict", By.CODE),
        (SecondStep.CLICK, "strict", By.CODE),
        (SecondStep.CLICK, "night", By.CLICK),
        (SecondStep.CODE, "night", By.CODE),
    ],
)
async def test_the_stricter_of_program_and_service_decides_on_the_second_step(
    site: Site, house: House, program: SecondStep, service_: str, by: By | None
) -> None:
    client, _ = house.client("other", second_step=program)
    assert (await site.initiate({**BODY, "service": service_}, client=client)).status == 202
    step = house.wanted[0].confirmation
    assert (step and step.by) == by


@pytest.mark.parametrize(
    ("service_", "asked", "spoken"), [("strict", "en-GB", "en-GB"), ("strict", "de", "ru"), ("support", "en", "ru")]
)
async def test_who_speaks_another_language_than_the_service_hears_russian(
    site: Site, house: House, service_: str, asked: str, spoken: str
) -> None:
    await site.initiate({"service": service_, "user": {**BODY["user"], "locale": asked}})
    assert house.wanted[0].request.locale == spoken


# ── moving it ────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_callback_is_moved_to_the_time_that_is_asked_for(site: Site) -> None:
    call_id = await scheduled(site)
    reply = await move(site, call_id, WEDNESDAY)
    assert reply.status == 200
    desk_answers.Moved.model_validate(reply.json)
    assert (reply.json["as_asked"], reply.json["call"]["scheduled_for"]) == (True, "2026-01-14T09:00:00.000Z")
    assert reply.headers["ETag"] == f'"{reply.json["call"]["revision"]}"'


@pytest.mark.parametrize(
    ("to", "then", "slug"),
    [
        ("2026-01-14T21:00:00+03:00", "2026-01-15T06:00:00.000Z", "closed"),
        ("2026-01-14T03:00:00+03:00", "2026-01-14T06:00:00.000Z", "closed"),
    ],
)
async def test_out_of_hours_it_is_moved_to_the_next_time_and_told_why(
    site: Site, to: str, then: str, slug: str
) -> None:
    reply = await move(site, await scheduled(site), to)
    assert (reply.status, reply.json["as_asked"]) == (200, False)
    assert (reply.json["call"]["scheduled_for"], reply.json["call"]["scheduled_because"]["slug"]) == (then, slug)
    assert reply.json["words"] == reply.json["call"]["scheduled_because"]["words"] != ""
    assert reply.json["words_ru"]


async def test_nobody_is_called_in_their_night_even_if_they_ask_for_it(site: Site, house: House) -> None:
    house.clock.now = datetime(2026, 1, 11, 20, tzinfo=UTC)
    user = {**BODY["user"], "time_zone": "Asia/Kamchatka"}
    call_id = (await site.initiate({"service": "support", "user": user})).json["call"]["id"]
    reply = await move(site, call_id, "2026-01-14T19:00:00+03:00")
    assert (reply.json["as_asked"], reply.json["call"]["scheduled_because"]["slug"]) == (False, "night")
    assert reply.json["call"]["scheduled_for"] == "2026-01-15T06:00:00.000Z"


@pytest.mark.parametrize("to", ["2026-01-11T19:58:00Z", "2026-01-26T20:00:00Z", "9999-12-31T23:59:59Z"])
async def test_a_time_outside_of_what_is_kept_is_refused(site: Site, to: str) -> None:
    reply = await move(site, await scheduled(site), to)
    assert (reply.status, list(reply.complaints)) == (422, ["/to"])


@pytest.mark.parametrize("body", [{}, {"to": None}, {"to": "now"}, {"to": 1}, {"to": WEDNESDAY, "x": 1}])
async def test_what_is_no_time_is_refused(site: Site, body: Any) -> None:
    reply = await site.post(f"/v1/calls/{await scheduled(site)}/move", json=body)
    assert (reply.status, reply.problem) == (422, "validation-failed")


async def test_a_call_that_goes_on_is_not_moved(site: Site) -> None:
    call_id = await site.open_call()
    reply = await move(site, call_id, WEDNESDAY)
    assert (reply.status, reply.problem) == (409, "not-movable")
    assert (reply.json["call_id"], reply.json["state"]) == (call_id, "dialing")


async def test_a_move_that_rests_on_an_old_revision_is_refused(site: Site) -> None:
    call_id = await scheduled(site)
    seen = (await site.get(f"/v1/calls/{call_id}")).headers["ETag"]
    assert (await move(site, call_id, WEDNESDAY, headers={"If-Match": seen})).status == 200
    reply = await move(site, call_id, "2026-01-15T12:00:00+03:00", headers={"If-Match": seen})
    assert (reply.status, reply.problem) == (412, "revision-passed")


async def test_a_citizen_moves_their_own_and_nobody_elses(site: Site) -> None:
    call_id = await scheduled(site)
    assert (await move(site, call_id, WEDNESDAY, headers=site.as_citizen("u-2"))).problem == "unknown-call"
    assert (await move(site, call_id, WEDNESDAY, headers=site.as_citizen("u-1"))).status == 200


async def test_a_supervisor_moves_for_a_citizen_and_an_engineer_does_not(site: Site, house: House) -> None:
    call_id = await scheduled(site)
    for role, status in ((Role.SUPERVISOR, 200), (Role.ENGINEER, 403)):
        client, _ = house.client(role.value, SCOPES_OF[role], role=role)
        headers = site.bearer(client, SCOPES_OF[role])
        assert (await move(site, call_id, WEDNESDAY, headers=headers)).status == status


# ── keeping the place ────────────────────────────────────────────────────────────────────────────────────
async def queued(site: Site) -> str:
    house, call_id = site.house, await site.open_call()
    leg = leg_id(call_id, 1)
    house.rings(call_id)
    house.tell(call_id, e.DeviceAnswered(leg))
    house.tell(call_id, e.QueueJoined(leg, "support", 3))
    return call_id


async def test_who_waits_may_be_called_back_instead(site: Site) -> None:
    call_id = await queued(site)
    reply = await site.post(f"/v1/calls/{call_id}/keep")
    assert (reply.status, reply.json["call"]["state"]) == (200, "scheduled")
    again = await site.post(f"/v1/calls/{call_id}/keep")
    assert (again.status, again.json) == (200, reply.json)


async def test_who_does_not_wait_keeps_no_place(site: Site, house: House) -> None:
    call_id = await site.open_call()
    reply = await site.post(f"/v1/calls/{call_id}/keep")
    assert (reply.status, reply.problem, reply.json["state"]) == (409, "not-movable", "dialing")
    assert house.calls_[call_id].outcome is None


async def test_a_place_is_kept_by_its_owner(site: Site) -> None:
    call_id = await queued(site)
    assert (await site.post(f"/v1/calls/{call_id}/keep", headers=site.as_citizen("u-2"))).problem == "unknown-call"
    assert (await site.post(f"/v1/calls/{call_id}/keep", headers=site.as_citizen("u-1"))).status == 200


# ── finding them ─────────────────────────────────────────────────────────────────────────────────────────
async def test_calls_are_found_by_who_dialled(site: Site, house: House) -> None:
    out, in_ = await site.open_call(), await site.open_call(user="u-2")
    call = house.calls_[in_]
    house.calls_[in_] = replace(call, request=replace(call.request, direction=Direction.INBOUND))

    async def found(query: str) -> list[str]:
        return [each["id"] for each in (await site.get(f"/v1/calls?{query}")).json["calls"]]

    assert (await found("direction=outbound"), await found("direction=inbound")) == ([out], [in_])
    assert (await site.get("/v1/calls?direction=sideways")).status == 422
    assert sorted(await found("")) == sorted([out, in_])
