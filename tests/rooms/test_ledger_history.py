"""Calls are found by every filter, in pages that lose none and show none twice, however few of them are looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pbx_bridge.call.causes import Cause, Source
from pbx_bridge.call.model import Call, Direction
from pbx_bridge.call.states import Outcome, State
from pbx_bridge.ledger import CallFilter, Ledger, paging
from pbx_bridge.phone import Phone

from .ledger_calls import NOON, birth, change, dialling, newborn, put

pytest_plugins = ["tests.ledger_plugin"]

ANNA, BORIS = Phone("+79161234567"), Phone("+79031112233")
ENDS = (
    (Outcome.COMPLETED, "agent_hung_up"),
    (Outcome.COMPLETED, "citizen_hung_up"),
    (Outcome.BUSY, "busy"),
    (Outcome.LOST, "asterisk_restarted"),
)


def life(number: int) -> Call:
    """The numberth of calls that differ in everything that is asked for; every fifth goes on."""
    call = newborn(
        f"u-{number % 7}" if number % 5 else f"living-{number}",
        NOON + timedelta(seconds=number // 2),
        client=("portal", "kiosk")[number % 2],
        service=("support", "tax", "pensions")[number % 3],
        queue=("desk", "night")[number % 4 == 0],
        phone=(ANNA, BORIS)[number % 6 == 0],
        direction=(Direction.OUTBOUND, Direction.INBOUND)[number % 8 == 0],
    )
    if not number % 5:
        return call
    outcome, slug = ENDS[number % 4]
    ended = {"state": State.ENDED, "outcome": outcome, "cause": Cause(slug, Source.NETWORK)}
    return replace(call, **ended, ended_at=call.accepted_at)


CALLS = [life(number) for number in range(60)]
NEWEST = sorted(CALLS, key=lambda call: (call.accepted_at, call.id), reverse=True)
LIVING = frozenset({State.REQUESTED, State.TALKING})

FILTERS = [
    CallFilter(),
    CallFilter(client="kiosk"),
    CallFilter(user="u-3"),
    CallFilter(service="tax"),
    CallFilter(queue="night"),
    CallFilter(outcome=Outcome.LOST),
    CallFilter(cause="busy"),
    CallFilter(direction=Direction.INBOUND),
    CallFilter(direction=Direction.OUTBOUND),
    CallFilter(phone=BORIS),
    CallFilter(ticket=CALLS[17].ticket),
    CallFilter(states=LIVING),
    CallFilter(states=frozenset({State.ENDED})),
    CallFilter(client="portal", outcome=Outcome.COMPLETED),
    CallFilter(client="kiosk", cause="citizen_hung_up", service="tax"),
    CallFilter(client="kiosk", ticket=CALLS[18].ticket),
    CallFilter(phone=ANNA, queue="desk", direction=Direction.OUTBOUND),
    CallFilter(service="pensions", queue="night", states=frozenset({State.ENDED})),
    CallFilter(outcome=Outcome.LOST, states=LIVING),
    CallFilter(client="portal", user="u-2", from_=NOON + timedelta(seconds=5), to=NOON + timedelta(seconds=20)),
]


def fits(call: Call, asked: CallFilter) -> bool:
    """What the filter means, said again."""
    request, cause = call.request, call.cause
    return (
        asked.client in (None, request.client)
        and asked.user in (None, request.user)
        and asked.service in (None, request.service)
        and asked.queue in (None, call.queue)
        and asked.direction in (None, request.direction)
        and asked.phone in (None, request.phone)
        and asked.ticket in (None, call.ticket)
        and asked.outcome in (None, call.outcome)
        and asked.cause in (None, cause and cause.slug)
        and (asked.states is None or call.state in asked.states)
        and (asked.from_ is None or call.accepted_at >= asked.from_)
        and (asked.to is None or call.accepted_at < asked.to)
    )


async def turned(ledger: Ledger, asked: CallFilter, limit: int) -> list[str]:
    """The ids on all pages, one after the other."""
    found: list[str] = []
    cursor = None
    while True:
        page = await ledger.calls(asked, cursor=cursor, limit=limit)
        assert len(page.calls) <= limit
        found += [call.id for call in page.calls]
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.fixture
async def full(ledger: Ledger) -> Ledger:
    await put(ledger, *[birth(call) for call in CALLS])
    return ledger


async def test_every_filter_finds_all_that_fit_and_nothing_else(full: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    for sight in (paging.AT_MOST, 4, 1):
        monkeypatch.setattr(paging, "AT_MOST", sight)
        for asked in FILTERS:
            for limit in (3, 100):
                wanted = [call.id for call in NEWEST if fits(call, asked)]
                assert await turned(full, asked, limit) == wanted, (sight, asked)


async def test_every_filter_of_this_file_finds_something_or_must_not() -> None:
    counts = [sum(fits(call, asked) for call in CALLS) for asked in FILTERS]
    assert [asked for asked, count in zip(FILTERS, counts, strict=True) if not count] == [
        CallFilter(client="kiosk", ticket=CALLS[18].ticket),
        CallFilter(outcome=Outcome.LOST, states=LIVING),
    ]


async def test_a_page_that_came_out_short_leads_on(full: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "AT_MOST", 5)
    page = await full.calls(CallFilter(service="tax", outcome=Outcome.LOST), limit=50)
    assert len(page.calls) < 5
    assert page.next_cursor


async def test_calls_that_come_meanwhile_do_not_shift_the_pages(full: Ledger) -> None:
    first = await full.calls(CallFilter(client="portal"), limit=5)
    await put(full, birth(newborn("new", NOON + timedelta(hours=1))))
    second = await full.calls(CallFilter(client="portal"), cursor=first.next_cursor, limit=5)
    mine = [call.id for call in NEWEST if call.request.client == "portal"]
    assert [call.id for call in first.calls + second.calls] == mine[:10]


async def test_the_events_of_many_calls_are_read_at_once(ledger: Ledger) -> None:
    first, second, other = newborn("u-1"), newborn("u-2"), newborn("u-3")
    await put(ledger, birth(first), birth(second), birth(other))
    await put(ledger, change(first, dialling(first), NOON))
    found = await ledger.events_of([second.id, first.id])
    assert [(each.call_id, each.sequence) for each in found] == [(first.id, 1), (first.id, 2), (second.id, 1)]
    assert await ledger.events_of([]) == []
