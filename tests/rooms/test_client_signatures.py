"""The client signs what it sends, and believes only answers that are the service's own and to its request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from pbx_bridge.client import Bridge, Key, Problem, Untrusted
from pbx_bridge.client.signing import check, sign

from .client_relay import Relay, bridge, signing
from .portal_house import House, Site
from .portal_signer import digest

pytest_plugins = ("tests.rooms.client_fixtures",)
USER = {"id": "u-1", "phone": "+79161234567"}


@pytest.fixture(params=["ed25519", "hmac"])
def key(request: pytest.FixtureRequest, site: Site) -> Key:
    return signing(site, shared=request.param == "hmac")


@pytest_asyncio.fixture
async def portal(site: Site, between: Relay, key: Key) -> AsyncIterator[Bridge]:
    async with bridge(site, between.port, signing_key=key, patience_s=2) as asking:
        yield asking


async def test_everything_a_portal_does_can_be_signed(portal: Bridge, house: House) -> None:
    call = await portal.start_call(USER)
    revision = (await portal.call(call["id"]))["revision"]
    assert [each["id"] async for each in portal.calls(user="u-1")] == [call["id"]]
    await portal.abort(call["id"], if_match=revision)
    assert [event["type"] async for event in portal.follow(call["id"])][-1] == "call.ended"
    assert [event async for event in portal.follow(call["id"], after=99)] == []


async def test_refusals_are_believed_when_they_are_signed(portal: Bridge) -> None:
    await portal.start_call(USER)
    with pytest.raises(Problem) as refused:
        await portal.start_call(USER)
    assert refused.value.slug == "citizen-busy"
    assert refused.value.signed


async def test_who_has_no_key_is_told_so(site: Site, key: Key) -> None:
    async with bridge(site, patience_s=0) as portal:
        with pytest.raises(Problem) as refused:
            await portal.call("call_1")
        assert refused.value.slug == "signature-required"
        assert not refused.value.signed


@pytest.mark.parametrize(
    ("word", "other"),
    [
        (b'"state":"', b'"State":"'),
        (b"\r\nSignature: ", b"\r\nSighature: "),
        (b"\r\nSignature-Input: ", b"\r\nSighature-Input: "),
        (b"HTTP/1.1 202", b"HTTP/1.1 200"),
        (b"\r\nLocation: /v1/calls/call_", b"\r\nLocation: /v1/calls/CALL_"),
        (b'"signature";req', b'"signatuRe";req'),
        (b"\r\nContent-Digest", b"\r\nContent-digesT-Not"),
    ],
    ids=["body", "no signature", "no input", "status", "location", "unbound", "no digest"],
)
async def test_a_changed_answer_is_not_believed(portal: Bridge, between: Relay, word: bytes, other: bytes) -> None:
    await portal.bearer()
    seen: list[bytes] = []

    def change(data: bytes) -> bytes:
        seen.append(data)
        return data.replace(word, other)

    between.change = change
    with pytest.raises(Untrusted):
        await portal.start_call(USER)
    assert word in b"".join(seen)


async def test_an_answer_to_another_request_is_not_believed(portal: Bridge, between: Relay) -> None:
    kept: list[bytes] = []
    await portal.bearer()
    between.change = lambda data: kept.append(data) or data  # type: ignore[func-returns-value]
    first = await portal.start_call(USER, key="press")
    answer = b"".join(kept[:1])
    assert first["id"].encode() in answer
    between.change = lambda _: answer
    with pytest.raises(Untrusted):
        await portal.start_call(USER, key="press")


async def test_a_refusal_that_nobody_signed_is_not_believed(portal: Bridge, between: Relay) -> None:
    call = await portal.start_call(USER)
    body = b'{"type": "/problems/unknown-call", "status": 404}'
    head = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n"
    between.change = lambda _: head % len(body) + body
    with pytest.raises(Untrusted):
        await portal.call(call["id"])


async def test_a_request_that_is_changed_on_its_way_is_refused_by_the_service(site: Site, key: Key) -> None:
    async with bridge(site, signing_key=Key(key.id, b"x" * 32), patience_s=0) as portal:
        with pytest.raises(Problem) as refused:
            await portal.start_call(USER)
    assert refused.value.slug == "signature-invalid"


async def test_a_repeated_request_is_signed_anew(portal: Bridge, between: Relay, house: House) -> None:
    await portal.bearer()
    between.lose = 1
    call = await portal.start_call(USER)
    assert len(house.wanted) == 2
    assert list(house.calls_) == [call["id"]]


async def test_a_new_key_of_the_service_is_fetched(site: Site, house: House) -> None:
    async with bridge(site, signing_key=signing(site)) as portal:
        await portal.call((await portal.start_call(USER))["id"])
        known = dict(portal.wire._keys)
        portal.wire._keys, portal.wire._keys_at = {"rk_old": next(iter(known.values()))}, portal.wire._keys_at - 10
        assert [call async for call in portal.calls()]
        assert portal.wire._keys.keys() == known.keys()


WHOLE = ("@status", '"@method";req', '"@path";req', '"@query";req', '"signature";req', "content-type", "content-digest")


@pytest.mark.parametrize("left_out", [None, *WHOLE])
async def test_a_good_signature_must_cover_all_that_counts(left_out: str | None) -> None:
    """Made with the right key, by a service that has forgotten something."""
    key = Key("key_1", b"k" * 32)
    sent = sign(key, "POST", URL("https://calls.example/v1/calls"), CIMultiDict({"Authorization": "Bearer t"}), b"{}")
    answer = SimpleNamespace(status_code=202, headers=CIMultiDict({"Content-Type": "application/json"}), request=sent)
    answer.headers["Content-Digest"] = digest(b"[]")
    HTTPMessageSigner(
        signature_algorithm=HMAC_SHA256,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={key.id: b"k" * 32}),
    ).sign(
        answer,
        key_id=key.id,
        covered_component_ids=[name for name in WHOLE if name != left_out],
        use_existing_digest=True,
    )
    checked = check(key, sent, 202, CIMultiDictProxy(answer.headers), b"[]", nobody)
    if left_out is None:
        await checked
    else:
        with pytest.raises(Untrusted):
            await checked


async def nobody(anew: bool) -> Mapping[str, Ed25519PublicKey]:
    """A shared key needs no key of the service."""
    raise AssertionError("nobody was to be asked")
