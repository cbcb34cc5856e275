"""What one date is for one desk: which rules it falls under, its periods, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from .calendar import Kind, Mark, look, plain
from .period import DAY, NIGHT, Period, Span, first_at, joined, span_of
from .schedule import Observed, Override, Periods, Schedule
from .words import BEFORE, BETWEEN, CLOSED, NIGHT_TIME, OVER, Words, named

CUT_MIN = 60
_SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Day:
    """One date at the desk. `spans` are the instants of its `periods`; the last may end on the next date."""

    date: date
    periods: Periods
    spans: tuple[Span, ...]
    words: Words
    mark: Mark | None
    """None under an override."""


@lru_cache(maxsize=8192)
def day_of(schedule: Schedule, day: date) -> Day:
    """What the date is for the desk: an override goes before a holiday, a holiday before the week."""
    if ruling := schedule.override_on(day):
        return Day(
            day, ruling.periods, _spans(schedule, day, ruling.periods), Words(ruling.why_ru, ruling.why_en), None
        )
    mark = look(day) if schedule.observed is Observed.RUSSIA else plain(day)
    periods = _periods(schedule, day, mark)
    return Day(day, periods, _spans(schedule, day, periods), named(day, mark), mark)


def why_closed(day: Day, minute: int) -> Words:
    """Why the desk is closed at this minute of the day, which it is."""
    if day.mark is None:
        return day.words
    worked = day.mark.kind is Kind.WORKDAY
    if not day.periods:
        return CLOSED if worked else day.words
    if minute >= NIGHT.start or minute < NIGHT.end - DAY:
        return NIGHT_TIME
    if not worked:
        return day.words
    if minute < day.periods[0].start:
        return BEFORE
    if minute < day.periods[-1].start:
        return BETWEEN
    return day.words if day.mark.short else OVER


def shortened(periods: Periods) -> Periods:
    """The periods of a day that ends an hour earlier. A day without an end, all 24 hours open, is not shortened."""
    if sum(period.end - period.start for period in periods) >= DAY:
        return periods
    left, cut = list(periods), CUT_MIN
    while left and cut:
        last = left.pop()
        if last.end - last.start > cut:
            return (*left, Period(last.start, last.end - cut))
        cut -= last.end - last.start
    return tuple(left)


def _periods(schedule: Schedule, day: date, mark: Mark) -> Periods:
    usual = schedule.week[(mark.swapped or day).weekday()]
    if mark.kind is Kind.HOLIDAY:
        return schedule.week[_SUNDAY] if schedule.holidays is None else schedule.holidays
    if mark.kind is Kind.WEEKEND:
        return schedule.days_off if mark.swapped and schedule.days_off is not None else usual
    if not mark.short:
        return usual
    return shortened(usual) if schedule.shortened is None else schedule.shortened


def _spans(schedule: Schedule, day: date, periods: Periods) -> tuple[Span, ...]:
    spans = joined(span for period in periods if (span := span_of(period, day, schedule.tz)))
    tomorrow = day + timedelta(days=1)
    if not _taken_over(schedule.override_on(day), schedule.override_on(tomorrow)):
        return tuple(spans)
    midnight = first_at(tomorrow, 0, schedule.tz)
    return tuple(Span(span.start, min(span.end, midnight)) for span in spans if span.start < midnight)


def _taken_over(today: Override | None, tomorrow: Override | None) -> bool:
    """An override has its dates from midnight on: what began under other rules ends there."""
    return tomorrow is not None and tomorrow != today
