"""Signed requests, as attacks: whoever has a token, a copy of a request, or a key of somebody else, gets nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pbx_bridge.ledger.access import ClientKey, KeyKind

from .portal_house import House, Site, away, serve
from .portal_replies import Reply
from .portal_signer import SHARED, Signer, digest

BODY = json.dumps({"service": "support", "user": {"id": "u-1", "phone": "+79161234567"}}).encode()
OTHER_BODY = BODY.replace(b"+79161234567", b"+79167654321")
CALLS = "/v1/calls"


@dataclass
class Program:
    """A program that must sign, and whoever meddles with what it sends."""

    site: Site
    signer: Signer
    asked: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def request(self, method: str = "POST", target: str = CALLS, body: bytes = BODY, **more: Any) -> dict[str, str]:
        """The signed headers of a new request."""
        self.asked += 1
        plain = self.site.bearer() | {"Idempotency-Key": f"key-{self.asked}", "Content-Type": "application/json"}
        signer = more.pop("signer", self.signer)
        return dict(signer.sign(method, target, plain, body, more.get("nonce")))

    async def send(
        self, headers: Mapping[str, str], method: str = "POST", target: str = CALLS, body: bytes = BODY
    ) -> Reply:
        return await self.site.ask(method, target, headers=dict(headers), data=body or None)

    async def asks(self, **more: Any) -> Reply:
        """A whole request, signed as the signer in `more` does it."""
        return await self.send(self.request(**more))


@pytest.fixture(params=["ed25519", "hmac"])
def signer(request: pytest.FixtureRequest, house: House) -> Signer:
    key = SHARED if request.param == "hmac" else Ed25519PrivateKey.generate()
    return Signer(house.clock, f"key_{request.param}", key)


@pytest.fixture
def house() -> House:
    return House()


@pytest_asyncio.fixture
async def program(house: House, signer: Signer) -> AsyncIterator[Program]:
    async with serve(house) as site:
        house.clients_[site.client.id] = signer.known_to(site.client, house.clock())
        yield Program(site, signer)


def detail(reply: Reply) -> str:
    """What the program's developer is told; nothing was done."""
    assert (reply.status, reply.problem) == (401, "signature-invalid")
    return str(reply.json["detail"])


async def test_a_signed_request_is_served(program: Program) -> None:
    assert (await program.asks()).status == 202


async def test_who_must_sign_and_does_not_is_told_how(program: Program) -> None:
    reply = await program.site.initiate()
    assert (reply.status, reply.problem) == (401, "signature-required")
    assert "@query" in reply.headers["Accept-Signature"]
    assert not program.site.house.wanted


async def test_a_signature_that_is_not_demanded_is_checked_all_the_same(program: Program) -> None:
    house, client = program.site.house, program.site.client
    house.clients_[client.id] = replace(house.clients_[client.id], require_signature=False)
    assert (await program.site.initiate()).status == 202
    assert detail(await program.send(program.request() | {"Content-Digest": digest(OTHER_BODY)}))


async def test_a_copy_of_a_request_is_good_for_nothing(program: Program) -> None:
    headers = program.request()
    assert (await program.send(headers)).status == 202
    again = await program.send(headers)
    assert (again.status, again.problem) == (401, "signature-replayed")


async def test_of_twenty_copies_at_once_one_is_served(program: Program) -> None:
    headers = program.request()
    replies = await asyncio.gather(*(program.send(headers) for _ in range(20)))
    assert sorted(reply.status for reply in replies) == [202] + [401] * 19


async def test_a_nonce_is_refused_for_as_long_as_its_signature_could_be_in_time(program: Program) -> None:
    early = program.signer.but(age_s=-59)
    headers = program.request(signer=early)
    assert (await program.send(headers)).status == 202
    program.site.house.clock.later(118)
    fresh = program.site.bearer()
    assert fresh != headers["Authorization"]
    assert (await program.send(headers)).problem == "signature-replayed"


async def test_a_nonce_of_one_key_is_free_for_another(program: Program) -> None:
    house, client = program.site.house, program.site.client
    other = program.signer.but(keyid="key_other")
    house.clients_[client.id] = other.known_to(house.clients_[client.id], house.clock())
    assert (await program.asks(nonce="same")).status == 202
    assert (await program.asks(nonce="same", signer=other)).problem == "citizen-busy"


async def test_a_forged_signature_uses_up_no_nonce(program: Program) -> None:
    forger = program.signer.but(
        key=b"f" * 32 if isinstance(program.signer.key, bytes) else Ed25519PrivateKey.generate()
    )
    assert detail(await program.asks(signer=forger, nonce="same"))
    assert (await program.asks(nonce="same")).status == 202


async def test_another_body_is_refused(program: Program) -> None:
    assert "body" in detail(await program.send(program.request(), body=OTHER_BODY))


async def test_another_body_with_its_own_digest_is_refused(program: Program) -> None:
    headers = program.request() | {"Content-Digest": digest(OTHER_BODY)}
    assert "does not fit" in detail(await program.send(headers, body=OTHER_BODY))


async def test_a_body_put_into_a_request_without_one_is_refused(program: Program) -> None:
    headers = program.request("GET", body=b"")
    assert "needs a Content-Digest" in detail(await program.send(headers, "GET", body=BODY))


async def test_another_query_is_refused(program: Program) -> None:
    headers = program.request("GET", f"{CALLS}?user=u-1", b"")
    assert (await program.send(headers, "GET", f"{CALLS}?user=u-2", b"")).problem == "signature-invalid"
    assert (await program.send(headers, "GET", f"{CALLS}?user=u-1", b"")).status == 200


async def test_another_path_is_refused(program: Program) -> None:
    first, second = await program.asks(), "call_" + "0" * 26
    call = first.json["call"]["id"]
    headers = program.request("GET", f"{CALLS}/{call}", b"")
    assert detail(await program.send(headers, "GET", f"{CALLS}/{second}", b""))


async def test_another_method_is_refused(program: Program) -> None:
    headers = program.request("GET", CALLS, b"")
    assert detail(await program.send(headers, "POST", CALLS, b""))


async def test_another_token_of_the_same_program_is_refused(program: Program) -> None:
    headers = program.request() | program.site.bearer()
    assert detail(await program.send(headers))


async def test_another_idempotency_key_is_refused(program: Program) -> None:
    headers = program.request() | {"Idempotency-Key": "another"}
    assert detail(await program.send(headers))


async def test_a_condition_that_was_not_signed_is_refused(program: Program) -> None:
    call = (await program.asks()).json["call"]["id"]
    target = f"{CALLS}/{call}/abort"
    headers = program.request("POST", target, b"") | {"If-Match": '"1"'}
    assert "if-match" in detail(await program.send(headers, "POST", target, b""))


async def test_events_are_not_hidden_by_a_header_that_was_not_signed(program: Program) -> None:
    call = (await program.asks()).json["call"]["id"]
    target = f"{CALLS}/{call}/events"
    headers = program.request("GET", target, b"") | {"Last-Event-ID": "1"}
    assert "last-event-id" in detail(await program.send(headers, "GET", target, b""))


@pytest.mark.parametrize(
    "left_out", ["@method", "@path", "@query", "authorization", "content-digest", "idempotency-key"]
)
async def test_what_is_not_covered_is_named(program: Program, left_out: str) -> None:
    whole = ("@method", "@path", "@query", "authorization", "content-digest", "idempotency-key")
    signer = program.signer.but(covered=[name for name in whole if name != left_out])
    assert left_out in detail(await program.asks(signer=signer))


@pytest.mark.parametrize("age_s", [61, -61])
async def test_a_signature_of_another_time_is_refused_with_the_service_s_time(program: Program, age_s: int) -> None:
    reply = await program.asks(signer=program.signer.but(age_s=age_s))
    assert reply.problem == "signature-stale"
    assert reply.json["server_time"] == "2026-01-12T06:00:00Z"


@pytest.mark.parametrize("age_s", [59, -59])
async def test_a_clock_may_be_a_minute_wrong(program: Program, age_s: int) -> None:
    assert (await program.asks(signer=program.signer.but(age_s=age_s))).status == 202


async def test_a_signature_that_has_expired_is_refused(program: Program) -> None:
    past = int(program.site.house.clock().timestamp()) - 1
    assert (await program.asks(signer=program.signer.but(more=f";expires={past}"))).problem == "signature-stale"
    assert (await program.asks(signer=program.signer.but(more=f";expires={past + 2}"))).status == 202


async def test_a_key_of_another_program_is_refused(program: Program) -> None:
    house = program.site.house
    other, _ = house.client("other")
    stranger = Signer(house.clock, "key_of_other", b"o" * 32)
    house.clients_[other.id] = stranger.known_to(other, house.clock())
    assert "keyid" in detail(await program.asks(signer=stranger))


async def test_a_key_whose_time_is_over_is_refused(program: Program) -> None:
    house, client = program.site.house, program.site.client
    known = house.clients_[client.id]
    ended = tuple(replace(key, expires_at=house.clock() + timedelta(seconds=1)) for key in known.keys)
    house.clients_[client.id] = replace(known, keys=ended)
    assert (await program.asks()).status == 202
    house.clock.later(1)
    assert "keyid" in detail(await program.asks())


@pytest.mark.parametrize("signer", ["ed25519"], indirect=True)
async def test_the_public_key_is_no_shared_secret(program: Program) -> None:
    """The confusion of algorithms: an HMAC made with what everybody may know."""
    signer = program.signer
    assert not isinstance(signer.key, bytes)
    forger = signer.but(key=signer.key.public_key().public_bytes_raw())
    for more in ("", ';alg="hmac-sha256"'):
        assert detail(await program.asks(signer=forger.but(more=more)))


async def test_the_algorithm_is_the_key_s_and_not_the_message_s(program: Program) -> None:
    right, wrong = ("hmac-sha256", "ed25519") if isinstance(program.signer.key, bytes) else ("ed25519", "hmac-sha256")
    assert "alg" in detail(await program.asks(signer=program.signer.but(more=f';alg="{wrong}"')))
    assert "alg" in detail(await program.asks(signer=program.signer.but(more=';alg="none"')))
    assert (await program.asks(signer=program.signer.but(more=f';alg="{right}"'))).status == 202


async def test_a_key_that_only_proves_who_asks_for_tokens_signs_nothing(program: Program) -> None:
    house, client = program.site.house, program.site.client
    rsa = ClientKey("key_rsa", KeyKind.PUBLIC, '{"kty": "RSA", "n": "AQAB", "e": "AQAB"}', house.clock())
    known = house.clients_[client.id]
    house.clients_[client.id] = replace(known, keys=(*known.keys, rsa))
    assert "keyid" in detail(await program.asks(signer=program.signer.but(keyid="key_rsa")))


async def test_a_citizen_s_browser_has_no_key_and_needs_none(program: Program) -> None:
    site = program.site

    reply = await site.get(CALLS, headers=site.as_citizen())
    assert reply.status == 200


async def test_a_token_request_must_be_signed_as_well(program: Program) -> None:
    site = program.site
    form = f"grant_type=client_credentials&client_id={site.client.id}&client_secret={site.secret}".encode()
    plain = {"Content-Type": "application/x-www-form-urlencoded"}
    async with site.session.post(f"{site.url}/oauth/token", data=form, headers=plain) as refused:
        assert (await refused.json())["type"] == "/problems/signature-required"
    signed = program.signer.sign("POST", "/oauth/token", plain, form)
    async with site.session.post(f"{site.url}/oauth/token", data=form, headers=signed) as reply:
        assert reply.status == 200
        assert "Signature" in reply.headers


async def test_without_its_memory_the_service_takes_no_signature(program: Program) -> None:
    house = program.site.house

    async def lost(*_: object) -> frozenset[tuple[str, str]]:
        raise away()

    house.remember_nonces = lost  # type: ignore[method-assign]
    reply = await program.asks()
    assert (reply.status, reply.problem) == (503, "database-unavailable")
    assert not house.wanted
