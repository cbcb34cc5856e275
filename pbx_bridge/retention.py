"""How long calls are kept: old ones lose who it was, very old ones go whole. In the service by itself, every hour, and
on the command line. Small steps with pauses, so that calls that happen now do not wait for those of last year.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from .ledger import AuditLine, Ledger, LedgerUnavailable

log = structlog.get_logger(__name__)

#: Seconds between two steps: others write meanwhile. So a million calls take about half an hour.
PAUSE_S = 0.05
#: Seconds between two looks in the service.
EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Calls that ended before `empty` lose who it was, those before `delete` go whole. None: never."""

    empty: datetime | None = None
    delete: datetime | None = None

    @classmethod
    def of_days(cls, keep_days: int | None, delete_days: int | None, at: datetime) -> Bounds:
        """So many days before `at`."""
        return cls(*(None if days is None else at - timedelta(days=days) for days in (keep_days, delete_days)))


@dataclass(frozen=True, slots=True)
class Purged:
    """How many calls lost who it was, and how many are gone."""

    emptied: int = 0
    deleted: int = 0


async def due(ledger: Ledger, bounds: Bounds) -> Purged:
    """What `purge` would do. Raises LedgerUnavailable."""
    emptied = await ledger.spendable(bounds.empty) if bounds.empty else 0
    return Purged(emptied, await ledger.spendable(bounds.delete, whole=True) if bounds.delete else 0)


async def purge(ledger: Ledger, bounds: Bounds, at: datetime, actor: str, pause_s: float = PAUSE_S) -> Purged:
    """Delete what is to go, then empty what is to be emptied. The audit has a line before the first step and one after
    the last; none where there is nothing to do. Cut off, it is simply begun again. Raises LedgerUnavailable."""
    if await due(ledger, bounds) == Purged():
        return Purged()
    said = {name: bound.isoformat() for name in ("empty", "delete") if (bound := getattr(bounds, name))}
    await ledger.note([AuditLine(at, actor, "purge-history", "taken", said)])
    deleted = await _all(ledger, bounds.delete, at, True, pause_s) if bounds.delete else 0
    emptied = await _all(ledger, bounds.empty, at, False, pause_s) if bounds.empty else 0
    done = Purged(emptied, deleted)
    await ledger.note(
        [AuditLine(at, actor, "purged-history", "taken", {"emptied": done.emptied, "deleted": done.deleted})]
    )
    return done


async def _all(ledger: Ledger, before: datetime, at: datetime, whole: bool, pause_s: float) -> int:
    spent = await ledger.spend(before, at, whole=whole)
    count = len(spent.calls)
    while spent.after is not None:
        await asyncio.sleep(pause_s)
        spent = await ledger.spend(before, at, spent.after, whole=whole)
        count += len(spent.calls)
    return count


@dataclass(eq=False)
class Keeper(Collector):
    """The service's own hand: it does what the settings say, and counts it. Days; None: for ever."""

    ledger: Ledger
    keep_days: int | None = None
    delete_days: int | None = None
    done: dict[str, int] = field(default_factory=lambda: {"emptied": 0, "deleted": 0})

    async def look(self, at: datetime) -> None:
        """Once. What the database refuses now is done the next time."""
        bounds = Bounds.of_days(self.keep_days, self.delete_days, at)
        try:
            purged = await purge(self.ledger, bounds, at, "service")
        except LedgerUnavailable as error:
            log.warning("history could not be purged; it will be tried again", why=str(error))
            return
        self.done["emptied"] += purged.emptied
        self.done["deleted"] += purged.deleted
        if purged != Purged():
            log.info("history was purged", emptied=purged.emptied, deleted=purged.deleted)

    def collect(self) -> Iterable[Metric]:
        """How many calls so far."""
        words = "Calls that lost who it was (emptied) or are gone (deleted), because they were old enough"
        family = CounterMetricFamily("pbx_history_purged", words, labels=["what"])
        for what, count in sorted(self.done.items()):
            family.add_metric([what], count)
        yield family
