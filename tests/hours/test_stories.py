"""The default desk through a year, with dates everybody in Moscow knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from pbx_bridge.hours.opening import Answer, OutOfReach, opening
from pbx_bridge.hours.period import Period
from pbx_bridge.hours.schedule import ALWAYS, DESK, Override, Schedule

MOSCOW = ZoneInfo("Europe/Moscow")


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW)


def ask(text: str, schedule: Schedule = DESK) -> Answer:
    return opening(schedule, moscow(text))


def opens(answer: Answer) -> str:
    assert answer.next_open_at is not None
    return f"{answer.next_open_at.astimezone(MOSCOW):%d.%m %H:%M}"


def closes(answer: Answer) -> str:
    assert answer.until is not None
    return f"{answer.until.astimezone(MOSCOW):%d.%m %H:%M}"


@pytest.mark.parametrize(
    ("day", "begin", "end", "why"),
    [
        ("2026-07-01", "09:00", "20:00", "рабочий день"),
        ("2026-07-04", "10:00", "18:00", "выходной"),
        ("2026-06-12", "10:00", "16:00", "праздничный день (День России)"),
        ("2026-05-09", "10:00", "16:00", "праздничный день (День Победы)"),  # a Saturday, but a holiday first
        ("2026-01-05", "10:00", "16:00", "праздничный день (Новогодние каникулы)"),
        ("2026-04-30", "09:00", "19:00", "сокращённый рабочий день"),
        ("2026-01-09", "10:00", "18:00", "выходной, перенесённый с 3 января"),
        ("2026-03-09", "10:00", "18:00", "выходной, перенесённый с 8 марта"),
        ("2024-04-27", "09:00", "20:00", "рабочая суббота"),
        ("2024-11-02", "09:00", "19:00", "рабочая суббота, сокращённый день"),
    ],
)
def test_a_day_at_the_desk(day: str, begin: str, end: str, why: str) -> None:
    before = ask(f"{day} 08:30")
    assert not before.open
    assert opens(before) == f"{date.fromisoformat(day):%d.%m} {begin}"
    first = ask(f"{day} {begin}")
    assert (first.open, first.why_ru) == (True, why)
    assert closes(first) == f"{date.fromisoformat(day):%d.%m} {end}"
    assert not ask(f"{day} {end}").open


def test_new_year_at_the_desk() -> None:
    party = ask("2026-12-31 23:59")
    assert (party.open, party.why_ru, opens(party)) == (False, "ночь", "01.01 10:00")
    morning = ask("2027-01-01 09:00")
    assert morning.why_ru == "праздничный день (Новогодние каникулы)"
    assert morning.why_en == "public holiday (New Year Holidays)"
    assert ask("2027-01-01 10:00").open
    assert opens(ask("2027-01-01 16:00")) == "02.01 10:00"


@pytest.mark.parametrize(
    ("moment", "ru", "en"),
    [
        ("2026-07-01 07:59", "ночь", "night"),
        ("2026-07-01 08:00", "рабочий день ещё не начался", "the working day has not begun"),
        ("2026-07-01 20:00", "рабочий день окончен", "the working day is over"),
        ("2026-07-01 22:00", "ночь", "night"),
        ("2026-07-04 18:30", "выходной", "weekend"),
        ("2026-06-12 16:00", "праздничный день (День России)", "public holiday (Russia Day)"),
        ("2026-04-30 19:30", "сокращённый рабочий день", "shortened working day"),
        ("2026-01-09 18:00", "выходной, перенесённый с 3 января", "day off moved from 3 January"),
    ],
)
def test_why_it_is_closed(moment: str, ru: str, en: str) -> None:
    answer = ask(moment)
    assert (answer.open, answer.why_ru, answer.why_en) == (False, ru, en)


def test_a_desk_that_shuts_on_fridays_for_lunch_and_on_weekends() -> None:
    split = Schedule(
        "Europe/Moscow", (DESK.week[0],) * 4 + ((Period.of("09:00-13:00"), Period.of("14:00-18:00")), (), ())
    )
    assert (ask("2026-07-03 13:10", split).why_ru, opens(ask("2026-07-03 13:10", split))) == ("перерыв", "03.07 14:00")
    assert (ask("2026-07-04 12:00", split).why_ru, opens(ask("2026-07-04 12:00", split))) == ("выходной", "06.07 09:00")
    assert (ask("2026-07-03 23:59", split).why_ru, ask("2026-07-04 00:00", split).why_ru) == ("ночь", "выходной")
    idle = replace(split, week=((), *split.week[1:]))
    assert ask("2026-07-06 12:00", idle).why_ru == "в этот день не работаем"


MOVE = Override(date(2026, 7, 6), date(2026, 7, 8), (Period.of("12:00-15:00"),), "переезд", "we are moving")


def test_an_override_wins_and_ends_by_itself() -> None:
    moving = replace(DESK, overrides=(MOVE,))
    assert ask("2026-07-06 10:00").open
    morning = ask("2026-07-06 10:00", moving)
    assert (morning.open, morning.why_ru, morning.why_en, opens(morning)) == (
        (False, "переезд", "we are moving", "06.07 12:00")
    )
    assert (ask("2026-07-08 14:00", moving).open, closes(ask("2026-07-08 14:00", moving))) == (True, "08.07 15:00")
    assert opens(ask("2026-07-08 15:00", moving)) == "09.07 09:00"
    assert ask("2026-07-09 10:00", moving) == ask("2026-07-09 10:00")


def test_an_override_wins_over_a_public_holiday() -> None:
    busy = Override(date(2026, 1, 7), date(2026, 1, 7), (Period.of("08:00-22:00"),), "выборы", "election")
    assert ask("2026-01-07 20:00", replace(DESK, overrides=(busy,))).open


def test_a_closed_date_is_closed_from_its_midnight_even_for_the_night_shift_of_the_day_before() -> None:
    shift = Schedule("Europe/Moscow", ((Period.of("22:00-06:00"),),) * 7)
    shut = replace(shift, overrides=(replace(MOVE, last=MOVE.first, periods=()),))
    assert closes(ask("2026-07-05 23:00", shift)) == "06.07 06:00"
    assert closes(ask("2026-07-06 05:59", shift)) == "06.07 06:00"
    assert closes(ask("2026-07-05 23:00", shut)) == "06.07 00:00"
    assert opens(ask("2026-07-06 03:00", shut)) == "07.07 22:00"


def test_a_night_shift_inside_one_override_is_not_cut_at_midnight() -> None:
    nights = replace(DESK, overrides=(replace(MOVE, periods=(Period.of("22:00-02:00"),)),))
    assert closes(ask("2026-07-06 23:00", nights)) == "07.07 02:00"
    assert closes(ask("2026-07-08 23:00", nights)) == "09.07 02:00"


def test_the_second_line_never_closes_not_even_on_a_shortened_day() -> None:
    for moment in ("2026-01-01 00:00", "2026-04-30 23:30", "2026-12-31 23:59"):
        answer = ask(moment, ALWAYS)
        assert (answer.open, answer.until, answer.why_ru, answer.why_en) == (
            True,
            None,
            "круглосуточно",
            "round the clock",
        )


def test_the_second_line_with_one_closed_day_says_until_when_and_from_when() -> None:
    shut = replace(ALWAYS, overrides=(replace(MOVE, periods=()),))
    assert (closes(ask("2026-06-01 12:00", shut)), opens(ask("2026-06-01 12:00", shut))) == (
        "06.07 00:00",
        "09.07 00:00",
    )
    assert ask("2026-07-07 12:00", shut).why_ru == "переезд"
    assert ask("2026-07-09 00:00", shut).until is None


def test_a_desk_without_hours_says_that_it_does_not_open() -> None:
    never = Schedule("Europe/Moscow", ((),) * 7)
    assert (ask("2026-07-01 12:00", never).open, ask("2026-07-01 12:00", never).next_open_at) == (False, None)


@pytest.mark.parametrize("at", [datetime(2026, 1, 1), moscow("0001-01-01"), moscow("9999-12-31")])  # noqa: DTZ001
def test_a_moment_without_a_zone_or_a_calendar_is_refused(at: datetime) -> None:
    with pytest.raises(OutOfReach):
        opening(DESK, at)
