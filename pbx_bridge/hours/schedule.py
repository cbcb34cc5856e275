"""The hours of a desk, as engineers write them: a week, special days, and dates that go before both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from .period import DAY, NotAZone, Period, zone_of

Periods = tuple[Period, ...]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ROUND_THE_CLOCK: Periods = (Period(0, DAY),)


class Observed(StrEnum):
    """Whose public holidays a desk keeps."""

    RUSSIA = "ru"
    NOBODY = "none"


class BadSchedule(ValueError):
    """The hours are not sound. `problems` are sentences, each with its place and what to do."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Override:
    """The hours of the dates from `first` to `last`, both included, whatever the week says. No periods: closed."""

    first: date
    last: date
    periods: Periods
    why_ru: str
    why_en: str

    def __str__(self) -> str:
        """Its dates."""
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(frozen=True)
class Schedule:
    """The hours of a desk, in its own `zone`. Periods are sorted and do not overlap; Monday's come first in `week`.

    What is None follows the week: `holidays` are as a Sunday; `days_off` (moved to a working day) are as the day they
    stand for; `shortened` days end an hour earlier, unless they are open for all 24 hours.
    """

    zone: str
    week: tuple[Periods, ...]
    holidays: Periods | None = None
    days_off: Periods | None = None
    shortened: Periods | None = None
    observed: Observed = Observed.RUSSIA
    overrides: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        """Raises BadSchedule."""
        if problems := list(_problems(self)):
            raise BadSchedule(problems)

    def __hash__(self) -> int:
        """Worked out once: answers are looked up by it."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.zone, self.week, self.holidays, self.days_off, self.shortened, self.observed, self.overrides))

    @cached_property
    def tz(self) -> ZoneInfo:
        """The zone itself."""
        return zone_of(self.zone)

    def override_on(self, day: date) -> Override | None:
        """The override that rules the day, if any."""
        return next((each for each in self.overrides if each.first <= day <= each.last), None)


def clash(periods: Sequence[Period]) -> str | None:
    """Which two of one day's sorted periods overlap, as a sentence that says what to do; None: none do."""
    for one, other in pairwise(periods):
        if other.start < one.end:
            return f"{one} and {other} overlap; join them or move one"
    return None


def runs_into(today: Sequence[Period], tomorrow: Sequence[Period]) -> str | None:
    """As `clash`, for the end of one day and the beginning of the next."""
    if today and tomorrow and tomorrow[0].start < today[-1].end - DAY:
        return (
            f"{today[-1]} runs into {tomorrow[0]} of the next day; end the first one earlier or begin the second later"
        )
    return None


def _problems(schedule: Schedule) -> Iterator[str]:
    try:
        zone_of(schedule.zone)
    except NotAZone as wrong:
        yield f"zone: {wrong}"
    if len(schedule.week) != len(WEEKDAYS):
        yield f"week: has {len(schedule.week)} days; give one list of periods for each of {', '.join(WEEKDAYS)}"
        return
    for number, name in enumerate(WEEKDAYS):
        yield from _day_problems(name, schedule.week[number], schedule.week[(number + 1) % 7])
    special = {"holidays": schedule.holidays, "days_off": schedule.days_off, "shortened": schedule.shortened}
    for name, periods in special.items():
        if periods is not None:
            yield from _day_problems(name, periods, ())
            if schedule.observed is Observed.NOBODY:
                yield f'{name}: no such days are known without a calendar; set calendar = "ru" or leave them out'
    yield from _override_problems(schedule.overrides)


def _day_problems(place: str, periods: Periods, tomorrow: Periods) -> Iterator[str]:
    if list(periods) != sorted(periods):
        yield f"{place}: the periods are not in the order of the day; sort them"
    elif wrong := clash(periods) or runs_into(periods, tomorrow):
        yield f"{place}: {wrong}"


def _override_problems(overrides: Sequence[Override]) -> Iterator[str]:
    for number, each in enumerate(overrides):
        place = f"override of {each}"
        if each.last < each.first:
            yield f"{place}: ends before it begins; swap `from` and `to`"
        lasts = each.last - each.first >= timedelta(days=1)
        yield from _day_problems(place, each.periods, each.periods if lasts else ())
        for other in overrides[:number]:
            if each.first <= other.last and other.first <= each.last:
                yield f"{place}: shares days with that of {other}; split the longer one around the other"


#: The hours of the support line unless it is given others.
DESK = Schedule(
    zone="Europe/Moscow",
    week=((Period(9 * 60, 20 * 60),),) * 5 + ((Period(10 * 60, 18 * 60),),) * 2,
    holidays=(Period(10 * 60, 16 * 60),),
)
#: The hours of the second line, which never closes.
ALWAYS = Schedule(zone="Europe/Moscow", week=(ROUND_THE_CLOCK,) * 7)
