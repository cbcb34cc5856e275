"""Stories of those who would rather be called back than hold the line: by a key, or on the page."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.causes import Cause, Source
from pbx_bridge.call.commands import Dial, HangUp
from pbx_bridge.call.machine import deadline
from pbx_bridge.call.model import Reason, WhenFull, Why
from tests.call.story import Story, seconds

CALLBACK = e.Choice.CALLBACK
KEPT = Reason(Why.KEPT)


def waiting() -> Story:
    """Somebody in a queue that offers a callback."""
    return Story.accepted(then=WhenFull.CALLBACK, rounds=2).admitted().rings().answers().joins()


def called_back(story: Story) -> bool:
    """Whether the call waits for its turn, with all its attempts."""
    return story.call.reason == KEPT and story.call.scheduled_for is not None and story.call.rounds_left == 2


# ── by a key ─────────────────────────────────────────────────────────────────────────────────────────────
def test_who_presses_the_key_in_the_queue_is_spoken_to_and_called_back_in_turn() -> None:
    story = waiting().chooses(CALLBACK)
    assert (story.state, story.verdict, story.wishes) == ("queued", "callback_chosen", [Dial("pb.call_1.1", 0)])
    assert deadline(story.call) == story.now + seconds(60 + 10)
    story.hangs_up()
    assert called_back(story)
    assert story.call.scheduled_for == story.now
    assert story.call.cause == Cause("callback_chosen", Source.CITIZEN)
    assert story.call.place is None
    assert story.due().last_wish == Dial("pb.call_1.2", 0)


def test_the_queue_gives_up_offers_a_callback_and_it_is_chosen() -> None:
    assert called_back(waiting().queue_gives_up("TIMEOUT").chooses(CALLBACK).leg_gone())
    assert called_back(waiting().chooses(CALLBACK).leg_gone())


def test_the_queue_gives_up_and_nothing_is_chosen() -> None:
    assert waiting().queue_gives_up("TIMEOUT").leg_gone().end == ("queue_timeout", "queue_timeout")


def test_a_key_that_crosses_our_own_timer_counts() -> None:
    story = waiting().time_passes()
    assert story.verdict == "queue_timeout"
    assert called_back(story.chooses(CALLBACK).leg_gone())


def test_a_hang_up_in_the_middle_of_the_words_does_not_take_the_choice_back() -> None:
    assert called_back(waiting().chooses(CALLBACK).says_goodbye().leg_gone(q850=16))


def test_a_time_limit_that_passes_in_the_middle_of_the_words_does_not_take_the_choice_back() -> None:
    assert called_back(waiting().chooses(CALLBACK).limit_reached().leg_gone(q850=16))


def test_asterisk_that_is_restarted_after_the_choice_does_not_take_it_back() -> None:
    story = waiting().chooses(CALLBACK)
    story.take(e.LegLost(story.leg))
    assert called_back(story)


def test_a_choice_after_which_nothing_is_heard_is_kept_and_the_leg_is_hung_up_first() -> None:
    story = waiting().chooses(CALLBACK).time_passes()
    assert called_back(story)
    assert story.last_wish == HangUp("pb.call_1.1")
    assert story.due().last_wish == Dial("pb.call_1.2", 0)


def test_a_key_that_is_pressed_while_a_redirect_is_on_its_way_counts() -> None:
    story = waiting().redirected("sales").chooses(CALLBACK)
    assert (story.state, story.verdict) == ("transferring", "callback_chosen")
    assert called_back(story.joins("sales").leg_gone())


def test_who_chose_is_called_back_for_their_own_queue_and_not_for_another_one() -> None:
    story = waiting().joins("sales").chooses(CALLBACK).leg_gone().due()
    assert story.call.queue == "support"


def test_the_last_word_of_a_queue_after_the_choice_changes_nothing() -> None:
    assert called_back(waiting().chooses(CALLBACK).queue_gives_up("TIMEOUT").leg_gone())


def test_an_abort_takes_the_choices_place_and_stays() -> None:
    story = waiting().chooses(CALLBACK).aborted().chooses(CALLBACK)
    assert story.leg_gone().end == ("cancelled", "aborted")


def test_an_abort_before_the_choice_stays_too_even_when_the_queue_had_given_up() -> None:
    story = waiting().queue_gives_up("TIMEOUT").aborted().chooses(CALLBACK)
    assert story.leg_gone().end == ("cancelled", "aborted")


# ── on the page ──────────────────────────────────────────────────────────────────────────────────────────
def test_who_chooses_on_the_page_is_hung_up_and_called_back() -> None:
    story = waiting().keeps_place()
    assert (story.state, story.last_wish) == ("queued", HangUp("pb.call_1.1"))
    assert called_back(story.leg_gone())
    assert story.call.cause == Cause("callback_chosen", Source.PORTAL)


def test_a_second_click_changes_nothing() -> None:
    story = waiting().keeps_place().keeps_place()
    assert (story.refused, len(story.wishes)) == (["it is ending"], 2)


@pytest.mark.parametrize("agent_first", [True, False])
def test_an_agent_who_answers_at_the_moment_of_the_click_either_talks_or_is_cut_off(agent_first: bool) -> None:
    story = waiting().offered_to("ann")
    if agent_first:
        story.talks_to("ann").keeps_place()
        assert story.refused == ["there is no move for CallbackRequested"]
        assert story.agent_hangs_up().end == ("completed", "agent_hung_up")
    else:
        story.keeps_place().talks_to("ann")
        assert (story.state, story.verdict) == ("talking", "callback_chosen")
        story.agent_leaves("ann", "caller").leg_gone()
        assert called_back(story)
        assert story.call.agent is None


def test_who_has_just_hung_up_has_not_chosen_anything_any_more() -> None:
    story = waiting().says_goodbye().keeps_place()
    assert story.refused == ["it is ending"]
    assert story.leg_gone().end == ("abandoned", "hung_up_waiting")
