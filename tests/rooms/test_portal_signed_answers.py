"""Whoever signs a request learns that the service itself answered, and to which request."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pbx_bridge.portal.nonces import Nonces

from .portal_house import House, Site, away
from .portal_replies import Reply
from .portal_signer import SHARED, Signer
from .test_portal_signatures import BODY, CALLS, Program

pytest_plugins = ("tests.rooms.portal_fixtures",)

_INPUT = re.compile(r'answer=(\((.*)\);created=\d+;keyid="([^"]+)")')


@pytest.fixture
def shared(site: Site) -> Program:
    return register(site, Signer(site.house.clock, "key_hmac", SHARED))


@pytest.fixture
def public(site: Site) -> Program:
    return register(site, Signer(site.house.clock, "key_ed"))


def register(site: Site, signer: Signer) -> Program:
    known = site.house.clients_[site.client.id]
    site.house.clients_[site.client.id] = signer.known_to(known, site.house.clock())
    return Program(site, signer)


def base_of(reply: Reply, sent: Mapping[str, str], method: str, target: str) -> tuple[bytes, str, list[str]]:
    """The signature base (RFC 9421, 2.5) as a reader of the RFC makes it; the key's id; what is covered."""
    found = _INPUT.fullmatch(reply.headers["Signature-Input"])
    assert found, reply.headers["Signature-Input"]
    path, _, query = target.partition("?")
    request = {"@method": method, "@path": path, "@query": f"?{query}", "signature": sent["Signature"]}
    lines = []
    for name in found[2].split(" "):
        plain = name.removesuffix(";req").strip('"')
        of_answer = str(reply.status) if plain == "@status" else reply.headers.get(plain, "")
        lines.append(f"{name}: {request[plain] if name.endswith(';req') else of_answer}")
    lines.append(f'"@signature-params": {found[1]}')
    return "\n".join(lines).encode(), found[3], found[2].split(" ")


def signature_of(reply: Reply) -> bytes:
    return base64.b64decode(reply.headers["Signature"].removeprefix("answer=:").removesuffix(":"))


async def key_set(site: Site) -> dict[str, Ed25519PublicKey]:
    keys = (await site.get("/.well-known/jwks.json")).json["keys"]
    raw = {key["kid"]: base64.urlsafe_b64decode(key["x"] + "=") for key in keys}
    return {kid: Ed25519PublicKey.from_public_bytes(each) for kid, each in raw.items()}


async def test_an_answer_is_signed_with_a_published_key_and_bound_to_its_request(public: Program) -> None:
    sent = public.request()
    reply = await public.send(sent)
    base, keyid, covered = base_of(reply, sent, "POST", CALLS)
    (await key_set(public.site))[keyid].verify(signature_of(reply), base)
    assert {'"@status"', '"signature";req', '"content-digest"', '"content-type"', '"location"'} <= set(covered)
    digest = base64.b64encode(hashlib.sha256(reply.body).digest()).decode()
    assert reply.headers["Content-Digest"] == f"sha-256=:{digest}:"


async def test_who_signs_with_a_shared_key_is_answered_with_it(shared: Program) -> None:
    sent = shared.request()
    reply = await shared.send(sent)
    base, keyid, _ = base_of(reply, sent, "POST", CALLS)
    assert keyid == "key_hmac"
    assert shared.signer.raw(base) == signature_of(reply)


async def test_answers_are_not_signed_with_the_key_of_tokens(public: Program) -> None:
    reply = await public.asks()
    keyid = reply.headers["Signature-Input"].rpartition('keyid="')[2].rstrip('"')
    purposes = {key.id: key.purpose for key in public.site.house.signing_keys_.values()}
    assert purposes[keyid] == "response"


async def test_refusals_are_signed_too(shared: Program) -> None:
    sent = shared.request(body=b"{}")
    reply = await shared.send(sent, body=b"{}")
    assert reply.problem == "validation-failed"
    assert shared.signer.raw(base_of(reply, sent, "POST", CALLS)[0]) == signature_of(reply)


async def test_a_missing_right_is_told_with_a_signature(shared: Program) -> None:
    target, reading = f"{CALLS}?user=u-1", frozenset({"calls:read"})
    plain = shared.site.bearer(scopes=reading) | {"Content-Type": "application/json", "Idempotency-Key": "k"}
    reply = await shared.send(shared.signer.sign("POST", target, plain, BODY), target=target)
    assert reply.problem == "insufficient-scope"
    assert "Signature" in reply.headers


async def test_an_answer_without_a_body_is_signed(shared: Program) -> None:
    call = (await shared.asks()).json["call"]["id"]
    shared.site.house.hangs_up(call)
    target = f"{CALLS}/{call}/events?after=9"
    plain = shared.site.bearer() | {"Accept": "text/event-stream"}
    sent = shared.signer.sign("GET", target, plain)
    reply = await shared.send(sent, "GET", target, b"")
    assert reply.status == 204
    assert shared.signer.raw(base_of(reply, sent, "GET", target)[0]) == signature_of(reply)


async def test_head_is_signed_without_a_digest_of_what_is_not_sent(shared: Program) -> None:
    sent = shared.request("HEAD", CALLS, b"")
    reply = await shared.send(sent, "HEAD", CALLS, b"")
    assert "Content-Digest" not in reply.headers
    assert shared.signer.raw(base_of(reply, sent, "HEAD", CALLS)[0]) == signature_of(reply)


async def test_a_stream_is_opened_by_a_signed_request_and_is_not_signed_itself(shared: Program) -> None:
    call = (await shared.asks()).json["call"]["id"]
    target = f"{CALLS}/{call}/events"
    sent = shared.signer.sign("GET", target, shared.site.bearer() | {"Accept": "text/event-stream"})
    async with shared.site.session.get(shared.site.url + target, headers=sent) as response:
        assert response.status == 200
        assert "Signature" not in response.headers


@pytest.mark.parametrize("wrong", ["signature-invalid", "signature-replayed"])
async def test_what_was_not_proven_gets_no_signature(shared: Program, wrong: str) -> None:
    sent = shared.request()
    await shared.send(sent)
    reply = await shared.send(sent | ({"If-Match": '"1"'} if wrong == "signature-invalid" else {}))
    assert reply.problem == wrong
    assert "Signature" not in reply.headers


async def test_who_does_not_sign_gets_no_signature(site: Site) -> None:
    assert "Signature" not in (await site.initiate()).headers


async def test_requests_that_come_during_a_write_share_the_next(house: House) -> None:
    written: list[int] = []
    remember = house.remember_nonces

    async def counted(nonces, at, until):  # type: ignore[no-untyped-def]
        await asyncio.sleep(0)
        written.append(len(nonces))
        return await remember(nonces, at, until)

    house.remember_nonces = counted  # type: ignore[method-assign]
    nonces = Nonces(house, house.clock, 120)  # type: ignore[arg-type]
    used = await asyncio.gather(*(nonces.use("key", f"n-{number}") for number in range(100)))
    assert all(used)
    assert len(written) <= 2
    assert sum(written) == 100
    assert not await nonces.use("key", "n-7")


async def test_a_lost_write_is_told_to_all_who_shared_it_and_the_next_works(house: House) -> None:
    nonces = Nonces(house, house.clock, 120)  # type: ignore[arg-type]
    remember = house.remember_nonces

    async def lost(*_: object) -> frozenset[tuple[str, str]]:
        raise away()

    house.remember_nonces = lost  # type: ignore[method-assign]
    told = await asyncio.gather(*(nonces.use("key", str(number)) for number in range(3)), return_exceptions=True)
    assert [type(each).__name__ for each in told] == ["LedgerUnavailable"] * 3
    house.remember_nonces = remember  # type: ignore[method-assign]
    assert await nonces.use("key", "0")
