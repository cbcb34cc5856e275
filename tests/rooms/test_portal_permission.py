"""Who may have which number rung, for which service, how often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.ledger.access import Citizen, Limits, SecondStep
from pbx_bridge.portal.limits import RequestLimits

from .portal_desk import service
from .portal_house import BODY, House, Reply, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)

RUSSIA = ("+73", "+74", "+78", "+79")
SERVICES = {"support": service("support"), "capital": service("capital", prefixes=("+7495",))}


@pytest_asyncio.fixture
async def strict(house: House) -> AsyncIterator[Site]:
    """An operator who allows telephones of the country only."""
    async with serve(house, services=SERVICES, destinations=RUSSIA) as running:
        yield running


def body(number: str | None = None, *devices: dict[str, Any], service: str = "support") -> dict[str, Any]:
    user = {"id": "u-1"} | ({"phone": number} if number else {})
    return {"service": service, "user": user} | ({"devices": list(devices)} if devices else {})


def mobile(number: str) -> dict[str, str]:
    return {"kind": "mobile", "number": number}


# ── destinations ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("number", "why"), [("+12025550123", "foreign"), ("+77012345678", "foreign"), ("+78095551234", "costly")]
)
async def test_a_number_that_is_foreign_or_costs_extra_is_not_rung(
    strict: Site, house: House, number: str, why: str
) -> None:
    reply = await strict.initiate(body(number))
    assert (reply.status, reply.problem, reply.json["why"]) == (403, "destination-refused", why)
    assert reply.json["pointer"] == "/user/phone"
    assert number not in reply.body.decode()
    assert house.wanted == []


async def test_every_device_is_looked_at(strict: Site) -> None:
    reply = await strict.initiate(body("+79161234567", mobile("+79161234567"), mobile("+12025550123")))
    assert (reply.problem, reply.json["pointer"]) == ("destination-refused", "/devices/1/number")


async def test_an_operator_may_allow_what_costs_extra(house: House) -> None:
    async with serve(house, destinations=RUSSIA, premium=True) as site:
        assert (await site.initiate(body("+78095551234"))).status == 202


async def test_a_program_may_be_held_to_fewer_numbers(strict: Site, house: House) -> None:
    narrow, _ = house.client("narrow", prefixes=("+7916",))
    assert (await strict.initiate(body("+79161234567"), client=narrow)).status == 202
    assert (await strict.initiate(body("+79031234567"), client=narrow)).problem == "destination-refused"


async def test_a_service_may_be_held_to_fewer_numbers(strict: Site) -> None:
    assert (await strict.initiate(body("+74957770011", service="capital"))).status == 202
    assert (await strict.initiate(body("+79161234567", service="capital"))).problem == "destination-refused"


async def test_a_program_may_be_held_to_some_services(strict: Site, house: House) -> None:
    narrow, _ = house.client("narrow", services=frozenset({"capital"}))
    assert (await strict.initiate(body("+79161234567"), client=narrow)).problem == "service-refused"


async def test_no_code_is_sent_to_a_number_that_may_not_be_rung(strict: Site, house: House) -> None:
    careful, _ = house.client("careful", second_step=SecondStep.CODE)
    alice = {"kind": "sip", "address": "alice"}
    reply = await strict.initiate(body("+12025550123", alice), client=careful)
    assert (reply.problem, reply.json["pointer"]) == ("destination-refused", "/user/phone")


# ── citizens ─────────────────────────────────────────────────────────────────────────────────────────────
async def as_anna(site: Site, house: House, asked: dict[str, Any]) -> Reply:
    """Asked with the token of citizen u-1, whose portal has told +79161234567."""
    data = {"phone": "+79161234567", "verified": ["phone"]}
    await house.keep_citizen(Citizen(site.client.id, "u-1", data, {}, house.clock()))
    return await site.initiate(asked, headers=site.as_citizen("u-1"))


async def test_a_citizens_token_rings_the_phone_that_the_portal_told(strict: Site, house: House) -> None:
    assert (await as_anna(strict, house, body())).status == 202
    (wanted,) = house.wanted
    assert wanted.request.phone
    assert wanted.request.phone.e164 == "+79161234567"
    assert wanted.actor == f"citizen:{strict.client.id}"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        (body("+79031234567"), "/user/phone"),
        (body(None, mobile("+79031234567")), "/devices/0/number"),
        (body(None, mobile("+79161234567"), mobile("+79031234567")), "/devices/1/number"),
        (body(None, {"kind": "sip", "address": "alice"}), "/devices/0/address"),
    ],
)
async def test_a_citizens_token_rings_nothing_else(
    strict: Site, house: House, asked: dict[str, Any], pointer: str
) -> None:
    reply = await as_anna(strict, house, asked)
    assert (reply.status, reply.problem, reply.json.get("pointer")) == (403, "not-your-number", pointer)
    assert house.wanted == []


async def test_a_citizens_token_asks_for_nobody_else(strict: Site, house: House) -> None:
    reply = await as_anna(strict, house, {"service": "support", "user": {"id": "u-2"}})
    assert (reply.status, reply.problem) == (403, "not-your-number")


# ── how often ────────────────────────────────────────────────────────────────────────────────────────────
async def test_an_address_that_asks_too_often_is_told_when_to_come_back(house: House) -> None:
    async with serve(house, limits=RequestLimits(per_address=3)) as site:
        answers = [await site.get("/v1/calls") for _ in range(4)]
        assert [each.status for each in answers] == [200, 200, 200, 429]
        assert answers[3].problem == "too-many-requests"
        assert 0 < int(answers[3].headers["Retry-After"]) <= 60
        assert (await site.get("/healthz")).status == 200


async def test_a_program_has_its_own_measure(house: House) -> None:
    async with serve(house, limits=RequestLimits(per_program=2)) as site:
        generous, _ = house.client("generous", limits=Limits(requests_per_minute=5))
        assert [(await site.get("/v1/calls")).status for _ in range(3)] == [200, 200, 429]
        assert [(await site.get("/v1/calls", client=generous)).status for _ in range(6)] == [200] * 5 + [429]


async def test_calls_of_a_program_are_counted_apart(house: House) -> None:
    async with serve(house, limits=RequestLimits(calls_per_hour=1)) as site:
        assert (await site.initiate(BODY)).status == 202
        assert (await site.initiate({**BODY, "user": {"id": "u-2", "phone": "+79161234567"}})).status == 429
        assert (await site.get("/v1/calls")).status == 200


async def test_who_shows_bad_tokens_is_slowed_and_others_are_not(house: House) -> None:
    proxies = (ip_network("127.0.0.0/8"),)
    async with serve(house, limits=RequestLimits(refused=3, proxies=proxies)) as site:
        bad = {"Authorization": "Bearer x.y.z", "X-Forwarded-For": "203.0.113.7"}
        assert [(await site.get("/v1/calls", headers=bad)).status for _ in range(4)] == [401, 401, 401, 429]
        good = {"X-Forwarded-For": "203.0.113.7"}
        assert (await site.get("/v1/calls", headers=good)).status == 429
        assert (await site.get("/v1/calls", headers={"X-Forwarded-For": "203.0.113.8"})).status == 200


async def test_who_is_only_late_is_not_taken_for_a_guesser(house: House) -> None:
    async with serve(house, limits=RequestLimits(refused=2)) as site:
        late = site.bearer()
        house.clock.later(3600)
        assert [(await site.get("/v1/calls", headers=late)).status for _ in range(4)] == [401] * 4
        assert (await site.get("/v1/calls")).status == 200


async def test_who_guesses_secrets_is_slowed(house: House) -> None:
    async with serve(house, limits=RequestLimits(refused=2)) as site:
        form = {"grant_type": "client_credentials", "client_id": site.client.id, "client_secret": "pbxs_guess"}
        replies = [await site.post("/oauth/token", data=form, headers={"Authorization": None}) for _ in range(3)]
        assert [reply.status for reply in replies] == [401, 401, 429]


async def test_a_peer_that_is_no_proxy_cannot_say_it_is_somebody_else(house: House) -> None:
    async with serve(house, limits=RequestLimits(per_address=2)) as site:
        addresses = [f"203.0.113.{each}" for each in range(3)]
        answers = [(await site.get("/v1/calls", headers={"X-Forwarded-For": each})).status for each in addresses]
        assert answers == [200, 200, 429]


async def test_of_several_hops_the_last_that_is_not_ours_counts(house: House) -> None:
    proxies = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))
    async with serve(house, limits=RequestLimits(per_address=1, proxies=proxies)) as site:
        seen = ["198.51.100.1, 203.0.113.7, 10.0.0.5", "198.51.100.2, 203.0.113.7, 10.0.0.6"]
        answers = [(await site.get("/v1/calls", headers={"X-Forwarded-For": each})).status for each in seen]
        assert answers == [200, 429]
