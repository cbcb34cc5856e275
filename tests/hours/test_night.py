"""Nobody is called at night by their own clock, and nobody waits longer than the two clocks ask."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pbx_bridge.hours.night import may_call, next_call_time, night_until
from pbx_bridge.hours.period import NotAZone, Period
from pbx_bridge.hours.schedule import ALWAYS, DESK


def at(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("home", "asked", "called"),
    [
        ("Europe/Moscow", "2026-07-01 12:00", "2026-07-01 12:00"),
        ("Europe/Moscow", "2026-07-01 23:00", "2026-07-02 09:00"),
        ("Europe/Kaliningrad", "2026-07-01 23:00", "2026-07-02 08:00"),  # the desk opens just as the night ends
        # Noon in Moscow is 21:00 there, 13:00 is night; the desk opens at 18:00 of their clock.
        ("Asia/Kamchatka", "2026-07-01 21:00", "2026-07-01 21:00"),
        ("Asia/Kamchatka", "2026-07-01 22:00", "2026-07-02 18:00"),
        # The desk opens at three in the night there; their night ends at eight, two in the afternoon in Moscow.
        ("America/Sao_Paulo", "2026-07-01 23:00", "2026-07-02 08:00"),
    ],
)
def test_a_citizen_of_another_zone_is_called_when_both_clocks_allow_it(home: str, asked: str, called: str) -> None:
    assert next_call_time(DESK, home, at(asked, home)) == at(called, home)


def test_a_moment_that_both_clocks_allow_is_kept_to_the_second_and_told_in_utc() -> None:
    found = next_call_time(DESK, "Asia/Omsk", at("2026-07-01 15:00:07", "Asia/Omsk"))
    assert found == datetime(2026, 7, 1, 9, 0, 7, tzinfo=UTC)
    assert found.tzinfo is UTC


def test_the_second_line_too_lets_citizens_sleep() -> None:
    asked = at("2026-07-01 23:30", "Asia/Vladivostok")
    assert not may_call(ALWAYS, "Asia/Vladivostok", asked)
    assert next_call_time(ALWAYS, "Asia/Vladivostok", asked) == at("2026-07-02 08:00", "Asia/Vladivostok")


def test_the_night_begins_with_its_first_minute_and_ends_with_its_last() -> None:
    assert night_until("Asia/Omsk", at("2026-07-01 21:59:59", "Asia/Omsk")) is None
    assert night_until("Asia/Omsk", at("2026-07-01 22:00", "Asia/Omsk")) == at("2026-07-02 08:00", "Asia/Omsk")
    assert night_until("Asia/Omsk", at("2026-07-02 08:00", "Asia/Omsk")) is None


def test_a_citizen_who_sleeps_by_day_is_called_in_the_evening() -> None:
    by_day = Period.of("08:00-16:00")
    asked = at("2026-07-01 12:00", "Europe/Moscow")
    assert next_call_time(DESK, "Europe/Moscow", asked, by_day) == at("2026-07-01 16:00", "Europe/Moscow")


def test_where_the_clocks_never_agree_there_is_no_time_to_call() -> None:
    asked = at("2026-07-01 12:00", "Europe/Moscow")
    assert next_call_time(DESK, "Europe/Moscow", asked, Period.of("08:30-20:30")) is None
    assert next_call_time(ALWAYS, "Europe/Moscow", asked, Period.of("00:00-24:00")) is None


def test_an_unknown_zone_is_refused_by_name() -> None:
    with pytest.raises(NotAZone, match="Moscow/Europe"):
        next_call_time(DESK, "Moscow/Europe", at("2026-07-01 12:00", "UTC"))
