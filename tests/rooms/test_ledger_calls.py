"""What the ledger remembers of calls, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from pbx_bridge.call.machine import Step, deadline
from pbx_bridge.call.model import Call
from pbx_bridge.call.states import State
from pbx_bridge.ledger import AuditLine, BadCursor, CallFilter, Change, Ledger, Refused, Stale
from pbx_bridge.ledger.reads import read_cursor, write_cursor

from .ledger_calls import (
    KEY,
    NOON,
    PEPPER,
    aborting,
    birth,
    change,
    dialling,
    forget_opened_requests,
    lives,
    newborn,
    put,
    scheduling,
)

pytest_plugins = ["tests.ledger_plugin"]

MINUTE = timedelta(minutes=1)
MOSCOW = timezone(timedelta(hours=3))
#: One database serves all examples of a property: every example brings calls of its own.
_SHARED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


async def live(ledger: Ledger, life: list[Step]) -> None:
    await put(ledger, birth(life[0].call))
    for before, after in pairwise(life):
        await put(ledger, change(before.call, after, NOON))


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The statements of all engines while the block runs; an executemany counts once."""
    heard: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *_: object) -> None:
        heard.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


# ── a call comes back ────────────────────────────────────────────────────────────────────────────────────
@_SHARED
@given(life=lives())
async def test_any_call_comes_back_as_it_was_written(ledger: Ledger, life: list[Step]) -> None:
    await put(ledger, birth(life[0].call))
    for before, after in pairwise(life):
        await put(ledger, change(before.call, after, NOON))
        assert await ledger.call(after.call.id) == after.call
    forget_opened_requests(ledger)
    assert await ledger.call(life[-1].call.id) == life[-1].call


@_SHARED
@given(life=lives())
async def test_the_history_of_any_call_has_no_gap(ledger: Ledger, life: list[Step]) -> None:
    await live(ledger, life)
    history = await ledger.events(life[0].call.id)
    assert [each.sequence for each in history] == list(range(1, life[-1].call.revision + 1))
    assert history[-1].data["call"]["revision"] == life[-1].call.revision
    assert [each.id for each in history] == sorted(each.id for each in history)


async def test_nobody_knows_a_call_that_was_never_written(ledger: Ledger) -> None:
    assert await ledger.call("call_none") is None
    assert await ledger.call_of_ticket("T-none") is None
    assert await ledger.events("call_none") == []
    async with ledger.transaction() as transaction:
        assert await transaction.load(["call_none"]) == {}


async def test_a_ticket_leads_to_its_call(ledger: Ledger) -> None:
    call = newborn()
    await put(ledger, birth(call))
    assert await ledger.call_of_ticket(call.ticket) == call


async def test_a_number_that_numbering_plans_have_dropped_still_opens(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = newborn()
    await put(ledger, birth(call))
    forget_opened_requests(ledger)
    monkeypatch.setattr("phonenumbers.is_possible_number", lambda number: False)
    assert await ledger.call(call.id) == call


async def test_a_row_of_a_newer_release_is_read_without_what_only_that_knows(ledger: Ledger) -> None:
    from pbx_bridge.ledger.forms import read_birth, read_progress

    assert read_progress('{"device": 1, "mood": "fine"}') == {"device": 1}
    request, _ = read_birth(
        b'{"request": {"client": "c", "user": "u", "service": "s", "queue": "q", "devices": [], "mood": 1},'
        b' "terms": {"mood": 1}}'
    )
    assert request.user == "u"


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_moscow_time_comes_back_as_the_same_moment_in_utc(ledger: Ledger) -> None:
    call = newborn(at=NOON.astimezone(MOSCOW))
    await put(ledger, birth(call))
    stored = await ledger.call(call.id)
    assert stored is not None
    assert stored.accepted_at == NOON
    assert stored.accepted_at.utcoffset() == timedelta(0)
    assert (await ledger.events(call.id))[0].time == NOON


async def test_a_time_without_a_zone_is_refused_with_a_sentence(ledger: Ledger) -> None:
    naive = replace(newborn(), accepted_at=datetime(2026, 1, 12, 12))  # noqa: DTZ001
    with pytest.raises(ValueError, match="without a zone"):
        await put(ledger, Change(call=naive, wake_at=NOON))
    assert await ledger.call(naive.id) is None


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────
async def test_five_hundred_changes_need_a_handful_of_statements(ledger: Ledger) -> None:
    born = [newborn(f"u-{number}") for number in range(500)]
    with counted_statements() as births:
        await put(ledger, *(birth(call, key=f"key {call.id}") for call in born))
    with counted_statements() as moves:
        async with ledger.transaction() as transaction:
            loaded = await transaction.load([call.id for call in born])
            changes = [change(call, dialling(call), NOON) for call in loaded.values()]
            written = await transaction.write(changes, NOON, owner="me", lease_until=NOON + MINUTE)
    assert len(births) <= 8
    assert len(moves) <= 10
    assert len(written.wishes) == len(written.events) == 500
    assert {call.state for call in await ledger.unfinished()} == {State.DIALING}


async def test_a_write_takes_one_change_for_each_call(ledger: Ledger) -> None:
    call = newborn()
    with pytest.raises(ValueError, match="at most one change"):
        await put(ledger, birth(call), birth(call))


async def test_what_was_written_is_returned_as_it_is_stored(ledger: Ledger) -> None:
    call = newborn()
    async with ledger.transaction() as transaction:
        written = await transaction.write([birth(call)], NOON)
    assert list(written.events) == await ledger.events(call.id)
    assert written.events[0].id.startswith("evt_")


# ── who else wrote ───────────────────────────────────────────────────────────────────────────────────────
async def test_a_call_that_has_moved_on_is_not_overwritten(ledger: Ledger) -> None:
    call = newborn()
    await put(ledger, birth(call))
    await put(ledger, change(call, dialling(call), NOON))
    with pytest.raises(Stale, match=call.id):
        await put(ledger, change(call, aborting(call), NOON))
    assert (await ledger.unfinished())[0].state is State.DIALING


async def test_a_call_that_does_not_exist_is_not_changed(ledger: Ledger) -> None:
    call = newborn()
    with pytest.raises(Stale):
        await put(ledger, change(call, dialling(call), NOON))


async def test_two_writes_of_one_transaction_build_on_each_other(ledger: Ledger) -> None:
    call = newborn()
    async with ledger.transaction() as transaction:
        await transaction.write([birth(call)], NOON)
        step = dialling(call)
        await transaction.write([change(call, step, NOON)], NOON)
    assert await ledger.call(call.id) == step.call


async def test_an_error_in_the_block_leaves_nothing_and_passes_unchanged(ledger: Ledger) -> None:
    call = newborn()

    async def stumble() -> None:
        async with ledger.transaction() as transaction:
            await transaction.write([birth(call)], NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stumble()
    assert await ledger.call(call.id) is None
    await put(ledger, birth(call))


# ── the audit ────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_refused_fact_is_kept_though_the_call_stays_as_it_is(ledger: Ledger) -> None:
    call = newborn()
    await put(ledger, birth(call))
    about = AuditLine(NOON, "asterisk", "DeviceRang", "refused", {"why": "not now"}, call.id)
    nobody = AuditLine(NOON, "asterisk", "DeviceRang", "refused", {"why": "who?"}, "call_unknown")
    await put(ledger, Change(audit=(about,)), Change(audit=(nobody,)))
    lines = await ledger.audit()
    assert [line.line for line in lines[-2:]] == [about, nobody]
    assert [line.line.action for line in await ledger.audit(call.id)] == ["open", "DeviceRang"]
    assert [line.line for line in await ledger.audit(after=lines[-2].id)] == [nobody]
    assert await ledger.call(call.id) == call


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────
async def settled_calls(ledger: Ledger, count: int, user: str = "u-1") -> list[Call]:
    """Ended calls of one citizen, oldest first; some of them of the same moment."""
    calls = []
    for number in range(count):
        at = NOON + MINUTE * (number // 2)
        call = newborn(user, at)
        await put(ledger, birth(call))
        step = aborting(call, at)
        await put(ledger, change(call, step, at))
        calls.append(step.call)
    return calls


async def test_pages_show_each_call_once_though_new_ones_come(ledger: Ledger) -> None:
    old = await settled_calls(ledger, 7)
    seen: list[Call] = []
    cursor = None
    while True:
        page = await ledger.calls(CallFilter(client="portal"), cursor=cursor, limit=2)
        seen += page.calls
        cursor = page.next_cursor
        if cursor is None:
            break
        await put(ledger, birth(newborn(f"late {len(seen)}", NOON + MINUTE * 60)))
    assert seen == sorted(old, key=lambda call: (call.accepted_at, call.id), reverse=True)


async def test_a_page_that_is_just_full_is_the_last_one(ledger: Ledger) -> None:
    await settled_calls(ledger, 2)
    assert (await ledger.calls(CallFilter(), limit=2)).next_cursor is None


async def test_filters_narrow_a_page(ledger: Ledger) -> None:
    old = await settled_calls(ledger, 4, "anna")
    other = newborn("boris", NOON, client="kiosk", service="tax")
    await put(ledger, birth(other))

    async def ids(**wanted: Any) -> set[str]:
        return {call.id for call in (await ledger.calls(CallFilter(**wanted))).calls}

    assert await ids(user="anna") == {call.id for call in old}
    assert await ids(client="kiosk") == await ids(service="tax") == {other.id}
    assert await ids(states=frozenset({State.REQUESTED, State.TALKING})) == {other.id}
    assert await ids(client="portal", from_=NOON + MINUTE) == {call.id for call in old[2:]}
    assert await ids(client="portal", to=NOON + MINUTE) == {call.id for call in old[:2]}
    assert await ids(client="nobody") == set()


@given(at=st.datetimes(timezones=st.just(UTC)), id_=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_cursor_leads_back_to_its_call(at: datetime, id_: str) -> None:
    assert read_cursor(write_cursor(at, id_)) == (at, id_)


@pytest.mark.parametrize(
    "cursor", ["", "x", "=", "ÄÖ", "MTIz!", "Li4u", "MTIz", "MS4A", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkuYQ"]
)
async def test_a_cursor_from_elsewhere_is_refused(sqlite_ledger: Ledger, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await sqlite_ledger.calls(CallFilter(), cursor=cursor)


# ── streams ──────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_stream_reads_on_from_the_last_event_it_saw(ledger: Ledger) -> None:
    calls = [newborn(f"u-{number}") for number in range(3)] + [newborn(client="kiosk")]
    for call in calls:
        await put(ledger, birth(call))
    everything = await ledger.events_after("")
    assert [each.call_id for each in everything] == [call.id for call in calls]
    assert await ledger.events_after(everything[1].id, limit=1) == [everything[2]]
    assert [each.call_id for each in await ledger.events_after("", client="kiosk")] == [calls[3].id]


async def test_a_clock_turned_back_puts_no_event_before_older_ones(ledger: Ledger, ledger_url: str) -> None:
    await put(ledger, birth(newborn("u-1", NOON)))
    next_life = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    earlier = newborn("u-2", NOON - timedelta(hours=1))
    await put(next_life, birth(earlier))
    assert [each.call_id for each in await ledger.events_after("")][-1] == earlier.id
    await next_life.close()


async def test_a_reader_that_missed_events_reads_after_a_sequence(ledger: Ledger) -> None:
    call = newborn()
    step = dialling(call)
    await put(ledger, birth(call))
    await put(ledger, change(call, step, NOON))
    assert [each.sequence for each in await ledger.events(call.id, after=1)] == [2]
    assert [each.sequence for each in await ledger.events(call.id, limit=1)] == [1]


# ── waking ───────────────────────────────────────────────────────────────────────────────────────────────
async def test_calls_are_due_when_their_time_has_come_longest_overdue_first(ledger: Ledger) -> None:
    assert await ledger.next_wake() is None
    late, later = newborn("u-1", NOON + MINUTE), newborn("u-2", NOON)
    await put(ledger, birth(late), birth(later))
    first, second = deadline(later), deadline(late)
    assert first is not None
    assert second is not None
    assert await ledger.next_wake() == first
    assert await ledger.due(first - MINUTE) == []
    assert await ledger.due(first) == [later]
    assert await ledger.due(second) == [later, late]
    assert await ledger.due(second, limit=1) == [later]


async def test_neither_ended_nor_scheduled_calls_wake_with_the_active_ones(ledger: Ledger) -> None:
    over, put_off, active = newborn("u-1"), newborn("u-2"), newborn("u-3")
    await put(ledger, birth(over), birth(put_off), birth(active))
    scheduled = scheduling(put_off)
    await put(ledger, change(over, aborting(over), NOON), change(put_off, scheduled, NOON))
    assert await ledger.unfinished() == [active]
    assert await ledger.due(NOON + timedelta(days=2)) == [active]
    assert await ledger.scheduled() == [scheduled.call]


# ── the database's own law ───────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"state": State.ENDED}, "ck_calls_ended_has"),
        ({"ended_at": NOON}, "ck_calls_ended_has_time"),
        ({"revision": 0}, "ck_calls_counts"),
        ({"attempt": -1}, "ck_calls_counts"),
    ],
)
async def test_the_database_refuses_what_no_call_can_be(ledger: Ledger, wrong: dict[str, Any], rule: str) -> None:
    call = replace(newborn(), **wrong)
    with pytest.raises(Refused, match=rule):
        await put(ledger, Change(call=call, wake_at=NOON))


async def test_silence_must_end_every_call(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="ck_calls_silence_ends"):
        await put(ledger, Change(call=newborn()))


async def test_an_event_is_published_once(ledger: Ledger) -> None:
    call = newborn()
    await put(ledger, birth(call))
    again = replace(birth(call), before_revision=call.revision)
    with pytest.raises(Refused, match=r"pk_events|events\.call_id"):
        await put(ledger, again)
