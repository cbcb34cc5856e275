"""Attacks on access tokens: forged, twisted, stolen, and used after their time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pbx_bridge.ledger.access import SigningKey
from tests.hostile.asker import Answer, Asker
from tests.hostile.attacker import Attacker, by_hmac, shapes_of, signed_otherwise, unsigned
from tests.hostile.fort import ANNA, BORIS, Fort
from tests.hostile.trap import Trap

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

REFUSED = (401, "invalid-token")


async def own_key(fort: Fort) -> tuple[SigningKey, Any]:
    """The service's own key, as somebody reads it who has broken in: all but one thing about a token is then right."""
    kept = (await fort.rooms.ledger.signing_keys("token", fort.time()))[-1]
    return kept, load_pem_private_key(kept.private, None)


async def test_a_token_that_the_attacker_signed(fort: Fort, attacker: Attacker) -> None:
    assert fort.portal.token
    forged = attacker.forges(fort.portal.token, scope="calls:read calls:write citizens clients audit")
    assert (await attacker.with_token(forged)).refused == REFUSED


@pytest.mark.parametrize("flipped", [0, 1, 2])
async def test_a_token_with_another_part(fort: Fort, attacker: Attacker, flipped: int) -> None:
    assert fort.portal.token
    parts = fort.portal.token.split(".")
    parts[flipped] = ("B" if parts[flipped][0] == "A" else "A") + parts[flipped][1:]
    assert (await attacker.with_token(".".join(parts))).refused == REFUSED


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": -1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": 3600},
        {"iat": 3600},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another-service"},
        {"aud": ["another-service"]},
        {"aud": None},
        {"sub": None},
        {"client_id": None},
        {"jti": None},
        {"client_id": "client_that_never_was"},
        {"client_id": ["client_1"]},
        {"scope": ["calls:read"]},
    ],
    ids=str,
)
async def test_a_token_that_our_key_signed_and_that_says_something_wrong(
    fort: Fort, attacker: Attacker, changed: dict[str, Any]
) -> None:
    assert fort.portal.token
    _, key = await own_key(fort)
    now = int(fort.time().timestamp())
    told: dict[str, Any] = {name: now + value if isinstance(value, int) else value for name, value in changed.items()}
    assert (await attacker.with_token(attacker.forges(fort.portal.token, sign=key.sign))).status == 200
    assert (await attacker.with_token(attacker.forges(fort.portal.token, sign=key.sign, **told))).refused == REFUSED


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", "null"])
async def test_a_token_that_says_it_needs_no_signature(fort: Fort, attacker: Attacker, name: str) -> None:
    assert fort.portal.token
    forged = attacker.forges(fort.portal.token, header={"alg": name}, sign=unsigned)
    assert (await attacker.with_token(forged)).refused == REFUSED
    assert (await attacker.with_token(forged.rstrip("."))).refused == REFUSED


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_token_signed_with_the_public_key_as_if_it_were_a_secret(
    fort: Fort, attacker: Attacker, algorithm: str
) -> None:
    assert fort.portal.token
    for shape, key in shapes_of(await attacker.published()).items():
        forged = attacker.forges(fort.portal.token, header={"alg": algorithm}, sign=by_hmac(key))
        assert (await attacker.with_token(forged)).refused == REFUSED, shape


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_token_that_brings_its_own_key(fort: Fort, attacker: Attacker, algorithm: str) -> None:
    assert fort.portal.token
    header, claims = attacker.seen(fort.portal.token)
    assert (await attacker.with_token(signed_otherwise(algorithm, header, claims))).refused == REFUSED


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
async def test_a_token_that_says_where_its_key_is_and_nobody_goes_there(
    fort: Fort, attacker: Attacker, trap: Trap, member: str
) -> None:
    assert fort.portal.token
    where: Mapping[str, Any] = {
        "jwk": attacker.own_jwk(),
        "jku": f"{trap.url}/keys",
        "x5u": f"{trap.url}/certificate",
        "x5c": ["MIIB"],
    }
    for kid in (None, "theirs", attacker.seen(fort.portal.token)[0]["kid"]):
        forged = attacker.forges(fort.portal.token, header={member: where[member], "kid": kid})
        assert (await attacker.with_token(forged)).refused == REFUSED
    assert not trap.hits


@pytest.mark.parametrize(
    "kid",
    [
        "unknown",
        "",
        "../../../../dev/null",
        "/dev/null",
        "file:///etc/passwd",
        "' OR '1'='1",
        "x' UNION SELECT private FROM signing_keys --",
        "a\0b",
        "\ud800",
        "к" * 500,
        "x" * 2000,
        ["k"],
        {"k": "k"},
        0,
        True,
        None,
    ],
    ids=lambda kid: repr(kid)[:24],
)
async def test_a_token_whose_key_id_is_a_trick(fort: Fort, attacker: Attacker, kid: Any) -> None:
    assert fort.portal.token
    for sign in (None, unsigned, by_hmac(b"")):
        forged = attacker.forges(fort.portal.token, header={"kid": kid}, sign=sign)
        assert (await attacker.with_token(forged)).refused == REFUSED


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"typ": "logout+jwt"},
        {"crit": ["exp"]},
        {"b64": False},
        {"alg": None},
        {"alg": 1},
    ],
    ids=str,
)
async def test_a_token_of_another_kind_by_our_own_key(fort: Fort, attacker: Attacker, header: dict[str, Any]) -> None:
    assert fort.portal.token
    _, key = await own_key(fort)
    forged = attacker.forges(fort.portal.token, header=header, sign=key.sign)
    assert (await attacker.with_token(forged)).refused == REFUSED


async def test_a_token_by_a_key_that_is_over(fort: Fort, attacker: Attacker) -> None:
    assert fort.portal.token
    kept, key = await own_key(fort)
    await fort.stop()
    await fort.time.advance((kept.valid_until - fort.time()).total_seconds() + 60)
    await fort.start()
    now = int(fort.time().timestamp())
    forged = attacker.forges(fort.portal.token, sign=key.sign, iat=now, nbf=now, exp=now + 60)
    assert (await attacker.with_token(forged)).refused == REFUSED


async def test_a_token_by_the_key_that_signs_answers(fort: Fort, attacker: Attacker) -> None:
    assert fort.portal.token
    kept = (await fort.rooms.ledger.signing_keys("response", fort.time()))[-1]
    key: Any = load_pem_private_key(kept.private, None)
    forged = attacker.forges(fort.portal.token, header={"kid": kept.id}, sign=key.sign)
    assert (await attacker.with_token(forged)).refused == REFUSED


@pytest.mark.parametrize("way", ["Basic", "bearer:", "Token", "Bearer Bearer", "Bearer\tx", ""])
async def test_a_token_shown_in_another_way(fort: Fort, attacker: Attacker, way: str) -> None:
    token = fort.portal.token
    answer = await attacker.ask("GET", "/v1/calls", Authorization=f"{way} {token}")
    assert answer.refused == REFUSED


async def test_a_token_in_the_query_counts_nothing(fort: Fort, attacker: Attacker) -> None:
    answer = await attacker.ask("GET", f"/v1/calls?access_token={fort.portal.token}")
    assert answer.refused == (401, "unauthorized")


# ── tokens that were good once ───────────────────────────────────────────────────────────────────────────
async def test_a_token_after_its_time(fort: Fort, attacker: Attacker) -> None:
    assert fort.portal.token
    await fort.time.advance(601)
    assert (await attacker.with_token(fort.portal.token)).refused == REFUSED


async def test_a_token_that_was_revoked(fort: Fort, attacker: Attacker) -> None:
    assert fort.portal.token
    assert (await fort.portal.form("/oauth/revoke", token=fort.portal.token)).status == 200
    assert (await attacker.with_token(fort.portal.token)).refused == REFUSED
    await fort.restart()
    assert (await attacker.with_token(fort.portal.token)).refused == REFUSED


async def test_a_citizens_token_after_the_portals_logout(fort: Fort) -> None:
    anna, boris = await fort.citizen("anna", ANNA), await fort.citizen("boris", BORIS)
    assert (await fort.portal.logs_out("anna")).status == 200
    assert (await anna.initiates()).refused == REFUSED
    assert (await boris.ask("GET", "/v1/calls")).status == 200
    await fort.restart()
    assert (await anna.initiates()).refused == REFUSED
    assert fort.nothing_rang


async def test_a_logout_by_another_portal_ends_nothing(fort: Fort) -> None:
    anna, other = await fort.citizen("anna", ANNA), await fort.program()
    assert (await other.logs_out("anna")).status == 200
    assert anna.token
    assert (await other.form("/oauth/revoke", token=anna.token)).status == 200
    assert (await anna.ask("GET", "/v1/calls")).status == 200


async def read_to_its_end(reader: Asker, call: str) -> asyncio.Task[Answer]:
    """A stream that is open when this returns."""
    task = asyncio.create_task(reader.ask("GET", f"/v1/calls/{call}/events", Accept="text/event-stream"))
    await reader.fort.time.advance(1)
    assert not task.done()
    return task


@pytest.mark.parametrize("way", ["token", "sub", "disabled", "expired"])
async def test_an_open_stream_ends_with_the_right_to_read_it(fort: Fort, way: str) -> None:
    anna = await fort.citizen("anna", ANNA)
    call = await anna.wants_call()
    stream = await read_to_its_end(anna, call)
    assert anna.token
    match way:
        case "token":
            await fort.portal.form("/oauth/revoke", token=anna.token)
        case "sub":
            await fort.portal.logs_out("anna")
        case "disabled":
            await fort.rooms.ledger.disable_client(fort.portal.id, fort.time())
            await fort.time.advance(120)
    reason = {"disabled": "client_disabled", "expired": "token_expired"}.get(way, "token_revoked")
    told = (await stream).body
    assert f'{{"reason":"{reason}"}}'.encode() in told
    assert b"dialing" not in told


async def test_the_token_of_a_program_that_was_disabled(fort: Fort, attacker: Attacker) -> None:
    anna = await fort.citizen("anna", ANNA)
    await fort.rooms.ledger.disable_client(fort.portal.id, fort.time())
    await fort.time.advance(2)
    assert fort.portal.token
    assert (await attacker.with_token(fort.portal.token)).refused == REFUSED
    assert (await anna.initiates()).refused == REFUSED
    assert (await fort.portal.asks_token()).refused == (401, "invalid_client")
    assert fort.nothing_rang


async def test_a_token_of_a_program_whose_scope_was_taken_away(fort: Fort) -> None:
    anna = await fort.citizen("anna", ANNA)
    known = await fort.rooms.ledger.client(fort.portal.id)
    assert known
    await fort.rooms.ledger.change_client(replace(known, scopes=frozenset({"calls:read"})))
    await fort.time.advance(2)
    for asker in (fort.portal, anna):
        assert (await asker.initiates(ANNA)).refused == (403, "insufficient-scope")
        assert (await asker.ask("GET", "/v1/calls")).status == 200
    assert fort.nothing_rang


# ── how a token is got ───────────────────────────────────────────────────────────────────────────────────
async def test_a_program_asks_for_more_than_it_may(fort: Fort) -> None:
    for scope in ("clients", "audit", "calls:read audit", "calls:write clients"):
        assert (await fort.portal.asks_token(scope=scope)).refused == (400, "invalid_scope")


@pytest.mark.parametrize(
    "kind", ["refresh_token", "password", "authorization_code", "implicit", "", "client_credentials "]
)
async def test_a_way_to_get_tokens_that_there_is_not(fort: Fort, kind: str) -> None:
    answer = await fort.portal.asks_token(grant_type=kind, refresh_token=fort.portal.token or "", scope="clients")
    assert answer.refused == (400, "unsupported_grant_type")


async def test_the_old_secret_after_its_rotation(fort: Fort) -> None:
    admin = await fort.program("admin")
    assert (await fort.portal.asks_token()).status == 200
    body = {"kind": "secret", "others_expire_in_s": 60}
    answer = await admin.ask("POST", f"/v1/clients/{fort.portal.id}/keys", body)
    assert answer.status == 201
    fresh = answer.json["secret"]
    fort.treasure.keep("client secret", fresh)
    assert (await fort.portal.asks_token()).status == 200
    await fort.time.advance(61)
    assert (await fort.portal.asks_token()).refused == (401, "invalid_client")
    assert (await fort.portal.form("/oauth/token", secret=fresh, grant_type="client_credentials")).status == 200


async def test_another_programs_secret(fort: Fort) -> None:
    other = await fort.program()
    answer = await fort.portal.form("/oauth/token", secret=other.secret, grant_type="client_credentials")
    assert answer.refused == (401, "invalid_client")
    answer = await fort.portal.asks_token(client_id=other.id)
    assert answer.refused == (400, "invalid_request")


async def test_the_kept_hash_of_a_secret_is_no_secret(fort: Fort) -> None:
    known = await fort.rooms.ledger.client(fort.portal.id)
    assert known
    kept = known.keys[0].material
    for guess in (kept, kept.partition("$")[2]):
        answer = await fort.portal.form("/oauth/token", secret=guess, grant_type="client_credentials")
        assert answer.refused == (401, "invalid_client")
