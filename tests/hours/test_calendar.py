"""The production calendar against what was published for 2024, 2025 and 2026, and its end.

2026 is in the design notes, from two sources. 2024 and 2025 are asserted as the decrees and the Labour Code give them:
which weekdays are off, which weekend days are worked, which days are shortened; and the yearly totals that every
published calendar shows (working days, and hours of a 40-hour week), which hold only if all of it is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from pbx_bridge.hours.calendar import WARN_DAYS, Kind, Mark, known_until, look, plain, runs_out

OFF = {
    2024: "0101 0102 0103 0104 0105 0108 0223 0308 0429 0430 0501 0509 0510 0612 1104 1230 1231",
    2025: "0101 0102 0103 0106 0107 0108 0501 0502 0508 0509 0612 0613 1103 1104 1231",
    2026: "0101 0102 0105 0106 0107 0108 0109 0223 0309 0501 0511 0612 1104 1231",
}
WORKED = {2024: "0427 1102 1228", 2025: "1101", 2026: ""}
SHORT = {2024: "0222 0307 0508 0611 1102", 2025: "0307 0430 0611 1101", 2026: "0430 0508 0611 1103"}
#: Working days, and hours at eight a day.
TOTALS = {2024: (248, 1979), 2025: (247, 1972), 2026: (247, 1972)}


def days_of(year: int) -> Iterator[tuple[date, Mark]]:
    day = date(year, 1, 1)
    while day.year == year:
        yield day, look(day)
        day += timedelta(days=1)


def listed(days: Iterator[date]) -> str:
    return " ".join(f"{day:%m%d}" for day in days)


@pytest.mark.parametrize("year", OFF)
def test_the_weekdays_off_are_those_published(year: int) -> None:
    off = (day for day, mark in days_of(year) if day.weekday() < 5 and mark.kind is not Kind.WORKDAY)
    assert listed(off) == OFF[year]


@pytest.mark.parametrize("year", OFF)
def test_the_weekend_days_worked_are_those_published(year: int) -> None:
    worked = (day for day, mark in days_of(year) if day.weekday() >= 5 and mark.kind is Kind.WORKDAY)
    assert listed(worked) == WORKED[year]


@pytest.mark.parametrize("year", OFF)
def test_the_shortened_days_are_those_published(year: int) -> None:
    assert listed(day for day, mark in days_of(year) if mark.short) == SHORT[year]


@pytest.mark.parametrize("year", OFF)
def test_working_days_and_hours_add_up_to_the_published_totals(year: int) -> None:
    worked = [mark for _, mark in days_of(year) if mark.kind is Kind.WORKDAY]
    assert (len(worked), sum(7 if mark.short else 8 for mark in worked)) == TOTALS[year]


@pytest.mark.parametrize(
    ("off", "stands_for"),
    [
        ("2024-04-30", "2024-11-02"),
        ("2025-12-31", "2025-01-05"),
        ("2026-03-09", "2026-03-08"),
        ("2026-05-11", "2026-05-09"),
    ],
)
def test_a_moved_day_off_names_the_day_it_stands_for(off: str, stands_for: str) -> None:
    mark = look(date.fromisoformat(off))
    assert (mark.kind, mark.swapped) == (Kind.WEEKEND, date.fromisoformat(stands_for))


def test_a_worked_saturday_names_the_day_that_is_off_instead() -> None:
    assert look(date(2024, 11, 2)) == Mark(Kind.WORKDAY, short=True, swapped=date(2024, 4, 30))
    assert look(date(2024, 12, 28)) == Mark(Kind.WORKDAY, swapped=date(2024, 12, 30))


def test_a_holiday_keeps_its_name_on_a_weekend() -> None:
    assert look(date(2026, 3, 8)) == Mark(
        Kind.HOLIDAY, name_ru="Международный женский день", name_en="International Women's Day"
    )


def test_every_day_of_forty_years_has_a_mark_and_every_swap_a_partner() -> None:
    for year in range(1993, 2033):
        for day, mark in days_of(year):
            assert mark.kind is not Kind.HOLIDAY or (mark.name_ru and mark.name_en)
            if mark.swapped and mark.kind is Kind.WORKDAY:
                assert look(mark.swapped).swapped == day


def test_years_without_a_decree_have_the_holidays_by_law_only() -> None:
    year = known_until().year + 1
    assert look(date(year, 1, 1)).kind is Kind.HOLIDAY
    assert all(mark.swapped is None for _, mark in days_of(year))


def test_the_calendar_is_known_to_the_end_of_a_year_that_has_moved_days() -> None:
    assert known_until() >= date(2027, 12, 31)
    assert any(mark.swapped for _, mark in days_of(known_until().year))


def test_the_end_of_the_calendar_is_warned_of_when_fewer_than_sixty_days_are_left() -> None:
    end = known_until()
    assert runs_out(end - timedelta(days=WARN_DAYS)) is None
    warning = runs_out(end - timedelta(days=WARN_DAYS - 1))
    assert warning is not None
    assert "ends in 59 days" in warning
    assert str(end) in warning
    assert "`holidays`" in warning
    assert "has ended" in (runs_out(end + timedelta(days=1)) or "")


def test_without_a_calendar_only_saturday_and_sunday_are_off() -> None:
    assert [plain(date(2026, 1, day)).kind for day in (1, 3, 4, 5)] == [
        Kind.WORKDAY,
        Kind.WEEKEND,
        Kind.WEEKEND,
        Kind.WORKDAY,
    ]
