"""The keys that sign tokens: there in time, published before they sign, believed for as long as their tokens live."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from pbx_bridge.ledger import LedgerUnavailable
from pbx_bridge.portal.signing_keys import EARLY_S, LONGEST_TOKEN_S, SLACK_S, SigningKeys
from pbx_bridge.portal.tokens import NotAToken, Tokens, UnknownKey

from .portal_house import House, Site, away, serve
from .token_forger import Forger

pytest_plugins = ("tests.rooms.portal_fixtures",)
WEEK_S = 7 * 86400
SCOPES = frozenset({"calls:read"})


async def keys_of(house: House, rotate_s: int = WEEK_S) -> SigningKeys:
    keys = SigningKeys(house, house.clock, rotate_s)
    await keys.look()
    return keys


def tokens_with(keys: SigningKeys, house: House) -> Tokens:
    return Tokens(keys, "pbx-bridge", "pbx-bridge", house.clock)


def kid_of(token: str) -> str:
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    return str(header["kid"])


async def test_the_first_start_makes_a_key_and_the_next_finds_it(house: House) -> None:
    first, second = await keys_of(house), await keys_of(house)
    assert first.signer().kid == second.signer().kid
    assert len(house.signing_keys_) == 1


async def test_the_next_key_is_published_an_hour_before_it_signs(house: House) -> None:
    keys = await keys_of(house)
    old = keys.signer().kid
    house.clock.later(WEEK_S - EARLY_S)
    await keys.look()
    assert len(keys.published()) == 1
    house.clock.later(1)
    await keys.look()
    await keys.look()
    assert len(keys.published()) == 2
    assert keys.signer().kid == old
    house.clock.later(EARLY_S)
    assert keys.signer().kid != old


async def test_a_key_is_believed_until_its_last_token_is_over(house: House) -> None:
    keys = await keys_of(house)
    tokens = tokens_with(keys, house)
    house.clock.later(WEEK_S - 1)
    last = tokens.issue("c", SCOPES, 10 * 86400)
    house.clock.later(LONGEST_TOKEN_S - 1)
    await keys.look()
    assert tokens.check(last).client == "c"
    house.clock.later(1)
    with pytest.raises(NotAToken, match="expired"):
        tokens.check(last)
    house.clock.later(SLACK_S + 1)
    assert keys.find(kid_of(last)) is None  # also before anybody has looked
    await keys.look()
    assert kid_of(last) not in {jwk["kid"] for jwk in keys.published()}
    with pytest.raises(UnknownKey):
        tokens.check(last)


async def test_two_processes_that_make_a_key_at_the_same_time_believe_each_other(house: House) -> None:
    one, other = SigningKeys(house, house.clock, WEEK_S), SigningKeys(house, house.clock, WEEK_S)
    await asyncio.gather(one.look(), other.look())
    assert len(house.signing_keys_) == 2
    await asyncio.gather(one.look(), other.look())
    assert one.signer().kid == other.signer().kid
    assert len(house.signing_keys_) == 2


async def test_a_service_that_slept_too_long_makes_a_key_before_it_signs(house: House) -> None:
    keys = await keys_of(house)
    house.clock.later(WEEK_S)
    with pytest.raises(LookupError):
        keys.signer()
    await keys.ready()
    assert tokens_with(keys, house).check(tokens_with(keys, house).issue("c", SCOPES, 60)).client == "c"


async def test_when_no_key_can_be_made_nothing_is_signed(site: Site, house: House) -> None:
    house.clock.later(WEEK_S)
    house.trouble = away()
    form = {"grant_type": "client_credentials", "client_id": site.client.id, "client_secret": site.secret}
    reply = await site.session.post(f"{site.url}/oauth/token", data=form)
    assert reply.status == 503
    with pytest.raises(LedgerUnavailable):
        await SigningKeys(house, house.clock, WEEK_S).look()


async def test_a_token_of_a_key_that_another_process_just_made_is_believed(site: Site, house: House) -> None:
    other = SigningKeys(House(clock=house.clock), house.clock, WEEK_S)
    await other.look()
    made = next(iter(other._ledger.signing_keys_.values()))  # type: ignore[attr-defined]
    token = tokens_with(other, house).issue(site.client.id, SCOPES, 600)
    headers = {"Authorization": f"Bearer {token}"}
    house.signing_keys_[made.id] = made
    replies = await asyncio.gather(*(site.get("/v1/calls", headers=headers) for _ in range(5)))
    assert {reply.status for reply in replies} == {200}


async def test_invented_keys_make_the_ledger_be_asked_once_a_second(site: Site, house: House) -> None:
    forger = Forger(house)
    reads = house.reads
    for number in range(20):
        token = forger.forge(header={"kid": f"tk_{number}"})
        assert (await site.get("/v1/calls", headers={"Authorization": f"Bearer {token}"})).problem == "invalid-token"
    assert house.reads - reads <= 2


async def test_while_the_ledger_is_away_an_unknown_key_is_not_called_a_forgery(site: Site, house: House) -> None:
    token = Forger(house).forge(header={"kid": "tk_new"})
    house.trouble = away()
    reply = await site.get("/v1/calls", headers={"Authorization": f"Bearer {token}"})
    assert (reply.status, reply.problem) == (503, "database-unavailable")


async def test_a_key_that_is_taken_out_of_the_ledger_signs_no_more(house: House) -> None:
    keys = await keys_of(house)
    tokens = tokens_with(keys, house)
    stolen = tokens.issue("c", SCOPES, 600)
    house.signing_keys_.clear()
    await keys.look()
    assert keys.signer().kid != kid_of(stolen)
    with pytest.raises(UnknownKey):
        tokens.check(stolen)


async def test_the_private_half_is_never_shown(house: House) -> None:
    keys = await keys_of(house)
    private = str(keys.signer().private.as_dict(private=True)["d"])
    assert private not in repr(keys.signer())
    assert private not in json.dumps(keys.published())
    assert all("d" not in jwk for jwk in keys.published())


# ── over HTTP ──
async def test_anybody_can_check_a_token_by_the_key_set(site: Site) -> None:
    reply = await site.get("/.well-known/jwks.json", headers={"Authorization": None})
    assert reply.status == 200
    assert reply.headers["Cache-Control"] == "public, max-age=300"
    assert reply.headers["Content-Type"].startswith("application/json")
    token = site.token()
    [jwk] = [jwk for jwk in reply.json["keys"] if jwk["kid"] == kid_of(token)]
    assert {**jwk, "x": "", "kid": ""} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
        "x": "",
        "kid": "",
    }
    with pytest.warns(UserWarning, match="EdDSA"):
        claims = jwt.decode(token, OKPKey.import_key(jwk), algorithms=["EdDSA"]).claims
    assert claims["client_id"] == site.client.id


async def test_the_metadata_leads_to_everything(site: Site) -> None:
    reply = await site.get("/.well-known/oauth-authorization-server", headers={"Authorization": None})
    assert reply.status == 200
    said = reply.json
    assert said["issuer"] == "pbx-bridge"
    assert said["token_endpoint"] == f"{site.url}/oauth/token"
    assert said["revocation_endpoint"] == f"{site.url}/oauth/revoke"
    assert said["jwks_uri"] == f"{site.url}/.well-known/jwks.json"
    assert "private_key_jwt" in said["token_endpoint_auth_methods_supported"]
    assert "urn:ietf:params:oauth:grant-type:token-exchange" in said["grant_types_supported"]
    assert "private" in reply.headers["Cache-Control"]


async def test_an_issuer_that_is_a_url_is_where_everything_is(house: House) -> None:
    async with serve(house, issuer="https://calls.example/pbx/") as site:
        reply = await site.get("/.well-known/oauth-authorization-server")
        assert reply.json["issuer"] == "https://calls.example/pbx/"
        assert reply.json["token_endpoint"] == "https://calls.example/pbx/oauth/token"
        assert reply.headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("host", ["a b", "evil.example/x?", "<script>", "a" * 300, "[::1", "x:99999999", "ü.example"])
async def test_a_host_that_is_none_is_not_repeated(site: Site, host: str) -> None:
    head = f"GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    got = await site.raw(head.encode())
    assert b" 400 " in got.splitlines()[0]
    assert host.encode() not in got
