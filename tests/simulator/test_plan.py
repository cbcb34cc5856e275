"""What a day may be made of."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import inf
from typing import Any

import pytest

from pbx_bridge.simulator.plan import BadPlan, midnight, read, staffing

SHIFT = {"agents": 10, "hours": "09:00-18:00"}


def agents_at(hour: int, shifts: list[Any], zone: str = "Europe/Moscow") -> int:
    at = datetime(2026, 11, 23, hour - 3, tzinfo=UTC)
    return [agents for since, agents in staffing(read({"shifts": shifts}), zone) if since <= at][-1]


def test_a_plan_needs_nothing_but_shifts() -> None:
    plan = read({"shifts": [SHIFT]})
    assert plan.callers.per_hour == (120.0,)
    assert plan.called.overnight == 0


def test_shifts_add_up_and_breaks_take_some_away() -> None:
    shifts = [SHIFT | {"breaks": [{"hours": "12:00-13:00", "agents": 4}]}, {"agents": 5, "hours": "11:00-20:00"}]
    assert [agents_at(hour, shifts) for hour in (9, 11, 12, 13, 18)] == [10, 15, 11, 15, 5]


def test_a_break_without_a_number_is_everybodys() -> None:
    assert agents_at(12, [SHIFT | {"breaks": [{"hours": "12:00-13:00"}]}]) == 0


def test_a_night_shift_of_the_evening_before_is_there_in_the_morning() -> None:
    assert agents_at(5, [{"agents": 3, "hours": "20:00-08:00"}]) == 3


def test_a_day_begins_with_the_desks_own_midnight() -> None:
    assert midnight(date(2026, 11, 23), "Asia/Kamchatka") == datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_patience_may_be_endless() -> None:
    assert read({"shifts": [SHIFT], "callers": {"patience_s": inf}}).callers.scale_s == inf


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"shift": []}, "shift: is not known here"),
        ({"shifts": [{"agents": -1, "hours": "09:00-18:00"}]}, "shifts.0.agents: input should be greater"),
        ({"shifts": [{"agents": 1, "hours": "9-18"}]}, 'shifts.0.hours: "9-18" is not a period'),
        ({"callers": {"per_hour": [1, 2, 3]}}, "write one, 24 (hours) or 48 (half hours)"),
        ({"callers": {"zones": {"Mars/Olympus": 1}}}, 'callers.zones.Mars/Olympus.[key]: "Mars/Olympus" is no zone'),
        ({"callers": {"zones": {"UTC": 0}}}, "gives nobody a home"),
        ({"called": {"answers": 0.8, "machines": 0.3}}, "together they are at most 1"),
        ({"runs": 0}, "runs: input should be greater"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_mistake_has_its_place_and_its_sentence(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(BadPlan) as told:
        read({"shifts": [SHIFT]} | wrong)
    assert [words in problem for problem in told.value.problems].count(True) == 1


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(BadPlan) as told:
        read({"runs": 0, "days": 0})
    assert {problem.split(":")[0] for problem in told.value.problems} == {"runs", "days", "shifts"}
