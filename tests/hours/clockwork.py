"""Schedules, zones and moments drawn by hypothesis, and a slow second opinion on whether a desk is open.

The opinion walks the clock on the wall minute by minute and shares nothing with the code but the calendar.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from pbx_bridge.hours.calendar import Kind, look, plain
from pbx_bridge.hours.period import Period
from pbx_bridge.hours.schedule import Observed, Override, Periods, Schedule

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ZONES = [
    "Europe/Moscow",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Asia/Kamchatka",
    "Asia/Magadan",  # put back by two hours in 2014
    "America/Havana",  # leaps over midnight, and repeats it
    "Pacific/Apia",  # had no 30 December 2011
    "Asia/Kathmandu",
    "UTC",
]
#: No clock has been put back by more than this since the first year that is drawn.
REPEATED = timedelta(hours=3)
FIRST, LAST = datetime(2009, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)


@lru_cache
def leaps(zone: str) -> list[datetime]:
    """Hours (UTC) around which the zone's offset changes."""
    days = [FIRST + DAY * number for number in range((LAST - FIRST).days)]
    offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() for day in days]
    return [days[number] for number in range(len(days) - 1) if offsets[number] != offsets[number + 1]]


@st.composite
def moments(draw: st.DrawFn, zone: str) -> datetime:
    """Any minute, and often one near a change of the clock."""
    if leaps(zone) and draw(st.booleans()):
        return draw(st.sampled_from(leaps(zone))) + draw(st.integers(-2 * 1440, 3 * 1440)) * MINUTE
    return FIRST + draw(st.integers(0, int((LAST - FIRST) / MINUTE))) * MINUTE


@st.composite
def lists_of_periods(draw: st.DrawFn, end: int = 1440) -> Periods:
    """Up to three periods of a day, in order, touching or not; the last may end as late as minute `end`."""
    count = draw(st.sampled_from([1, 1, 2, 3, 0]))
    marks = st.integers(0, 1439) | st.sampled_from([0, 60, 120, 150, 180, 540, 1200, 1380])
    starts = sorted(draw(st.lists(marks, min_size=count, max_size=count, unique=True)))
    stops = [draw(st.integers(one + 1, other)) for one, other in pairwise(starts)]
    if starts:
        stops.append(
            draw(st.integers(starts[-1] + 1, min(end, starts[-1] + 1440)) | st.just(max(1440, starts[-1] + 1)))
        )
    return tuple(Period(start, stop) for start, stop in zip(starts, stops, strict=True))


@st.composite
def schedules(draw: st.DrawFn, around: date, zone: str) -> Schedule:
    """A sound schedule with overrides near the date. Ends after midnight stay before what the next day begins with."""
    kinds = draw(st.lists(lists_of_periods(), min_size=1, max_size=3))
    week = [draw(st.sampled_from(kinds)) for _ in range(7)]
    night = [_later_end(draw, day, week[(number + 1) % 7]) for number, day in enumerate(week)]
    special = {key: draw(st.none() | lists_of_periods(end=1700)) for key in ("holidays", "days_off", "shortened")}
    observed = draw(st.sampled_from(Observed))
    if observed is Observed.NOBODY:
        special = {}
    overrides, first = [], around + draw(st.integers(-9, 3)) * DAY
    for number in range(draw(st.integers(0, 3))):
        last = first + draw(st.sampled_from([0, 0, 1, 4])) * DAY
        day = draw(lists_of_periods())
        overrides.append(Override(first, last, _later_end(draw, day, day), f"причина {number}", f"reason {number}"))
        first = last + draw(st.integers(1, 3)) * DAY
    return Schedule(zone, tuple(night), **special, observed=observed, overrides=tuple(overrides))


def _later_end(draw: st.DrawFn, today: Periods, tomorrow: Periods) -> Periods:
    if not today or not draw(st.booleans()):
        return today
    latest = min(today[-1].start, tomorrow[0].start if tomorrow else 1440) + 1440
    end = draw(st.integers(today[-1].end, latest) | st.just(latest)) if latest > today[-1].end else today[-1].end
    return (*today[:-1], Period(today[-1].start, end))


@st.composite
def desks(draw: st.DrawFn) -> tuple[Schedule, datetime]:
    """A schedule and a moment that concerns it."""
    zone = draw(st.sampled_from(ZONES))
    at = draw(moments(zone))
    return draw(schedules(at.date(), zone)), at


def periods_on(schedule: Schedule, day: date) -> list[tuple[int, int]]:
    """Start and end (minutes) of what a date has by the rules in docs/decisions/0013, worked out by single minutes."""
    if ruling := _ruling(schedule, day):
        return _runs(ruling.periods)
    mark = look(day) if schedule.observed is Observed.RUSSIA else plain(day)
    if mark.kind is Kind.HOLIDAY:
        return _runs(schedule.week[6] if schedule.holidays is None else schedule.holidays)
    if mark.kind is Kind.WEEKEND and mark.swapped and schedule.days_off is not None:
        return _runs(schedule.days_off)
    like = day if mark.swapped is None else mark.swapped
    if mark.short and schedule.shortened is not None:
        return _runs(schedule.shortened)
    return _runs(schedule.week[like.weekday()], cut=60 if mark.short else 0)


def _runs(periods: Periods, cut: int = 0) -> list[tuple[int, int]]:
    minutes = [minute for period in periods for minute in range(period.start, period.end)]
    if cut and len(minutes) < 1440:
        minutes = minutes[:-cut]
    edges = [0, *(n for n in range(1, len(minutes)) if minutes[n] != minutes[n - 1] + 1), len(minutes)]
    return [(minutes[one], minutes[other - 1] + 1) for one, other in pairwise(edges)] if minutes else []


def _ruling(schedule: Schedule, day: date) -> Override | None:
    return next((each for each in schedule.overrides if each.first <= day <= each.last), None)


def is_open(schedule: Schedule, at: datetime) -> bool:
    """Whether the desk is open at `at`, by the walk."""
    highest, lowest = _clock_so_far(schedule.zone, at), _clock_from_now(schedule.zone, at)
    for day in (lowest.date() - DAY * number for number in (-1, 0, 1, 2)):
        midnight = datetime.combine(day, time())
        if _ruling(schedule, day + DAY) not in (None, _ruling(schedule, day)) and highest >= midnight + DAY:
            continue
        for start, end in periods_on(schedule, day):
            if highest >= midnight + MINUTE * start and lowest < midnight + MINUTE * end:
                return True
    return False


def is_night(zone: str, night: Period, at: datetime) -> bool:
    """Whether it is night in the zone, by the walk."""
    always = Schedule(zone, ((night,),) * 7, observed=Observed.NOBODY)
    return is_open(always, at)


def _clock_so_far(zone: str, at: datetime) -> datetime:
    """The latest time that the clock has shown by now."""
    return max(_clock(zone, moment) for moment in _walk(zone, at - REPEATED, at))


def _clock_from_now(zone: str, at: datetime) -> datetime:
    """The earliest time that the clock shows from now on."""
    return min(_clock(zone, moment) for moment in _walk(zone, at, at + REPEATED))


def _walk(zone: str, begin: datetime, end: datetime) -> Iterator[datetime]:
    yield begin
    yield end
    if begin.astimezone(ZoneInfo(zone)).utcoffset() != end.astimezone(ZoneInfo(zone)).utcoffset():
        yield from (begin + MINUTE * number for number in range(int((end - begin) / MINUTE)))


def _clock(zone: str, at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
