"""Is the desk open, until when, when next, and why. The one answer to "what happens at this moment?"."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from .days import day_of, why_closed
from .period import DAY, NIGHT, Span, first_at
from .schedule import Schedule
from .words import NEVER_CLOSES, Words

#: How many days an answer looks ahead.
HORIZON_DAYS = 400
_DAY = timedelta(days=1)
_FIRST_YEAR, _LAST_YEAR = 1992, 2999


class OutOfReach(ValueError):
    """The moment has no zone, or lies in a year of which no calendar tells."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The desk at one moment. Instants are UTC.

    `until`: the first closed instant; None when closed, and when no end is in sight in HORIZON_DAYS days.
    `next_open_at`: the first open instant when closed, the first after `until` when open; None: none in sight.
    """

    open: bool
    until: datetime | None
    next_open_at: datetime | None
    why_ru: str
    why_en: str


def opening(schedule: Schedule, at: datetime) -> Answer:
    """What the desk is at the moment `at`. Raises OutOfReach."""
    check_reach(at)
    utc = at.astimezone(UTC)
    since, answers = _answers(schedule, utc.date())
    return answers[bisect_right(since, utc) - 1]


def check_reach(at: datetime) -> None:
    """Raises OutOfReach for a moment that has no answer."""
    if at.tzinfo is None:
        raise OutOfReach(f"{at} has no zone; write an offset behind it, such as +03:00")
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise OutOfReach(f"hours are known for the years {_FIRST_YEAR} to {_LAST_YEAR}, and not for {at.year}")


@lru_cache(maxsize=4096)
def _answers(schedule: Schedule, day: date) -> tuple[list[datetime], list[Answer]]:
    """All answers of one UTC day: since when each holds, and what it is."""
    begin = datetime.combine(day, time(), UTC)
    end = begin + _DAY
    spans = list(_spans_of(schedule, begin, end))
    points = {begin, *_clock_points(schedule, begin)}
    points.update(point for span in spans for point in (span.start, span.end))
    since = sorted(point for point in points if begin <= point < end)
    sight = begin + HORIZON_DAYS * _DAY
    return since, [_answer(schedule, point, spans, sight) for point in since]


def _spans_of(schedule: Schedule, begin: datetime, end: datetime) -> Iterator[Span]:
    """The open spans from that of `begin` to the first that starts at `end` or later, within the horizon."""
    day, whole = _local_date(schedule, begin) - 2 * _DAY, None
    for _ in range(HORIZON_DAYS + 5):
        for span in day_of(schedule, day).spans:
            if whole and span.start <= whole.end:
                whole = Span(whole.start, max(whole.end, span.end))
                continue
            if whole and whole.end > begin:
                yield whole
                if whole.start >= end:
                    return
            whole = span
        day += _DAY
    if whole and whole.end > begin:
        yield whole


def _clock_points(schedule: Schedule, begin: datetime) -> Iterator[datetime]:
    """Where the words change although the desk stays closed: midnight, and both ends of the night."""
    day = _local_date(schedule, begin)
    for date_ in (day, day + _DAY):
        for minute in (0, NIGHT.end - DAY, NIGHT.start):
            yield first_at(date_, minute, schedule.tz)


def _answer(schedule: Schedule, point: datetime, spans: list[Span], sight: datetime) -> Answer:
    present = next((span for span in spans if span.start <= point < span.end), None)
    after = present.end if present else point
    following = next((span.start for span in spans if after <= span.start <= sight), None)
    until = present.end if present and present.end <= sight else None
    words = _why_open(schedule, point, until) if present else _why_closed(schedule, point)
    return Answer(present is not None, until, following, words.ru, words.en)


def _why_open(schedule: Schedule, point: datetime, until: datetime | None) -> Words:
    if until is None:
        return NEVER_CLOSES
    today = _local_date(schedule, point)
    for day in (day_of(schedule, today), day_of(schedule, today - _DAY)):
        if any(span.start <= point < span.end for span in day.spans):
            return day.words
    return day_of(schedule, today).words


def _why_closed(schedule: Schedule, point: datetime) -> Words:
    wall = point.astimezone(schedule.tz)
    return why_closed(day_of(schedule, wall.date()), wall.hour * 60 + wall.minute)


def _local_date(schedule: Schedule, at: datetime) -> date:
    return at.astimezone(schedule.tz).date()
