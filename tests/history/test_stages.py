"""Stages and sums of calls that happened: nothing overlaps, nothing is missing, and who did it is said."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings

from pbx_bridge.call import events as e
from pbx_bridge.call.causes import REASONS
from pbx_bridge.call.model import Opening, Why
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.call.states import Outcome, State
from pbx_bridge.history import Told, durations, stages, status
from pbx_bridge.history.status import NEXT_EN, OUTCOMES, STATES

from ..rooms.ledger_calls import lives
from .stories import NOON, OPEN, Story, talked

LATER = NOON + timedelta(days=900)


def told(story: Story) -> list[tuple[str, float, str]]:
    return [(stage.state.value, stage.lasted(LATER), stage.by) for stage in stages(story.told)]


def test_a_good_call_is_told_stage_by_stage() -> None:
    assert told(talked()) == [
        ("requested", 0.5, "portal"),
        ("dialing", 1.5, "service"),
        ("ringing", 8, "device"),
        ("answered", 0.5, "citizen"),
        ("queued", 29.5, "queue"),
        ("offered", 10, "queue"),
        ("queued", 2, "agent"),
        ("offered", 8, "queue"),
        ("talking", 30, "agent"),
        ("on_hold", 10, "agent"),
        ("talking", 80.25, "agent"),
        ("ended", 0, "agent"),
    ]


def test_its_sums_are_ring_wait_talk_and_hold() -> None:
    sums = durations(stages(talked().told), LATER)
    assert (sums.ring, sums.wait, sums.talk, sums.hold, sums.whole) == (8, 49.5, 120.25, 10, 180.25)


def test_moves_in_the_queue_make_no_stage() -> None:
    story = talked()
    assert [each.type for each in story.told].count("call.queue_updated") == 2
    assert len(stages(story.told)) == 12


def test_agents_who_talk_and_whose_telephones_ring_are_named() -> None:
    named = [(stage.state.value, stage.agents) for stage in stages(talked().told) if stage.agents]
    assert named == [
        ("offered", ("ann",)),
        ("offered", ("bob",)),
        ("talking", ("bob",)),
        ("on_hold", ("bob",)),
        ("talking", ("bob",)),
    ]


def test_what_goes_on_counts_up_to_now() -> None:
    story = Story().then(1, e.Admitted, opening=OPEN).then(2, e.DeviceRang)
    last = stages(story.told)[-1]
    assert (last.state, last.until) == (State.RINGING, None)
    assert durations(stages(story.told), NOON + timedelta(seconds=9)).ring == 7


def test_a_clock_that_went_back_makes_no_negative_time() -> None:
    story = Story().then(1, e.Admitted, opening=OPEN)
    assert stages(story.told)[-1].lasted(NOON) == 0


@pytest.mark.parametrize(("why", "by"), [(Why.CLOSED, "service"), (Why.KEPT, "citizen"), (Why.ASKED, "citizen")])
def test_who_put_a_call_off_is_said(why: Why, by: str) -> None:
    story = Story(rounds=1).then(1, e.Admitted, opening=Opening(False, NOON + timedelta(hours=15), why))
    assert told(story)[-1][::2] == ("scheduled", by)


def test_a_call_that_came_in_was_begun_by_its_citizen() -> None:
    assert told(Story(inbound=True))[0][2] == "citizen"


@settings(max_examples=60, deadline=None)
@given(lives())
def test_the_stages_of_any_call_follow_each_other_without_gap(steps: list) -> None:  # type: ignore[type-arg]
    at = steps[0].call.accepted_at
    story = []
    for number, step in enumerate(step for step in steps if step.news):
        when = at + timedelta(seconds=number)
        story.append(Told(step.call.revision, step.news or "", when, snapshot(step.call)))
    found = stages(story)
    assert found[0].since == story[0].at
    for stage, after in pairwise(found):
        assert stage.until == after.since
    assert (found[-1].until is None) is (found[-1].state is not State.ENDED)
    assert durations(found, story[-1].at).whole == (story[-1].at - story[0].at).total_seconds()
    assert {stage.state for stage in found} == {State(each.state) for each in story}


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────
def test_every_state_outcome_and_next_step_has_words_in_both_languages() -> None:
    assert set(STATES) == set(State)
    assert set(OUTCOMES) == set(Outcome)
    assert {reason.next_ru for reason in REASONS.values()} <= set(NEXT_EN)


def test_an_ended_call_says_why_and_what_to_do() -> None:
    story = Story().then(1, e.Admitted, opening=OPEN).then(2, e.DeviceRang).then(9, e.DeviceGone, sip=486, q850=17)
    said = status(story.told[-1].call)
    assert said.short == OUTCOMES[Outcome.BUSY]
    assert said.why == ("the device is busy", "Ваш телефон занят.")
    assert said.next == ("End your present talk and try again.", "Завершите текущий разговор и повторите.")


def test_a_scheduled_call_says_why_it_waits() -> None:
    opening = Opening(False, NOON + timedelta(hours=15), Why.CLOSED, "закрыто до утра", "closed until morning")
    said = status(Story(rounds=1).then(1, e.Admitted, opening=opening).told[-1].call)
    assert said.why == ("closed until morning", "закрыто до утра")
    assert said.next.ru == "Дождитесь нашего звонка."
