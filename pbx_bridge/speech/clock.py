"""Days and times by the clock on the wall: when a desk opens, when somebody is called back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from .language import spoken

MOSCOW: Final = "Europe/Moscow"
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


def opens(at_local: datetime, now_local: datetime, language: str, zone: str | None = None) -> tuple[str, ...]:
    """When a desk opens. Both times are by the desk's clock; seconds are left out.

    Only Moscow's time is called by its name. `zone` is the desk's, None: that of `at_local`, where it has a name.
    """
    named = ("moscow-time",) if (zone or _zone_of(at_local)) == MOSCOW else ()
    return ("opens", *_day(at_local, now_local), *_time(at_local, language), *named)


def callback_at(at_local: datetime, now_local: datetime, language: str) -> tuple[str, ...]:
    """When somebody is called back. Both times are by the same clock; seconds are left out."""
    return ("callback-at", *_day(at_local, now_local), *_time(at_local, language))


def _zone_of(at_local: datetime) -> str | None:
    return getattr(at_local.tzinfo, "key", None)


def _day(at: datetime, now: datetime) -> tuple[str, ...]:
    day, today = at.date(), now.date()
    if day == today:
        return ("today",)
    if day == today + timedelta(days=1):
        return ("tomorrow",)
    return (f"on-{WEEKDAYS[day.weekday()]}", f"day-{day.day}", f"of-{MONTHS[day.month - 1]}")


def _time(at: datetime, language: str) -> tuple[str, ...]:
    if not at.minute:
        return (f"at-{at.hour}",)
    hour, minute = f"hour-{at.hour}", f"minute-{at.minute}"
    # «в девять часов тридцать минут», but "at thirty minutes past nine in the morning".
    return (minute, hour) if spoken(language) == "en" else (hour, minute)
