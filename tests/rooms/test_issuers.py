"""A citizen's token that its issuer signed: believed by the issuer's keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from joserfc.jwk import ECKey

from pbx_bridge.issuers.believe import Issuers
from pbx_bridge.issuers.issuer import Issuer
from pbx_bridge.phone import Phone
from pbx_bridge.subject import NotBelieved, Subject
from tests.issuer import issuer

from .issuers_desk import Desk, desk
from .portal_house import Clock
from .token_forger import by_hmac, made, unsigned


@pytest_asyncio.fixture
async def signed() -> AsyncIterator[Desk]:
    async with desk() as opened:
        yield opened


async def test_a_token_of_the_issuer_says_who_it_is_for(signed: Desk) -> None:
    now = int(signed.clock().timestamp())
    token = await signed.portal.token(
        "u-1", phone="+79161234567", acr="high", amr=["pwd", "otp"], auth_time=now - 20, expires_in=90
    )
    assert await signed.believe(token) == Subject(
        issuer=signed.portal.url,
        user="u-1",
        expires_at=now + 90,
        phone=Phone("+79161234567"),
        acr="high",
        amr=frozenset({"pwd", "otp"}),
        auth_time=now - 20,
    )


REFUSED: list[dict[str, Any]] = [
    {"expires_in": -31},
    {"exp": None},
    {"exp": "never"},
    {"nbf": 9999999999},
    {"iat": 9999999999},
    {"aud": "another service"},
    {"aud": None},
    {"aud": ["another", "yet another"]},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"header": {"typ": "logout+jwt"}},
    {"header": {"kid": "unknown"}},
]


@pytest.mark.parametrize("said", REFUSED, ids=str)
async def test_a_token_that_says_this_is_not_believed(signed: Desk, said: dict[str, Any]) -> None:
    token = await signed.portal.token(**{"user": "u-1", **said})
    with pytest.raises(NotBelieved) as refusal:
        await signed.believe(token)
    assert token not in str(refusal.value)


FORGED: list[tuple[dict[str, Any], Any]] = [
    ({"alg": "none"}, unsigned),
    ({"alg": "ES256"}, unsigned),
    ({"alg": "HS256"}, by_hmac(b"k" * 32)),
    ({"alg": "ES256", "crit": ["exp"], "exp": 1}, unsigned),
    ({"alg": "RS256"}, lambda message: b"0" * 256),
    ({"alg": 7}, unsigned),
    ({}, unsigned),
]


@pytest.mark.parametrize(("header", "sign"), FORGED)
async def test_a_token_that_it_did_not_sign_is_not_believed(signed: Desk, header: dict[str, Any], sign: Any) -> None:
    named = {"kid": next(iter(signed.portal.keys)), "typ": "JWT", **header}
    with pytest.raises(NotBelieved):
        await signed.believe(made(named, signed.portal.claims("u-1"), sign))


async def test_its_public_key_is_no_secret_to_sign_with(signed: Desk) -> None:
    kid, key = next(iter(signed.portal.keys.items()))
    for secret in (key.as_pem(private=False), key.as_pem(private=False).strip()):
        token = made({"alg": "HS256", "kid": kid, "typ": "JWT"}, signed.portal.claims("u-1"), by_hmac(secret))
        with pytest.raises(NotBelieved):
            await signed.believe(token)


async def test_an_algorithm_that_the_operator_did_not_name_does_not_count() -> None:
    async with desk(algorithms=("RS256", "EdDSA")) as opened:
        with pytest.raises(NotBelieved, match="algorithm"):
            await opened.believe(await opened.portal.token("u-1"))


async def test_one_audience_among_several_is_enough(signed: Desk) -> None:
    token = await signed.portal.token("u-1", aud=["another", "pbx-bridge"])
    assert (await signed.believe(token)).user == "u-1"


async def test_clocks_may_differ_by_the_leeway(signed: Desk) -> None:
    now = int(signed.clock().timestamp())
    for said in ({"expires_in": -29}, {"nbf": now + 30}, {"iat": now + 30}):
        assert (await signed.believe(await signed.portal.token("u-1", **said))).user == "u-1"


async def test_only_issuers_that_the_client_may_speak_for_are_asked(signed: Desk) -> None:
    token = await signed.portal.token("u-1")
    for allowed in (frozenset[str](), frozenset({"https://another.example"})):
        with pytest.raises(NotBelieved):
            await signed.room.believe(token, allowed)
    assert signed.portal.asked["/keys"] == 0


async def test_one_issuer_cannot_speak_for_another() -> None:
    clock = Clock()
    async with issuer(clock) as good, issuer(clock) as bad:
        room = Issuers([Issuer(**each.as_settings()) for each in (good, bad)], clock)
        token = await bad.token("u-1", iss=good.url)
        with pytest.raises(NotBelieved):
            await room.believe(token, frozenset({good.url, bad.url}))
        assert (await room.believe(await bad.token("u-1"), frozenset({bad.url}))).issuer == bad.url
        await room.close()


@pytest.mark.parametrize(
    "token", ["", "a.b.c", "a.b", "x" * 20000, "a b", "é.é.é", "a\nb", "null", "..", "W10.W10.W10"]
)
async def test_what_is_no_token_is_not_believed_and_nobody_is_asked(signed: Desk, token: str) -> None:
    with pytest.raises(NotBelieved):
        await signed.believe(token)
    assert signed.portal.asked == {"/keys": 0, "/introspect": 0}


@pytest.mark.parametrize(
    "said",
    [
        {"phone": "+79161234567", "phone_number_verified": False},
        {"phone": "+79161234567", "phone_number_verified": "true"},
        {"phone": "+79161234567", "phone_number_verified": 1},
        {"phone": "+79161234567", "phone_number_verified": None},
        {"phone": "89161234567"},
        {"phone_number": 79161234567, "phone_number_verified": True},
        {"phone_number_verified": True},
    ],
    ids=str,
)
async def test_a_number_counts_only_when_the_issuer_verified_it(signed: Desk, said: dict[str, Any]) -> None:
    subject = await signed.believe(await signed.portal.token("u-1", **said))
    assert (subject.user, subject.phone) == ("u-1", None)


async def test_a_number_may_be_written_as_people_write_it(signed: Desk) -> None:
    subject = await signed.believe(await signed.portal.token("u-1", phone="+7 (916) 123-45-67"))
    assert subject.phone == Phone("+79161234567")
    assert "1234567" not in repr(subject)


async def test_claims_have_the_names_that_the_operator_chose() -> None:
    async with desk(subject_claim="oid", phone_claim="mobile") as opened:
        token = await opened.portal.token("pairwise", oid="u-1", mobile="+79161234567", mobile_verified=True)
        subject = await opened.believe(token)
        assert (subject.user, subject.phone) == ("u-1", Phone("+79161234567"))
        with pytest.raises(NotBelieved):
            await opened.believe(await opened.portal.token("u-1"))


@pytest.mark.parametrize(
    "said", [{"acr": 5}, {"amr": "otp"}, {"amr": [1, None]}, {"auth_time": "now"}, {"auth_time": 9999999999}], ids=str
)
async def test_a_proof_that_cannot_be_read_is_none(signed: Desk, said: dict[str, Any]) -> None:
    subject = await signed.believe(await signed.portal.token("u-1", **said))
    assert (subject.acr, subject.amr, subject.auth_time) == (None, frozenset(), None)


# ── its keys ──
async def test_keys_are_fetched_once_for_many(signed: Desk) -> None:
    tokens = [await signed.portal.token(f"u-{number}") for number in range(20)]
    assert len(await asyncio.gather(*map(signed.believe, tokens))) == 20
    assert signed.portal.asked["/keys"] == 1


async def test_keys_are_fetched_again_after_ten_minutes_and_old_ones_are_forgotten(signed: Desk) -> None:
    old = await signed.portal.token("u-1", expires_in=3600)
    await signed.believe(old)
    signed.portal.rotate()
    signed.clock.later(599)
    assert (await signed.believe(old)).user == "u-1"
    signed.clock.later(1)
    with pytest.raises(NotBelieved):
        await signed.believe(old)
    assert signed.portal.asked["/keys"] == 2


async def test_a_new_key_is_learned_but_an_invented_one_asks_once_a_minute(signed: Desk) -> None:
    await signed.believe(await signed.portal.token("u-1"))
    signed.portal.rotate()
    fresh = await signed.portal.token("u-2")
    with pytest.raises(NotBelieved):  # the keys are seconds old
        await signed.believe(fresh)
    signed.clock.later(60)
    assert (await signed.believe(fresh)).user == "u-2"
    for number in range(5):
        with pytest.raises(NotBelieved):
            await signed.believe(await signed.portal.token("u-3", header={"kid": f"invented {number}"}))
    assert signed.portal.asked["/keys"] == 2


async def test_a_token_without_a_key_id_needs_an_issuer_with_one_key(signed: Desk) -> None:
    token = await signed.portal.token("u-1", header={"kid": None})
    assert (await signed.believe(token)).user == "u-1"
    signed.portal.keys |= {"another": ECKey.generate_key("P-256")}
    signed.clock.later(600)
    with pytest.raises(NotBelieved):
        await signed.believe(await signed.portal.token("u-1", header={"kid": None}))


async def test_keys_that_may_not_check_tokens_are_passed_over(signed: Desk) -> None:
    kid, key = next(iter(signed.portal.keys.items()))
    public = {**key.as_dict(private=False), "kid": kid}
    token = await signed.portal.token("u-1", expires_in=36000)
    signed.portal.keys = {}
    for spoilt in ({"use": "enc"}, {"key_ops": ["sign"]}, {"alg": "ES384"}, {"crv": "P-384"}, {"x": 5}, {"kid": 5}):
        signed.portal.extra_keys = [5, None, {}, {"kty": "oct", "k": "a2V5", "kid": kid}, {**public, **spoilt}]
        signed.clock.later(600)
        with pytest.raises(NotBelieved):
            await signed.believe(token)
    signed.portal.extra_keys += [{**public, "use": "sig", "alg": "ES256", "key_ops": ["verify"]}]
    signed.clock.later(600)
    assert (await signed.believe(token)).user == "u-1"
