"""What somebody in the queue is told."""

from __future__ import annotations

from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.line.estimate import PICK_UP_S, Estimate, Learned, Staff, Why, estimate

LEARNED = Learned.expecting(handle_s=200, patience_s=500)


def test_the_first_place_waits_for_one_talk_or_one_who_gives_up() -> None:
    told = estimate(1, Staff(agents=4), LEARNED)
    # 4 agents / 200 s + 1 / 500 s = 0.022 a second; one exponential time deviates by its own mean.
    assert told.likely_s == pytest.approx(1 / 0.022)
    # The telephone that rings in the end deviates too.
    assert told.at_most_s == pytest.approx(1 / 0.022 + 1.28 * hypot(1 / 0.022, PICK_UP_S))
    assert told.why is Why.CALLERS_AHEAD


def test_each_place_adds_a_shorter_time_because_more_may_give_up() -> None:
    told = estimate(2, Staff(agents=4), LEARNED)
    assert told.likely_s == pytest.approx(1 / 0.022 + 1 / 0.024)


def test_without_agents_nothing_is_promised() -> None:
    told = estimate(1, Staff(agents=0), LEARNED)
    assert told == Estimate(None, None, Why.NO_AGENTS)
    assert told.for_page is told.for_speech is None


def test_who_finds_an_agent_free_waits_until_the_telephone_has_been_picked_up() -> None:
    told = estimate(2, Staff(agents=4, free=2), LEARNED)
    assert (told.likely_s, told.why) == (PICK_UP_S, Why.AGENT_FREE)
    assert told.at_most_s == pytest.approx(2.28 * PICK_UP_S)
    assert told.for_page == (5, 15)


def test_nobody_is_promised_an_answer_in_no_time() -> None:
    told = estimate(1, Staff(agents=300), LEARNED)
    assert told.likely_s == PICK_UP_S
    assert told.why is Why.CALLERS_AHEAD


def test_nothing_below_what_is_known_is_promised() -> None:
    told = estimate(1, Staff(agents=4, not_before_s=300), LEARNED)
    assert told.likely_s == 300
    assert told.at_most_s is not None
    assert told.at_most_s > 300
    assert told.why is Why.NOT_BEFORE


def test_people_hear_full_minutes_and_read_steps_of_five_seconds_always_rounded_up() -> None:
    told = Estimate(61.0, 151.0, Why.CALLERS_AHEAD)
    assert told.for_page == (65, 155)
    assert told.for_speech == (2, 3)
    assert Estimate(0.0, 0.0, Why.AGENT_FREE).for_speech == (1, 1)


@given(st.integers(1, 80), st.integers(1, 50), st.floats(10, 2000), st.floats(10, 5000))
def test_a_later_place_is_never_promised_less(position: int, agents: int, handle_s: float, patience_s: float) -> None:
    learned = Learned.expecting(handle_s, patience_s)
    here, behind = (estimate(place, Staff(agents), learned) for place in (position, position + 1))
    for told in (here, behind):
        assert told.likely_s is not None
        assert told.at_most_s is not None
        assert told.likely_s <= told.at_most_s
    assert here.for_page is not None
    assert behind.for_page is not None
    assert here.likely_s <= behind.likely_s  # type: ignore[operator]
    assert here.for_page[1] <= behind.for_page[1]


def test_what_calls_teach_replaces_what_was_guessed() -> None:
    learned = LEARNED
    for _ in range(1000):
        learned = learned.handled(100)
    for _ in range(4000):
        learned = learned.left(50, abandoned=False).left(50, abandoned=True)
    assert learned.handle_s == pytest.approx(100, rel=0.01)
    assert learned.abandon_rate == pytest.approx(1 / 100, rel=0.02)


def test_one_call_changes_little() -> None:
    assert LEARNED.handled(2000).handle_s == pytest.approx(200, rel=1)
    assert LEARNED.left(0, abandoned=True).abandon_rate < 2 * LEARNED.abandon_rate


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_no_time_at_all_teaches_nothing(seconds: float) -> None:
    with pytest.raises(ValueError, match="no time"):
        LEARNED.handled(seconds)


def test_nobody_has_a_place_before_the_first() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        estimate(0, Staff(agents=1), LEARNED)
