"""For any schedule, zone and moment: the answer is true, its bounds are exact, and nobody is called at a wrong hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pbx_bridge.hours.days import day_of
from pbx_bridge.hours.night import may_call, next_call_time
from pbx_bridge.hours.opening import HORIZON_DAYS, opening
from pbx_bridge.hours.period import NIGHT, Period, span_of, zone_of
from pbx_bridge.hours.schedule import Schedule

from .clockwork import DAY, MINUTE, ZONES, desks, is_night, is_open, moments, periods_on, schedules

NEAR = 90
#: A busy machine is no reason to fail.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def minutes_between(begin: datetime, end: datetime) -> Iterator[datetime]:
    """Every minute near both bounds, and one in 37 of those between; `end` itself is not among them."""
    count = -int((begin - end) // MINUTE)
    for number in range(count):
        if number < NEAR or number >= count - NEAR or number % 37 == 0:
            yield end - MINUTE * (count - number) if number else begin


def starts_between(schedule: Schedule, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Every moment at which a period begins."""
    day = begin.date() - 2 * DAY
    while day <= end.date() + DAY:
        yield from (span.start for span in day_of(schedule, day).spans if begin <= span.start < end)
        day += DAY


@settings(CALM, max_examples=300)
@given(desks())
def test_the_answer_is_what_the_clock_on_the_wall_says(case: tuple[Schedule, datetime]) -> None:
    schedule, at = case
    assert opening(schedule, at).open == is_open(schedule, at)


@settings(CALM, max_examples=150)
@given(desks())
def test_until_is_the_first_closed_instant(case: tuple[Schedule, datetime]) -> None:
    schedule, at = case
    answer = opening(schedule, at)
    if not answer.open:
        assert answer.until is None
    elif answer.until is not None:
        assert not is_open(schedule, answer.until)
        assert not opening(schedule, answer.until).open
        assert all(is_open(schedule, each) for each in minutes_between(at, min(answer.until, at + 9 * DAY)))
        assert opening(schedule, answer.until - timedelta(microseconds=1)).until == answer.until


@settings(CALM, max_examples=150)
@given(desks())
def test_next_open_at_is_open_and_nothing_before_it_is(case: tuple[Schedule, datetime]) -> None:
    schedule, at = case
    answer = opening(schedule, at)
    begin = answer.until if answer.open else at
    if answer.next_open_at is None:
        assert begin is None or not any(periods_on(schedule, at.date() + DAY * n) for n in range(3, HORIZON_DAYS - 3))
        return
    assert begin is not None
    assert begin < answer.next_open_at
    assert is_open(schedule, answer.next_open_at)
    assert opening(schedule, answer.next_open_at).open
    closed = minutes_between(begin, min(answer.next_open_at, begin + 9 * DAY))
    assert not any(is_open(schedule, each) for each in closed)
    assert not any(is_open(schedule, each) for each in starts_between(schedule, begin, answer.next_open_at))
    assert not opening(schedule, answer.next_open_at - timedelta(microseconds=1)).open


@settings(CALM, max_examples=150)
@given(desks())
def test_every_moment_has_a_reason_in_both_languages_and_none_of_it_in_the_past(
    case: tuple[Schedule, datetime],
) -> None:
    schedule, at = case
    answer = opening(schedule, at)
    assert answer.why_ru
    assert answer.why_en.isascii()
    assert all(instant is None or instant > at for instant in (answer.until, answer.next_open_at))


@st.composite
def callbacks(draw: st.DrawFn) -> tuple[Schedule, str, datetime, Period]:
    home = draw(st.sampled_from(ZONES))
    at = draw(moments(home))
    begin = draw(st.integers(0, 1439))
    night = draw(st.just(NIGHT) | st.builds(Period, st.just(begin), st.integers(begin + 1, begin + 1440)))
    return draw(schedules(at.date(), draw(st.sampled_from(ZONES)))), home, at, night


@settings(CALM, max_examples=200)
@given(callbacks())
def test_nobody_is_called_out_of_hours_or_at_night_and_nobody_later_than_need_be(
    case: tuple[Schedule, str, datetime, Period],
) -> None:
    schedule, home, at, night = case
    found = next_call_time(schedule, home, at, night)
    end = found or at + 60 * DAY
    for each in {at, *starts_between(schedule, at, end), *ends_of_nights(home, night, at, end)} - {found}:
        assert not (is_open(schedule, each) and not is_night(home, night, each)), each
        assert not may_call(schedule, home, each, night)
    if found is not None:
        assert found >= at
        assert is_open(schedule, found)
        assert not is_night(home, night, found)


def ends_of_nights(zone: str, night: Period, begin: datetime, end: datetime) -> Iterator[datetime]:
    for number in range(-2, (end - begin).days + 3):
        span = span_of(night, begin.date() + DAY * number, zone_of(zone))
        if span and begin <= span.end < end:
            yield span.end
