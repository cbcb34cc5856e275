"""The reasons, in Russian and in English."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from .calendar import Kind, Mark

_MONTHS_RU = (
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
_MONTHS_EN = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_SUNDAY = 6


class Words(NamedTuple):
    """One reason in both languages."""

    ru: str
    en: str


NIGHT_TIME = Words("ночь", "night")
BEFORE = Words("рабочий день ещё не начался", "the working day has not begun")
BETWEEN = Words("перерыв", "break")
OVER = Words("рабочий день окончен", "the working day is over")
CLOSED = Words("в этот день не работаем", "closed on this day")
NEVER_CLOSES = Words("круглосуточно", "round the clock")


def named(day: date, mark: Mark) -> Words:
    """What the day is."""
    if mark.kind is Kind.HOLIDAY:
        return Words(f"праздничный день ({mark.name_ru})", f"public holiday ({mark.name_en})")
    if mark.kind is Kind.WEEKEND:
        return _day_off(mark.swapped)
    if mark.swapped:
        return _worked_weekend(day, mark)
    if mark.short:
        return Words("сокращённый рабочий день", "shortened working day")
    return Words("рабочий день", "working day")


def _day_off(stands_for: date | None) -> Words:
    if stands_for is None:
        return Words("выходной", "weekend")
    ru = f"выходной, перенесённый с {stands_for.day} {_MONTHS_RU[stands_for.month - 1]}"
    return Words(ru, f"day off moved from {stands_for.day} {_MONTHS_EN[stands_for.month - 1]}")


def _worked_weekend(day: date, mark: Mark) -> Words:
    ru, en = ("рабочее воскресенье", "Sunday") if day.weekday() == _SUNDAY else ("рабочая суббота", "Saturday")
    if mark.short:
        return Words(f"{ru}, сокращённый день", f"working {en}, shortened")
    return Words(ru, f"working {en}")
