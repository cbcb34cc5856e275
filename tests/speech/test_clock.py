"""When a desk opens and when somebody is called back, as a citizen hears it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.speech import callback_at, opens
from tests.speech.numerals import accusative_minutes, hours
from workshop.prompts import known, text


def wall(year: int, month: int, day: int, hour: int, minute: int, second: int = 0) -> datetime:
    """By a clock that is the same for all."""
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


#: A Sunday evening.
NOW = wall(2025, 11, 23, 20, 15)
TIMES = {
    wall(2025, 11, 23, 21, 0): (
        "Мы перезвоним вам сегодня в девять часов вечера.",
        "We will call you back today at nine in the evening.",
    ),
    wall(2025, 11, 24, 10, 0): (
        "Мы перезвоним вам завтра в десять часов утра.",
        "We will call you back tomorrow at ten in the morning.",
    ),
    wall(2025, 11, 24, 9, 30): (
        "Мы перезвоним вам завтра в девять часов тридцать минут.",
        "We will call you back tomorrow at thirty minutes past nine in the morning.",
    ),
    wall(2025, 11, 25, 13, 0, 59): (
        "Мы перезвоним вам во вторник двадцать пятого ноября в час дня.",
        "We will call you back on Tuesday the twenty-fifth of November at one in the afternoon.",
    ),
    wall(2025, 12, 3, 0, 0): (
        "Мы перезвоним вам в среду третьего декабря в ноль часов.",
        "We will call you back on Wednesday the third of December at zero hours.",
    ),
    wall(2026, 1, 9, 21, 1): (
        "Мы перезвоним вам в пятницу девятого января в двадцать один час одну минуту.",
        "We will call you back on Friday the ninth of January at one minute past nine in the evening.",
    ),
    wall(2026, 5, 31, 12, 0): (
        "Мы перезвоним вам в воскресенье тридцать первого мая в двенадцать часов дня.",
        "We will call you back on Sunday the thirty-first of May at twelve noon.",
    ),
}
DAYS = (
    "первого",
    "второго",
    "третьего",
    "четвёртого",
    "пятого",
    "шестого",
    "седьмого",
    "восьмого",
    "девятого",
    "десятого",
    "одиннадцатого",
    "двенадцатого",
    "тринадцатого",
    "четырнадцатого",
    "пятнадцатого",
    "шестнадцатого",
    "семнадцатого",
    "восемнадцатого",
    "девятнадцатого",
    "двадцатого",
)
MONTHS = (
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
)
WEEKDAYS = ("в понедельник", "во вторник", "в среду", "в четверг", "в пятницу", "в субботу", "в воскресенье")


def day_of(day: int) -> str:
    """двадцать пятого."""
    if day <= 20:
        return DAYS[day - 1]
    return "тридцатого" if day == 30 else f"{'двадцать' if day < 30 else 'тридцать'} {DAYS[day % 10 - 1]}"


@pytest.mark.parametrize("at", TIMES, ids=str)
def test_a_time_is_told_as_people_say_it(at: datetime) -> None:
    russian, english = TIMES[at]
    assert text(callback_at(at, NOW, "ru-RU"), "ru") == russian
    assert text(callback_at(at, NOW, "en-GB"), "en") == english


def test_moscows_time_is_called_by_its_name() -> None:
    zone = ZoneInfo("Europe/Moscow")
    heard = opens(datetime(2025, 11, 25, 9, tzinfo=zone), NOW.replace(tzinfo=zone), "ru")
    assert (
        text(heard, "ru")
        == "Мы откроемся во вторник двадцать пятого ноября в девять часов утра по московскому времени."
    )
    english = "We will open on Tuesday the twenty-fifth of November at nine in the morning Moscow time."
    assert text(heard, "en") == english


@pytest.mark.parametrize("zone", ["Asia/Vladivostok", "Europe/Minsk"])
def test_no_other_zone_is_named(zone: str) -> None:
    at = datetime(2025, 11, 24, 9, tzinfo=ZoneInfo(zone))
    assert text(opens(at, NOW, "ru"), "ru") == "Мы откроемся завтра в девять часов утра."


def test_the_desks_zone_goes_before_that_of_the_time() -> None:
    at = datetime(2025, 11, 24, 9, tzinfo=ZoneInfo("Europe/Moscow"))
    assert "moscow-time" not in opens(at, NOW, "ru", "Asia/Omsk")
    assert opens(at.replace(tzinfo=None), NOW, "ru", "Europe/Moscow")[-1] == "moscow-time"
    assert "moscow-time" not in opens(at.replace(tzinfo=UTC), NOW, "ru")


def test_tomorrow_is_the_next_date_and_not_the_next_24_hours() -> None:
    late = wall(2025, 12, 31, 23, 59)
    assert "tomorrow" in callback_at(wall(2026, 1, 1, 0, 5), late, "ru")
    assert "on-friday" in callback_at(wall(2026, 1, 2, 0, 5), late, "ru")


def test_every_minute_of_a_day_has_the_right_cases() -> None:
    for minute in range(24 * 60):
        at = NOW.replace(hour=minute // 60, minute=minute % 60)
        if at.minute:
            heard = text(callback_at(at, NOW, "ru"), "ru")
            assert heard == f"Мы перезвоним вам сегодня в {hours(at.hour)} {accusative_minutes(at.minute)}."


def test_every_day_of_a_year_has_the_right_cases() -> None:
    for days in range(2, 400):
        at = NOW.replace(hour=10, minute=0) + timedelta(days=days)
        date = f"{WEEKDAYS[at.weekday()]} {day_of(at.day)} {MONTHS[at.month - 1]}"
        assert text(callback_at(at, NOW, "ru"), "ru") == f"Мы перезвоним вам {date} в десять часов утра."


@given(st.datetimes(), st.datetimes())
def test_whenever_it_is_the_words_are_there_in_both_languages(at: datetime, now: datetime) -> None:
    for language in ("ru", "en", "kk"):
        assert known(callback_at(at, now, language))
        assert known(opens(at, now, language, "Europe/Moscow"))
