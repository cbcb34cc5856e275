"""From plain data, as a TOML file holds it, to a Schedule. Every mistake is told at once, each with its place.

zone = "Europe/Moscow"          calendar = "ru"            # or "none"
weekdays = ["09:00-13:00", "14:00-20:00"]                  # also every_day, weekends, monday ... sunday
holidays = ["10:00-16:00"]      shortened = []             # also days_off
[[override]]                    from = 2026-12-31          to = 2027-01-01
periods = []                    why = "переезд"            why_en = "we are moving"
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from .period import NotAPeriod, Period
from .schedule import WEEKDAYS, BadSchedule, Observed, Override, Periods, Schedule, clash, runs_into

#: What names several days at once, from the widest; a narrower name goes before a wider one.
_GROUPS: Mapping[str, tuple[str, ...]] = {"every_day": WEEKDAYS, "weekdays": WEEKDAYS[:5], "weekends": WEEKDAYS[5:]}
_SPECIAL = ("holidays", "days_off", "shortened")
_KEYS = ("zone", "calendar", *_GROUPS, *WEEKDAYS, *_SPECIAL, "override")
_OVERRIDE_KEYS = ("from", "to", "periods", "why", "why_en")


def read(data: Mapping[str, Any], place: str = "hours") -> Schedule:
    """The schedule that the data describe. `place` stands before every problem. Raises BadSchedule."""
    return _Reader(place).schedule(data)


class _Reader:
    def __init__(self, place: str) -> None:
        self._place = place
        self._problems: list[str] = []

    def schedule(self, data: Mapping[str, Any]) -> Schedule:
        self._only(data, _KEYS, "")
        week = self._week(data)
        special = {key: self._periods(data[key], key) for key in _SPECIAL if key in data}
        zone = self._text(data.get("zone", "Europe/Moscow"), "zone")
        observed = self._observed(data.get("calendar", Observed.RUSSIA.value))
        overrides = self._overrides(data.get("override", []))
        if self._problems:
            raise BadSchedule(self._problems)
        try:
            return Schedule(zone, week, observed=observed, overrides=overrides, **special)
        except BadSchedule as wrong:
            raise BadSchedule(f"{self._place}.{problem}" for problem in wrong.problems) from None

    def _week(self, data: Mapping[str, Any]) -> tuple[Periods, ...]:
        names = [*(key for key in _GROUPS if key in data), *(key for key in WEEKDAYS if key in data)]
        if not names:
            self._wrong("", "names no day; write at least weekdays or every_day, with [] for a closed day")
        days: dict[str, Periods] = {}
        for key in names:
            days |= dict.fromkeys(_GROUPS.get(key, (key,)), self._periods(data[key], key))
        return tuple(days.get(day, ()) for day in WEEKDAYS)

    def _periods(self, value: Any, at: str, *, repeats: bool = False) -> Periods:
        """`repeats`: the same list follows itself on the next day."""
        if not isinstance(value, list | tuple):
            self._wrong(at, f'must be a list of periods such as ["09:00-20:00"], and is {_shown(value)}')
            return ()
        found = [self._period(text, f"{at}[{number}]") for number, text in enumerate(value, 1)]
        periods = tuple(sorted(period for period in found if period))
        if wrong := clash(periods) or (runs_into(periods, periods) if repeats else None):
            self._wrong(at, wrong)
        return periods

    def _period(self, text: Any, at: str) -> Period | None:
        try:
            return Period.of(text if isinstance(text, str) else _shown(text))
        except NotAPeriod as wrong:
            self._wrong(at, str(wrong))
            return None

    def _observed(self, value: Any) -> Observed:
        if value not in list(Observed):
            self._wrong("calendar", f'must be "ru" (public holidays of Russia) or "none", and is {_shown(value)}')
            return Observed.RUSSIA
        return Observed(value)

    def _overrides(self, value: Any) -> tuple[Override, ...]:
        if not isinstance(value, list | tuple) or not all(isinstance(each, Mapping) for each in value):
            self._wrong("override", "must be a list of tables; write each under a line [[override]] of its own")
            return ()
        found = [self._override(each, f"override[{number}]") for number, each in enumerate(value, 1)]
        return tuple(sorted((each for each in found if each), key=lambda each: each.first))

    def _override(self, data: Mapping[str, Any], at: str) -> Override | None:
        before = len(self._problems)
        self._only(data, _OVERRIDE_KEYS, at)
        first = self._date(data.get("from"), f"{at}.from")
        last = self._date(data["to"], f"{at}.to") if "to" in data else first
        if first and last and last < first:
            self._wrong(at, f"ends on {last}, before it begins on {first}; swap `from` and `to`")
        periods = self._periods(data.get("periods", []), f"{at}.periods", repeats=first != last)
        why = self._text(data.get("why"), f"{at}.why")
        why_en = self._text(data.get("why_en", "special hours" if periods else "closed on this day"), f"{at}.why_en")
        if len(self._problems) > before or first is None or last is None:
            return None
        return Override(first, last, periods, why, why_en)

    def _date(self, value: Any, at: str) -> date | None:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            if isinstance(value, str) and len(value) == len("2026-12-31"):
                return date.fromisoformat(value)
        except ValueError:
            pass
        self._wrong(at, f"must be a date such as 2026-12-31, and is {_shown(value)}")
        return None

    def _text(self, value: Any, at: str) -> str:
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value.strip()
        self._wrong(at, f"must be a line of text in quotes, and is {_shown(value)}")
        return ""

    def _only(self, data: Mapping[str, Any], known: tuple[str, ...], at: str) -> None:
        for key in data:
            if key not in known:
                self._wrong(f"{at}.{key}" if at else str(key), f"is not known here; known are {', '.join(known)}")

    def _wrong(self, at: str, words: str) -> None:
        self._problems.append(f"{self._place}.{at}: {words}" if at else f"{self._place}: {words}")


def _shown(value: Any) -> str:
    text = "missing" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
