"""What a service is at a moment, as the page, the API and the command line tell it: open or not, why, and when next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from ..call.model import Why
from ..hours.days import day_of
from ..hours.opening import check_reach, opening
from ..hours.period import Span
from .decide import Later, call_back
from .service import Service


@dataclass(frozen=True, slots=True)
class Availability:
    """Instants are UTC. `until` and `next_open_at` as in hours.opening.Answer; `callback` is when somebody of the zone
    who asks at `at` would be called back."""

    at: datetime
    open: bool
    until: datetime | None
    next_open_at: datetime | None
    why_ru: str
    why_en: str
    callback: Later


@dataclass(frozen=True, slots=True)
class DayAhead:
    """One date of the desk: when it is open, and what the day is."""

    date: date
    spans: tuple[Span, ...]
    why_ru: str
    why_en: str


def available(service: Service, zone: str, at: datetime) -> Availability:
    """The service at the moment `at`, for a citizen of `zone`. Raises OutOfReach, NotAZone."""
    answer = opening(service.hours, at)
    callback = call_back(service, zone, at, Why.ASKED, at)
    return Availability(at, answer.open, answer.until, answer.next_open_at, answer.why_ru, answer.why_en, callback)


def days_ahead(service: Service, at: datetime, days: int) -> Iterator[DayAhead]:
    """The desk's date at `at` and those after it, so many in all. Raises OutOfReach."""
    check_reach(at)
    first = at.astimezone(service.hours.tz).date()
    check_reach(datetime.combine(first + timedelta(days=days), time(), service.hours.tz))
    for number in range(days):
        day = day_of(service.hours, first + timedelta(days=number))
        yield DayAhead(first + timedelta(days=number), tuple(day.spans), day.words.ru, day.words.en)
