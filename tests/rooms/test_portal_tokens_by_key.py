"""A program that proves itself by a token that it signed (private_key_jwt, RFC 7523)."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from pbx_bridge.ledger.access import ClientKey, KeyKind

from .portal_house import House, Reply, Site, away, serve
from .token_forger import by_hmac, made, unsigned

pytest_plugins = ("tests.rooms.portal_fixtures",)
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

Key = OKPKey | ECKey | RSAKey
EDWARDS = OKPKey.import_key(ed25519.Ed25519PrivateKey.generate())
CURVE = ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))
RSA = RSAKey.import_key(rsa.generate_private_key(65537, 2048))


def registered(site: Site, *keys: Key, ends_in_s: int | None = None) -> None:
    """The program's public keys, known to the operator."""
    now = site.house.clock()
    until = now + timedelta(seconds=ends_in_s) if ends_in_s is not None else None
    kept = tuple(
        ClientKey(f"key_{number}", KeyKind.PUBLIC, json.dumps(key.as_dict(private=False)), now, until)
        for number, key in enumerate(keys)
    )
    site.house.clients_[site.client.id] = replace(site.client, keys=kept)


def claims_of(site: Site, **claims: Any) -> dict[str, Any]:
    now = int(site.house.clock().timestamp())
    said = {
        "iss": site.client.id,
        "sub": site.client.id,
        "aud": "pbx-bridge",
        "exp": now + 60,
        "iat": now,
        "jti": secrets.token_hex(8),
    }
    return {name: value for name, value in (said | claims).items() if value is not None}


def signed(
    site: Site, key: Key = EDWARDS, alg: str = "EdDSA", header: Mapping[str, Any] | None = None, **c: Any
) -> str:
    return jwt.encode({"alg": alg, **(header or {})}, claims_of(site, **c), key, algorithms=[alg])


async def prove(site: Site, assertion: str, **form: Any) -> Reply:
    data = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
        **form,
    }
    return await site.post("/oauth/token", data=data, headers={"Authorization": None})


@pytest.mark.parametrize(
    ("key", "alg"),
    [(EDWARDS, "EdDSA"), (EDWARDS, "Ed25519"), (CURVE, "ES256"), (RSA, "RS256"), (RSA, "PS256")],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_key_of_each_type_is_taken(site: Site, key: Key, alg: str) -> None:
    registered(site, EDWARDS, CURVE, RSA)
    reply = await prove(site, signed(site, key, alg))
    assert reply.status == 200, reply.body
    headers = {"Authorization": f"Bearer {reply.json['access_token']}"}
    assert (await site.get("/v1/calls", headers=headers)).status == 200


async def test_an_assertion_counts_once(site: Site) -> None:
    registered(site, EDWARDS)
    assertion = signed(site)
    assert (await prove(site, assertion)).status == 200
    reply = await prove(site, assertion)
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    assert "used before" in reply.json["error_description"]
    assert (await prove(site, signed(site))).status == 200


async def test_one_that_cannot_be_remembered_does_not_count(site: Site, house: House) -> None:
    registered(site, EDWARDS)
    assertion = signed(site)
    house.trouble = away()
    assert (await prove(site, assertion)).status == 503
    house.trouble = None
    assert (await prove(site, assertion)).status == 200


WRONG: list[dict[str, Any]] = [
    {"aud": "somebody"},
    {"aud": None},
    {"aud": ["somebody"]},
    {"sub": "client_2"},
    {"sub": None},
    {"exp": None},
    {"exp": 0},
    {"exp": 9999999999},
    {"exp": "soon"},
    {"nbf": 9999999999},
    {"iat": 9999999999},
    {"jti": None},
    {"jti": 5},
    {"jti": "x" * 129},
    {"jti": "\0"},
    {"iss": None},
    {"iss": "client_2"},
    {"iss": "\0"},
    {"iss": 5},
]


@pytest.mark.parametrize("claims", WRONG, ids=str)
async def test_an_assertion_that_says_this_proves_nothing(site: Site, claims: dict[str, Any]) -> None:
    registered(site, EDWARDS)
    reply = await prove(site, signed(site, **claims))
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


async def test_five_minutes_ahead_is_the_most(site: Site, house: House) -> None:
    registered(site, EDWARDS)
    now = int(house.clock().timestamp())
    assert (await prove(site, signed(site, exp=now + 300))).status == 200
    assert (await prove(site, signed(site, exp=now + 301))).status == 401


async def test_the_token_endpoint_is_an_audience_where_the_issuer_says_where_it_is(house: House) -> None:
    async with serve(house, issuer="https://calls.example") as site:
        registered(site, EDWARDS)
        for audience in ("https://calls.example", "https://calls.example/oauth/token", ["x", "https://calls.example"]):
            assert (await prove(site, signed(site, aud=audience))).status == 200
        for audience in (f"{site.url}/oauth/token", "https://calls.example/", "https://calls.example/oauth/revoke"):
            assert (await prove(site, signed(site, aud=audience))).status == 401


async def test_who_cannot_sign_is_told_nothing_about_who_can(site: Site, house: House) -> None:
    registered(site, EDWARDS, ends_in_s=60)
    another = OKPKey.import_key(ed25519.Ed25519PrivateKey.generate())
    public = EDWARDS.as_pem(private=False)
    claims = claims_of(site)
    attempts = [
        signed(site, another),
        signed(site, iss="client_2", sub="client_2"),
        signed(site, CURVE, "ES256"),
        made({"alg": "HS256"}, claims, by_hmac(public)),
        made({"alg": "HS256"}, claims, by_hmac(house.clients_[site.client.id].keys[0].material.encode())),
        made({"alg": "none"}, claims, unsigned),
        made({"alg": "EdDSA", "crit": ["exp"]}, claims, unsigned),
        made({"alg": "EdDSA"}, claims, unsigned),
        signed(site, header={"typ": "at+jwt"}),
        "a.b.c",
        "",
        "x" * 9000,
    ]
    replies = [await prove(site, assertion) for assertion in attempts]
    house.clock.later(60)
    replies.append(await prove(site, signed(site)))  # the key has ended
    assert {reply.status for reply in replies} == {401}
    assert len({reply.body for reply in replies}) == 1


async def test_a_client_that_was_disabled_proves_nothing(site: Site, house: House) -> None:
    registered(site, EDWARDS)
    house.disable(house.clients_[site.client.id])
    assert (await prove(site, signed(site))).status == 401


async def test_a_shared_key_is_not_a_public_one(site: Site, house: House) -> None:
    secret = base64.b64encode(b"k" * 32).decode()
    for kind in (KeyKind.HMAC, KeyKind.PUBLIC):
        material = secret if kind is KeyKind.HMAC else json.dumps({"kty": "oct", "k": secret})
        kept = ClientKey("key_0", kind, material, house.clock())
        house.clients_[site.client.id] = replace(site.client, keys=(kept,))
        token = jwt.encode({"alg": "HS256"}, claims_of(site), OctKey.import_key(b"k" * 32), algorithms=["HS256"])
        assert (await prove(site, token)).status == 401


async def test_one_proof_at_a_time(site: Site) -> None:
    registered(site, EDWARDS)
    reply = await prove(site, signed(site), client_id=site.client.id, client_secret=site.secret)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
    reply = await prove(site, signed(site), client_assertion_type="password")
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
    reply = await prove(site, signed(site), client_id="client_2")
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
    assert (await prove(site, signed(site), client_id=site.client.id)).status == 200
