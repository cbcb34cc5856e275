"""Steering a call that goes on, over HTTP: who may, where to, and who won."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.call import events as e
from pbx_bridge.call.model import leg_id
from pbx_bridge.directory.service import Service
from pbx_bridge.hours.schedule import ALWAYS, DESK
from pbx_bridge.ledger.access import Role
from pbx_bridge.portal import answers
from pbx_bridge.portal.rights import SCOPES_OF

from .portal_house import House, Reply, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)

SERVICES = {
    "support": Service("support", "support", ALWAYS),
    "sales": Service("sales", "sales-desk", ALWAYS),
    "desk": Service("desk", "desk", DESK),
}
NUMBER, MASKED = "+74957777777", "+7495***7777"


@pytest_asyncio.fixture
async def site(house: House) -> AsyncIterator[Site]:
    async with serve(house, services=SERVICES, destinations=("+7",)) as running:
        yield running


async def waiting(site: Site, house: House) -> str:
    """A call whose citizen is in the queue; its id."""
    call_id = await site.open_call()
    leg = leg_id(call_id, 1)
    for fact in (e.DeviceRang(leg), e.DeviceAnswered(leg), e.QueueJoined(leg, "support", 1)):
        house.tell(call_id, fact)
    return call_id


async def talking(site: Site, house: House) -> str:
    """A call whose citizen talks to ann; its id."""
    call_id = await waiting(site, house)
    leg = leg_id(call_id, 1)
    for fact in (e.AgentRang(leg, "ann"), e.AgentAnswered(leg, "ann")):
        house.tell(call_id, fact)
    return call_id


async def redirect(site: Site, call_id: str, **how: Any) -> Reply:
    headers = how.pop("headers", {})
    return await site.post(f"/v1/calls/{call_id}/redirect", json=how, headers=headers)


async def limit(site: Site, call_id: str, seconds: Any, **how: Any) -> Reply:
    return await site.post(f"/v1/calls/{call_id}/limit", json={"time_limit_s": seconds}, **how)


# ── to somebody else ─────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("where", "to", "number"),
    [
        ({"service": "sales"}, "sales-desk", None),
        ({"queue": "second"}, "second", None),
        ({"number": NUMBER}, None, MASKED),
    ],
    ids=["a service", "a queue", "a number"],
)
async def test_a_citizen_who_talks_is_sent_on(site: Site, house: House, where: Any, to: Any, number: Any) -> None:
    call_id = await talking(site, house)
    reply = await redirect(site, call_id, **where)
    assert reply.status == 202
    call = answers.OneCall.model_validate(reply.json).call
    assert call.state == "transferring"
    assert call.transfer
    assert (call.transfer.by, call.transfer.to, call.transfer.number) == ("request", to, number)
    assert reply.headers["ETag"] == f'"{call.revision}"'
    assert house.events_[call_id][-1].type == "call.redirected"
    assert NUMBER[2:].encode() not in reply.body


async def test_a_desk_that_is_closed_takes_nobody_and_the_citizen_stays(site: Site, house: House) -> None:
    call_id = await talking(site, house)
    house.clock.now = house.clock.now.replace(hour=23)
    reply = await redirect(site, call_id, service="desk")
    assert (reply.status, reply.problem) == (409, "desk-closed")
    assert reply.json["next_open_at"].startswith("2026-01-13T0")
    assert reply.json["call_id"] == call_id
    assert reply.json["words_ru"]
    assert house.calls_[call_id].state == "talking"


async def test_who_does_not_talk_yet_cannot_be_sent_on(site: Site, house: House) -> None:
    call_id = await site.open_call()
    reply = await redirect(site, call_id, queue="second")
    assert (reply.status, reply.problem, reply.json["state"]) == (409, "not-steerable", "dialing")


async def test_of_two_who_send_the_citizen_on_the_second_is_told_so(site: Site, house: House) -> None:
    call_id = await talking(site, house)
    assert (await redirect(site, call_id, queue="second")).status == 202
    assert (await redirect(site, call_id, queue="second")).status == 202, "the same wish again is the same wish"
    reply = await redirect(site, call_id, queue="third")
    assert (reply.status, reply.problem) == (409, "not-steerable")
    assert "somewhere else" in reply.json["detail"]


async def test_a_decision_that_rests_on_an_older_picture_is_not_carried_out(site: Site, house: House) -> None:
    call_id = await talking(site, house)
    reply = await redirect(site, call_id, queue="second", headers={"If-Match": '"1"'})
    assert (reply.status, reply.problem) == (412, "revision-passed")
    assert house.calls_[call_id].state == "talking"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"service": "nowhere"},
        {"queue": "second", "service": "sales"},
        {"number": "12"},
        {"queue": "no such\nqueue"},
        {"agent": "ann"},
    ],
    ids=["nobody", "no service", "two", "no number", "no name", "unknown"],
)
async def test_exactly_one_way_must_be_named(site: Site, house: House, body: Any) -> None:
    reply = await redirect(site, await talking(site, house), **body)
    assert (reply.status, reply.problem) == (422, "validation-failed")


async def test_nobody_is_sent_to_a_number_that_may_not_be_rung(site: Site, house: House) -> None:
    call_id = await talking(site, house)
    reply = await redirect(site, call_id, number="+14155550100")
    assert (reply.status, reply.problem) == (403, "destination-refused")
    assert house.calls_[call_id].state == "talking"


async def test_a_citizen_does_not_steer(site: Site, house: House) -> None:
    call_id = await talking(site, house)
    reply = await redirect(site, call_id, queue="second", headers=site.as_citizen("u-1"))
    assert (reply.status, reply.problem) == (403, "wrong-role")


async def test_another_portals_call_does_not_exist(site: Site, house: House) -> None:
    call_id = await talking(site, house)
    other, _ = house.client("other")
    reply = await redirect(site, call_id, queue="second", headers=site.bearer(other, SCOPES_OF[Role.PORTAL]))
    assert (reply.status, reply.problem) == (404, "unknown-call")


async def test_a_supervisor_steers_every_call(site: Site, house: House) -> None:
    call_id = await talking(site, house)
    scopes = SCOPES_OF[Role.SUPERVISOR]
    boss, _ = house.client("boss", scopes, role=Role.SUPERVISOR)
    assert (await redirect(site, call_id, queue="second", headers=site.bearer(boss, scopes))).status == 202


# ── the time limit ───────────────────────────────────────────────────────────────────────────────────────
async def test_a_talk_gets_another_limit(site: Site, house: House) -> None:
    call_id = await talking(site, house)
    reply = await limit(site, call_id, 3600)
    assert (reply.status, reply.json["call"]["time_limit_s"]) == (200, 3600)
    assert house.calls_[call_id].limit_at
    assert (await limit(site, call_id, 3600)).status == 200, "repeating it is harmless"
    assert reply.json["call"]["revision"] == house.calls_[call_id].revision


async def test_a_call_that_is_not_dialled_yet_gets_it_too(site: Site, house: House) -> None:
    call_id = await site.open_call()
    assert (await limit(site, call_id, 600)).json["call"]["time_limit_s"] == 600


async def test_an_ended_call_has_no_limit_to_set(site: Site, house: House) -> None:
    call_id = await talking(site, house)
    house.tell(call_id, e.DeviceGone(leg_id(call_id, 1)))
    reply = await limit(site, call_id, 600)
    assert (reply.status, reply.problem, reply.json["state"]) == (409, "not-steerable", "ended")


@pytest.mark.parametrize("seconds", [0, 4, 14401, "600", None, 1.5])
async def test_a_limit_is_a_number_of_seconds_within_reason(site: Site, house: House, seconds: Any) -> None:
    reply = await limit(site, await talking(site, house), seconds)
    assert (reply.status, reply.problem) == (422, "validation-failed")
