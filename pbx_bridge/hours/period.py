"""A piece of a day by the clock on the wall, and the instants it comes to in a zone.

Where a clock is put forward or back, one rule holds: a period begins when the clock first shows its start or more, and
ends after the clock last shows less than its end. So a start that is skipped is the moment of the jump, an hour that
comes twice belongs to the period both times, and periods that touch on the clock touch in time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

DAY = 24 * 60
_SECOND = timedelta(seconds=1)
_PERIOD = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
#: Names in the database that mean another zone on every machine, or none.
_NO_ZONES = frozenset({"localtime", "Factory"})


class NotAPeriod(ValueError):
    """The text is not a period of a day. `str()` says what to write."""


class NotAZone(ValueError):
    """No zone of the IANA time zone database has this name."""


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From `start` to just before `end`, in minutes after the midnight with which its day begins.

    It belongs to the day on which it begins; `end` may lie in the next one, at most 24 hours after `start`.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        """Raises NotAPeriod when it is empty, longer than a day, or begins in another day."""
        if not 0 <= self.start < DAY or not self.start < self.end <= self.start + DAY:
            raise NotAPeriod(
                f"a period begins at 00:00-23:59 and lasts 24 hours at most: {self.start} to {self.end} min"
            )

    @classmethod
    def of(cls, text: str) -> Period:
        """Reads "09:00-20:00"; "22:00-06:00" ends on the next day, "00:00-24:00" is a whole day. Raises NotAPeriod."""
        match = _PERIOD.fullmatch(text)
        if not match:
            raise NotAPeriod(f'"{text}" is not a period; write it as "09:00-20:00"')
        from_hour, from_minute, to_hour, to_minute = map(int, match.groups())
        start, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
        if from_minute > 59 or to_minute > 59 or end > DAY or start >= DAY:
            raise NotAPeriod(
                f'"{text}" names a time that no clock shows; times go from 00:00 to 24:00, which only ends'
            )
        if start == end:
            raise NotAPeriod(
                f'"{text}" is empty; for the whole day write "00:00-24:00", for a closed day an empty list'
            )
        return cls(start, end if end > start else end + DAY)

    def __str__(self) -> str:
        """As `of` reads it."""
        end = self.end if self.end <= DAY else self.end - DAY
        return f"{self.start // 60:02}:{self.start % 60:02}-{end // 60:02}:{end % 60:02}"


#: A citizen's night, by their own clock: 22:00-08:00.
NIGHT = Period(22 * 60, DAY + 8 * 60)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` to just before `end`, both UTC."""

    start: datetime
    end: datetime


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_ZONES


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone with this name. Raises NotAZone."""
    if name not in _zones():
        raise NotAZone(f'"{name}" is no zone of the IANA database; write a name such as "Europe/Moscow"')
    return ZoneInfo(name)


def first_at(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows this minute of the day, or a later one."""
    wall = datetime.combine(day, time(), zone) + timedelta(minutes=minute)
    return _jump(wall) or wall.astimezone(UTC)


def last_before(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The instant that follows the last one at which the clock shows less than this minute of the day."""
    # A second less, because an end that comes twice (02:00 of 02:00-03:00) is over when it comes first.
    wall = (datetime.combine(day, time(), zone) + timedelta(minutes=minute) - _SECOND).replace(fold=1)
    return _jump(wall) or wall.astimezone(UTC) + _SECOND


def span_of(period: Period, day: date, zone: ZoneInfo) -> Span | None:
    """When the period of that day is; None when the clock skips all of it."""
    span = Span(first_at(day, period.start, zone), last_before(day, period.end, zone))
    return span if span.start < span.end else None


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same instants in spans that neither touch nor overlap. `spans` come in the order of their starts."""
    whole: list[Span] = []
    for span in spans:
        if whole and span.start <= whole[-1].end:
            whole[-1] = Span(whole[-1].start, max(whole[-1].end, span.end))
        else:
            whole.append(span)
    return whole


def _jump(wall: datetime) -> datetime | None:
    """The instant at which the clock leaps over this time, or None when it does show it (PEP 495)."""
    zone, bare = wall.tzinfo, wall.replace(tzinfo=None, fold=0)
    if _shown(wall.astimezone(UTC), zone) == bare:
        return None
    before, after = sorted(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        before, after = (before, middle) if _shown(middle, zone) > bare else (middle, after)
    return after


def _shown(utc: datetime, zone: tzinfo | None) -> datetime:
    return utc.astimezone(zone).replace(tzinfo=None, fold=0)
