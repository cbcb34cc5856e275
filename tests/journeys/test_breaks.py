"""The service, the connection and Asterisk come and go, and the portal sees one story without a gap."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import pytest

from tests.house import ANNA, House
from tests.journeys.door import Door

pytest_plugins = ("tests.house_plugin",)

SERVED = "requested dialing ringing answered queued offered talking ended"
LIVING = SERVED.split()[1:-1]


def people(service: House) -> None:
    """Anna answers after 5 s, ann after another 5 s, and hangs up 20 s later."""
    service.fake.citizen(ANNA, after_s=5)
    service.fake.agent("ann", after_s=5, hangs_up_after_s=20)


@pytest.mark.parametrize("state", LIVING)
@pytest.mark.parametrize("away_s", [0.5, 8, 15])
async def test_the_service_is_restarted_in_each_state(service: House, door: Door, state: str, away_s: float) -> None:
    people(service)
    call = await door.portal.call(ANNA)
    before = await door.follows(call, state)
    async with door.shut():
        await service.time.advance(away_s)
    end = await door.end(call)
    assert (end.path, end.outcome) == (SERVED, "completed")
    assert list(end.events[: len(before.events)]) == before.events, "what was told once is never told otherwise"
    assert service.fake.rings == {ANNA: 1}


@pytest.mark.parametrize("state", LIVING)
async def test_the_connection_is_cut_in_each_state_while_a_reader_reads(service: House, door: Door, state: str) -> None:
    people(service)
    call = await door.portal.call(ANNA)
    await door.follows(call, state)
    async with service.cut():
        assert (await door.portal.ask("GET", "/readyz")).status == 503
        assert (await door.portal.ask("GET", "/healthz")).status == 200
        await service.time.advance(3)
    assert (await door.portal.ask("GET", "/readyz")).status == 200
    end = await door.end(call)
    assert (end.path, end.outcome) == (SERVED, "completed")


@pytest.mark.parametrize("state", LIVING)
async def test_asterisk_dies_in_each_state_and_the_citizen_is_told(service: House, door: Door, state: str) -> None:
    people(service)
    call = await door.portal.call(ANNA)
    await door.follows(call, state)
    service.fake.crash()
    end = await door.end(call)
    assert end.outcome == "lost"
    assert "станции" in end.words_ru


async def test_a_reader_is_cut_off_by_the_restart_and_comes_back(service: House, door: Door) -> None:
    people(service)
    call = await door.portal.call(ANNA)
    seen: list[int] = []

    async def read() -> None:
        with contextlib.suppress(aiohttp.ClientError):
            async for event in door.portal.follow(call, after=seen[-1] if seen else 0):
                seen.append(event["sequence"])

    reader = asyncio.create_task(read())
    await door.follows(call, "queued")
    await door.close()
    await reader
    assert seen
    await service.restart()
    await door.open()
    await read()
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) == len((await door.end(call)).events)


async def test_a_request_that_got_no_answer_is_repeated_after_the_restart(service: House, door: Door) -> None:
    people(service)
    first = await door.portal.initiate(ANNA, key="k", user="anna")
    async with door.shut():
        pass
    again = await door.portal.initiate(ANNA, key="k", user="anna")
    assert again.body == first.body
    assert again.headers["Idempotent-Replayed"] == "true"
    await door.end(first.body["call"]["id"])
    assert service.fake.rings == {ANNA: 1}


async def test_while_the_database_is_locked_the_portal_is_told_to_come_again(service: House, door: Door) -> None:
    people(service)
    with service.locked():
        refusal = await door.portal.initiate(ANNA, key="k", user="anna")
    assert refusal.status == 503
    assert "Retry-After" in refusal.headers
    reply = await door.portal.initiate(ANNA, key="k", user="anna")
    assert reply.status == 202
    assert (await door.end(reply.body["call"]["id"])).outcome == "completed"
    assert service.fake.rings == {ANNA: 1}
