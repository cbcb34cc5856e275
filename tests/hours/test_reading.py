"""What engineers write: what it comes to, and what they are told when it is wrong."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from pbx_bridge.hours.days import shortened
from pbx_bridge.hours.period import NotAPeriod, Period
from pbx_bridge.hours.reading import read
from pbx_bridge.hours.schedule import ALWAYS, DESK, BadSchedule, Observed, Override, Schedule

FULL = """
zone = "Asia/Kamchatka"
every_day = []
weekdays = ["14:00-20:00", "09:00-13:00"]
friday = ["22:00-06:00"]
holidays = ["10:00-16:00"]
days_off = ["11:00-12:00"]
shortened = []
[[override]]
from = 2026-12-31
to = "2027-01-02"
why = "переезд"
why_en = "we are moving"
[[override]]
from = 2026-02-01
periods = ["00:00-24:00"]
why = "выборы"
"""


def periods(*texts: str) -> tuple[Period, ...]:
    return tuple(map(Period.of, texts))


def test_everything_that_can_be_written_is_read() -> None:
    usual = periods("09:00-13:00", "14:00-20:00")
    assert read(tomllib.loads(FULL)) == Schedule(
        zone="Asia/Kamchatka",
        week=(usual, usual, usual, usual, periods("22:00-06:00"), (), ()),
        holidays=periods("10:00-16:00"),
        days_off=periods("11:00-12:00"),
        shortened=(),
        overrides=(
            Override(date(2026, 2, 1), date(2026, 2, 1), periods("00:00-24:00"), "выборы", "special hours"),
            Override(date(2026, 12, 31), date(2027, 1, 2), (), "переезд", "we are moving"),
        ),
    )


def test_the_default_desk_and_the_second_line_can_be_written() -> None:
    week = {"weekdays": ["09:00-20:00"], "weekends": ["10:00-18:00"], "holidays": ["10:00-16:00"]}
    assert read(week) == DESK
    assert hash(read(week)) == hash(DESK)
    assert read({"every_day": ["00:00-24:00"]}) == ALWAYS
    assert read({"every_day": ["00:00-24:00"], "calendar": "none"}).observed is Observed.NOBODY


@pytest.mark.parametrize(
    "text", ["09:00-20:00", "22:00-06:00", "00:00-24:00", "20:00-24:00", "23:59-00:01", "12:00-11:59"]
)
def test_a_period_is_written_as_it_is_read(text: str) -> None:
    assert str(Period.of(text)) == text


def test_an_end_at_midnight_may_be_written_both_ways() -> None:
    assert Period.of("20:00-00:00") == Period.of("20:00-24:00") == Period(1200, 1440)


@pytest.mark.parametrize(
    "text", ["9-20", "09:00", "09:00 - 20:00", "09:60-10:00", "24:00-06:00", "25:00-26:00", "٠٩:00-20:00"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(NotAPeriod):
        Period.of(text)


@pytest.mark.parametrize(
    ("wrong", "place", "words"),
    [
        ({"weekdays": ["9-20"]}, "hours.weekdays[1]", 'write it as "09:00-20:00"'),
        ({"weekdays": ["09:00-13:00", "09:00-09:00"]}, "hours.weekdays[2]", "is empty"),
        ({"weekdays": ["09:00-13:00", "12:00-20:00"]}, "hours.weekdays", "09:00-13:00 and 12:00-20:00 overlap"),
        ({"weekdays": "09:00-20:00"}, "hours.weekdays", "must be a list"),
        ({"weekdays": [900]}, "hours.weekdays[1]", '"900" is not a period'),
        (
            {"sunday": ["22:00-06:00"], "monday": ["05:00-09:00"]},
            "hours.sunday",
            "runs into 05:00-09:00 of the next day",
        ),
        ({"week_days": []}, "hours.week_days", "known are zone, calendar, every_day"),
        ({}, "hours", "names no day"),
        ({"zone": "+03:00"}, "hours.zone", '"Europe/Moscow"'),
        ({"zone": "localtime"}, "hours.zone", '"Europe/Moscow"'),
        ({"zone": 3}, "hours.zone", "must be a line of text"),
        ({"calendar": "fr"}, "hours.calendar", '"ru"'),
        ({"calendar": "none", "holidays": []}, "hours.holidays", 'set calendar = "ru"'),
        ({"holidays": ["10:00-16:00", "15:00-17:00"]}, "hours.holidays", "overlap"),
        ({"override": {"from": "2026-01-01"}}, "hours.override", "[[override]]"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_do(wrong: dict[str, Any], place: str, words: str) -> None:
    usual: dict[str, Any] = {} if not wrong else {"every_day": []}
    with pytest.raises(BadSchedule) as told:
        read(usual | wrong)
    (problem,) = told.value.problems
    assert problem.startswith(f"{place}: ")
    assert words in problem


@pytest.mark.parametrize(
    ("wrong", "place", "words"),
    [
        ({"from": "2026-02-30"}, "hours.override[1].from", '"2026-02-30"'),
        ({"from": None}, "hours.override[1].from", "missing"),
        ({"to": "2026-01-01"}, "hours.override[1]", "swap"),
        ({"why": ""}, "hours.override[1].why", "must be a line of text"),
        ({"why": "a\nb"}, "hours.override[1].why", "must be a line of text"),
        ({"until": "2026-03-01"}, "hours.override[1].until", "known are from, to"),
        ({"periods": ["22:00-22:00"]}, "hours.override[1].periods[1]", "is empty"),
        ({"periods": ["05:00-09:00", "22:00-06:00"], "to": "2026-02-02"}, "hours.override[1].periods", "runs into"),
    ],
)
def test_a_mistake_in_an_override_is_told_with_its_number(wrong: dict[str, Any], place: str, words: str) -> None:
    with pytest.raises(BadSchedule) as told:
        read({"every_day": [], "override": [{"from": "2026-02-01", "why": "ремонт"} | wrong]})
    (problem,) = told.value.problems
    assert problem.startswith(f"{place}: ")
    assert words in problem


def test_overrides_that_share_a_day_are_refused() -> None:
    both = [{"from": "2026-01-01", "to": "2026-01-08", "why": "а"}, {"from": "2026-01-08", "why": "б"}]
    with pytest.raises(BadSchedule, match="shares days with that of 2026-01-01 to 2026-01-08; split"):
        read({"every_day": [], "override": both})


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(BadSchedule) as told:
        read({"monday": ["x"], "holidays": 1, "colour": "red", "override": [{"from": 7}]}, "services.support.hours")
    assert len(told.value.problems) == 5
    assert all(problem.startswith("services.support.hours.") for problem in told.value.problems)


def test_a_schedule_that_is_not_sound_cannot_be_made_by_hand_either() -> None:
    with pytest.raises(BadSchedule, match="not in the order"):
        replace(DESK, holidays=periods("12:00-13:00", "09:00-10:00"))
    with pytest.raises(BadSchedule, match="one list of periods for each"):
        replace(DESK, week=((),))


@pytest.mark.parametrize(
    ("usual", "short"),
    [
        (["09:00-20:00"], ["09:00-19:00"]),
        (["09:00-13:00", "14:00-18:00"], ["09:00-13:00", "14:00-17:00"]),
        (["09:00-13:00", "14:00-14:40"], ["09:00-12:40"]),
        (["22:00-06:00"], ["22:00-05:00"]),
        (["09:00-10:00"], []),
        (["00:00-24:00"], ["00:00-24:00"]),
        (["00:00-12:00", "12:00-24:00"], ["00:00-12:00", "12:00-24:00"]),
    ],
)
def test_a_shortened_day_ends_an_hour_earlier_unless_it_never_ends(usual: list[str], short: list[str]) -> None:
    assert shortened(periods(*usual)) == periods(*short)
