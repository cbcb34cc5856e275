"""An issuer that is slow, away or answers nonsense: nobody is believed, and nobody else waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pbx_bridge.issuers import fetch
from pbx_bridge.issuers.believe import Issuers
from pbx_bridge.issuers.issuer import Issuer
from pbx_bridge.subject import IssuerAway, NotBelieved
from tests.issuer import issuer

from .issuers_desk import Desk, desk
from .portal_house import Clock

BOTH = [{"keys": True}, {"keys": False, "introspection": True}]


async def token_of(opened: Desk) -> str:
    return await opened.portal.token("u-1", expires_in=3600)


@pytest.mark.parametrize("ways", BOTH)
@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 500, 503, 204])
async def test_only_200_is_an_answer_and_nobody_is_followed_elsewhere(ways: dict[str, Any], status: int) -> None:
    async with desk(**ways) as opened:
        opened.portal.status = status
        with pytest.raises(IssuerAway):
            await opened.believe(await token_of(opened))
        assert sum(opened.portal.asked.values()) == 1


BODIES = [b"", b"nonsense", b"[]", b"null", b"\xff\xfe", b"[" * 5000, b'{"keys": {}}', b'{"keys": 5}']


@pytest.mark.parametrize("body", BODIES, ids=repr)
async def test_keys_that_cannot_be_read_are_no_keys(body: bytes) -> None:
    async with desk() as opened:
        opened.portal.body = body
        with pytest.raises(IssuerAway):
            await opened.believe(await token_of(opened))


@pytest.mark.parametrize("body", BODIES[:6], ids=repr)
async def test_an_introspection_that_cannot_be_read_is_none(body: bytes) -> None:
    async with desk(keys=False, introspection=True) as opened:
        opened.portal.body = body
        with pytest.raises(IssuerAway):
            await opened.believe(await token_of(opened))


async def test_an_endless_answer_is_cut() -> None:
    async with desk() as opened:
        opened.portal.body = b'{"keys": [], "x": "' + b"x" * fetch.LONGEST_ANSWER + b'"}'
        with pytest.raises(IssuerAway, match="too long"):
            await opened.believe(await token_of(opened))


async def test_a_compressed_answer_is_not_unpacked() -> None:
    import gzip

    async with desk() as opened:
        opened.portal.body = gzip.compress(b'{"keys": []}')
        with pytest.raises(IssuerAway):
            await opened.believe(await token_of(opened))


@pytest.mark.parametrize("ways", BOTH)
async def test_a_broken_connection_makes_its_citizens_wait(ways: dict[str, Any]) -> None:
    async with desk(**ways) as opened:
        opened.portal.away = True
        with pytest.raises(IssuerAway) as away:
            await opened.believe(await token_of(opened))
        assert away.value.retry_after_s > 0
        opened.portal.away = False
        opened.clock.later(2)
        assert (await opened.believe(await token_of(opened))).user == "u-1"


async def test_keys_that_could_not_be_fetched_are_not_asked_for_by_everybody() -> None:
    async with desk() as opened:
        opened.portal.away = True
        for _ in range(10):
            with pytest.raises(IssuerAway):
                await opened.believe(await token_of(opened))
        # The client repeats a question whose connection broke before any answer.
        assert opened.portal.asked["/keys"] <= 2


async def test_old_keys_are_not_believed_while_new_ones_cannot_be_had() -> None:
    async with desk() as opened:
        token = await token_of(opened)
        await opened.believe(token)
        opened.portal.away = True
        opened.clock.later(600)
        with pytest.raises(IssuerAway):
            await opened.believe(token)


@pytest.mark.parametrize("ways", BOTH)
async def test_a_silent_issuer_is_given_up(ways: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "PATIENCE_S", 0.05)
    async with desk(**ways) as opened:
        opened.portal.gate.clear()
        with pytest.raises(IssuerAway, match="TimeoutError"):
            await opened.believe(await token_of(opened))


async def test_a_slow_issuer_does_not_keep_the_citizens_of_another_waiting() -> None:
    clock = Clock()
    async with issuer(clock) as slow, issuer(clock) as quick:
        room = Issuers([Issuer(**each.as_settings(introspection=True)) for each in (slow, quick)], clock)
        allowed = frozenset({slow.url, quick.url})
        slow.gate.clear()
        waiting = asyncio.create_task(room.believe(await slow.token("u-1"), allowed))
        await slow.arrived.wait()
        for number in range(50):
            assert (await room.believe(await quick.token(f"u-{number}"), allowed)).issuer == quick.url
        assert not waiting.done()
        slow.gate.set()
        assert (await waiting).issuer == slow.url
        await room.close()


async def test_who_leaves_while_keys_are_fetched_does_not_take_them_away() -> None:
    async with desk() as opened:
        opened.portal.gate.clear()
        first = asyncio.create_task(opened.believe(await token_of(opened)))
        await opened.portal.arrived.wait()
        second = asyncio.create_task(opened.believe(await token_of(opened)))
        await asyncio.sleep(0)
        first.cancel()
        opened.portal.gate.set()
        assert (await second).user == "u-1"
        assert opened.portal.asked["/keys"] == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.example/keys",
        "http://10.0.0.1/keys",
        "http://127.0.0.1.example/keys",
        "ftp://127.0.0.1/keys",
        "https://user:password@portal.example/keys",
        "https:///keys",
        "//portal.example/keys",
        "portal",
        "http://[::1",
        "https://portal.example:99999/",
    ],
)
@pytest.mark.parametrize("name", ["jwks_url", "introspection_url"])
def test_nobody_is_asked_in_clear_over_a_network(name: str, url: str) -> None:
    with pytest.raises(ValueError, match="must begin with https"):
        Issuer("https://portal.example", "pbx-bridge", **{name: url})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url", ["https://portal.example/keys", "http://127.0.0.2:9/k", "http://[::1]:9/", "http://localhost/"]
)
def test_https_and_this_host_may_be_asked(url: str) -> None:
    assert Issuer("https://portal.example", "pbx-bridge", jwks_url=url).jwks_url == url


def test_an_issuer_that_cannot_be_asked_or_is_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="needs jwks_url, introspection_url or both"):
        Issuer("https://portal.example", "pbx-bridge")
    one = Issuer("https://portal.example", "pbx-bridge", jwks_url="https://portal.example/keys")
    with pytest.raises(ValueError, match="twice"):
        Issuers([one, one], Clock())


def test_the_secret_is_not_shown() -> None:
    one = Issuer("i", "a", introspection_url="https://portal.example/", introspection_secret="top-secret")
    assert "top-secret" not in repr(one)


async def test_no_issuer_believes_nobody() -> None:
    with pytest.raises(NotBelieved):
        await Issuers([], Clock()).believe("opaque", frozenset({"https://portal.example"}))
