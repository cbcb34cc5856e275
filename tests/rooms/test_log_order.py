"""Two processes write one log: nothing ever appears at or before an id that somebody has read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pbx_bridge.ledger import AuditLine, Change, Ledger

from .ledger_calls import KEY, NOON, PEPPER, birth, newborn, put

pytest_plugins = ["tests.ledger_plugin"]

EARLY, LATE = NOON - timedelta(hours=1), NOON + timedelta(hours=1)


@pytest.fixture
async def other(ledger_url: str, ledger: Ledger) -> AsyncIterator[Ledger]:
    """The ledger of another process on the same database."""
    opened = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    yield opened
    await opened.close()


def call_at(at: datetime) -> Change:
    """A call that was accepted at a time, by this writer's clock."""
    return birth(newborn(f"u-{at}-{next(_users)}", at))


_users = iter(range(1_000_000))


async def test_a_clock_that_is_behind_writes_behind_what_is_there(ledger: Ledger, other: Ledger) -> None:
    seen: list[str] = []
    for at in (LATE, EARLY, LATE, EARLY, EARLY):
        await put(other if at == EARLY else ledger, call_at(at))
        seen += [event.id for event in await ledger.events_after(seen[-1] if seen else "")]
    assert len(seen) == 5
    assert seen == [event.id for event in await ledger.events_after("")]


async def test_one_who_follows_two_busy_writers_misses_nothing_and_reads_nothing_twice(
    ledger: Ledger, other: Ledger
) -> None:
    seen: list[str] = []

    async def write(into: Ledger, at: datetime) -> None:
        for _ in range(20):
            await put(into, call_at(at), call_at(at))

    async def follow() -> None:
        after = ""
        while len(seen) < 80:
            for event in await ledger.events_after(after, limit=7):
                seen.append(event.call_id)
                after = event.id

    async with asyncio.timeout(30):
        await asyncio.gather(write(ledger, LATE), write(other, EARLY), follow())
    assert len(set(seen)) == 80


async def test_a_line_of_the_audit_between_two_writes_hides_no_stranger(ledger: Ledger, other: Ledger) -> None:
    await put(ledger, call_at(EARLY))
    await put(other, call_at(LATE))
    # Now this process finds the end of the chain anew, without an event.
    await ledger.note([AuditLine(NOON, "client:x", "read-call", "taken")])
    await put(ledger, call_at(EARLY))
    events = await ledger.events_after("")
    assert [event.time for event in events] == [EARLY, LATE, EARLY]


async def test_who_writes_is_told_what_stood_before(ledger: Ledger, other: Ledger) -> None:
    async def written(into: Ledger) -> tuple[str, str]:
        async with into.transaction() as transaction:
            done = await transaction.write([call_at(EARLY)], NOON)
        return done.before, done.events[-1].id

    first, second, third = await written(ledger), await written(other), await written(ledger)
    assert first[0] == ""
    assert (second[0], third[0]) == (first[1], second[1])
    assert await ledger.last_event() == await ledger.last_event("portal") == third[1]
    assert await ledger.last_event("nobody") == ""
    assert await ledger.has_event(third[1], "portal")
    assert not await ledger.has_event(third[1], "nobody")


async def test_what_is_published_without_a_line_in_the_audit_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="audit"):
        await put(ledger, replace(call_at(NOON), audit=()))
    assert await ledger.events_after("") == []
