"""The days on which the clock is put forward or back, by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pbx_bridge.hours.night import next_call_time, night_until
from pbx_bridge.hours.opening import opening
from pbx_bridge.hours.period import Period
from pbx_bridge.hours.schedule import DESK, Observed, Schedule


def desk(zone: str, *periods: str) -> Schedule:
    """Open at these periods every day."""
    return Schedule(zone, (tuple(map(Period.of, periods)),) * 7, observed=Observed.NOBODY)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours_open(schedule: Schedule, at: datetime) -> float:
    """How long the period that begins at `at` lasts."""
    answer = opening(schedule, at)
    assert answer.open
    assert not opening(schedule, at - timedelta(seconds=1)).open
    assert answer.until is not None
    return (answer.until - at) / timedelta(hours=1)


def test_a_desk_in_berlin_opens_at_nine_by_the_wall_in_winter_and_in_summer() -> None:
    berlin = desk("Europe/Berlin", "09:00-18:00")
    assert hours_open(berlin, utc("2026-03-28 08:00")) == 9
    assert hours_open(berlin, utc("2026-03-29 07:00")) == 9
    assert hours_open(berlin, utc("2026-10-25 08:00")) == 9


@pytest.mark.parametrize(
    ("zone", "begins", "lasts"),
    [
        ("Europe/Berlin", "2026-03-28 21:00", 7),  # the hour from two to three is left out
        ("Europe/Berlin", "2026-10-24 20:00", 9),  # and comes twice
        ("America/New_York", "2026-03-08 03:00", 7),
        ("America/New_York", "2026-11-01 02:00", 9),
        ("Australia/Lord_Howe", "2026-04-04 11:00", 8.5),
        ("Australia/Lord_Howe", "2026-10-03 11:30", 7.5),
        ("Asia/Kamchatka", "2026-03-28 10:00", 8),  # no summer time there any more
    ],
)
def test_a_night_shift_over_the_change_is_as_long_as_it_is(zone: str, begins: str, lasts: float) -> None:
    assert hours_open(desk(zone, "22:00-06:00"), utc(begins)) == lasts


def test_an_opening_in_the_hour_that_is_left_out_is_the_moment_of_the_leap() -> None:
    assert hours_open(desk("Europe/Berlin", "02:30-05:00"), utc("2026-03-29 01:00")) == 2


def test_a_closing_in_the_hour_that_is_left_out_is_the_moment_of_the_leap() -> None:
    assert hours_open(desk("Europe/Berlin", "01:00-02:30"), utc("2026-03-29 00:00")) == 1


def test_a_period_inside_the_hour_that_is_left_out_does_not_happen_that_day() -> None:
    answer = opening(desk("Europe/Berlin", "02:10-02:50"), utc("2026-03-29 00:59"))
    assert not answer.open
    assert answer.next_open_at == utc("2026-03-30 00:10")


def test_in_the_hour_that_comes_twice_the_desk_stays_open_both_times() -> None:
    assert hours_open(desk("Europe/Berlin", "02:30-03:30"), utc("2026-10-25 00:30")) == 2
    assert hours_open(desk("America/New_York", "00:00-01:30"), utc("2026-11-01 04:00")) == 2.5


def test_a_closing_at_the_hour_that_comes_twice_is_when_it_comes_first() -> None:
    assert hours_open(desk("Europe/Berlin", "00:00-02:00"), utc("2026-10-24 22:00")) == 2


def test_a_day_without_its_midnight_begins_at_one() -> None:
    assert hours_open(desk("America/Havana", "00:00-06:00"), utc("2026-03-08 05:00")) == 5


def test_the_day_that_samoa_left_out_has_no_hours() -> None:
    answer = opening(desk("Pacific/Apia", "09:00-17:00"), utc("2011-12-30 05:00"))
    assert answer.next_open_at == utc("2011-12-30 19:00")  # 09:00 on the 31st; the 29th closed at 03:00 UTC


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana"])
def test_round_the_clock_has_no_hole_where_the_clock_leaps(zone: str) -> None:
    for periods in (["00:00-24:00"], ["00:00-12:00", "12:00-24:00"], ["00:00-02:30", "02:30-24:00"]):
        answer = opening(desk(zone, *periods), utc("2026-01-01"))
        assert (answer.open, answer.until, answer.next_open_at) == (True, None, None)


def test_a_night_in_berlin_ends_at_eight_by_the_citizens_clock_after_the_change() -> None:
    assert night_until("Europe/Berlin", utc("2026-03-28 23:00")) == utc("2026-03-29 06:00")
    assert night_until("Europe/Berlin", utc("2026-10-24 23:00")) == utc("2026-10-25 07:00")
    # Moscow's desk opens at 10:00 that Sunday, 07:00 UTC.
    assert next_call_time(DESK, "Europe/Berlin", utc("2026-10-24 23:00")) == utc("2026-10-25 07:00")
