"""Calls that wait for their time: in order, counted, re-timed in pages; and out of the alarms' way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import text

from pbx_bridge.call import events as e
from pbx_bridge.call.machine import advance
from pbx_bridge.call.model import Call, Direction, Opening
from pbx_bridge.ledger import CallFilter, Ledger

from .ledger_calls import NOON, birth, change, newborn, put, scheduling

pytest_plugins = ["tests.ledger_plugin"]

MINUTE = timedelta(minutes=1)
NINE = NOON + timedelta(hours=15)


async def put_off(ledger: Ledger, user: str, asked: datetime = NOON, **wishes: object) -> Call:
    """A call that waits until nine."""
    call = newborn(user, asked, **wishes)
    step = scheduling(call, asked)
    await put(ledger, birth(call))
    await put(ledger, change(call, step, asked))
    return step.call


async def move(ledger: Ledger, call: Call, at: datetime) -> Call:
    step = advance(call, e.Rescheduled(Opening(False, at)), NOON)
    await put(ledger, change(call, step, NOON))
    return step.call


async def test_who_asked_first_is_first_whatever_was_written_first(ledger: Ledger) -> None:
    late = await put_off(ledger, "u-late", NOON + MINUTE)
    early = await put_off(ledger, "u-early", NOON)
    await put_off(ledger, "u-other", queue="tax")
    assert await ledger.backlog("support", NINE) == [early, late]
    assert await ledger.backlog("support", NINE, limit=1) == [early]
    assert await ledger.backlog("support", NINE - MINUTE) == []
    assert await ledger.backlog("nobody", NINE) == []


async def test_alarms_do_not_see_the_backlog(ledger: Ledger) -> None:
    await put_off(ledger, "u-1")
    assert await ledger.due(NINE) == []
    assert await ledger.next_wake() is None
    active = newborn("u-2")
    await put(ledger, birth(active))
    assert await ledger.due(NINE) == [active]
    assert await ledger.next_wake() == NOON + timedelta(seconds=active.terms.start_s)


async def test_the_next_time_is_one_that_is_still_to_come(ledger: Ledger) -> None:
    await put_off(ledger, "u-1")
    await move(ledger, await put_off(ledger, "u-2"), NINE + MINUTE)
    assert await ledger.next_scheduled(NOON) == NINE
    assert await ledger.next_scheduled(NINE) == NINE + MINUTE
    assert await ledger.next_scheduled(NINE + MINUTE) is None


async def test_sizes_tell_those_who_are_due_and_all(ledger: Ledger) -> None:
    await put_off(ledger, "u-1")
    await move(ledger, await put_off(ledger, "u-2"), NINE + MINUTE)
    await put_off(ledger, "u-3", queue="tax")
    await put(ledger, birth(newborn("u-active")))
    assert await ledger.backlog_sizes(NINE) == {"support": (1, 2), "tax": (1, 1)}
    assert await ledger.backlog_sizes(NOON) == {"support": (0, 2), "tax": (0, 1)}


async def test_pages_of_scheduled_calls_miss_none_and_repeat_none(ledger: Ledger) -> None:
    calls = [await put_off(ledger, f"u-{number}", queue=["support", "tax"][number % 2]) for number in range(5)]
    first = await ledger.scheduled("", 2)
    assert first + await ledger.scheduled(first[-1].id, 9) == calls
    assert await ledger.scheduled(calls[0].id, 9, queue="support") == calls[2::2]


async def test_a_call_of_the_release_before_gets_its_queue_when_the_backlog_is_counted(ledger: Ledger) -> None:
    old, new = await put_off(ledger, "u-old"), await put_off(ledger, "u-new", queue="tax")
    forget = text("UPDATE calls SET queue = NULL WHERE id = :id").bindparams(id=old.id)
    await ledger._change(lambda connection: connection.execute(forget))
    assert await ledger.backlog("support", NINE) == []
    assert await ledger.backlog_sizes(NINE) == {"support": (1, 1), "tax": (1, 1)}
    assert await ledger.backlog("support", NINE) == [old]
    assert await ledger.backlog("tax", NINE) == [new]


async def test_calls_are_found_by_who_dialled_first(ledger: Ledger) -> None:
    outbound = newborn("u-1")
    inbound = replace(newborn("caller-1", client="hotline", direction=Direction.INBOUND), accepted_at=NOON + MINUTE)
    await put(ledger, birth(outbound), birth(inbound))
    assert (await ledger.calls(CallFilter(direction=Direction.INBOUND))).calls == (inbound,)
    assert (await ledger.calls(CallFilter(direction=Direction.OUTBOUND))).calls == (outbound,)
    assert (await ledger.calls(CallFilter())).calls == (inbound, outbound)


async def test_a_caller_of_no_program_is_kept_exported_and_erased_like_any(ledger: Ledger) -> None:
    call = await put_off(ledger, "caller-1", client="hotline", direction=Direction.INBOUND)
    assert await ledger.client("hotline") is None
    step = advance(call, e.AbortRequested("citizen"), NOON)
    await put(ledger, change(call, step, NOON))
    assert [each["id"] for each in (await ledger.export("hotline", "caller-1"))["calls"]] == [call.id]
    assert (await ledger.erase("hotline", "caller-1", NOON)).calls == 1
    left = await ledger.call(call.id)
    assert left
    assert left.request.direction is Direction.INBOUND
