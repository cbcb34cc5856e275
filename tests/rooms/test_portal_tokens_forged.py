"""What is not a token of ours, whoever made it and however near it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pbx_bridge.portal.tokens import NotAToken, UnknownKey

from .portal_house import House, Site
from .token_forger import Forger, by_hmac, part, tokens_of, unsigned

pytest_plugins = ("tests.rooms.portal_fixtures",)


async def test_the_forger_of_these_tests_can_make_a_good_token(house: House) -> None:
    tokens = await tokens_of(house)
    assert tokens.check(Forger(house).forge()).client == "c"


CLAIMS: list[dict[str, Any]] = [
    {"exp": None},
    {"exp": 0},
    {"exp": "tomorrow"},
    {"exp": True},
    {"exp": [9999999999]},
    {"exp": float("nan")},
    {"exp": float("inf")},
    {"nbf": 9999999999},
    {"nbf": "now"},
    {"iat": None},
    {"iat": 9999999999},
    {"iss": "somebody"},
    {"iss": None},
    {"iss": ["pbx-bridge"]},
    {"aud": "somebody"},
    {"aud": None},
    {"aud": []},
    {"aud": ["somebody", "somebody else"]},
    {"aud": {"pbx-bridge": True}},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"jti": None},
    {"jti": 7},
    {"client_id": None},
    {"client_id": 7},
    {"client_id": ["c"]},
    {"scope": ["calls:read"]},
    {"acr": 7},
    {"amr": "otp"},
    {"auth_time": "now"},
]


@pytest.mark.parametrize("claims", CLAIMS, ids=str)
async def test_a_good_signature_does_not_make_wrong_claims_right(house: House, claims: dict[str, Any]) -> None:
    tokens = await tokens_of(house)
    token = Forger(house).forge(**claims)
    with pytest.raises(NotAToken) as refusal:
        tokens.check(token)
    assert token not in str(refusal.value)


HEADERS: list[dict[str, Any]] = [
    {"typ": "JWT"},
    {"typ": None},
    {"typ": 7},
    {"typ": ["at+jwt"]},
    {"alg": None},
    {"alg": ["EdDSA"]},
    {"alg": "Ed448"},
    {"alg": "RS256"},
    {"alg": "HS256"},
    {"kid": None},
    {"kid": 7},
    {"crit": ["x"], "x": 1},
    {"crit": []},
    {"crit": 5},
    {"crit": ["b64"], "b64": True},
    {"crit": ["b64"], "b64": False},
    {"b64": False},
]


@pytest.mark.parametrize("header", HEADERS, ids=str)
async def test_a_header_of_another_form_is_refused(house: House, header: dict[str, Any]) -> None:
    tokens = await tokens_of(house)
    with pytest.raises(NotAToken):
        tokens.check(Forger(house).forge(header=header))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
async def test_a_token_without_a_signature_is_none(house: House, alg: str) -> None:
    tokens = await tokens_of(house)
    with pytest.raises(NotAToken):
        tokens.check(Forger(house).forge(header={"alg": alg}, sign=unsigned))


async def test_the_public_key_is_no_secret_to_sign_with(house: House) -> None:
    tokens, forger = await tokens_of(house), Forger(house)
    for key in (forger.public_pem, forger.public_pem.strip(), forger.public_raw):
        with pytest.raises(NotAToken):
            tokens.check(forger.forge(header={"alg": "HS256"}, sign=by_hmac(key)))


async def test_a_key_that_the_token_brings_along_is_not_used(house: House) -> None:
    from joserfc.jwk import OKPKey

    tokens, forger, own = await tokens_of(house), Forger(house), Ed25519PrivateKey.generate()
    jwk = OKPKey.import_key(own).as_dict(private=False)
    for header in ({"jwk": jwk}, {"jku": "http://127.0.0.1:1/keys"}, {"x5u": "http://127.0.0.1:1/"}):
        with pytest.raises(NotAToken):
            tokens.check(forger.forge(header=header, sign=own.sign))


async def test_another_key_under_our_name_is_another_key(house: House) -> None:
    tokens = await tokens_of(house)
    with pytest.raises(NotAToken, match="not signed by a key"):
        tokens.check(Forger(house).forge(sign=Ed25519PrivateKey.generate().sign))


@pytest.mark.parametrize("kid", ["tk_0000000000000000", "", "../../dev/null", "' OR 1=1 --", "х" * 50])
async def test_a_key_that_nobody_knows_is_refused(house: House, kid: str) -> None:
    tokens = await tokens_of(house)
    with pytest.raises(UnknownKey):
        tokens.check(Forger(house).forge(header={"kid": kid}))


NONSENSE: list[Callable[[str], str]] = [
    lambda good: "",
    lambda good: "a.b.c",
    lambda good: "a" * 100,
    lambda good: "é.é.é",
    lambda good: good[:-3],
    lambda good: good + "x" * 5000,
    lambda good: good + ".",
    lambda good: "." + good,
    lambda good: ".".join(good.split(".")[:2]) + ".",
    lambda good: good.replace(".", "..", 1),
    lambda good: part({"a": 1}) + "." + good.split(".")[1] + "." + good.split(".")[2],
    lambda good: "W10." + good.split(".", 1)[1],
    lambda good: "W1tb" * 600 + "." + good.split(".", 1)[1],
]


@pytest.mark.parametrize("spoil", NONSENSE)
async def test_what_is_no_token_is_refused(house: House, spoil: Callable[[str], str]) -> None:
    tokens = await tokens_of(house)
    with pytest.raises(NotAToken):
        tokens.check(spoil(Forger(house).forge()))


async def test_one_audience_among_several_is_enough(house: House) -> None:
    tokens = await tokens_of(house)
    assert tokens.check(Forger(house).forge(aud=["somebody", "pbx-bridge"])).client == "c"


async def test_clocks_of_our_own_processes_may_differ_a_little(house: House) -> None:
    tokens, forger = await tokens_of(house), Forger(house)
    assert tokens.check(forger.forge(iat=forger.now + 5, nbf=forger.now + 5)).client == "c"
    with pytest.raises(NotAToken, match="not valid yet"):
        tokens.check(forger.forge(nbf=forger.now + 6))


async def test_a_token_that_is_over_is_over_at_once(house: House) -> None:
    tokens, forger = await tokens_of(house), Forger(house)
    assert tokens.check(forger.forge(exp=forger.now + 1)).client == "c"
    for exp in (forger.now, forger.now - 1):
        with pytest.raises(NotAToken, match="expired"):
            tokens.check(forger.forge(exp=exp))


async def test_over_http_every_forgery_is_an_invalid_token(site: Site, house: House) -> None:
    forger = Forger(house)
    for token in (forger.forge(header={"crit": 5}), forger.forge(header={"alg": "none"}, sign=unsigned), "a.b.c"):
        reply = await site.get("/v1/calls", headers={"Authorization": f"Bearer {token}"})
        assert (reply.status, reply.problem) == (401, "invalid-token")
        assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]
