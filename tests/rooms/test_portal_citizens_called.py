"""Identity data that comes with a call, and services that ask for it: checked on every request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.identity import Identity
from pbx_bridge.ledger.access import Role
from pbx_bridge.portal.rights import SCOPES_OF

from .citizen_desk import ANNA, MASKED, Desk, house_of, is_nowhere
from .portal_desk import service
from .portal_house import House, Memory, Reply, away, serve

pytest_plugins = ("tests.rooms.portal_fixtures", "tests.ledger_plugin")

SERVICES = {
    "support": service("support"),
    "pensions": service("pensions", requires=frozenset({"phone", "snils"})),
}
NUMBER = "+79161234567"


@pytest.fixture(params=["memory", "paper"])
def house(request: pytest.FixtureRequest) -> House:
    return house_of(request)


@pytest_asyncio.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    async with serve(house, services=SERVICES) as site:
        yield Desk(site)


async def call(desk: Desk, service: str = "support", *, headers: Any = None, **user: Any) -> Reply:
    """The portal asks for a call of Anna, and tells this about her."""
    body = {"service": service, "user": {"id": "u-1"} | user, "devices": [{"kind": "mobile", "number": NUMBER}]}
    return await desk.site.initiate(body, headers=headers or {})


async def known(desk: Desk) -> Identity | None:
    kept = await Memory(desk.house).citizen(desk.portal, "u-1")
    return kept and Identity.from_data(kept.data)


async def test_what_comes_with_a_call_is_kept_and_shown_masked(desk: Desk) -> None:
    reply = await call(desk, **ANNA)
    assert reply.status == 202
    assert is_nowhere(reply)
    assert (await desk.ask("GET", "u-1/identity")).json["identity"] == MASKED
    assert await desk.noted() == ["portal write-identity taken", "portal read-identity taken"]


async def test_what_does_not_come_again_is_kept(desk: Desk) -> None:
    await desk.supply()
    await call(desk, inn="772773279276", verified=[])
    shown = (await desk.ask("GET", "u-1/identity")).json["identity"]
    assert shown == MASKED | {"inn": "**********76"}


async def test_what_comes_again_unchanged_leaves_no_line(desk: Desk) -> None:
    await desk.supply()
    await call(desk, **ANNA)
    await call(desk, snils="11223344595")
    assert await desk.noted() == ["portal write-identity taken"]


async def test_another_number_in_place_of_a_verified_one_is_not_verified(desk: Desk) -> None:
    await desk.supply()
    await call(desk, snils="087-654-303 00")
    assert (await desk.ask("GET", "u-1/identity")).json["identity"]["verified"] == ["phone"]


async def test_a_telephone_number_alone_is_not_kept_beside_the_call(desk: Desk) -> None:
    assert (await call(desk, phone=NUMBER)).status == 202
    assert await known(desk) is None


async def test_what_was_known_before_can_be_verified_later(desk: Desk) -> None:
    await desk.supply({"snils": ANNA["snils"], "phone": NUMBER})
    assert (await call(desk, "pensions")).problem == "identity-required"
    assert (await call(desk, "pensions", verified=["snils", "phone"])).status == 202


@pytest.mark.parametrize(
    ("told", "missing"),
    [
        ({}, ["phone", "snils"]),
        ({"phone": NUMBER}, ["snils"]),
        ({"phone": NUMBER, "snils": ANNA["snils"]}, ["snils"]),
        ({"phone": NUMBER, "snils": ANNA["snils"], "verified": ["snils"]}, ["phone"]),
        ({"email": "anna@example.ru", "verified": ["email"]}, ["phone", "snils"]),
    ],
)
async def test_a_service_is_not_called_while_something_is_missing_or_not_verified(
    desk: Desk, told: Mapping[str, Any], missing: list[str]
) -> None:
    reply = await call(desk, "pensions", **told)
    assert (reply.status, reply.problem) == (403, "identity-required")
    assert (reply.json["service"], reply.json["missing"]) == ("pensions", missing)
    assert desk.house.wanted == []
    assert is_nowhere(reply)


async def test_a_service_asks_on_every_request(desk: Desk) -> None:
    await desk.supply()
    assert (await call(desk, "pensions")).status == 202
    desk.house.hangs_up(next(iter(desk.house.calls_)))
    await desk.supply({"phone": NUMBER, "verified": ["phone"]})
    assert (await call(desk, "pensions")).json["missing"] == ["snils"]


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ({"snils": "112-233-445 94"}, "/user/snils"),
        ({"inn": "500100732258"}, "/user/inn"),
        ({"email": "anna"}, "/user/email"),
        ({"passport": "1"}, "/user/passport"),
        ({"verified": ["inn"]}, "/user/verified"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_rings(
    desk: Desk, told: Mapping[str, Any], pointer: str
) -> None:
    reply = await call(desk, **told)
    assert list(reply.complaints) == [pointer]
    assert desk.house.wanted == []
    assert await known(desk) is None


@pytest.mark.parametrize("told", [{"snils": ANNA["snils"]}, {"email": "anna@example.ru"}, {"verified": ["phone"]}])
async def test_a_citizen_cannot_say_who_they_are(desk: Desk, told: Mapping[str, Any]) -> None:
    reply = await call(desk, headers=desk.site.as_citizen(), **told)
    assert (reply.status, reply.problem) == (403, "identity-not-yours")
    assert await known(desk) is None
    assert desk.house.wanted == []


async def test_a_citizens_call_counts_with_what_the_portal_supplied(desk: Desk) -> None:
    assert (await call(desk, "pensions", headers=desk.site.as_citizen())).problem == "identity-required"
    await desk.supply()
    assert (await call(desk, "pensions", headers=desk.site.as_citizen())).status == 202


@pytest.mark.parametrize("house", ["memory"], indirect=True)
async def test_what_cannot_be_noted_is_not_kept(desk: Desk) -> None:
    desk.house.unwritable = away()
    assert (await call(desk, **ANNA)).problem == "database-unavailable"
    assert await known(desk) is None


# ── staff who look at calls ──────────────────────────────────────────────────────────────────────────────
async def test_staff_who_look_at_a_call_leave_a_line_and_owners_do_not(desk: Desk) -> None:
    call_id = (await call(desk, phone=NUMBER)).json["call"]["id"]
    engineer = desk.site.bearer(desk.program(Role.ENGINEER), SCOPES_OF[Role.ENGINEER])
    for headers in (desk.site.bearer(), desk.site.as_citizen(), engineer):
        for path in (f"/v1/calls/{call_id}", f"/v1/calls/{call_id}/events", "/v1/calls"):
            assert (await desk.site.get(path, headers=headers)).status == 200
    assert await desk.noted() == [f"engineer {action} taken" for action in ("read-call", "read-events", "list-calls")]


@pytest.mark.parametrize("house", ["memory"], indirect=True)
async def test_staff_see_no_call_that_cannot_be_noted(desk: Desk) -> None:
    call_id = (await call(desk, phone=NUMBER)).json["call"]["id"]
    desk.house.unwritable = away()
    engineer = desk.site.bearer(desk.program(Role.ENGINEER), SCOPES_OF[Role.ENGINEER])
    for path in (f"/v1/calls/{call_id}", f"/v1/calls/{call_id}/events", "/v1/calls"):
        assert (await desk.site.get(path, headers=engineer)).problem == "database-unavailable"
        assert (await desk.site.get(path)).status == 200
