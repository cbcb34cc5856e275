"""The production calendar of Russia: which days are worked, which are off, which are shorter.

Public holidays, days off moved by the yearly decree and weekend days worked for them come from the library `holidays`.
It does not know shortened days (article 95 of the Labour Code: one hour less before a holiday); they are derived here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

import holidays

WARN_DAYS = 60
_DAY = timedelta(days=1)
_SATURDAY = 5
#: The first year whose decree this room was checked against.
_CHECKED_FROM = 2024
_MOVED = re.compile(r"перенесено с (\d\d)\.(\d\d)\.(\d{4})")


class Kind(StrEnum):
    """What a day is in the production calendar."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    """A day off that is no holiday, on whichever day of the week."""
    HOLIDAY = "holiday"
    """A public holiday by law, on whichever day of the week."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the calendar says of one day. `swapped` is the day it changed places with: for a moved day off the Saturday
    or Sunday that it stands for, for a worked Saturday the day that is off instead."""

    kind: Kind
    short: bool = False
    swapped: date | None = None
    name_ru: str = ""
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class _Year:
    """What the library says of one year. `moved`: a day off, and the day that it stands for."""

    names: Mapping[date, tuple[str, str]]
    moved: Mapping[date, date]
    worked: frozenset[date]


def plain(day: date) -> Mark:
    """The mark of a day where no calendar is observed: Saturday and Sunday are the weekend."""
    return Mark(Kind.WEEKEND if day.weekday() >= _SATURDAY else Kind.WORKDAY)


@lru_cache(maxsize=4096)
def look(day: date) -> Mark:
    """What the production calendar says of the day."""
    year = _year(day.year)
    if names := year.names.get(day):
        return Mark(Kind.HOLIDAY, name_ru=names[0], name_en=names[1])
    if day in year.moved:
        return Mark(Kind.WEEKEND, swapped=year.moved[day])
    off = _off_instead(day)
    if off is None and day.weekday() >= _SATURDAY:
        return Mark(Kind.WEEKEND)
    return Mark(Kind.WORKDAY, short=_on_eve(day) or (off is not None and _on_eve(off)), swapped=off)


@lru_cache(maxsize=1)
def known_until() -> date:
    """The last day of the last year whose decree the library knows.

    Later years have the holidays by law, but no moved days. No year is without any:
    of the eight days of New Year at least one falls on a weekend and is moved.
    """
    year = _CHECKED_FROM
    while _year(year + 1).moved:
        year += 1
    return date(year, 12, 31)


def runs_out(today: date) -> str | None:
    """A warning when fewer than WARN_DAYS days of the calendar are left, with what to do; else None."""
    left = (known_until() - today).days
    if left >= WARN_DAYS:
        return None
    state = f"ends in {left} days" if left >= 0 else "has ended"
    return (
        f"the calendar of moved days off {state} ({known_until()}): install a newer release of the Python package "
        f"`holidays`, or write the days of the next decree as overrides"
    )


def _on_eve(day: date) -> bool:
    tomorrow = day + _DAY
    return tomorrow in _year(tomorrow.year).names


def _off_instead(day: date) -> date | None:
    """The day that is off because this Saturday or Sunday is worked; None for any other day."""
    if day.weekday() < _SATURDAY:
        return None
    for year in map(_year, (day.year - 1, day.year, day.year + 1)):
        if day in year.worked:
            return next(off for off, stands_for in year.moved.items() if stands_for == day)
    return None


@lru_cache(maxsize=64)
def _year(year: int) -> _Year:
    law = holidays.country_holidays("RU", years=year, observed=False, language="ru")
    english = holidays.country_holidays("RU", years=year, observed=False, language="en_US")
    everything = holidays.country_holidays("RU", years=year, language="ru")
    moved = {day: _stands_for(match) for day, name in law.items() if (match := _MOVED.search(name))}
    names = {day: (name, english[day]) for day, name in law.items() if day not in moved}
    # A holiday on a weekend gives the next working day off (article 112), without any decree.
    late = {day: _weekend_before(day, names) for day in everything if day not in law}
    return _Year(names, moved | late, frozenset(law.weekend_workdays))


def _stands_for(match: re.Match[str]) -> date:
    day, month, year = map(int, match.groups())
    return date(year, month, day)


def _weekend_before(day: date, names: Mapping[date, tuple[str, str]]) -> date:
    before = day - _DAY
    while not (before.weekday() >= _SATURDAY and before in names):
        before -= _DAY
    return before
