"""Attacks on the exchange of a citizen's own token, and on the endpoint that gives tokens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.hostile.asker import Answer, Asker, Program
from tests.hostile.attacker import Attacker, by_hmac, part, unsigned
from tests.hostile.fort import ANNA, CONNECTIONS, Fort
from tests.hostile.trap import Trap
from tests.issuer import issuer

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

REFUSED = (400, "invalid_grant")


@pytest.fixture
def chosen(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A proxy on loopback is believed where a test says so."""
    believed = "behind_a_proxy" in request.fixturenames
    return {"http": {"trusted_proxies": ["127.0.0.0/8"]}} if believed else {}


@pytest.fixture
def behind_a_proxy(fort: Fort) -> Fort:
    return fort


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": ["https://elsewhere.example"]},
        {"aud": "another-service"},
        {"aud": []},
        {"expires_in": -31},
        {"expires_in": float("nan")},
        {"nbf": 4102444800},
        {"iat": 4102444800},
        {"sub": ""},
        {"sub": "a\r\nb"},
        {"sub": "a" * 129},
        {"sub": 7},
    ],
    ids=str,
)
async def test_a_subject_token_that_says_something_wrong(fort: Fort, claims: dict[str, Any]) -> None:
    user = claims.pop("sub", "anna")
    subject = await fort.issuer.token(user, phone=ANNA, **claims)
    assert (await fort.portal.exchanges(subject)).refused == REFUSED
    assert await fort.rooms.ledger.citizen(fort.portal.id, "anna") is None


async def test_a_subject_token_that_its_issuer_has_not_signed(fort: Fort, attacker: Attacker) -> None:
    subject = await fort.issuer.token("anna", phone=ANNA)
    forged = [
        attacker.forges(subject, sub="boris"),
        attacker.forges(subject, header={"alg": "EdDSA", "kid": None, "jwk": attacker.own_jwk()}),
        attacker.forges(subject, header={"alg": "none"}, sign=unsigned),
        attacker.forges(subject, header={"alg": "HS256"}, sign=by_hmac(b"")),
        attacker.forges(subject, header={"typ": "logout+jwt"}),
        f"{subject[:-4]}AAAA",
        subject.rpartition(".")[0],
        f"{part({'alg': 'none'})}.{part({'iss': fort.issuer.url, 'sub': 'anna'})}.",
    ]
    for token in forged:
        assert (await fort.portal.exchanges(token)).refused == REFUSED


async def test_a_subject_token_that_says_where_its_key_is(fort: Fort, attacker: Attacker, trap: Trap) -> None:
    for member in ("jku", "x5u"):
        subject = await fort.issuer.token("anna", header={member: f"{trap.url}/keys", "kid": "theirs"})
        assert (await fort.portal.exchanges(attacker.forges(subject))).refused == REFUSED
    assert not trap.hits


async def test_a_subject_token_by_another_issuer_that_is_genuine_there(fort: Fort) -> None:
    async with issuer(fort.time) as stranger:
        subject = await stranger.token("anna", phone=ANNA)
        assert (await fort.portal.exchanges(subject)).refused == REFUSED
        assert stranger.asked == {"/keys": 0, "/introspect": 0}, "nobody asks whoever a token names"


async def test_a_subject_token_of_an_issuer_that_the_portal_may_not_speak_for(fort: Fort) -> None:
    other = await fort.program(issuers=[])
    assert (await other.exchanges(await fort.issuer.token("anna", phone=ANNA))).refused == REFUSED


async def test_a_subject_token_after_the_citizens_logout_at_the_portal(fort: Fort) -> None:
    subject = await fort.issuer.token("anna", phone=ANNA)
    fort.issuer.log_out(subject)
    assert (await fort.portal.exchanges(subject)).refused == REFUSED


@pytest.mark.parametrize("trouble", ["away", "status 500", "status 302", "garbage", "silent"])
async def test_an_issuer_that_cannot_be_asked_opens_no_door(fort: Fort, trouble: str) -> None:
    subject = await fort.issuer.token("anna", phone=ANNA)
    match trouble:
        case "away":
            fort.issuer.away = True
        case "garbage":
            fort.issuer.body = b'{"active": true'
        case "silent":
            fort.issuer.gate.clear()
        case _:
            fort.issuer.status = int(trouble.split()[1])
    answer = await fort.portal.exchanges(subject)
    assert answer.refused == (503, "temporarily_unavailable")
    assert answer.retry_after
    assert await fort.rooms.ledger.citizen(fort.portal.id, "anna") is None


@pytest.mark.parametrize(
    "said", [{"active": "true"}, {"active": 1}, {"sub": "boris"}, {"aud": "x"}, {"exp": 1}], ids=str
)
async def test_an_introspection_that_does_not_say_yes_to_this_token(fort: Fort, said: dict[str, Any]) -> None:
    subject = await fort.issuer.token("anna", phone=ANNA)
    fort.issuer.says = said
    assert (await fort.portal.exchanges(subject)).refused == REFUSED


@pytest.mark.parametrize("role", ["engineer", "supervisor", "auditor", "admin"])
async def test_staff_exchange_no_citizens(fort: Fort, role: str) -> None:
    staff = await fort.program(role, issuers=[fort.issuer.url])
    answer = await staff.exchanges(await fort.issuer.token("anna", phone=ANNA))
    assert answer.refused == (400, "unauthorized_client")


async def test_a_citizens_token_never_says_more_than_a_citizen_may(fort: Fort) -> None:
    subject = await fort.issuer.token("anna", phone=ANNA)
    for scope in ("citizens", "audit", "clients"):
        assert (await fort.portal.exchanges(subject, scope=scope)).refused == (400, "invalid_scope")
    answer = await fort.portal.exchanges(subject, scope="calls:read citizens clients")
    assert answer.json["scope"] == "calls:read"


async def test_one_of_our_own_tokens_is_no_subject_token(fort: Fort) -> None:
    anna = await fort.citizen("anna", ANNA)
    for token in (anna.token, fort.portal.token):
        assert token
        assert (await fort.portal.exchanges(token)).refused == REFUSED


async def test_a_citizen_who_is_called_like_the_program(fort: Fort) -> None:
    subject = await fort.issuer.token(fort.portal.id, phone=ANNA)
    assert (await fort.portal.exchanges(subject)).refused == REFUSED


# ── who keeps on trying ──────────────────────────────────────────────────────────────────────────────────
async def guesses(program: Program, times: int) -> list[Answer]:
    """Answers to guessed secrets, asked for at once."""
    told = (
        program.form("/oauth/token", secret=f"pbxs_{each}", grant_type="client_credentials") for each in range(times)
    )
    return await asyncio.gather(*told)


async def test_whoever_guesses_secrets_is_slowed_and_nobody_else(fort: Fort) -> None:
    async with fort.from_address("127.0.0.9"):
        told = [(await guesses(fort.portal, 1))[0].refused for _ in range(40)]
        assert told == [(401, "invalid_client")] * 30 + [(429, "too-many-requests")] * 10
        assert 0 < fort.answers[-1].retry_after <= 60
        assert (await fort.portal.asks_token()).status == 429, "not even the right secret is told apart now"
    assert (await fort.portal.asks_token()).status == 200


async def test_guesses_at_once_win_one_round_and_no_more(fort: Fort) -> None:
    """They are counted when they are refused, so what came together is answered together; a secret has 256 bits."""
    async with fort.from_address("127.0.0.8"):
        first = await guesses(fort.portal, CONNECTIONS)
        second = await guesses(fort.portal, CONNECTIONS)
    assert {answer.status for answer in first} <= {401, 429}
    assert {answer.refused for answer in second} == {(429, "too-many-requests")}


async def test_forged_tokens_are_guesses_too(fort: Fort, attacker: Attacker) -> None:
    assert fort.portal.token
    for _ in range(30):
        assert (await attacker.with_token(attacker.forges(fort.portal.token))).status == 401
    assert (await attacker.with_token(attacker.forges(fort.portal.token))).refused == (429, "too-many-requests")


async def test_an_address_that_is_made_up_does_not_help(fort: Fort, attacker: Attacker) -> None:
    for each in range(30):
        await attacker.ask("GET", "/v1/calls", Authorization="Bearer x", X_Forwarded_For=f"203.0.113.{each}")
    answer = await attacker.ask("GET", "/v1/calls", Authorization="Bearer x", X_Forwarded_For="203.0.113.99")
    assert answer.refused == (429, "too-many-requests")


async def test_one_household_has_very_many_addresses_and_is_one(behind_a_proxy: Fort) -> None:
    async def asks(address: str) -> int:
        guess = Asker(behind_a_proxy)
        return (await guess.ask("GET", "/v1/calls", Authorization="Bearer x", X_Forwarded_For=address)).status

    assert [await asks(f"2001:db8:1:2:{each:x}::{each:x}") for each in range(1, 41)] == [401] * 30 + [429] * 10
    assert await asks("2001:db8:1:3::1") == 401
    assert [await asks("203.0.113.7") for _ in range(30)] == [401] * 30
    assert await asks("::ffff:203.0.113.7") == 429


async def test_refusals_tell_nothing_about_which_programs_there_are(fort: Fort) -> None:
    await fort.rooms.ledger.disable_client((gone := await fort.program()).id, fort.time())
    nobody = Program(fort, "client_0000000000000000", "pbxs_x")
    odd = [Program(fort, each, "x") for each in ("x" * 5000, "a\u0100", "' OR 1=1 --", "a%00b", "..")]
    told = [await each.asks_token() for each in (nobody, gone, *odd)]
    told.append(await fort.portal.form("/oauth/token", secret="wrong", grant_type="client_credentials"))
    assert {(answer.status, answer.body) for answer in told} == {(401, told[0].body)}
