"""Two clocks: the desk's hours, and the citizen's night in the zone where they live. A callback obeys both."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from .opening import HORIZON_DAYS, check_reach, opening
from .period import NIGHT, Period, Span, span_of, zone_of
from .schedule import Schedule

_DAY = timedelta(days=1)


def night_until(zone: str, at: datetime, night: Period = NIGHT) -> datetime | None:
    """When the citizen's night ends, if it is night for them; else None. Raises NotAZone, OutOfReach."""
    check_reach(at)
    today = at.astimezone(zone_of(zone)).date()
    for day in (today - _DAY, today):
        span = _night(zone, day, night)
        if span and span.start <= at < span.end:
            return span.end
    return None


def may_call(schedule: Schedule, zone: str, at: datetime, night: Period = NIGHT) -> bool:
    """Whether a citizen of that zone may be called at this moment. Raises NotAZone, OutOfReach."""
    return opening(schedule, at).open and night_until(zone, at, night) is None


def next_call_time(schedule: Schedule, zone: str, at: datetime, night: Period = NIGHT) -> datetime | None:
    """The first instant, `at` or later, in the desk's hours and outside the citizen's night; UTC.

    None when there is none in HORIZON_DAYS days. Raises NotAZone, OutOfReach.
    """
    if may_call(schedule, zone, at, night):
        return at.astimezone(UTC)
    later = _later(schedule, zone, at, night)
    found = later and _first(schedule, zone, later, night)
    return found if found and found - at <= HORIZON_DAYS * _DAY else None


@lru_cache(maxsize=4096)
def _first(schedule: Schedule, zone: str, at: datetime, night: Period) -> datetime | None:
    """As `next_call_time`. All who wait for the same moment share one search."""
    sight, here = at + HORIZON_DAYS * _DAY, at
    while here <= sight:
        later = _later(schedule, zone, here, night)
        if later is None:
            return here if opening(schedule, here).open else None
        here = later
    return None


def _later(schedule: Schedule, zone: str, at: datetime, night: Period) -> datetime | None:
    """The next instant worth a look; None when `at` is fine, or when the desk does not open any more."""
    answer = opening(schedule, at)
    return night_until(zone, at, night) if answer.open else answer.next_open_at


@lru_cache(maxsize=8192)
def _night(zone: str, day: date, night: Period) -> Span | None:
    return span_of(night, day, zone_of(zone))
