"""Attacks on requests that must be signed: overheard, changed, stripped, repeated, and signed by somebody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from multidict import CIMultiDict
from yarl import URL

from pbx_bridge.client.keys import Key
from pbx_bridge.client.signing import sign
from pbx_bridge.portal.guard import TOKENS
from tests.hostile.asker import Answer, Program
from tests.hostile.fort import ANNA, BORIS, Fort

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

INVALID, REQUIRED, REPLAYED, STALE = (
    (401, f"signature-{each}") for each in ("invalid", "required", "replayed", "stale")
)


@dataclass
class Overheard:
    """A signed request, as somebody on the way sees it. What is changed does not fit its signature any more."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def but(self, **changes: Any) -> Overheard:
        return replace(self, **changes)

    def without(self, *names: str) -> Overheard:
        return self.but(headers={name: value for name, value in self.headers.items() if name not in names})

    def with_(self, **headers: str) -> Overheard:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.but(headers={**self.headers, **named})


@dataclass
class Signed:
    """A portal whose requests must be signed, and its key."""

    fort: Fort
    portal: Program
    key: Key

    def sends(
        self, number: str = ANNA, *, path: str = "/v1/calls", age_s: float = 0, key: Key | None = None
    ) -> Overheard:
        """A request for a call, signed as it should be."""
        assert self.portal.token
        self.fort.treasure.keep("number", number)
        body = json.dumps(self.portal.wish(number)).encode()
        headers = CIMultiDict({"Authorization": f"Bearer {self.portal.token}", "Idempotency-Key": f"k-{number[-4:]}"})
        headers["Content-Type"] = "application/json"
        at = self.fort.time() - timedelta(seconds=age_s)
        sign(key or self.key, "POST", URL(f"http://service{path}", encoded=True), headers, body, at)
        return Overheard("POST", path, dict(headers), body)

    async def hears(self, request: Overheard) -> Answer:
        """What the service says to it."""
        return await self.portal.send(
            request.method, URL(self.fort.url + request.path, encoded=True), request.headers, request.body
        )


@pytest_asyncio.fixture
async def signed(fort: Fort) -> Signed:
    portal = await fort.program()
    key = await fort.key(portal)
    known = await fort.rooms.ledger.client(portal.id)
    assert known
    await fort.rooms.ledger.change_client(replace(known, require_signature=True))
    await fort.time.advance(2)
    return Signed(fort, portal, key)


async def test_the_signed_request_itself_is_believed(signed: Signed) -> None:
    assert (await signed.hears(signed.sends())).status == 202


async def test_a_request_that_is_sent_again(signed: Signed) -> None:
    request = signed.sends()
    assert (await signed.hears(request)).status == 202
    assert (await signed.hears(request)).refused == REPLAYED
    await signed.fort.restart()
    assert (await signed.hears(request)).refused == REPLAYED, "what was used is known after a restart"
    assert signed.fort.nothing_rang


async def test_a_hundred_copies_at_once_and_one_counts(signed: Signed) -> None:
    request = signed.sends()
    told = [answer.status for answer in await asyncio.gather(*(signed.hears(request) for _ in range(100)))]
    assert sorted(told) == [202] + [401] * 99


async def test_another_body(signed: Signed) -> None:
    request, other = signed.sends(), json.dumps(signed.portal.wish(BORIS)).encode()
    assert (await signed.hears(request.but(body=other))).refused == INVALID
    digest = signed.sends(BORIS).headers["Content-Digest"]
    assert (await signed.hears(request.but(body=other).with_(Content_Digest=digest))).refused == INVALID
    assert signed.fort.nothing_rang


async def test_a_body_where_there_was_none(signed: Signed) -> None:
    for body in (b"", b" ", b"{}"):
        assert (await signed.hears(signed.sends().but(body=body))).refused == INVALID


@pytest.mark.parametrize("path", ["/v1/calls?user=u-2", "/v1/calls/", "/v1//calls", "/v1/%63alls"])
async def test_another_path_or_query(signed: Signed, path: str) -> None:
    answer = await signed.hears(signed.sends().but(path=path))
    assert answer.refused in (INVALID, (404, "not-found"))


async def test_another_method(signed: Signed) -> None:
    assert (await signed.hears(signed.sends().but(method="GET"))).refused == INVALID


async def test_another_token_of_the_same_program(signed: Signed) -> None:
    request = signed.sends()
    await signed.portal.fort.time.advance(1)
    assert (await signed.hears(request.with_(Authorization=f"Bearer {await other_token(signed)}"))).refused == INVALID


async def other_token(signed: Signed) -> str:
    """As good as the first."""
    return signed.fort.rooms.portal[TOKENS].issue(signed.portal.id, frozenset({"calls:write", "calls:read"}), 600)


async def test_another_idempotency_key(signed: Signed) -> None:
    assert (await signed.hears(signed.sends().with_(Idempotency_Key="another"))).refused == INVALID


async def test_a_condition_that_was_added(signed: Signed) -> None:
    assert (await signed.hears(signed.sends().with_(If_Match='"1"'))).refused == INVALID


async def test_a_request_without_its_signature(signed: Signed) -> None:
    bare = signed.sends().without("Signature", "Signature-Input")
    assert (await signed.hears(bare)).refused == REQUIRED
    assert (await signed.hears(bare.without("Content-Digest"))).refused == REQUIRED
    for one in ("Signature", "Signature-Input", "Content-Digest", "Idempotency-Key"):
        assert (await signed.hears(signed.sends().without(one))).refused == INVALID
    assert signed.fort.nothing_rang


@pytest.mark.parametrize("stripped", ['"@method" ', '"@path" ', '"@query" ', '"authorization" ', '"content-digest"'])
async def test_a_part_that_is_covered_no_more(signed: Signed, stripped: str) -> None:
    request = signed.sends()
    inputs = request.headers["Signature-Input"]
    assert stripped.strip() in inputs
    assert (await signed.hears(request.with_(Signature_Input=inputs.replace(stripped, "")))).refused == INVALID


async def test_the_key_of_another_program(signed: Signed) -> None:
    other = await signed.fort.program()
    theirs = await signed.fort.key(other)
    assert (await signed.hears(signed.sends(key=theirs))).refused == INVALID
    renamed = Key(signed.key.id, theirs.material)
    assert (await signed.hears(signed.sends(key=renamed))).refused == INVALID


async def test_the_public_key_as_if_it_were_a_shared_one(signed: Signed) -> None:
    published = (await signed.portal.ask("GET", "/.well-known/jwks.json")).json["keys"][0]
    confused = Key(published["kid"], published["x"].encode())
    assert (await signed.hears(signed.sends(key=confused))).refused == INVALID


@pytest.mark.parametrize(("age_s", "refused"), [(61, STALE), (3600, STALE), (-61, STALE), (59, None), (-59, None)])
async def test_a_request_of_another_time(signed: Signed, age_s: float, refused: tuple[int, str] | None) -> None:
    answer = await signed.hears(signed.sends(age_s=age_s))
    assert answer.refused == refused if refused else answer.status == 202


async def test_an_overheard_request_once_it_is_forgotten_is_stale(signed: Signed) -> None:
    request = signed.sends(age_s=-59)
    assert (await signed.hears(request)).status == 202
    for wait_s in (60, 58, 10, 3600):
        await signed.fort.time.advance(wait_s)
        assert (await signed.hears(request)).status == 401
    assert signed.fort.nothing_rang


async def test_ten_thousand_nonces_slow_nobody_down_and_are_forgotten(signed: Signed) -> None:
    at = signed.fort.time()
    used = [("program:key", f"nonce-{each}") for each in range(10_000)]
    await signed.fort.rooms.ledger.remember_nonces(used, at, at + timedelta(seconds=130))
    assert (await signed.hears(signed.sends())).status == 202
    assert await signed.fort.rooms.ledger.remember_nonces(used[:1], at, at) == frozenset(used[:1])


async def test_a_token_is_not_had_without_a_signature_either(signed: Signed) -> None:
    assert (await signed.portal.asks_token()).refused == REQUIRED
    assert (await signed.portal.form("/oauth/revoke", sub="u-1")).refused == REQUIRED
