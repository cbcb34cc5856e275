"""A stream lives no longer than the right to it, says why it ends, and leaves all others alone."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pbx_bridge.ledger import LedgerUnavailable
from pbx_bridge.ledger.access import Revocation
from pbx_bridge.portal import stream as stream_room
from pbx_bridge.portal.grant import Grant
from pbx_bridge.portal.readers import READERS, Readers, Reason, Seat
from pbx_bridge.portal.revocations import REVOCATIONS, Revocations

from .portal_house import House, Site, Stream, away, serve
from .revoking import bearer, revoke

pytest_plugins = ("tests.rooms.portal_fixtures",)


async def opened(site: Site, stack: AsyncExitStack, call_id: str, token: str) -> Stream:
    stream = await stack.enter_async_context(site.follow(call_id, **bearer(token)))
    assert await stream.event()
    assert await stream.event()
    return stream


async def test_a_stream_ends_with_its_token_and_says_why(site: Site) -> None:
    call_id = await site.open_call()
    async with AsyncExitStack() as stack:
        gone, kept = site.token(), site.token()
        stream, staying = await opened(site, stack, call_id, gone), await opened(site, stack, call_id, kept)
        await revoke(site, token=gone)
        assert await stream.event() is None
        assert (stream.reason, stream.comments[-1]) == ("token_revoked", "the token was revoked")
        site.house.hangs_up(call_id)
        assert await staying.rest() == [3]
        assert staying.reason is None


async def test_a_token_that_is_revoked_while_its_stream_opens_opens_none(
    site: Site, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id = await site.open_call()
    token, found = site.token(), house.call

    async def slowly(asked: str) -> Any:
        assert (await revoke(site, token=token)).status == 200
        return await found(asked)

    monkeypatch.setattr(house, "call", slowly)
    async with site.follow(call_id, **bearer(token)) as stream:
        assert stream.response.status == 200
        assert await stream.rest() == []
        assert stream.reason == "token_revoked"


async def test_a_reader_that_is_behind_does_not_catch_up_with_a_dead_token(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id = await site.open_call()
    token, send = site.token(), stream_room._Reader._send

    async def then_revoked(reader: Any, event: Any) -> None:
        await send(reader, event)
        await revoke(site, token=token)

    monkeypatch.setattr(stream_room._Reader, "_send", then_revoked)
    async with site.follow(call_id, **bearer(token)) as stream:
        assert await stream.rest() == [1]
        assert stream.reason == "token_revoked"


async def test_a_stream_at_another_process_ends_too(site: Site, house: House) -> None:
    call_id = await site.open_call()
    async with serve(house) as other, AsyncExitStack() as stack:
        token = site.citizen_token("u-1")
        stream = await opened(other, stack, call_id, token)
        await revoke(site, sub="u-1")
        assert await stream.event() is None
        assert stream.reason == "token_revoked"


async def test_a_citizens_logout_ends_their_streams_alone(site: Site) -> None:
    mine, other_call = await site.open_call("u-1"), await site.open_call("u-2")
    async with AsyncExitStack() as stack:
        leaving = [await opened(site, stack, mine, site.citizen_token("u-1")) for _ in range(2)]
        staying = await opened(site, stack, other_call, site.citizen_token("u-2"))
        await revoke(site, sub="u-1")
        assert [await stream.event() for stream in leaving] == [None, None]
        assert {stream.reason for stream in leaving} == {"token_revoked"}
        site.house.hangs_up(other_call)
        assert await staying.rest() == [3]


async def test_a_disabled_programs_streams_end(site: Site, house: House) -> None:
    call_id = await site.open_call()
    async with AsyncExitStack() as stack:
        streams = [await opened(site, stack, call_id, token) for token in (site.token(), site.citizen_token("u-1"))]
        house.disable(site.client)
        assert [await stream.event() for stream in streams] == [None, None]
        assert {stream.reason for stream in streams} == {"client_disabled"}


async def test_a_removed_programs_streams_end(site: Site, house: House) -> None:
    call_id = await site.open_call()
    async with AsyncExitStack() as stack:
        stream = await opened(site, stack, call_id, site.token())
        del house.clients_[site.client.id]
        assert await stream.event() is None
        assert stream.reason == "client_disabled"


async def test_a_reader_resumes_where_it_was_with_another_token(site: Site, house: House) -> None:
    call_id = await site.open_call()
    async with AsyncExitStack() as stack:
        token = site.token()
        stream = await opened(site, stack, call_id, token)
        await revoke(site, token=token)
        assert await stream.event() is None
    house.hangs_up(call_id)
    async with site.follow(call_id, **{"Last-Event-ID": "2"}) as again:
        assert await again.rest() == [3]


async def test_a_ledger_that_is_away_ends_no_stream(site: Site, house: House) -> None:
    call_id = await site.open_call()
    async with AsyncExitStack() as stack:
        stream = await opened(site, stack, call_id, site.token())
        house.trouble = away()
        with pytest.raises(LedgerUnavailable):
            await site.app[REVOCATIONS].poll()
        house.trouble = None
        house.hangs_up(call_id)
        assert await stream.rest() == [3]


# ── seats ──
def grant(number: int, citizen: str | None = None) -> Grant:
    return Grant("client_1", frozenset(), 0, f"token-{number}", citizen=citizen)


async def test_only_those_who_must_leave_are_woken(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    class Counted(Seat):
        woken = 0

        def end(self, reason: Reason) -> None:
            Counted.woken += 1
            super().end(reason)

    readers, room = Readers(), Revocations(house, house.clock, 10)
    room.listen(readers.revoked)
    monkeypatch.setattr("pbx_bridge.portal.readers.Seat", Counted)
    with ExitStack() as seats:
        for number in range(5000):
            seats.enter_context(readers.seat(grant(number, f"u-{number}")))
        now = house.clock()
        for how in ({"token_id": "token-7"}, {"citizen": "u-9"}, {"token_id": "unknown"}, {"citizen": "unknown"}):
            await room.revoke(Revocation("client_1", now, now + timedelta(hours=1), **how))
        assert Counted.woken == 2
    assert readers.clients() == []


async def test_a_logout_that_is_learned_late_does_not_end_the_next_session(house: House) -> None:
    readers, now = Readers(), house.clock()
    logout = Revocation("client_1", now, now + timedelta(hours=1), citizen="u-1")
    issued = int(now.timestamp())
    with (
        readers.seat(replace(grant(1, "u-1"), issued_at=issued)) as before,
        readers.seat(replace(grant(2, "u-1"), issued_at=issued + 1)) as after,
    ):
        readers.revoked(logout)
        assert (before.reason, after.reason) == (Reason.TOKEN_REVOKED, None)


async def test_nothing_is_kept_of_readers_who_left(site: Site) -> None:
    call_id = await site.open_call()
    async with site.follow(call_id) as stream:
        await stream.event()
        assert site.app[READERS].clients() == [site.client.id]
        site.house.hangs_up(call_id)
        await stream.rest()
    async with asyncio.timeout(5):
        while site.app[READERS]._seats:  # noqa: ASYNC110  a chair has no bell
            await asyncio.sleep(0)


async def test_what_can_matter_no_more_is_forgotten(house: House) -> None:
    room = Revocations(house, house.clock, 10)
    now = house.clock()
    for number in range(100):
        await room.revoke(Revocation("client_1", now, now + timedelta(seconds=60), token_id=f"token-{number}"))
    assert room.dead(grant(5))
    house.clock.later(61)
    await room.poll()
    assert not room._known


async def test_a_later_revocation_counts_more_than_an_earlier_one(house: House) -> None:
    room = Revocations(house, house.clock, 10)
    now = house.clock()
    for seconds in (0, 30, 10):
        at = now + timedelta(seconds=seconds)
        await room.revoke(Revocation("client_1", at, at + timedelta(hours=1), citizen="u-1"))
    issued = int(now.timestamp()) + 20
    assert room.dead(replace(grant(1, "u-1"), issued_at=issued))
    assert not room.dead(replace(grant(1, "u-1"), issued_at=issued + 11))
