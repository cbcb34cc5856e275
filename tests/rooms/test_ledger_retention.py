"""What has been kept long enough names nobody any more, or is gone; everything else stays, and the audit holds."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from pbx_bridge.call.model import Call
from pbx_bridge.ledger import AuditFilter, CallFilter, Ledger, retention
from pbx_bridge.ledger.erase import ERASED
from pbx_bridge.ledger.schema import metadata
from pbx_bridge.phone import Phone

from .ledger_calls import NOON, aborting, birth, change, forget_opened_requests, newborn, put

pytest_plugins = ["tests.ledger_plugin"]

DAY = timedelta(days=1)


async def ended(
    ledger: Ledger, user: str, at: datetime, *, key: str | None = None, ends: datetime | None = None
) -> Call:
    """A call that was accepted then and ended at once, or later."""
    call = newborn(user, at)
    await put(ledger, birth(call, key=key))
    await put(ledger, change(call, aborting(call, ends or at), ends or at))
    return call


async def spend(ledger: Ledger, before: datetime, *, whole: bool = False) -> list[str]:
    """All steps, one after the other."""
    after, changed = None, []
    while True:
        spent = await ledger.spend(before, NOON, after, whole=whole)
        changed += spent.calls
        if (after := spent.after) is None:
            return changed


async def test_old_calls_lose_who_it_was_and_keep_what_happened(ledger: Ledger) -> None:
    old, older = await ended(ledger, "u-1", NOON - 9 * DAY, key="k"), await ended(ledger, "u-1", NOON - 10 * DAY)
    stranger, young = await ended(ledger, "u-2", NOON - 8 * DAY), await ended(ledger, "u-1", NOON)
    assert await spend(ledger, NOON - DAY) == [older.id, old.id, stranger.id]
    forget_opened_requests(ledger)
    told = {call.id: call for call in (await ledger.calls(CallFilter())).calls}
    alias = told[old.id].request.user
    assert alias.startswith(ERASED)
    assert told[older.id].request.user == alias != told[stranger.id].request.user
    assert told[old.id].request.phone is None
    assert (told[old.id].outcome, told[old.id].ticket) == ("cancelled", old.ticket)
    assert told[young.id].request == young.request
    for event in await ledger.events(old.id):
        assert event.data["call"]["user"] == {"id": alias, "phone": None}
    assert await ledger.idempotent("portal", "k") is None
    assert [call.id for call in (await ledger.calls(CallFilter(phone=Phone("+79161234567")))).calls] == [young.id]


async def test_what_was_emptied_is_not_looked_at_again(ledger: Ledger) -> None:
    await ended(ledger, "u-1", NOON - 9 * DAY)
    await ended(ledger, "u-2", NOON - 9 * DAY)
    await ledger.erase("portal", "u-2", NOON)
    assert await ledger.spendable(NOON) == 1
    assert len(await spend(ledger, NOON)) == 1
    assert await ledger.spendable(NOON) == 0
    assert await spend(ledger, NOON) == []
    assert await ledger.spendable(NOON, whole=True) == 2


async def test_old_calls_go_with_all_that_belongs_to_them(ledger: Ledger) -> None:
    old, young = await ended(ledger, "u-1", NOON - 9 * DAY, key="k"), await ended(ledger, "u-1", NOON)
    assert await spend(ledger, NOON - DAY, whole=True) == [old.id]
    assert await ledger.call(old.id) is None
    assert await ledger.events(old.id) == []
    assert await ledger.idempotent("portal", "k") is None
    assert (await ledger.call(young.id)) is not None
    assert len(await ledger.events(young.id)) == 2
    assert len(await ledger.audit_page(AuditFilter(call_id=old.id))) == 2
    assert (await ledger.verify_audit()).fault is None


async def test_a_call_that_goes_on_or_has_just_ended_stays_however_old(ledger: Ledger) -> None:
    living = newborn("u-1", NOON - 90 * DAY)
    await put(ledger, birth(living))
    late = await ended(ledger, "u-2", NOON - 90 * DAY, ends=NOON)
    assert await spend(ledger, NOON - DAY) == await spend(ledger, NOON - DAY, whole=True) == []
    assert (await ledger.call(living.id)) == living
    assert (await ledger.call(late.id)) is not None


async def test_many_are_done_a_few_at_a_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [await ended(ledger, f"u-{number}", NOON - 9 * DAY + timedelta(seconds=number // 2)) for number in range(7)]
    await ended(ledger, "u-late", NOON - 10 * DAY, ends=NOON)
    monkeypatch.setattr(retention, "_TELLING", retention._TELLING.limit(2))
    monkeypatch.setattr(retention, "_ALL", retention._ALL.limit(2))
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    assert await spend(ledger, NOON - DAY) == [call.id for call in calls]
    assert await spend(ledger, NOON - DAY, whole=True) == [call.id for call in calls]


async def test_no_table_that_refers_to_calls_is_forgotten(ledger: Ledger) -> None:
    refer = {
        table.name
        for table in metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "calls"
    }
    assert refer | {"calls"} == {statement.table.name for statement in retention._ROWS}


async def test_nothing_of_a_deleted_call_stays_in_the_file(sqlite_ledger: Ledger, sqlite_url: str) -> None:
    await ended(sqlite_ledger, "u-recognisable", NOON - 9 * DAY)
    await spend(sqlite_ledger, NOON - DAY, whole=True)
    async with sqlite_ledger._store.writing() as desk:
        await desk.run(lambda connection: connection.execute(text("SELECT 1")))
    await sqlite_ledger._store.close()
    assert b"u-recognisable" not in open(sqlite_url.removeprefix("sqlite:///"), "rb").read()  # noqa: ASYNC230, SIM115
