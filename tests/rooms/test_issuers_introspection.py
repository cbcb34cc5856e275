"""A citizen's token that its issuer is asked about (RFC 7662)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote_plus

import pytest
import pytest_asyncio

from pbx_bridge.issuers import introspection
from pbx_bridge.issuers.believe import Issuers
from pbx_bridge.issuers.issuer import Issuer
from pbx_bridge.phone import Phone
from pbx_bridge.subject import IssuerAway, NotBelieved
from tests.issuer import CLIENT, SECRET, issuer

from .issuers_desk import Desk, desk
from .portal_house import Clock


@pytest_asyncio.fixture
async def asked() -> AsyncIterator[Desk]:
    async with desk(keys=False, introspection=True) as opened:
        yield opened


@pytest_asyncio.fixture
async def both() -> AsyncIterator[Desk]:
    async with desk(introspection=True) as opened:
        yield opened


async def test_the_issuer_says_who_it_is_and_we_say_who_asks(asked: Desk) -> None:
    now = int(asked.clock().timestamp())
    token = await asked.portal.opaque("u-1", phone="+79161234567", acr="high", amr=["otp"], auth_time=now - 1)
    subject = await asked.believe(token)
    assert (subject.user, subject.expires_at, subject.phone) == ("u-1", now + 600, Phone("+79161234567"))
    assert (subject.acr, subject.amr, subject.auth_time) == ("high", frozenset({"otp"}), now - 1)
    assert asked.portal.credentials == [f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}"]


async def test_a_signed_token_of_an_issuer_that_is_only_asked_is_asked_about(asked: Desk) -> None:
    assert (await asked.believe(await asked.portal.token("u-1"))).user == "u-1"
    assert asked.portal.asked == {"/keys": 0, "/introspect": 1}


@pytest.mark.parametrize("active", [False, "true", 1, None, "yes", [True], {}])
async def test_active_is_true_or_it_is_not(asked: Desk, active: Any) -> None:
    asked.portal.says = {"active": active}
    with pytest.raises(NotBelieved):
        await asked.believe(await asked.portal.opaque("u-1"))


@pytest.mark.parametrize(
    "said",
    [
        {"iss": "https://another.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"exp": 1},
        {"exp": "soon"},
        {"exp": True},
        {"nbf": 9999999999},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
    ],
    ids=str,
)
async def test_a_living_token_of_another_kind_is_not_believed(asked: Desk, said: dict[str, Any]) -> None:
    asked.portal.says = said
    with pytest.raises(NotBelieved):
        await asked.believe(await asked.portal.opaque("u-1"))


async def test_what_the_issuer_leaves_out_is_not_held_against_the_token(asked: Desk) -> None:
    token = await asked.portal.opaque("u-1")
    asked.portal.living[token] = {"sub": "u-1"}
    subject = await asked.believe(token)
    assert (subject.user, subject.expires_at) == ("u-1", int(asked.clock().timestamp()) + 300)


# ── how long an answer counts ──
async def test_an_answer_counts_for_its_time_and_no_longer(asked: Desk) -> None:
    token = await asked.portal.opaque("u-1")
    await asked.believe(token)
    asked.portal.log_out(token)
    asked.clock.later(29)
    assert (await asked.believe(token)).user == "u-1"
    assert asked.portal.asked["/introspect"] == 1
    asked.clock.later(1)
    with pytest.raises(NotBelieved):
        await asked.believe(token)


async def test_an_answer_never_counts_beyond_the_tokens_end(asked: Desk) -> None:
    token = await asked.portal.opaque("u-1", expires_in=10)
    await asked.believe(token)
    asked.portal.log_out(token)
    asked.clock.later(10)
    with pytest.raises(NotBelieved):
        await asked.believe(token)
    assert asked.portal.asked["/introspect"] == 2


async def test_a_refusal_counts_for_seconds_only(asked: Desk) -> None:
    token = await asked.portal.opaque("u-1")
    said = asked.portal.living.pop(token)
    for _ in range(3):
        with pytest.raises(NotBelieved):
            await asked.believe(token)
    assert asked.portal.asked["/introspect"] == 1
    asked.portal.living[token] = said
    asked.clock.later(5)
    assert (await asked.believe(token)).user == "u-1"


async def test_a_clock_that_is_set_back_makes_no_answer_last_longer(asked: Desk) -> None:
    token = await asked.portal.opaque("u-1")
    await asked.believe(token)
    asked.portal.log_out(token)
    asked.clock.later(-3600)
    with pytest.raises(NotBelieved):
        await asked.believe(token)


async def test_without_a_cache_every_token_is_asked_about_every_time() -> None:
    async with desk(keys=False, introspection=True, introspection_cache_s=0) as opened:
        token = await opened.portal.opaque("u-1")
        await opened.believe(token)
        opened.portal.log_out(token)
        with pytest.raises(NotBelieved):
            await opened.believe(token)
        with pytest.raises(NotBelieved):
            await opened.believe(token)
        assert opened.portal.asked["/introspect"] == 3


async def test_a_failure_is_not_remembered(asked: Desk) -> None:
    token = await asked.portal.opaque("u-1")
    asked.portal.status = 503
    with pytest.raises(IssuerAway):
        await asked.believe(token)
    asked.portal.status = 200
    assert (await asked.believe(token)).user == "u-1"


async def test_only_so_many_answers_are_kept(asked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(introspection, "MOST", 3)
    tokens = [await asked.portal.opaque(f"u-{number}") for number in range(5)]
    for token in [*tokens, tokens[4], tokens[0]]:
        await asked.believe(token)
    assert asked.portal.asked["/introspect"] == 6


# ── keys and questions together ──
async def test_both_must_agree(both: Desk) -> None:
    token = await both.portal.token("u-1")
    assert (await both.believe(token)).user == "u-1"
    assert both.portal.asked == {"/keys": 1, "/introspect": 1}


@pytest.mark.parametrize("said", [{"sub": "u-2"}, {"sub": None}, {"active": False}, {"client_id": "another"}], ids=str)
async def test_when_they_do_not_agree_the_token_is_not_believed(both: Desk, said: dict[str, Any]) -> None:
    both.portal.says = said
    with pytest.raises(NotBelieved):
        await both.believe(await both.portal.token("u-1", azp="the portal's page"))


async def test_a_logged_out_citizen_is_not_believed_although_the_signature_is_good(both: Desk) -> None:
    token = await both.portal.token("u-1")
    both.portal.log_out(token)
    with pytest.raises(NotBelieved):
        await both.believe(token)


async def test_a_living_token_with_a_bad_signature_is_not_asked_about(both: Desk) -> None:
    token = await both.portal.token("u-1")
    spoilt = token[:-6] + "AAAAAA"
    both.portal.living[spoilt] = both.portal.living[token]
    with pytest.raises(NotBelieved):
        await both.believe(spoilt)
    assert both.portal.asked["/introspect"] == 0


async def test_the_earlier_end_counts(both: Desk) -> None:
    now = int(both.clock().timestamp())
    both.portal.says = {"exp": now + 60}
    assert (await both.believe(await both.portal.token("u-1"))).expires_at == now + 60
    both.portal.says = {"exp": now + 9999}
    assert (await both.believe(await both.portal.token("u-1", expires_in=50))).expires_at == now + 50


async def test_a_number_of_one_view_is_not_verified_by_the_other(both: Desk) -> None:
    token = await both.portal.token("u-1", phone="+79161234567")
    both.portal.living[token] = {"sub": "u-1", "phone_number": "+79990000000"}
    assert (await both.believe(token)).phone is None


async def test_an_opaque_token_needs_an_issuer_that_signs_none(both: Desk) -> None:
    token = await both.portal.opaque("u-1")
    with pytest.raises(NotBelieved):
        await both.believe(token)
    assert both.portal.asked["/introspect"] == 0


async def test_the_issuer_that_knows_an_opaque_token_is_found_and_none_is_guessed() -> None:
    clock = Clock()
    async with issuer(clock) as one, issuer(clock) as other:
        ways = {"keys": False, "introspection": True}
        room = Issuers([Issuer(**each.as_settings(**ways)) for each in (one, other)], clock)
        allowed = frozenset({one.url, other.url})
        assert (await room.believe(await other.opaque("u-1"), allowed)).issuer == other.url
        with pytest.raises(NotBelieved):
            await room.believe(await other.opaque("u-1"), frozenset({one.url}))
        one.away = True
        assert (await room.believe(await other.opaque("u-2"), allowed)).issuer == other.url
        with pytest.raises(IssuerAway):  # the one that cannot be asked may know it
            await room.believe("nobody's", allowed)
        await room.close()
