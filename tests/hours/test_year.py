"""Every minute of a year has an answer, and it costs next to nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import process_time

import pytest

from pbx_bridge.hours.opening import opening
from pbx_bridge.hours.schedule import ALWAYS, DESK, Schedule

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = 365 * 1440


@pytest.mark.parametrize("schedule", [DESK, ALWAYS])
def test_no_minute_of_the_year_is_without_an_answer(schedule: Schedule) -> None:
    at, minute = YEAR, timedelta(minutes=1)
    changes: list[bool] = []
    for _ in range(MINUTES):
        answer = opening(schedule, at)
        assert answer.why_ru
        assert answer.open or (answer.next_open_at is not None and answer.next_open_at > at)
        if not changes or changes[-1] != answer.open:
            changes.append(answer.open)
        at += minute
    assert len(changes) == (1 if schedule is ALWAYS else 2 * 365 + 1)


def test_an_answer_takes_less_than_fifty_microseconds_of_processor() -> None:
    best = min(_cost_s(day) for day in range(5))
    assert best < 50e-6


def _cost_s(day: int) -> float:
    """Of one answer, over a day, with the first one that has nothing to build on."""
    begin = datetime(2031, 1, 1, tzinfo=UTC) + timedelta(days=day)
    moments = [begin + timedelta(minutes=number) for number in range(1440)]
    started = process_time()
    for moment in moments:
        opening(DESK, moment)
    return (process_time() - started) / len(moments)
