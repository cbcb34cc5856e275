"""Which callbacks ring now, and which wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.line.pacing import Desk, Rules, Waiting, again, drained_in_s, due, expected_free, priority, room

NOON = datetime(2026, 1, 12, 12, 0, tzinfo=UTC)
RULES = Rules()


def asked(minutes_ago: int, name: str | None = None, attempts: int = 0) -> Waiting:
    at = NOON - timedelta(minutes=minutes_ago)
    return Waiting(name or f"asked-{minutes_ago}", at, at, attempts)


BACKLOG = [asked(minutes) for minutes in (5, 30, 10, 20)]


def test_as_many_ring_as_agents_are_free_or_soon_will_be_the_oldest_request_first() -> None:
    assert due(BACKLOG, Desk(NOON, free=1, expected=1), RULES) == ("asked-30", "asked-20")


def test_those_who_ring_already_count() -> None:
    assert due(BACKLOG, Desk(NOON, free=1, expected=1, ringing=1), RULES) == ("asked-30",)
    assert due(BACKLOG, Desk(NOON, free=1, expected=1, ringing=2), RULES) == ()


def test_agents_whom_live_callers_will_take_ring_nobody() -> None:
    assert due(BACKLOG, Desk(NOON, free=2, expected=1, live=1, coming=0.5), RULES) == ("asked-30",)
    assert due(BACKLOG, Desk(NOON, free=2, expected=1, live=3), RULES) == ()


def test_no_callback_starts_while_a_live_caller_starves() -> None:
    desk = Desk(NOON, free=9, expected=9, live=1, longest_wait_s=60)
    assert due(BACKLOG, desk, RULES) == ()
    assert due(BACKLOG, desk, replace(RULES, least=1)) == ()


def test_a_desk_that_is_overrun_still_calls_back_where_the_rules_ask_for_it() -> None:
    desk = Desk(NOON, free=0, expected=2, live=8, longest_wait_s=20)
    assert due(BACKLOG, desk, replace(RULES, least=1)) == ("asked-30",)
    assert due(BACKLOG, replace(desk, ringing=1), replace(RULES, least=1)) == ()
    assert due(BACKLOG, replace(desk, expected=0), replace(RULES, least=1)) == ()


def test_where_nobody_is_ever_free_every_tenth_agent_who_becomes_free_is_for_a_callback() -> None:
    """An overrun desk: all talk, live callers have starved for hours, and nobody is expected within seconds."""
    desk = Desk(NOON, free=0, expected=0, live=80, longest_wait_s=600, freed=10)
    assert due(BACKLOG, desk, replace(RULES, least=1)) == ("asked-30",)
    assert due(BACKLOG, replace(desk, freed=9.9), replace(RULES, least=1)) == ()
    assert due(BACKLOG, replace(desk, ringing=1), replace(RULES, least=1)) == ()
    assert due(BACKLOG, desk, RULES) == ()
    assert due(BACKLOG, replace(desk, live=0), replace(RULES, least=1)) == ()


def test_whoever_is_called_back_goes_before_live_callers_of_the_same_service() -> None:
    assert priority(2, called_back=True) > priority(2, called_back=False) == 2


def test_before_its_time_and_after_its_last_attempt_a_callback_does_not_ring() -> None:
    later = replace(asked(60), not_before=NOON + timedelta(seconds=1))
    assert due([later, asked(50, attempts=4), asked(40)], Desk(NOON, 9, 0), RULES) == ("asked-40",)
    assert due([later], Desk(NOON + timedelta(seconds=1), 9, 0), RULES) == ("asked-60",)


def test_pauses_rise_and_then_it_is_over() -> None:
    pauses = [again(asked(0, attempts=made), NOON, RULES) for made in (1, 2, 3, 4)]
    assert pauses == [NOON + timedelta(minutes=15), NOON + timedelta(hours=1), NOON + timedelta(hours=4), None]
    patient = replace(RULES, attempts=9)
    assert again(asked(0, attempts=7), NOON, patient) == NOON + timedelta(hours=4)


def test_agents_expected_free_are_rounded_down() -> None:
    assert expected_free(20, handle_s=180, horizon_s=30) == 3
    assert expected_free(2, handle_s=180, horizon_s=30) == 0


def test_a_backlog_takes_longer_when_few_answer() -> None:
    assert drained_in_s(5000, 20, 180, 1.0, 25) == 250 * 180
    assert drained_in_s(5000, 20, 180, 0.5, 25) == pytest.approx(250 * 205)
    assert drained_in_s(5000, 0, 180, 1.0, 25) is None


_desks = st.builds(
    Desk,
    at=st.just(NOON),
    free=st.integers(0, 9),
    expected=st.integers(0, 9),
    live=st.integers(0, 9),
    coming=st.floats(0, 5),
    longest_wait_s=st.floats(0, 90),
    ringing=st.integers(0, 9),
)
_backlogs = st.lists(st.integers(-60, 300), unique=True, max_size=30).map(lambda all_: [asked(each) for each in all_])


@given(_backlogs, _desks, st.integers(0, 3))
def test_never_more_ring_than_agents_free_or_expected_and_nobody_overtakes(
    backlog: list[Waiting], desk: Desk, least: int
) -> None:
    rules = replace(RULES, least=least)
    started = due(backlog, desk, rules)
    if started:
        assert desk.ringing + len(started) <= desk.free + desk.expected
    ready = sorted((each for each in backlog if each.not_before <= NOON), key=lambda each: each.asked_at)
    assert started == tuple(each.id for each in ready)[: room(desk, rules)]
    assert started == due(backlog[::-1], desk, rules)
