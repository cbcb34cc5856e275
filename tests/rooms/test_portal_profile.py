"""How a citizen wishes to be called: kept by the portal or by themselves, and used where a request says nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.call.model import Device, DeviceKind
from pbx_bridge.ledger.access import Citizen, Role
from pbx_bridge.phone import Phone
from pbx_bridge.portal import desk_answers as answers
from pbx_bridge.portal.rights import SCOPES_OF
from pbx_bridge.portal.routes.profile import CONSENTS

from .citizen_desk import house_of
from .portal_house import House, Memory, Reply, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures", "tests.ledger_plugin")

OWN, OTHER = "+79161234567", "+79037654321"
ALICE = {"kind": "sip", "address": "alice"}
BROWSER = {"kind": "browser"}
MOBILE = {"kind": "mobile"}
WHOLE = {
    "devices": [ALICE, {"kind": "mobile", "number": OTHER}, BROWSER],
    "time_zone": "Asia/Kamchatka",
    "locale": "en",
    "contacts": [{"name": "Мама", "number": "+79035550001"}, {"name": "Папа", "number": "+79035550002"}],
    "consent": {"phone_data": True, "recording": False, "text_version": "2026-01"},
}
CLEAR = (b"7654321", b"5550001", b"5550002", b"1234567")


@pytest.fixture(params=["memory", "paper"])
def house(request: pytest.FixtureRequest) -> House:
    return house_of(request)


@pytest_asyncio.fixture
async def site(house: House) -> AsyncIterator[Site]:
    async with serve(house) as running:
        data = {"phone": OWN, "verified": ["phone"]}
        await Memory(house).keep_citizen(Citizen(running.client.id, "u-1", data, {}, house.clock()))
        yield running


async def keep(site: Site, body: Any, *, citizen: bool = False, **headers: str) -> Reply:
    who = site.as_citizen() if citizen else {}
    return await site.ask("PUT", "/v1/users/u-1/profile", json=body, headers={**who, **headers})


async def read(site: Site, **how: Any) -> Reply:
    return await site.get("/v1/users/u-1/profile", **how)


async def rung(site: Site, *, citizen: bool = False, **body: Any) -> tuple[Device, ...]:
    """The devices of a call that names none, unless `body` does."""
    asked = {"service": "support", "user": {"id": "u-1"} | body.pop("user", {}), **body}
    reply = await site.initiate(asked, headers=site.as_citizen() if citizen else {})
    assert reply.status == 202, reply.body
    return site.house.wanted[-1].request.devices


# ── keeping it ───────────────────────────────────────────────────────────────────────────────────────────
async def test_a_citizen_of_whom_nothing_was_kept_has_the_defaults(site: Site) -> None:
    profile = (await read(site)).json["profile"]
    answers.Profile.model_validate(profile)
    assert set(profile) == set(answers.Profile.model_fields)
    assert (profile["devices"], profile["time_zone"], profile["updated_at"]) == ([], "Europe/Moscow", None)


async def test_what_is_kept_is_shown_masked(site: Site) -> None:
    kept = await keep(site, WHOLE)
    assert kept.status == 200
    shown = await read(site)
    assert shown.json == kept.json
    assert not [value for value in CLEAR if value in shown.body]
    profile = shown.json["profile"]
    assert [(each["kind"], each["address"], each["number"]) for each in profile["devices"]] == [
        ("sip", "alice", None),
        ("mobile", None, "+7903***4321"),
        ("browser", None, None),
    ]
    assert profile["contacts"][0] == {"name": "Мама", "number": "+7903***0001"}
    assert (profile["time_zone"], profile["locale"]) == ("Asia/Kamchatka", "en")


async def test_what_was_read_can_be_sent_back_and_nothing_is_lost(site: Site, house: House) -> None:
    await keep(site, WHOLE)
    shown = (await read(site)).json["profile"]
    devices = [{k: v for k, v in each.items() if v is not None} for each in reversed(shown["devices"])]
    contacts = shown["contacts"][1:]
    assert (await keep(site, {"devices": devices, "contacts": contacts}, citizen=True)).status == 200
    kept = await Memory(house).profile(site.client.id, "u-1")
    assert kept.devices == (
        Device(DeviceKind.BROWSER),
        Device(DeviceKind.MOBILE, Phone(OTHER)),
        Device(DeviceKind.SIP, address="alice"),
    )
    assert [(each.name, each.phone) for each in kept.contacts] == [("Папа", Phone("+79035550002"))]


async def test_a_masked_number_that_stands_for_none_or_for_two_is_refused(site: Site) -> None:
    twins = [{"name": "a", "number": "+79035550001"}, {"name": "b", "number": "+79036660001"}]
    await keep(site, {"contacts": twins})
    for number in ("+7903***0001", "+7903***9999"):
        reply = await keep(site, {"contacts": [{"name": "c", "number": number}]})
        assert list(reply.complaints) == ["/contacts/0/number"]
    reply = await keep(site, {"devices": [{"kind": "mobile", "number": "+7903***0001"}]})
    assert list(reply.complaints) == ["/devices/0/number"]


async def test_consents_are_added_and_never_lost(site: Site, house: House) -> None:
    no_more = {"phone_data": False, "recording": False, "text_version": "2026-01"}
    await keep(site, WHOLE)
    house.clock.later(60)
    await keep(site, WHOLE)
    await keep(site, {"consent": no_more}, citizen=True)
    await keep(site, {})
    consents = (await read(site)).json["profile"]["consents"]
    assert [(each["phone_data"], each["at"]) for each in consents] == [
        (True, "2026-01-12T06:00:00Z"),
        (False, "2026-01-12T06:01:00Z"),
    ]


async def test_who_changes_their_mind_all_day_fills_no_database(site: Site) -> None:
    for number in range(CONSENTS + 5):
        consent = {"phone_data": number % 2 == 0, "text_version": str(number)}
        await keep(site, {"consent": consent})
    consents = (await read(site)).json["profile"]["consents"]
    assert (len(consents), consents[-1]["text_version"]) == (CONSENTS, str(CONSENTS + 4))


async def test_a_change_that_rests_on_an_old_version_is_refused(site: Site, house: House) -> None:
    blank = (await read(site)).headers["ETag"]
    first = await keep(site, WHOLE, **{"If-Match": blank})
    assert first.status == 200
    house.clock.later(1)
    late = await keep(site, {}, **{"If-Match": blank})
    assert (late.status, late.problem, late.headers["ETag"]) == (412, "profile-changed", first.headers["ETag"])
    assert (await keep(site, {}, **{"If-Match": first.headers["ETag"]})).status == 200
    assert (await keep(site, {}, **{"If-Match": "x"})).problem == "invalid-header"


async def test_each_look_and_each_change_is_in_the_audit(site: Site, house: House) -> None:
    await keep(site, WHOLE)
    await read(site, headers=site.as_citizen())
    if house.paper is None:
        assert [(line.action, line.actor.split(":")[0], line.detail) for line, _ in house.lines] == [
            ("write-profile", "client", {}),
            ("read-profile", "citizen", {}),
        ]
        assert {whose for _, whose in house.lines} == {(site.client.id, "u-1")}


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN])
async def test_a_profile_is_for_the_portal_and_its_citizen(site: Site, house: House, role: Role) -> None:
    await keep(site, WHOLE)
    staff, _ = house.client("staff", SCOPES_OF[role], role=role)
    assert (await read(site, headers=site.bearer(staff, SCOPES_OF[role]))).status == 403
    assert (await read(site, headers=site.as_citizen("u-2"))).problem == "unknown-citizen"
    other, _ = house.client("other")
    assert (await read(site, client=other)).json["profile"]["devices"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"devices": [MOBILE] * 6}, "/devices"),
        ({"devices": [{"kind": "fax"}]}, "/devices/0"),
        ({"devices": [{"kind": "mobile", "number": "89161234567"}]}, "/devices/0/number"),
        ({"devices": [{"kind": "sip", "address": "a/b"}]}, "/devices/0/address"),
        ({"time_zone": "+03:00"}, "/time_zone"),
        ({"locale": "русский"}, "/locale"),
        ({"contacts": [{"name": "a\nb", "number": OTHER}]}, "/contacts/0/name"),
        ({"contacts": [{"name": "a"}]}, "/contacts/0/number"),
        ({"consent": {"phone_data": True}}, "/consent/text_version"),
    ],
)
async def test_what_breaks_a_rule_is_refused(site: Site, body: Any, pointer: str) -> None:
    assert list((await keep(site, body)).complaints) == [pointer]


# ── what a citizen may add ───────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("device", "pointer"),
    [
        ({"kind": "sip", "address": "bob"}, "/devices/1/address"),
        ({"kind": "mobile", "number": "+79031112233"}, "/devices/1/number"),
    ],
)
async def test_a_citizen_adds_no_device_that_rings_elsewhere(site: Site, device: dict[str, str], pointer: str) -> None:
    await keep(site, WHOLE)
    reply = await keep(site, {"devices": [ALICE, device]}, citizen=True)
    assert (reply.status, reply.problem, reply.json["pointer"]) == (403, "not-your-number", pointer)
    assert len((await read(site)).json["profile"]["devices"]) == 3


async def test_a_device_that_was_dropped_is_not_taken_back_by_the_citizen(site: Site) -> None:
    await keep(site, WHOLE)
    assert (await keep(site, {"devices": [BROWSER]}, citizen=True)).status == 200
    assert (await keep(site, {"devices": [ALICE]}, citizen=True)).problem == "not-your-number"


async def test_a_citizens_own_number_is_kept_as_the_verified_one_whichever_it_is(site: Site, house: House) -> None:
    assert (await keep(site, {"devices": [{"kind": "mobile", "number": OWN}]}, citizen=True)).status == 200
    data = {"phone": OTHER, "verified": ["phone"]}
    await Memory(house).keep_citizen(Citizen(site.client.id, "u-1", data, {}, house.clock()))
    assert await rung(site, citizen=True) == (Device(DeviceKind.MOBILE, Phone(OTHER)),)


# ── what a call takes from it ────────────────────────────────────────────────────────────────────────────
async def test_a_call_without_devices_rings_those_of_the_profile_in_order(site: Site, house: House) -> None:
    await keep(site, {**WHOLE, "devices": [BROWSER, ALICE, MOBILE]})
    assert await rung(site, user={"phone": OWN}) == (
        Device(DeviceKind.BROWSER),
        Device(DeviceKind.SIP, address="alice"),
        Device(DeviceKind.MOBILE, Phone(OWN)),
    )
    request = house.wanted[0].request
    assert (request.time_zone, request.locale) == ("Asia/Kamchatka", "ru"), "the service speaks Russian only"


async def test_what_a_request_says_goes_before_the_profile(site: Site, house: House) -> None:
    await keep(site, WHOLE)
    devices = await rung(site, user={"phone": OWN, "time_zone": "Asia/Omsk"}, devices=[MOBILE])
    assert devices == (Device(DeviceKind.MOBILE, Phone(OWN)),)
    assert house.wanted[0].request.time_zone == "Asia/Omsk"


async def test_a_mobile_without_any_number_is_passed_over(site: Site, house: House) -> None:
    await Memory(house).keep_citizen(Citizen(site.client.id, "u-1", {}, {}, house.clock()))
    await keep(site, {"devices": [MOBILE, ALICE]})
    assert await rung(site) == (Device(DeviceKind.SIP, address="alice"),)
    await keep(site, {"devices": [MOBILE]})
    reply = await site.initiate({"service": "support", "user": {"id": "u-1"}})
    assert list(reply.complaints) == ["/devices"]


async def test_a_citizens_token_rings_what_the_portal_wrote_into_the_profile(site: Site) -> None:
    await keep(site, WHOLE)
    sip = Device(DeviceKind.SIP, address="alice")
    assert (await rung(site, citizen=True))[:2] == (sip, Device(DeviceKind.MOBILE, Phone(OTHER)))
    site.house.calls_.clear()
    user = {"time_zone": "Asia/Omsk", "locale": "ru"}
    assert await rung(site, citizen=True, devices=[ALICE], user=user) == (sip,)


async def test_a_citizens_token_rings_no_other_address(site: Site, house: House) -> None:
    await keep(site, WHOLE)
    body = {"service": "support", "user": {"id": "u-1"}, "devices": [{"kind": "sip", "address": "bob"}]}
    reply = await site.initiate(body, headers=site.as_citizen())
    assert (reply.status, reply.problem, reply.json["pointer"]) == (403, "not-your-number", "/devices/0/address")
    assert house.wanted == []


async def test_a_number_of_the_profile_must_be_allowed_too(house: House) -> None:
    async with serve(house, destinations=("+79",)) as site:
        await keep(site, {"devices": [{"kind": "mobile", "number": "+12025550123"}]})
        reply = await site.initiate({"service": "support", "user": {"id": "u-1", "phone": OWN}})
        assert (reply.problem, reply.json["pointer"]) == ("destination-refused", "/devices")
