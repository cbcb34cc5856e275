"""Tokens that end before their time: refused at once where it was said, soon everywhere, and their streams end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from pbx_bridge.ledger.access import Revocation
from pbx_bridge.portal.revocations import REVOCATIONS

from .portal_house import House, Site, away, serve
from .revoking import bearer, revoke

pytest_plugins = ("tests.rooms.portal_fixtures",)


async def lives(site: Site, token: str) -> bool:
    reply = await site.get("/v1/calls", headers=bearer(token))
    assert reply.status == 200 or (reply.status, reply.problem) == (401, "invalid-token")
    return reply.status == 200


async def learned(site: Site, token: str) -> None:
    """Wait until the process knows that the token is dead; fails after five seconds."""
    grant = site.app_tokens().check(token)
    async with asyncio.timeout(5):
        while not site.app[REVOCATIONS].dead(grant):  # noqa: ASYNC110  it polls, and rings no bell
            await asyncio.sleep(0)


@pytest_asyncio.fixture
async def other(house: House, site: Site) -> AsyncIterator[Site]:
    """Another process of the same service, asked by the same program."""
    async with serve(house) as running:
        running.client, running.secret = site.client, site.secret
        yield running


# ── what ends ──
async def test_a_revoked_token_is_refused_at_once_and_says_so(site: Site) -> None:
    token, another = site.token(), site.token()
    reply = await revoke(site, token=token)
    assert (reply.status, reply.body, reply.headers["Cache-Control"]) == (200, b"", "no-store")
    refused = await site.get("/v1/calls", headers=bearer(token))
    assert (refused.status, refused.problem) == (401, "invalid-token")
    assert refused.json["detail"] == "the token was revoked"
    assert await lives(site, another)


async def test_another_process_learns_of_it(site: Site, other: Site) -> None:
    token = site.token()
    assert await lives(other, token)
    await revoke(site, token=token)
    await learned(other, token)
    assert not await lives(other, token)


async def test_a_process_that_starts_later_knows_of_it(site: Site, house: House) -> None:
    token = site.token()
    await revoke(site, token=token)
    async with serve(house) as later:
        assert not await lives(later, token)


async def test_a_citizen_who_logs_out_loses_all_their_tokens_and_nobody_else_any(site: Site, house: House) -> None:
    mine = [site.citizen_token("u-1") for _ in range(3)]
    kept = [site.citizen_token("u-2"), site.token()]
    assert (await revoke(site, sub="u-1")).status == 200
    assert [await lives(site, token) for token in mine] == [False] * 3
    assert [await lives(site, token) for token in kept] == [True] * 2
    house.clock.later(1)
    assert await lives(site, site.citizen_token("u-1"))


async def test_a_portal_cannot_log_out_another_portals_citizen(site: Site, house: House) -> None:
    token = site.citizen_token("u-1")
    stranger, secret = house.client("another")
    assert (await revoke(site, client_id=stranger.id, secret=secret, sub="u-1")).status == 200
    assert await lives(site, token)


async def test_a_token_of_another_program_is_not_revoked_and_nobody_is_told(site: Site, house: House) -> None:
    token = site.token()
    stranger, secret = house.client("another")
    reply = await revoke(site, client_id=stranger.id, secret=secret, token=token)
    assert (reply.status, reply.body) == (200, b"")
    assert await lives(site, token)
    assert house.revocations_ == []


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 5000, "\0", "é"])
async def test_what_is_no_token_is_a_success_too(site: Site, house: House, token: str) -> None:
    assert (await revoke(site, token=token, token_type_hint="refresh_token")).status == 200
    assert house.revocations_ == []


async def test_a_token_that_is_over_or_revoked_is_not_written_again(site: Site, house: House) -> None:
    token, old = site.token(), site.token()
    for _ in range(3):
        assert (await revoke(site, token=token)).status == 200
    house.clock.later(600)
    assert (await revoke(site, token=old)).status == 200
    assert len(house.revocations_) == 1


NEITHER_NOR = [{}, {"token": "x", "sub": "u-1"}, {"sub": ""}, {"sub": "u" * 129}, {"sub": "\n"}]


@pytest.mark.parametrize("form", NEITHER_NOR, ids=str)
async def test_what_to_revoke_must_be_said(site: Site, form: dict[str, str]) -> None:
    reply = await revoke(site, **form)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


async def test_only_a_living_program_revokes(site: Site, house: House) -> None:
    token = site.token()
    reply = await revoke(site, secret="wrong", token=token)
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    assert await lives(site, token)


async def test_what_cannot_be_stored_is_not_called_done(site: Site, house: House) -> None:
    token = site.token()
    house.trouble = away()
    assert (await revoke(site, token=token)).status == 503
    house.trouble = None
    assert await lives(site, token)


async def test_a_whole_program_can_lose_its_tokens(site: Site, house: House) -> None:
    mine, citizens = site.token(), site.citizen_token("u-1")
    stranger, _ = house.client("another")
    kept = site.token(stranger)
    now = house.clock()
    await site.app[REVOCATIONS].revoke(Revocation(site.client.id, now, now + timedelta(days=1)))
    assert [await lives(site, token) for token in (mine, citizens, kept)] == [False, False, True]
    house.clock.later(1)
    assert await lives(site, site.token())


# ── a service that does not know ──
async def test_while_it_is_not_known_what_was_revoked_nobody_is_believed(house: House) -> None:
    async with serve(house, poll_s=3600, blind_s=0, client_s=3600) as site:
        reply = await site.get("/v1/calls")
        assert (reply.status, reply.problem) == (503, "database-unavailable")
        assert int(reply.headers["Retry-After"]) > 0
        assert (await site.get("/healthz", headers={"Authorization": None})).status == 200
        await site.app[REVOCATIONS].poll()


async def test_a_ledger_that_comes_back_ends_the_blindness(house: House) -> None:
    async with serve(house) as site:
        revocations = site.app[REVOCATIONS]
        house.trouble = away()
        revocations._seen_at -= 3600
        assert revocations.blind
        house.trouble = None
        async with asyncio.timeout(5):
            while revocations.blind:  # noqa: ASYNC110  it polls, and rings no bell
                await asyncio.sleep(0)
        assert (await site.get("/v1/calls")).status == 200
