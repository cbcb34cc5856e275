"""The service empties and deletes what its settings say, counts it, and leaves two lines."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import ValidationError

from pbx_bridge.ledger import AuditFilter, Ledger, LedgerUnavailable
from pbx_bridge.retention import Bounds, Keeper, Purged, due, purge
from pbx_bridge.sections import History

from .ledger_calls import NOON, aborting, birth, change, newborn, put

pytest_plugins = ["tests.ledger_plugin"]

DAY = timedelta(days=1)


async def ended(ledger: Ledger, at: datetime) -> str:
    call = newborn(f"u-{at}", at)
    await put(ledger, birth(call))
    await put(ledger, change(call, aborting(call, at), at))
    return call.id


async def lines(ledger: Ledger) -> list[tuple[str, object]]:
    found = await ledger.audit_page(AuditFilter(actor="service"))
    return [(each.line.action, each.line.detail) for each in found]


async def test_a_look_empties_and_deletes_by_age_and_counts(sqlite_ledger: Ledger) -> None:
    gone, empty, young = [await ended(sqlite_ledger, NOON - days * DAY) for days in (400, 40, 4)]
    keeper, registry = Keeper(sqlite_ledger, keep_days=30, delete_days=365), CollectorRegistry()
    registry.register(keeper)
    await keeper.look(NOON)
    assert await sqlite_ledger.call(gone) is None
    emptied, kept = await sqlite_ledger.call(empty), await sqlite_ledger.call(young)
    assert emptied is not None
    assert emptied.request.phone is None
    assert kept is not None
    assert kept.request.phone is not None
    told = generate_latest(registry).decode()
    assert 'pbx_history_purged_total{what="deleted"} 1.0' in told
    assert 'pbx_history_purged_total{what="emptied"} 1.0' in told
    said = {"empty": (NOON - 30 * DAY).isoformat(), "delete": (NOON - 365 * DAY).isoformat()}
    assert await lines(sqlite_ledger) == [("purge-history", said), ("purged-history", {"emptied": 1, "deleted": 1})]
    assert (await sqlite_ledger.verify_audit()).fault is None


async def test_where_there_is_nothing_to_do_no_line_is_left(sqlite_ledger: Ledger) -> None:
    await ended(sqlite_ledger, NOON - 4 * DAY)
    await Keeper(sqlite_ledger, keep_days=30).look(NOON)
    assert await lines(sqlite_ledger) == []


async def test_without_settings_everything_stays_for_ever(sqlite_ledger: Ledger) -> None:
    old = await ended(sqlite_ledger, NOON - 9999 * DAY)
    await Keeper(sqlite_ledger).look(NOON)
    call = await sqlite_ledger.call(old)
    assert call is not None
    assert call.request.phone is not None


async def test_what_is_due_is_what_is_done(ledger: Ledger) -> None:
    for days in (50, 60, 70):
        await ended(ledger, NOON - days * DAY)
    bounds = Bounds(empty=NOON - 55 * DAY)
    assert await due(ledger, bounds) == Purged(emptied=2)
    assert await purge(ledger, bounds, NOON, "operator:ann", pause_s=0) == Purged(emptied=2)
    assert await due(ledger, bounds) == Purged()


async def test_a_database_that_is_away_is_tried_again(sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> int:
        raise LedgerUnavailable("the disk is full")

    old = await ended(sqlite_ledger, NOON - 40 * DAY)
    keeper = Keeper(sqlite_ledger, delete_days=30)
    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "spend", away)
        await keeper.look(NOON)
    assert keeper.done["deleted"] == 0
    await keeper.look(NOON)
    assert await sqlite_ledger.call(old) is None


@pytest.mark.parametrize("days", [{"keep_days": 0}, {"delete_days": 10**9}, {"keep_days": 10, "delete_days": 9}])
def test_days_that_make_no_sense_are_refused(days: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        History(**days)
