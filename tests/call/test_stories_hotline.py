"""Stories of those who dial the public number."""

from __future__ import annotations

from pbx_bridge.call import events as e
from pbx_bridge.call.commands import Dial
from pbx_bridge.call.machine import deadline
from pbx_bridge.call.model import Prove, Reason, WhenFull, Why
from pbx_bridge.call.snapshot import snapshot
from tests.call.story import MORNING, Story, seconds

CALLBACK = e.Choice.CALLBACK


def came_in(count: int = 1, rounds: int = 2) -> Story:
    """Somebody dialled in, and the service calls back."""
    return Story.came_in(count=count, rounds=rounds, then=WhenFull.CALLBACK)


def test_who_dials_in_waits_talks_and_is_told_of_like_anybody_else() -> None:
    story = came_in().joins().offered_to("ann").talks_to("ann").agent_hangs_up()
    assert story.end == ("completed", "agent_hung_up")
    assert " ".join(story.path) == "answered queued offered talking ended"
    assert story.wishes == []
    assert story.call.revision == len(story.news) == 5
    picture = snapshot(story.call)
    assert (picture["direction"], picture["callback"], picture["attempt"]) == ("inbound", False, 1)


def test_who_dials_in_is_asked_for_no_proof() -> None:
    for prove in Prove:
        assert Story.came_in(prove=prove).hangs_up().end == ("abandoned", "hung_up_waiting"), prove


def test_the_words_before_the_queue_have_their_time() -> None:
    story = came_in()
    assert deadline(story.call) == MORNING + seconds(60 + 10)
    assert story.time_passes().verdict == "stuck"


def test_who_dials_in_while_it_is_closed_chooses_to_be_called_back_and_then_proves_to_be_there() -> None:
    story = came_in().chooses(CALLBACK, after=20).hangs_up()
    assert (story.state, story.call.reason, story.call.rounds_left) == ("scheduled", Reason(Why.KEPT), 2)
    story.due()
    assert story.last_wish == Dial("pb.call_h1x1.2", 0)
    assert story.answers().hangs_up().state == "scheduled"
    story.due().answers().joins().offered_to("ann").talks_to("ann").agent_hangs_up()
    assert story.end == ("completed", "agent_hung_up")
    assert snapshot(story.call)["direction"] == "inbound"


def test_who_dials_in_while_it_is_closed_and_chooses_nothing_is_told_why() -> None:
    assert came_in().queue_gives_up("CLOSED").leg_gone().end == ("queue_timeout", "desk_closed")


def test_whose_number_is_not_shown_cannot_be_called_back_and_is_not_promised_it() -> None:
    story = came_in(count=0).chooses(CALLBACK)
    assert story.verdict == "no_device"
    assert story.hangs_up().end == ("failed", "no_device")
    page = came_in(count=0).joins().keeps_place()
    assert page.refused == ["there is no device to call back"]


def test_a_caller_whose_call_is_lost_with_asterisk_is_not_rung_unasked() -> None:
    story = came_in().joins()
    story.take(e.LegLost(story.leg))
    assert story.end == ("lost", "asterisk_restarted")
    assert story.wishes == []


def test_a_queue_that_is_heard_first_is_no_hindrance() -> None:
    story = came_in().talks_to("ann")
    assert " ".join(story.path) == "answered queued offered talking"
