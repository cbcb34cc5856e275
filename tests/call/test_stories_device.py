"""Stories of the citizen's device: how an attempt fails, and what is tried next."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.causes import Cause, Source, from_codes
from pbx_bridge.call.commands import Dial, HangUp
from pbx_bridge.call.machine import deadline
from tests.call.story import MORNING, Story, seconds


def test_the_citizen_is_busy() -> None:
    story = Story.dialling().leg_gone(486, 17)
    assert story.end == ("busy", "busy")
    assert story.call.cause == Cause("busy", Source.NETWORK, 486, 17)
    assert story.news == ["call.accepted", "call.state_changed", "call.ended"]


def test_the_citizen_declines() -> None:
    assert Story.dialling().rings().leg_gone(603, 21).end == ("rejected", "rejected")


def test_the_citizen_does_not_answer_until_asterisk_gives_up() -> None:
    story = Story.dialling(ring_s=45).rings(after=2).leg_gone(480, 19, after=43)
    assert story.end == ("no_answer", "no_answer")
    assert story.call.cause == Cause("no_answer", Source.TIMER, None, 19)


def test_the_operator_gives_up_first_on_a_phone_that_rings() -> None:
    story = Story.dialling(ring_s=45).rings(after=2).leg_gone(480, 19, after=28)
    assert story.end == ("no_answer", "no_answer")
    assert story.call.cause == Cause("no_answer", Source.NETWORK, 480, 19)


def test_the_operator_says_that_the_phone_is_switched_off() -> None:
    assert Story.dialling().leg_gone(480, 19, after=3).end == ("unreachable", "unavailable")


def test_the_network_never_answers() -> None:
    assert Story.dialling(ring_s=45).leg_gone(480, 19, after=45).end == ("unreachable", "silent_device")


def test_another_word_than_480_is_the_networks_own_even_at_the_last_second() -> None:
    assert Story.dialling(ring_s=45).rings().leg_gone(486, 17, after=60).end == ("busy", "busy")


def test_the_number_does_not_exist() -> None:
    assert Story.dialling().leg_gone(404, 1).end == ("invalid_number", "unknown_number")


def test_the_trunk_is_congested() -> None:
    assert Story.dialling().leg_gone(503, 34).end == ("congestion", "congestion")


def test_the_endpoint_is_unknown_or_the_trunk_is_down_and_no_leg_came_to_be() -> None:
    story = Story.dialling()
    story.take(e.NotDialled(story.leg, Cause("trunk_down", Source.NETWORK)))
    assert story.end == ("congestion", "trunk_down")


def test_the_next_device_rings_when_the_first_has_no_endpoint() -> None:
    story = Story.dialling(count=2)
    story.take(e.NotDialled(story.leg, Cause("no_endpoint", Source.SERVICE)))
    assert story.wishes == [Dial("pb.call_1.1", 0), Dial("pb.call_1.2", 1)]
    assert story.call.cause == Cause("no_endpoint", Source.SERVICE)


def test_what_asterisk_refuses_altogether_is_not_tried_on_another_device() -> None:
    story = Story.dialling(count=2)
    story.take(e.NotDialled(story.leg, Cause("dial_refused", Source.SERVICE)))
    assert story.end == ("failed", "dial_refused")


def test_without_asterisk_no_second_device_is_tried_but_a_later_round_may() -> None:
    down = Cause("exchange_down", Source.SERVICE)
    story = Story.dialling(count=2)
    story.take(e.NotDialled(story.leg, down))
    assert story.end == ("failed", "exchange_down")
    later = Story.dialling(count=2, rounds=1)
    later.take(e.NotDialled(later.leg, down))
    assert (later.state, later.call.cause) == ("scheduled", down)


@pytest.mark.parametrize("sip", [486, 404, 480, 503, 408, 403, 488])
def test_after_a_failure_the_next_device_rings(sip: int) -> None:
    story = Story.dialling(count=2).leg_gone(sip)
    assert (story.state, story.call.attempt, story.call.device) == ("dialing", 2, 1)
    assert story.last_wish == Dial("pb.call_1.2", 1)
    assert story.news[-1] == "call.state_changed"
    assert story.call.dialled_at == story.call.state_since == story.now


def test_after_a_decline_no_other_device_rings() -> None:
    story = Story.dialling(count=3).rings().leg_gone(603, 21)
    assert story.end == ("rejected", "rejected")
    assert story.wishes == [Dial("pb.call_1.1", 0)]


def test_the_second_device_answers_and_is_served() -> None:
    story = Story.dialling(count=2).rings().leg_gone(480, after=45).rings().answers().joins().offered_to("ann")
    assert story.talks_to("ann").agent_hangs_up().end == ("completed", "agent_hung_up")
    assert story.call.attempt == 2


def test_a_late_word_about_the_first_devices_leg_does_not_touch_the_second() -> None:
    story = Story.dialling(count=2)
    first = story.leg
    story.leg_gone(486, 17).rings()
    for late in (e.DeviceGone(first, 603, 21), e.DeviceAnswered(first), e.QueueJoined(first, "support", 1)):
        story.take(late)
    assert story.state == "ringing"
    assert len(story.refused) == 3
    assert "the fact is about another leg" in story.refused


def test_the_alarm_of_the_first_device_does_not_wake_the_second() -> None:
    story = Story.dialling(count=2, ring_s=45).leg_gone(486, 17, after=44)
    story.now = MORNING + seconds(55)
    story.take(e.TimeUp(story.call.state), after=0)
    assert story.refused == ["its time is not up"]
    assert deadline(story.call) == MORNING + seconds(44 + 45 + 10)


def test_a_ring_that_was_not_heard_is_no_hindrance() -> None:
    story = Story.dialling().answers()
    assert (story.state, story.call.answered_at) == ("answered", story.now)


def test_a_second_ring_tone_is_no_news() -> None:
    story = Story.dialling().rings().rings()
    assert story.call.revision == 3
    assert story.refused == ["there is no move for DeviceRang"]


# ── our own timers ───────────────────────────────────────────────────────────────────────────────────────
def test_a_device_of_which_nothing_is_heard_is_hung_up_after_asterisks_own_timer() -> None:
    story = Story.dialling(ring_s=45, grace_s=10).time_passes()
    assert story.now == MORNING + seconds(55)
    assert (story.state, story.verdict, story.last_wish) == ("dialing", "silent_device", HangUp("pb.call_1.1"))
    assert story.leg_gone().end == ("unreachable", "silent_device")


def test_a_phone_that_rings_on_is_hung_up_and_the_next_device_rings() -> None:
    story = Story.dialling(count=2).rings().time_passes()
    assert (story.verdict, story.last_wish) == ("no_answer", HangUp("pb.call_1.1"))
    story.leg_gone()
    assert (story.state, story.call.device) == ("dialing", 1)
    assert story.call.verdict is None


def test_a_phone_that_begins_to_ring_late_does_not_ring_longer() -> None:
    story = Story.dialling(ring_s=45, grace_s=10).rings(after=20)
    assert deadline(story.call) == MORNING + seconds(55)


def test_a_hang_up_that_stays_unanswered_ends_the_call_and_rings_nobody_else() -> None:
    story = Story.dialling(count=2).rings().time_passes().time_passes()
    assert story.end == ("no_answer", "no_answer")
    assert [type(wish) for wish in story.wishes] == [Dial, HangUp]


def test_an_answer_that_crosses_our_hang_up_still_ends_and_is_seen() -> None:
    story = Story.dialling().rings().time_passes().answers().leg_gone()
    assert story.end == ("no_answer", "no_answer")
    assert story.call.answered_at is not None


# ── machines ─────────────────────────────────────────────────────────────────────────────────────────────
def test_an_answering_machine_is_hung_up() -> None:
    story = Story.dialling().answers().machine_answers()
    assert (story.state, story.verdict, story.last_wish) == ("answered", "machine", HangUp("pb.call_1.1"))
    assert story.leg_gone().end == ("machine", "machine")


def test_behind_an_answering_machine_the_next_device_rings() -> None:
    story = Story.dialling(count=2).machine_answers().leg_gone()
    assert [str(state) for state in story.path] == ["requested", "dialing", "answered", "dialing"]
    assert story.last_wish == Dial("pb.call_1.2", 1)


def test_a_machine_that_reached_the_queue_before_it_was_hung_up_gives_way_to_the_next_device_too() -> None:
    story = Story.dialling(count=2).answers().machine_answers().joins().leg_gone()
    assert (story.state, story.call.device) == ("dialing", 1)


def test_a_machine_that_an_agent_talked_to_ends_the_call() -> None:
    story = Story.dialling(count=2).answers().machine_answers().joins().offered_to("ann").talks_to("ann").leg_gone()
    assert story.end == ("machine", "machine")


# ── Asterisk itself ──────────────────────────────────────────────────────────────────────────────────────
def test_asterisk_that_was_restarted_loses_the_call_and_rings_nobody_again() -> None:
    story = Story.dialling(count=2).rings()
    story.take(e.LegLost(story.leg))
    assert story.end == ("lost", "asterisk_restarted")
    assert story.wishes == [Dial("pb.call_1.1", 0)]


def test_a_device_that_was_not_answered_while_nobody_watched_is_not_rung_again() -> None:
    story = Story.dialling(count=2).rings()
    story.take(e.EndedUnseen(story.leg))
    assert story.end == ("no_answer", "ended_unseen")


# ── codes ────────────────────────────────────────────────────────────────────────────────────────────────
MEASURED = [
    (486, 17, "busy"),
    (603, 21, "rejected"),
    (403, 21, "refused_by_network"),
    (404, 1, "unknown_number"),
    (480, 19, "unavailable"),
    (408, 18, "silent_device"),
    (503, 34, "congestion"),
    (488, 58, "no_common_codec"),
    (484, 28, "incomplete_number"),
]


@pytest.mark.parametrize(("sip", "q850", "slug"), MEASURED)
def test_what_was_measured_at_asterisk_has_its_cause(sip: int, q850: int, slug: str) -> None:
    assert from_codes(sip, q850, rang=False, timed_out=False) == Cause(slug, Source.NETWORK, sip, q850)


@pytest.mark.parametrize(("sip", "q850", "slug"), MEASURED)
def test_without_a_sip_code_q850_tells_nearly_as_much(sip: int, q850: int, slug: str) -> None:
    nearly = {"refused_by_network": "rejected", "unavailable": "no_answer"}
    assert from_codes(None, q850, rang=False, timed_out=False).slug == nearly.get(slug, slug)


@pytest.mark.parametrize(("sip", "q850", "slug"), MEASURED)
def test_without_a_q850_cause_the_sip_code_tells_as_much(sip: int, q850: int, slug: str) -> None:
    assert from_codes(sip, None, rang=False, timed_out=False) == Cause(slug, Source.NETWORK, sip)


def test_the_sip_code_goes_before_q850() -> None:
    assert from_codes(486, 21, rang=False, timed_out=False).slug == "busy"


@pytest.mark.parametrize(("sip", "q850"), [(None, None), (599, 127), (0, 0), (None, 16)])
def test_codes_that_nobody_knows_are_a_failure_of_the_network(sip: int | None, q850: int | None) -> None:
    assert from_codes(sip, q850, rang=False, timed_out=False).slug == "network_failure"


@pytest.mark.parametrize(("rang", "slug"), [(True, "no_answer"), (False, "silent_device")])
def test_our_own_timer_goes_before_the_code_that_asterisk_makes_up(rang: bool, slug: str) -> None:
    assert from_codes(480, 19, rang=rang, timed_out=True) == Cause(slug, Source.TIMER, None, 19)


@pytest.mark.parametrize("sip", [480, 408])
def test_a_phone_that_rang_is_neither_switched_off_nor_silent(sip: int) -> None:
    assert from_codes(sip, None, rang=True, timed_out=False).slug == "no_answer"
    assert from_codes(486, None, rang=True, timed_out=False).slug == "busy"
