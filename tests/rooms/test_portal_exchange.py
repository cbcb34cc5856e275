"""A portal's citizen gets a token of their own: short, for their own calls, and only on the word of their issuer."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.identity.citizen import Identity
from pbx_bridge.issuers.believe import Issuers
from pbx_bridge.issuers.issuer import Issuer
from pbx_bridge.ledger.access import Citizen, Role
from pbx_bridge.phone import Phone
from tests.issuer import PortalIssuer, issuer

from .portal_house import House, Reply, Site, away, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"
NUMBER = "+79161234567"


@dataclass
class Exchange:
    """A portal with an issuer of its own, at our token endpoint."""

    site: Site
    portal: PortalIssuer

    async def ask(self, subject_token: str | None, *, secret: str | None = None, **form: Any) -> Reply:
        data = {
            "grant_type": GRANT,
            "client_id": self.site.client.id,
            "client_secret": secret or self.site.secret,
            "subject_token": subject_token,
            "subject_token_type": TYPE + "access_token",
            **form,
        }
        kept = {name: value for name, value in data.items() if value is not None}
        return await self.site.post("/oauth/token", data=kept, headers={"Authorization": None})

    async def citizen(self, user: str = "u-1", **claims: Any) -> str:
        """The token of a citizen."""
        reply = await self.ask(await self.portal.token(user, **claims))
        assert reply.status == 200, reply.body
        return str(reply.json["access_token"])

    def change(self, **client: Any) -> None:
        """The operator changes what the portal is."""
        known = self.site.house.clients_[self.site.client.id]
        self.site.house.clients_[known.id] = replace(known, **client)


@pytest_asyncio.fixture
async def exchange(house: House) -> AsyncIterator[Exchange]:
    async with issuer(house.clock) as portal:
        room = Issuers([Issuer(**portal.as_settings())], house.clock)
        async with serve(house, issuers=room) as site:
            opened = Exchange(site, portal)
            opened.change(issuers=frozenset({portal.url}))
            yield opened
        await room.close()


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


async def test_the_citizens_token_says_whose_it_is_and_how_they_proved_it(exchange: Exchange, house: House) -> None:
    now = int(house.clock().timestamp())
    token = await exchange.portal.token("u-1", phone=NUMBER, acr="high", amr=["pwd", "otp"], auth_time=now - 9)
    reply = await exchange.ask(token)
    assert {**reply.json, "access_token": ""} == {
        "access_token": "",
        "issued_token_type": TYPE + "access_token",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "calls:read calls:write",
    }
    assert reply.headers["Cache-Control"] == "no-store"
    claims = claims_of(reply.json["access_token"])
    assert {**claims, "jti": ""} == {
        "iss": "pbx-bridge",
        "aud": "pbx-bridge",
        "sub": "u-1",
        "client_id": exchange.site.client.id,
        "scope": "calls:read calls:write",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "jti": "",
        "acr": "high",
        "amr": ["otp", "pwd"],
        "auth_time": now - 9,
    }


async def test_it_grants_what_it_says(exchange: Exchange, house: House) -> None:
    now = int(house.clock().timestamp())
    grant = exchange.site.app_tokens().check(await exchange.citizen(acr="high", amr=["otp"], auth_time=now - 9))
    assert (grant.client, grant.citizen, grant.expires_at) == (exchange.site.client.id, "u-1", now + 300)
    assert (grant.acr, grant.amr, grant.auth_time, grant.issued_at) == ("high", frozenset({"otp"}), now - 9, now)


async def test_a_citizen_sees_their_own_calls_only(exchange: Exchange) -> None:
    mine, other = await exchange.site.open_call("u-1"), await exchange.site.open_call("u-2")
    headers = {"Authorization": f"Bearer {await exchange.citizen('u-1')}"}
    assert (await exchange.site.get(f"/v1/calls/{mine}", headers=headers)).status == 200
    assert (await exchange.site.get(f"/v1/calls/{other}", headers=headers)).problem == "unknown-call"


async def test_it_ends_with_the_token_it_was_given_for(exchange: Exchange, house: House) -> None:
    reply = await exchange.ask(await exchange.portal.token("u-1", expires_in=120))
    assert reply.json["expires_in"] == 120
    headers = {"Authorization": f"Bearer {reply.json['access_token']}"}
    house.clock.later(119)
    assert (await exchange.site.get("/v1/calls", headers=headers)).status == 200
    house.clock.later(1)
    assert (await exchange.site.get("/v1/calls", headers=headers)).problem == "invalid-token"


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("calls:read", "calls:read"),
        ("calls:read citizens clients", "calls:read"),
        ("", "calls:read calls:write"),
    ],
)
async def test_a_citizen_gets_no_more_than_citizens_may(exchange: Exchange, asked: str, given: str) -> None:
    exchange.change(scopes=frozenset({"calls:read", "calls:write", "citizens"}))
    assert (await exchange.ask(await exchange.portal.token("u-1"), scope=asked)).json["scope"] == given


async def test_a_citizen_gets_no_more_than_their_portal(exchange: Exchange) -> None:
    exchange.change(scopes=frozenset({"calls:read"}))
    assert (await exchange.ask(await exchange.portal.token("u-1"))).json["scope"] == "calls:read"
    reply = await exchange.ask(await exchange.portal.token("u-1"), scope="calls:write")
    assert (reply.status, reply.json["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.PORTAL, Role.CITIZEN)])
async def test_only_a_portal_speaks_for_citizens(exchange: Exchange, role: Role) -> None:
    exchange.change(role=role)
    reply = await exchange.ask(await exchange.portal.token("u-1"))
    assert (reply.status, reply.json["error"]) == (400, "unauthorized_client")
    assert exchange.portal.asked["/keys"] == 0


async def test_only_the_portals_own_issuers_count(exchange: Exchange) -> None:
    exchange.change(issuers=frozenset())
    reply = await exchange.ask(await exchange.portal.token("u-1"))
    assert (reply.status, reply.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("claims", [{"expires_in": -60}, {"aud": "x"}, {"nbf": 9999999999}, {"sub": None}], ids=str)
async def test_a_token_that_is_not_believed_gets_nothing(exchange: Exchange, claims: dict[str, Any]) -> None:
    token = await exchange.portal.token(**{"user": "u-1", **claims})
    reply = await exchange.ask(token)
    assert (reply.status, reply.json["error"]) == (400, "invalid_grant")
    assert token not in reply.body.decode()


async def test_the_last_seconds_of_leeway_are_not_worth_a_token(exchange: Exchange) -> None:
    reply = await exchange.ask(await exchange.portal.token("u-1", expires_in=-10))
    assert (reply.status, reply.json["error"]) == (400, "invalid_grant")


async def test_a_citizen_called_like_the_program_does_not_become_it(exchange: Exchange) -> None:
    reply = await exchange.ask(await exchange.portal.token(exchange.site.client.id))
    assert (reply.status, reply.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("user", ["u" * 129, "u\r\nEvil: 1", "u\0", "u\x7f", "\u2028"])
async def test_a_name_that_no_citizen_can_have_is_refused(exchange: Exchange, user: str) -> None:
    reply = await exchange.ask(await exchange.portal.token(user))
    assert (reply.status, reply.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": TYPE + "refresh_token"}, "invalid_request"),
        ({"requested_token_type": TYPE + "refresh_token"}, "invalid_request"),
        ({"actor_token": "x", "actor_token_type": TYPE + "jwt"}, "invalid_request"),
        ({"audience": "another"}, "invalid_target"),
        ({"resource": "https://another.example"}, "invalid_target"),
        ({"subject_token": "nonsense"}, "invalid_grant"),
    ],
)
async def test_what_cannot_be_exchanged(exchange: Exchange, form: dict[str, Any], error: str) -> None:
    token = form.pop("subject_token", await exchange.portal.token("u-1"))
    reply = await exchange.ask(token, **form)
    assert (reply.status, reply.json["error"]) == (400, error)


@pytest.mark.parametrize("kind", ["access_token", "id_token", "jwt"])
async def test_each_kind_of_citizens_token_is_taken(exchange: Exchange, kind: str) -> None:
    reply = await exchange.ask(await exchange.portal.token("u-1"), subject_token_type=TYPE + kind)
    assert reply.status == 200


async def test_the_portal_must_prove_itself_first(exchange: Exchange) -> None:
    reply = await exchange.ask(await exchange.portal.token("u-1"), secret="wrong")
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    assert exchange.portal.asked["/keys"] == 0


async def test_an_issuer_that_cannot_be_asked_makes_them_wait(exchange: Exchange) -> None:
    exchange.portal.status = 500
    reply = await exchange.ask(await exchange.portal.token("u-1"))
    assert (reply.status, reply.json["error"]) == (503, "temporarily_unavailable")
    assert int(reply.headers["Retry-After"]) > 0


async def test_others_are_served_while_an_issuer_is_slow(exchange: Exchange) -> None:
    exchange.portal.gate.clear()
    waiting = asyncio.create_task(exchange.ask(await exchange.portal.token("u-1")))
    await exchange.portal.arrived.wait()
    assert (await exchange.site.get("/v1/calls")).status == 200
    assert not waiting.done()
    exchange.portal.gate.set()
    assert (await waiting).status == 200


async def test_a_key_that_stops_while_the_issuer_is_asked_is_replaced(exchange: Exchange, house: House) -> None:
    exchange.portal.gate.clear()
    token = await exchange.portal.token("u-1", expires_in=30 * 86400)
    waiting = asyncio.create_task(exchange.ask(token))
    await exchange.portal.arrived.wait()
    house.clock.later(8 * 86400)
    exchange.portal.gate.set()
    assert (await waiting).status == 200


# ── the number ──
async def test_a_verified_number_is_kept_beside_what_is_known(exchange: Exchange, house: House) -> None:
    client = exchange.site.client.id
    known = Identity.from_data({"email": "anna@example.org", "phone": "+79990000000", "verified": ["email"]})
    house.citizens_[client, "u-1"] = Citizen(client, "u-1", known.to_data(), known.marks(), house.clock())
    await exchange.citizen("u-1", phone=NUMBER)
    kept = house.citizens_[client, "u-1"]
    assert kept.data == {"email": "anna@example.org", "phone": NUMBER, "verified": ["email", "phone"]}
    assert kept.marks == {"email": "anna@example.org", "phone": NUMBER}
    house.clock.later(1)
    await exchange.citizen("u-1", phone=NUMBER)
    assert house.citizens_[client, "u-1"] is kept  # nothing new: nothing is written


@pytest.mark.parametrize("claims", [{}, {"phone": NUMBER, "phone_number_verified": False}], ids=str)
async def test_without_a_verified_number_nothing_is_kept(
    exchange: Exchange, house: House, claims: dict[str, Any]
) -> None:
    await exchange.citizen("u-1", **claims)
    assert house.citizens_ == {}


async def test_a_number_that_cannot_be_kept_gives_no_token(exchange: Exchange, house: House) -> None:
    token = await exchange.portal.token("u-1", phone=NUMBER)
    house.trouble = away()
    assert (await exchange.ask(token)).status == 503


async def test_no_token_and_no_log_holds_the_number(exchange: Exchange, capsys: pytest.CaptureFixture[str]) -> None:
    token = await exchange.portal.token("u-1", phone=NUMBER)
    reply = await exchange.ask(token)
    assert NUMBER[1:] not in json.dumps(claims_of(reply.json["access_token"]))
    assert NUMBER[1:] not in reply.body.decode()
    said = "".join(capsys.readouterr())
    assert "token issued" in said
    for private in (NUMBER[1:], token, reply.json["access_token"], exchange.site.secret):
        assert private not in said


async def test_what_is_kept_of_a_number_can_be_read_again(exchange: Exchange, house: House) -> None:
    await exchange.citizen("u-1", phone=NUMBER)
    kept = Identity.from_data(house.citizens_[exchange.site.client.id, "u-1"].data)
    assert (kept.phone, kept.verified) == (Phone(NUMBER), frozenset({"phone"}))
