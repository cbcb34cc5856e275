"""Stories of those who are called back: closed hours, later rounds, machines, and how a citizen moves or ends it."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.causes import Cause, Source
from pbx_bridge.call.commands import Dial, HangUp
from pbx_bridge.call.machine import deadline
from pbx_bridge.call.model import Opening, Reason, WhenFull, Why
from pbx_bridge.call.snapshot import snapshot
from tests.call.story import CLOSED_FOR_EVER, CLOSED_TILL_NOON, LINE_FULL, MORNING, Story, seconds

EVENING = MORNING + seconds(12 * 3600)
ASKED = Opening(False, EVENING, Why.ASKED, "Мы перезвоним в выбранное время.", "at the time you chose")


# ── from the closed door to an agent ─────────────────────────────────────────────────────────────────────
def test_who_asks_while_it_is_closed_is_called_when_it_opens_proves_to_be_there_and_is_served() -> None:
    story = Story.accepted(rounds=3).admitted(CLOSED_TILL_NOON)
    assert (story.state, story.call.reason) == ("scheduled", Reason(Why.CLOSED, "Ночь.", "night"))
    story.due().rings().answers(after=4).joins(after=9).offered_to("ann").talks_to("ann")
    assert story.call.callback
    assert story.agent_hangs_up().end == ("completed", "agent_hung_up")
    assert " ".join(story.path) == "requested scheduled dialing ringing answered queued offered talking ended"
    assert story.wishes == [Dial("pb.call_1.1", 0)]


def test_a_line_that_is_full_and_calls_nobody_back_says_so() -> None:
    assert Story.accepted(rounds=3).admitted(LINE_FULL).end == ("congestion", "queue_full")


def test_who_named_a_time_that_the_request_does_not_outlive_is_told_at_once() -> None:
    later = Opening(False, MORNING + seconds(7200), Why.ASKED)
    assert Story.accepted(keep_s=7200).admitted(later).end == ("expired", "callback_expired")
    assert Story.accepted(keep_s=7201).admitted(later).state == "scheduled"


# ── nobody is reached ────────────────────────────────────────────────────────────────────────────────────
def test_a_mailbox_is_told_by_its_silence_and_tried_again_after_pauses_that_rise_until_the_last() -> None:
    story = Story.dialling(rounds=3, pauses_s=(900, 3600))
    for pause, left in ((900, 2), (3600, 1), (3600, 0)):
        story.answers().machine_answers(after=40).leg_gone(q850=16)
        assert (story.state, story.call.rounds_left) == ("scheduled", left)
        assert story.call.reason == Reason(Why.RETRY)
        assert story.call.scheduled_for == story.call.not_before == story.now + seconds(pause)
        assert story.call.cause == Cause("machine", Source.NETWORK)
        story.due()
    story.answers().machine_answers().leg_gone(q850=16)
    assert story.end == ("machine", "machine")
    assert [wish.leg for wish in story.wishes if isinstance(wish, Dial)] == [f"pb.call_1.{n}" for n in (1, 2, 3, 4)]


def test_who_hangs_up_before_pressing_1_may_have_been_a_machine() -> None:
    assert Story.dialling(rounds=1).answers().hangs_up().state == "scheduled"
    story = Story.dialling(rounds=1).answers().leg_gone(q850=16)
    assert (story.state, story.call.cause and story.call.cause.slug) == ("scheduled", "machine")


def test_who_hangs_up_after_pressing_1_was_there_and_is_not_called_again() -> None:
    assert Story.dialling(rounds=1).answers().joins().hangs_up().end == ("abandoned", "hung_up_waiting")


def test_a_goodbye_that_overtakes_the_queues_word_is_not_taken_for_a_machines() -> None:
    story = Story.dialling(rounds=1).answers().says_goodbye()
    assert story.verdict == "machine"
    assert story.joins().verdict == "hung_up_waiting"
    assert story.leg_gone().end == ("abandoned", "hung_up_waiting")


def test_a_goodbye_that_overtakes_a_whole_talk_is_the_end_of_a_talk() -> None:
    story = Story.dialling(rounds=1).answers().says_goodbye().talks_to("ann").leg_gone()
    assert story.end == ("completed", "citizen_hung_up")


@pytest.mark.parametrize("slug", ["exchange_down", "dial_refused"])
def test_a_morning_without_asterisk_uses_up_one_attempt_and_not_the_callback(slug: str) -> None:
    story = Story.dialling(count=2, rounds=1)
    story.take(e.NotDialled(story.leg, Cause(slug, Source.SERVICE)))
    assert (story.state, story.call.rounds_left) == ("scheduled", 0)
    assert [type(wish) for wish in story.wishes] == [Dial]
    story.due().take(e.NotDialled(story.leg, Cause(slug, Source.SERVICE)))
    assert story.end == ("failed", slug)


@pytest.mark.parametrize("stage", range(5))
def test_asterisk_that_is_restarted_under_a_callback_costs_a_pause_and_not_the_callback(stage: int) -> None:
    story = Story.dialling(rounds=1, pauses_s=(900,))
    leg = story.leg
    life = (e.DeviceRang(leg), e.DeviceAnswered(leg), e.QueueJoined(leg, "support", 1), e.AgentRang(leg, "ann"))
    for fact in (*life[:stage], e.LegLost(leg)):
        story.take(fact)
    assert (story.state, story.call.scheduled_for) == ("scheduled", story.now + seconds(900))


def test_asterisk_that_is_restarted_during_the_talk_ends_the_call() -> None:
    story = Story.talking(rounds=1)
    story.take(e.LegLost(story.leg))
    assert story.end == ("lost", "asterisk_restarted")


def test_what_ended_while_nobody_watched_is_tried_again_later_but_on_no_other_device_now() -> None:
    story = Story.dialling(count=2, rounds=1)
    story.take(e.EndedUnseen(story.leg))
    assert story.state == "scheduled"
    assert len(story.wishes) == 1


def test_a_device_of_which_nothing_is_heard_is_hung_up_once_more_before_the_next_round() -> None:
    story = Story.dialling(rounds=1).time_passes().time_passes()
    assert (story.state, story.call.cause and story.call.cause.slug) == ("scheduled", "silent_device")
    assert story.wishes == [Dial("pb.call_1.1", 0), HangUp("pb.call_1.1"), HangUp("pb.call_1.1")]
    assert story.due().last_wish == Dial("pb.call_1.2", 0)


# ── later rounds ─────────────────────────────────────────────────────────────────────────────────────────
def test_a_callback_that_nobody_answered_comes_again_in_the_next_round() -> None:
    story = Story.dialling(rounds=1, pauses_s=(900,)).rings().leg_gone(480, 19, after=45)
    assert story.state == "scheduled"
    assert story.call.scheduled_for == story.now + seconds(900)
    assert story.call.cause
    assert story.call.cause.slug == "no_answer"
    assert story.call.leg is None
    story.due()
    assert (story.state, story.call.attempt) == ("dialing", 2)
    assert story.last_wish == Dial("pb.call_1.2", 0)


def test_after_the_last_round_the_call_ends_with_the_last_cause() -> None:
    story = Story.dialling(rounds=1).leg_gone(486, 17).due().rings().leg_gone(480, 19, after=45)
    assert story.end == ("no_answer", "no_answer")
    assert story.call.attempt == 2


def test_a_round_rings_every_device_before_the_next_one_begins() -> None:
    story = Story.dialling(count=2, rounds=1).leg_gone(486, 17)
    assert (story.state, story.call.device) == ("dialing", 1)
    story.leg_gone(404, 1)
    assert (story.state, story.call.rounds_left) == ("scheduled", 0)
    story.due()
    assert (story.call.attempt, story.call.device) == (3, 0)


def test_a_citizen_who_declined_a_callback_is_not_called_again() -> None:
    assert Story.dialling(rounds=3).rings().leg_gone(603, 21).end == ("rejected", "rejected")


def test_between_rounds_nothing_of_the_last_attempt_is_shown() -> None:
    story = Story.dialling(rounds=1).answers().machine_answers().leg_gone()
    call = story.call
    assert story.state == "scheduled"
    assert (call.leg, call.dialled_at, call.answered_at, call.limit_at, call.verdict) == (None,) * 5


def test_a_served_callback_shows_how_it_ended_and_not_why_an_earlier_attempt_failed() -> None:
    story = Story.dialling(rounds=1).leg_gone(486, 17).due().answers().joins().offered_to("ann").talks_to("ann")
    assert story.call.cause
    assert story.call.cause.slug == "busy"
    assert story.agent_hangs_up().end == ("completed", "agent_hung_up")


# ── moved, cancelled, put off ────────────────────────────────────────────────────────────────────────────
def test_a_citizen_moves_the_callback_and_its_attempts_count_anew() -> None:
    story = Story.dialling(rounds=2).leg_gone(486, 17).moved_to(EVENING, ASKED)
    call = story.call
    assert (call.state, call.scheduled_for, call.not_before, call.rounds_left) == ("scheduled", EVENING, EVENING, 2)
    assert call.reason == Reason(Why.ASKED, "Мы перезвоним в выбранное время.", "at the time you chose")
    assert story.news[-1] == "call.updated"
    assert story.due().call.dialled_at == EVENING


def test_a_wish_without_a_time_in_the_desks_hours_leaves_the_callback_where_it_is() -> None:
    story = Story.accepted().admitted(CLOSED_TILL_NOON).moved_to(EVENING, CLOSED_FOR_EVER)
    assert story.refused == ["there is no such time"]
    assert story.call.scheduled_for == CLOSED_TILL_NOON.next_open_at


def test_a_callback_that_already_rings_is_not_moved() -> None:
    story = Story.dialling(rounds=1).moved_to(EVENING, ASKED)
    assert (story.state, story.refused) == ("dialing", ["there is no move for MoveRequested"])


def test_other_hours_give_another_time_and_the_same_hours_none() -> None:
    story = Story.accepted().admitted(CLOSED_TILL_NOON)
    told = len(story.news)
    story.rescheduled(ASKED)
    assert (story.call.scheduled_for, len(story.news)) == (EVENING, told + 1)
    assert story.rescheduled(ASKED).refused == ["the time is known"]


def test_a_desk_that_never_opens_again_ends_the_callback_in_words() -> None:
    story = Story.accepted().admitted(CLOSED_TILL_NOON).rescheduled(CLOSED_FOR_EVER)
    assert story.end == ("expired", "callback_expired")


def test_a_citizen_cancels_the_callback_by_a_key() -> None:
    story = Story.dialling(rounds=3).answers().chooses(e.Choice.CANCEL)
    assert (story.state, story.verdict) == ("answered", "callback_cancelled")
    assert story.hangs_up().end == ("cancelled", "callback_cancelled")


def test_a_citizen_puts_the_callback_off_by_a_key() -> None:
    story = Story.dialling(rounds=3, later_s=1800).leg_gone(486, 17).due().answers().chooses(e.Choice.LATER).hangs_up()
    assert (story.state, story.call.rounds_left) == ("scheduled", 3)
    assert story.call.reason == Reason(Why.ASKED)
    assert story.call.scheduled_for == story.now + seconds(1800)
    assert story.due().state == "dialing"


def test_a_supervisor_cannot_bring_somebody_to_a_queue_who_may_be_a_mailbox() -> None:
    story = Story.dialling(rounds=1).answers().redirected("sales")
    assert story.refused == ["nobody has proved yet to be there"]
    assert story.joins().redirected("sales").state == "transferring"


def test_the_snapshot_says_when_and_why_somebody_will_be_called() -> None:
    story = Story.accepted().admitted(ASKED)
    picture = snapshot(story.call)
    assert picture["scheduled_for"] == "2026-01-12T18:00:00.000Z"
    assert picture["scheduled_because"] == {
        "slug": "asked",
        "words": "at the time you chose",
        "words_ru": "Мы перезвоним в выбранное время.",
    }
    assert picture["callback"] is False
    rung = snapshot(story.due().call)
    assert (rung["scheduled_for"], rung["scheduled_because"], rung["callback"]) == (None, None, True)


def test_the_wait_for_a_queue_leaves_time_for_what_is_said_after_it() -> None:
    waits = {then: Story.queued(queue_s=100, prompt_s=30, grace_s=10, then=then) for then in WhenFull}
    due = {then: deadline(story.call) for then, story in waits.items()}
    queued_at = waits[WhenFull.END].call.queued_at
    assert queued_at
    assert due[WhenFull.END] == queued_at + seconds(110)
    assert due[WhenFull.CALLBACK] == due[WhenFull.OVERFLOW] == queued_at + seconds(140)
