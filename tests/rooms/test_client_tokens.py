"""The client's tokens: one for all who ask at once, renewed before they end, given up when they are taken away."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from pbx_bridge.client import Bridge, Key, TokenRefused
from pbx_bridge.ledger.access import ClientKey, KeyKind
from pbx_bridge.portal.routes import token as token_route
from pbx_bridge.subject import IssuerAway, NotBelieved, Subject

from .client_relay import bridge, house_of_today
from .portal_house import House, Site, serve
from .portal_signer import jwk


@dataclass
class Portals:
    """One portal, whose citizens say who they are. So many times it is `away`."""

    away: int = 0

    async def believe(self, token: str, allowed: frozenset[str]) -> Subject:
        if self.away:
            self.away -= 1
            raise IssuerAway("the portal does not answer", 0)
        if not token.startswith("citizen:") or "https://portal.example" not in allowed:
            raise NotBelieved("the token is nobody's")
        return Subject("https://portal.example", token.removeprefix("citizen:"), 2**31)


@pytest.fixture
def house() -> House:
    return house_of_today()


@pytest.fixture
def portals() -> Portals:
    return Portals()


@pytest_asyncio.fixture
async def site(house: House, portals: Portals) -> AsyncIterator[Site]:
    async with serve(house, issuers=portals) as running:
        yield running


@pytest.fixture
def issued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each token that was given."""
    given: list[str] = []
    monkeypatch.setattr(token_route.log, "info", lambda _, **said: given.append(str(said["client"])))
    return given


async def test_many_who_ask_at_once_share_one_token(site: Site, issued: list[str]) -> None:
    async with bridge(site) as portal:
        tokens = await asyncio.gather(*(portal.bearer() for _ in range(10)))
    assert len(set(tokens)) == 1
    assert issued == [site.client.id]


async def test_it_is_renewed_before_it_ends(site: Site, house: House, issued: list[str]) -> None:
    house.clients_[site.client.id] = replace(site.client, token_lifetime_s=1)
    async with bridge(site) as portal:
        first = await portal.bearer()
        portal._tokens._renew_at = 0.0
        assert await portal.bearer() != first
    assert len(issued) == 2


async def test_a_token_that_lives_is_used_while_no_new_one_can_be_had(site: Site, house: House) -> None:
    async with bridge(site, patience_s=0.1) as portal:
        first = await portal.bearer()
        portal._tokens._renew_at = 0.0
        await site.runner.cleanup()
        assert await portal.bearer() == first


async def test_a_token_that_was_revoked_is_replaced_without_a_word(site: Site, issued: list[str]) -> None:
    async with bridge(site) as portal:
        token = await portal.bearer()
        answer = await portal.request("GET", "/v1/calls")
        assert answer.status == 200
        await site.session.post(
            f"{site.url}/oauth/revoke",
            data={"token": token, "client_id": site.client.id, "client_secret": site.secret},
        )
        assert (await portal.request("GET", "/v1/calls")).status == 200
        assert await portal.bearer() != token
    assert len(issued) == 2


async def test_a_wrong_secret_is_told_in_the_rfc_s_words(site: Site) -> None:
    async with bridge(site, secret="pbxs_wrong") as portal:
        with pytest.raises(TokenRefused) as refused:
            await portal.call("call_1")
    assert (refused.value.status, refused.value.error) == (401, "invalid_client")
    assert "pbxs_wrong" not in str(refused.value)


async def test_a_program_proves_itself_by_its_key(site: Site, house: House) -> None:
    key = Ed25519PrivateKey.generate()
    kept = ClientKey("key_jwt", KeyKind.PUBLIC, jwk(key), house.clock())
    house.clients_[site.client.id] = replace(site.client, keys=(kept,))
    async with bridge(site, private_key=Key("key_jwt", key)) as portal:
        first = await portal.bearer()
        portal.drop_token(first)
        assert await portal.bearer() != first
    async with bridge(site, private_key=Key("key_jwt", Ed25519PrivateKey.generate())) as stranger:
        with pytest.raises(TokenRefused):
            await stranger.bearer()


async def test_a_citizen_s_token_is_exchanged_and_exchanged_again(site: Site, house: House, issued: list[str]) -> None:
    house.clients_[site.client.id] = replace(site.client, issuers=frozenset({"https://portal.example"}))
    async with bridge(site) as portal:
        anna = await portal.exchange("citizen:anna")
        first = await anna.bearer()
        assert [call async for call in anna.calls()] == []
        anna.drop_token(first)
        assert await anna.bearer() != first
        assert await anna.bearer() != await portal.bearer()
        with pytest.raises(TokenRefused):
            await portal.exchange("nobody")
    assert len(issued) == 3


async def test_a_portal_that_is_away_for_a_moment_is_asked_again(site: Site, house: House, portals: Portals) -> None:
    house.clients_[site.client.id] = replace(site.client, issuers=frozenset({"https://portal.example"}))
    portals.away = 1
    async with bridge(site) as portal:
        assert await portal.exchange("citizen:anna")
    assert portals.away == 0


async def test_only_some_scopes_may_be_asked_for(site: Site) -> None:
    async with bridge(site, scopes=frozenset({"calls:read"})) as portal:
        claims = (await portal.bearer()).split(".")[1]
        assert json.loads(base64.urlsafe_b64decode(claims + "=="))["scope"] == "calls:read"


@pytest.mark.parametrize("proof", [{}, {"secret": "s", "private_key": Key("k", b"k" * 32)}])
def test_there_is_one_proof(proof: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="either"):
        Bridge("https://calls.example", "client_1", **proof)  # type: ignore[arg-type]


async def test_a_shared_key_proves_nobody_to_the_token_page(site: Site) -> None:
    async with bridge(site, private_key=Key("key_1", b"k" * 32)) as portal:
        with pytest.raises(ValueError, match="Ed25519"):
            await portal.bearer()


def test_keys_are_read_from_what_is_kept() -> None:
    made = Ed25519PrivateKey.generate()
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    locked = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass"))
    assert Key.from_pem("key_1", pem).id == Key.from_pem("key_1", locked, b"pass").id == "key_1"
    assert Key.from_pem("key_1", pem.decode())
    shared = Key.from_shared("key_2", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=")
    assert shared.material == b"k" * 32
    assert "kkk" not in repr(shared)


@pytest.mark.parametrize("text", ["", "a2s=", "not base64!"])
def test_a_shared_key_that_is_short_or_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="shared key"):
        Key.from_shared("key_1", text)
