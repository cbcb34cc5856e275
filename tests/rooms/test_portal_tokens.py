"""Who may ask: tokens, their issue and their end."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from pbx_bridge.ledger import Client
from pbx_bridge.portal.clients import is_secret, new_client, unknown_scopes
from pbx_bridge.portal.limits import RequestLimits

from .portal_house import PEPPER, SCOPES, House, Reply, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)
NOW = datetime(2026, 1, 12, 6, 0, tzinfo=UTC)


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


async def ask_token(site: Site, headers: dict[str, str] | None = None, **form: Any) -> Reply:
    asked = {"grant_type": "client_credentials", **form}
    data = {name: value for name, value in asked.items() if value is not None}
    return await site.post("/oauth/token", data=data, headers={"Authorization": None, **(headers or {})})


async def test_a_client_gets_a_token_by_basic_and_by_form_and_it_works(site: Site) -> None:
    by_basic = await ask_token(site, basic(site.client.id, site.secret))
    by_form = await ask_token(site, client_id=site.client.id, client_secret=site.secret)
    for reply in (by_basic, by_form):
        assert reply.status == 200
        assert reply.headers["Cache-Control"] == "no-store"
        assert {**reply.json, "access_token": ""} == {
            "access_token": "",
            "token_type": "Bearer",
            "expires_in": 600,
            "scope": "calls:read calls:write",
        }
        used = await site.get("/v1/calls", headers={"Authorization": f"Bearer {reply.json['access_token']}"})
        assert used.status == 200


def parts(token: str) -> list[dict[str, Any]]:
    """Header and claims."""
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


async def test_a_token_says_what_rfc_9068_asks_for(site: Site, house: House) -> None:
    reply = await ask_token(site, basic(site.client.id, site.secret), scope="calls:read")
    header, claims = parts(reply.json["access_token"])
    now = int(house.clock().timestamp())
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": next(iter(house.signing_keys_))}
    assert claims == {
        "iss": "pbx-bridge",
        "aud": "pbx-bridge",
        "sub": site.client.id,
        "client_id": site.client.id,
        "scope": "calls:read",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "jti": claims["jti"],
    }
    again = await ask_token(site, basic(site.client.id, site.secret))
    assert parts(again.json["access_token"])[1]["jti"] != claims["jti"]


async def test_no_token_lives_longer_than_a_day(site: Site, house: House) -> None:
    house.clients_[site.client.id] = replace(site.client, token_lifetime_s=30 * 86400)
    reply = await ask_token(site, basic(site.client.id, site.secret))
    claims = parts(reply.json["access_token"])[1]
    assert reply.json["expires_in"] == claims["exp"] - claims["iat"] == 86400


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "calls:write admin"}, "invalid_scope"),
    ],
)
async def test_requests_that_a_good_client_may_not_make(site: Site, form: dict[str, Any], error: str) -> None:
    reply = await ask_token(site, basic(site.client.id, site.secret), **form)
    assert (reply.status, reply.json["error"]) == (400, error)


async def test_a_client_id_beside_the_header_must_be_the_same(site: Site) -> None:
    headers = basic(site.client.id, site.secret)
    assert (await ask_token(site, headers, client_id=site.client.id)).status == 200
    reply = await ask_token(site, headers, client_id="client_2")
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


async def test_a_client_cannot_be_two_at_once(site: Site) -> None:
    reply = await ask_token(site, basic(site.client.id, site.secret), client_id=site.client.id, client_secret="x")
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !!!", "Basic YWJj", "Basic /////w==", "Bearer x", "Basic " + "QUJD" * 1000, "Basic OnM="],
)
async def test_who_cannot_prove_itself_gets_401_and_how_to(site: Site, header: str) -> None:
    reply = await ask_token(site, {"Authorization": header})
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    assert reply.headers["WWW-Authenticate"].startswith("Basic")


async def test_a_wrong_secret_and_an_unknown_client_get_the_same_words(site: Site, house: House) -> None:
    gone, secret = house.client("gone")
    house.disable(gone)
    replies = [
        await ask_token(site, basic(site.client.id, "wrong")),
        await ask_token(site, basic("nobody", site.secret)),
        await ask_token(site, basic("nobody\0\n", "x")),
        await ask_token(site, basic("", "")),
        await ask_token(site, basic(gone.id, secret)),
        await ask_token(site, client_id=site.client.id, client_secret=""),
    ]
    assert len({reply.body for reply in replies}) == 1
    assert {reply.status for reply in replies} == {401}


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b'{"grant_type":"client_credentials"}', "application/json"),
        (b"grant_type=client_credentials", "text/plain"),
        (b"grant_type=client_credentials&grant_type=password", "application/x-www-form-urlencoded"),
        (b"grant_type=%ff", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(1000)), "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
        (b"nonsense", "application/x-www-form-urlencoded"),
    ],
)
async def test_forms_that_cannot_be_read(site: Site, body: bytes, media_type: str) -> None:
    headers = {**basic(site.client.id, site.secret), "Content-Type": media_type}
    reply = await site.post("/oauth/token", data=body, headers=headers)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


async def test_without_a_token_nothing_private_answers(site: Site) -> None:
    for method, path in [
        ("POST", "/v1/calls"),
        ("GET", "/v1/calls"),
        ("HEAD", "/v1/calls"),
        ("GET", "/v1/calls/call_x"),
        ("GET", "/v1/calls/call_x/events"),
        ("POST", "/v1/calls/call_x/abort"),
    ]:
        reply = await site.ask(method, path, headers={"Authorization": None})
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="pbx-bridge"'
        if method != "HEAD":
            assert reply.problem == "unauthorized"


async def test_what_is_open_is_exactly_this(site: Site) -> None:
    from pbx_bridge.portal.site import ALL

    assert {operation.path for operation in ALL if operation.right and operation.right.scope is None} == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/oauth/token",
        "/oauth/revoke",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/problems/{slug}",
    }


async def test_a_token_ends_at_its_time(site: Site, house: House) -> None:
    headers = site.bearer()
    house.clock.later(599)
    assert (await site.get("/v1/calls", headers=headers)).status == 200
    house.clock.later(1)
    reply = await site.get("/v1/calls", headers=headers)
    assert (reply.status, reply.problem) == (401, "invalid-token")
    assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]


async def test_a_token_ends_with_its_client(site: Site, house: House) -> None:
    headers = site.bearer()
    house.disable(site.client)
    assert (await site.get("/v1/calls", headers=headers)).problem == "invalid-token"
    house.clients_.clear()
    assert (await site.get("/v1/calls", headers=headers)).problem == "invalid-token"


async def test_a_scope_is_needed_in_the_token_and_still_in_the_client(site: Site, house: House) -> None:
    reply = await site.initiate(headers=site.bearer(scopes=frozenset({"calls:read"})))
    assert (reply.status, reply.problem, reply.json["scope"]) == (403, "insufficient-scope", "calls:write")
    assert 'scope="calls:write"' in reply.headers["WWW-Authenticate"]
    headers = site.bearer()
    house.clients_[site.client.id] = replace(site.client, scopes=frozenset({"calls:read"}))
    assert (await site.initiate(headers=headers)).status == 403
    assert (await site.get("/v1/calls", headers=headers)).status == 200


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Token {}", "{}", "Bearer {} x", "Bearer {},{}", "Basic {}", "Bearer\t{}", "Bearer {}é"],
)
async def test_headers_of_other_forms_are_refused(site: Site, header: str) -> None:
    reply = await site.get("/v1/calls", headers={"Authorization": header.format(site.token(), site.token())})
    assert (reply.status, reply.problem) == (401, "invalid-token")


@pytest.mark.parametrize("header", ["bearer {}", "BEARER {}", "Bearer   {}"])
async def test_the_schemes_name_is_read_as_http_reads_it(site: Site, header: str) -> None:
    assert (await site.get("/v1/calls", headers={"Authorization": header.format(site.token())})).status == 200


async def test_two_authorizations_are_none(site: Site) -> None:
    line = f"Authorization: {site.bearer()['Authorization']}\r\n"
    got = await site.raw(f"GET /v1/calls HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}{line}\r\n".encode())
    assert b" 401 " in got.splitlines()[0] or b" 400 " in got.splitlines()[0]


def test_a_new_clients_secret_is_only_known_to_who_sees_it() -> None:
    made = new_client(PEPPER, NOW)
    client = Client(made.id, "portal", frozenset(), NOW, 600, (made.key,))
    assert made.secret not in repr(made)
    assert made.secret not in made.key.material
    assert made.key.material not in repr(client)
    assert is_secret(made.id, made.secret, client, NOW, PEPPER)
    assert not is_secret(made.id, made.secret + "x", client, NOW, PEPPER)
    assert not is_secret("another", made.secret, client, NOW, PEPPER)
    assert not is_secret(made.id, made.secret, client, NOW, b"another pepper")
    assert not is_secret(made.id, made.secret, None, NOW, PEPPER)
    assert not is_secret(made.id, made.secret, replace(client, keys=()), NOW, PEPPER)


def test_a_secret_counts_until_its_time_is_over() -> None:
    made = new_client(PEPPER, NOW)
    old = replace(made.key, expires_at=NOW + timedelta(hours=1))
    client = Client(made.id, "portal", frozenset(), NOW, 600, (old,))
    assert is_secret(made.id, made.secret, client, NOW, PEPPER)
    assert not is_secret(made.id, made.secret, client, NOW + timedelta(hours=1), PEPPER)


def test_ids_are_drawn() -> None:
    assert new_client(PEPPER, NOW).id != new_client(PEPPER, NOW).id


def test_scopes_that_mean_nothing_are_named() -> None:
    assert unknown_scopes(sorted(SCOPES)) == []
    assert unknown_scopes(["calls:read", "root"]) == ["root"]


async def test_who_guesses_secrets_is_told_to_wait(house: House) -> None:
    async with serve(house, limits=RequestLimits(refused=3)) as site:
        for secret in ("guess", "another", "a third"):
            assert (await ask_token(site, basic(site.client.id, secret))).status == 401
        reply = await ask_token(site, basic(site.client.id, site.secret))
        assert (reply.status, reply.problem) == (429, "too-many-requests")
        assert int(reply.headers["Retry-After"]) > 0
