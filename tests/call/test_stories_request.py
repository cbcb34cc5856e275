"""Stories of the request: codes, hours, and ends before anything rang."""

from __future__ import annotations

from datetime import timedelta

from pbx_bridge.call import events as e
from pbx_bridge.call.commands import Dial, HangUp, SendCode
from pbx_bridge.call.machine import deadline
from pbx_bridge.call.model import Channel
from pbx_bridge.call.states import State
from tests.call.story import (
    BY_APP,
    BY_CLICK,
    BY_SMS,
    BY_VOICE,
    CLOSED_FOR_EVER,
    CLOSED_TILL_NOON,
    MORNING,
    Story,
    seconds,
)


def test_open_hours_ring_the_first_device_at_once() -> None:
    story = Story.accepted(count=2).admitted()
    assert story.state == "dialing"
    assert story.wishes == [Dial("pb.call_1.1", 0)]
    assert story.news == ["call.accepted", "call.state_changed"]


def test_closed_hours_schedule_the_call_for_the_next_opening_and_ring_nobody() -> None:
    story = Story.accepted().admitted(CLOSED_TILL_NOON)
    assert story.state == "scheduled"
    assert story.call.scheduled_for == MORNING + timedelta(hours=6)
    assert deadline(story.call) == story.call.scheduled_for
    assert story.wishes == []
    assert story.news[-1] == "call.scheduled"


def test_hours_that_never_open_again_end_the_call() -> None:
    assert Story.accepted().admitted(CLOSED_FOR_EVER).end == ("expired", "callback_expired")


def test_a_scheduled_call_rings_when_it_is_due() -> None:
    story = Story.accepted().admitted(CLOSED_TILL_NOON).due()
    assert story.state == "dialing"
    assert story.call.scheduled_for is None
    assert story.call.dialled_at == MORNING + timedelta(hours=6)
    assert story.last_wish == Dial("pb.call_1.1", 0)


def test_a_scheduled_call_that_is_aborted_is_over_at_once() -> None:
    story = Story.accepted().admitted(CLOSED_TILL_NOON).aborted()
    assert story.end == ("cancelled", "aborted")
    assert story.wishes == []
    assert story.call.scheduled_for is None


def test_a_scheduled_call_that_got_no_place_for_a_week_is_given_up() -> None:
    story = Story.accepted(keep_s=7 * 86400).admitted(CLOSED_TILL_NOON)
    story.now = MORNING + seconds(7 * 86400)
    story.take(e.TimeUp(State.SCHEDULED), 0)
    assert story.end == ("expired", "callback_expired")


def test_a_scheduled_call_that_waits_for_a_place_is_not_given_up_when_it_is_due() -> None:
    story = Story.accepted().admitted(CLOSED_TILL_NOON).time_passes()
    assert story.state == "scheduled"
    assert story.refused == ["its time is not up"]


def test_a_request_without_a_device_ends_with_a_hint() -> None:
    story = Story.dialling(count=0)
    assert story.end == ("failed", "no_device")
    assert story.wishes == []


def test_a_request_that_nobody_decides_about_expires() -> None:
    story = Story.accepted(start_s=60).time_passes()
    assert story.end == ("expired", "not_started")
    assert story.call.ended_at == MORNING + seconds(60)


def test_a_request_that_is_aborted_before_it_is_decided_never_rings() -> None:
    story = Story.accepted().aborted()
    assert story.end == ("cancelled", "aborted")
    assert story.admitted().wishes == []


# ── the code ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_call_that_needs_a_code_wishes_for_it_and_waits() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_sent()
    assert story.state == "awaiting_code"
    assert story.wishes == [SendCode(1)]


def test_a_confirmed_code_rings_the_device() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_sent().code_confirmed()
    assert story.state == "dialing"
    assert story.last_wish == Dial("pb.call_1.1", 0)


def test_a_confirmed_code_outside_the_hours_schedules_the_call() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_sent().code_confirmed(CLOSED_TILL_NOON)
    assert story.state == "scheduled"
    assert story.wishes == [SendCode(1)]


def test_a_citizen_who_is_quicker_than_the_senders_receipt_is_not_turned_away() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_confirmed()
    assert [str(state) for state in story.path] == ["requested", "awaiting_code", "dialing"]
    assert story.code_sent().refused == ["there is no move for CodeSent"]


def test_a_code_that_was_mistyped_three_times_denies_the_call() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_sent().mistyped().mistyped()
    assert story.state == "awaiting_code"
    assert story.call.confirmation
    assert story.call.confirmation.tries_left == 1
    story.mistyped()
    assert story.end == ("denied", "code_refused")
    assert Dial not in {type(wish) for wish in story.wishes}


def test_another_code_gives_no_more_tries() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_sent().mistyped().code_asked().code_sent(2).mistyped().mistyped()
    assert story.end == ("denied", "code_refused")


def test_a_code_that_was_wrong_before_the_receipt_costs_a_try_too() -> None:
    story = Story.accepted(confirmation=BY_SMS).mistyped()
    assert [str(state) for state in story.path] == ["requested", "awaiting_code"]
    assert story.call.confirmation
    assert story.call.confirmation.tries_left == 2


def test_another_code_lives_from_when_it_was_sent_and_the_first_receipt_comes_too_late() -> None:
    story = Story.accepted(confirmation=BY_SMS, code_s=300).code_sent().code_asked(after=200)
    assert story.wishes == [SendCode(1), SendCode(2)]
    assert story.code_sent(1).refused == ["a later code was asked for"]
    story.code_sent(2, after=10)
    assert deadline(story.call) == story.now + seconds(300)


def test_so_many_codes_and_no_more_are_sent_for_one_call() -> None:
    story = Story.accepted(confirmation=BY_SMS, codes=2).code_sent().code_asked().code_asked()
    assert story.refused == ["no more codes are sent for this call"]
    assert story.wishes == [SendCode(1), SendCode(2)]


def test_who_cannot_get_a_text_message_has_the_code_read_aloud() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_not_sent()
    assert story.state == "awaiting_code"
    assert story.call.confirmation
    assert story.call.confirmation.undelivered
    story.code_asked(Channel.VOICE).code_sent(2)
    assert story.last_wish == SendCode(2)
    assert not story.call.confirmation.undelivered or story.call.confirmation.channel is Channel.VOICE


def test_a_gateway_that_is_away_does_not_stop_the_citizen_from_asking_for_another_way() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_asked(Channel.VOICE)
    assert story.state == "requested"
    assert story.code_sent(2).state == "awaiting_code"


def test_the_telephone_that_reads_the_code_is_silent_before_the_call_itself_rings() -> None:
    story = Story.accepted(confirmation=BY_VOICE).code_sent().code_confirmed()
    assert story.wishes == [SendCode(1), HangUp("pb.call_1.c1"), Dial("pb.call_1.1", 0)]


def test_no_telephone_reads_a_code_for_a_call_that_is_over() -> None:
    def read_aloud() -> Story:
        return Story.accepted(confirmation=BY_VOICE).code_sent()

    for story in (read_aloud().aborted(), read_aloud().time_passes(), read_aloud().mistyped().mistyped().mistyped()):
        assert story.state == "ended"
        assert story.last_wish == HangUp("pb.call_1.c1")


def test_a_gateway_that_says_nothing_leaves_time_for_another_way_and_its_code_counts_even_when_late() -> None:
    story = Story.accepted(confirmation=BY_SMS, start_s=60, code_s=300).time_passes()
    assert story.state == "awaiting_code"
    assert story.call.confirmation
    assert story.call.confirmation.undelivered
    assert deadline(story.call) == MORNING + seconds(300)
    story.code_sent(after=100)
    assert not story.call.confirmation.undelivered
    assert story.code_confirmed().last_wish == Dial("pb.call_1.1", 0)


def test_a_code_that_never_got_out_expires() -> None:
    story = Story.accepted(confirmation=BY_SMS).time_passes().time_passes()
    assert story.end == ("expired", "code_expired")


def test_an_authenticator_app_needs_nothing_sent() -> None:
    story = Story.accepted(confirmation=BY_APP).code_sent()
    assert (story.state, story.wishes) == ("awaiting_code", [])
    assert story.code_confirmed().state == "dialing"


def test_who_changes_to_the_app_waits_for_no_receipt() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_asked(Channel.TOTP)
    assert (story.state, story.wishes) == ("awaiting_code", [SendCode(1)])


def test_where_the_portal_vouches_a_click_is_still_awaited() -> None:
    story = Story.accepted(confirmation=BY_CLICK).vouched()
    assert (story.state, story.wishes) == ("awaiting_code", [])
    assert story.code_confirmed().last_wish == Dial("pb.call_1.1", 0)


def test_a_click_that_nobody_makes_expires() -> None:
    assert Story.accepted(confirmation=BY_CLICK).vouched().time_passes().end == ("expired", "code_expired")


def test_nobody_vouches_where_a_code_is_asked_for_and_no_code_is_typed_where_somebody_vouches() -> None:
    assert Story.accepted(confirmation=BY_SMS).vouched().refused == ["a code is asked for"]
    assert Story.accepted(confirmation=BY_CLICK).vouched().mistyped().refused == ["no code is asked for"]
    assert Story.accepted(confirmation=BY_CLICK).code_asked().refused == ["no code is asked for"]


def test_nobody_is_let_in_past_the_second_step() -> None:
    for step in (BY_SMS, BY_VOICE, BY_APP, BY_CLICK):
        story = Story.accepted(confirmation=step).admitted()
        assert story.refused == ["the second step was not taken"]
        assert story.state == "requested"


def test_a_code_that_nobody_enters_expires() -> None:
    story = Story.accepted(confirmation=BY_SMS, code_s=300).code_sent(after=5).time_passes()
    assert story.end == ("expired", "code_expired")
    assert story.call.ended_at == MORNING + seconds(305)


def test_a_code_that_comes_after_the_end_opens_nothing() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_sent().time_passes().code_confirmed()
    assert story.end == ("expired", "code_expired")
    assert story.refused == ["there is no move for CodeConfirmed"]


def test_an_abort_while_the_code_is_awaited_is_the_end() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_sent().aborted()
    assert story.end == ("cancelled", "aborted")
    assert HangUp not in {type(wish) for wish in story.wishes}
