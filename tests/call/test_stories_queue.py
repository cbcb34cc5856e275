"""Stories of the queue and the talk: waiting, offers, hold, and who left first."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.commands import Dial, HangUp
from pbx_bridge.call.machine import deadline
from pbx_bridge.call.model import Place
from pbx_bridge.call.snapshot import snapshot
from tests.call.story import Story, seconds


def test_a_citizen_is_answered_and_served() -> None:
    story = Story.talking("ann").agent_hangs_up("ann")
    stages = "requested dialing ringing answered queued offered talking ended"
    assert " ".join(story.path) == stages
    assert story.end == ("completed", "agent_hung_up")
    assert story.call.revision == len(story.news) == 8
    assert story.wishes == [Dial("pb.call_1.1", 0)]
    assert story.refused == []


def test_the_citizen_hangs_up_at_the_end_of_the_talk() -> None:
    assert Story.talking().hangs_up().end == ("completed", "citizen_hung_up")


@pytest.mark.parametrize(("why", "slug"), [("agent", "agent_hung_up"), ("caller", "citizen_hung_up")])
def test_the_queue_knows_who_left_the_talk_first(why: str, slug: str) -> None:
    story = Story.talking("ann").agent_leaves("ann", why)
    assert (story.state, story.verdict) == ("talking", slug)
    assert story.leg_gone(q850=16).end == ("completed", slug)


def test_a_talk_that_ends_without_a_goodbye_of_the_citizen_was_ended_by_the_agent() -> None:
    story = Story.talking().leg_gone(q850=16)
    assert story.end == ("completed", "agent_hung_up")
    assert story.call.cause
    assert story.call.cause.q850 == 16


def test_the_queues_word_that_the_agent_left_is_enough() -> None:
    story = Story.talking().queue_gives_up("CONTINUE")
    assert (story.state, story.verdict) == ("talking", "agent_hung_up")


# ── hanging up early ─────────────────────────────────────────────────────────────────────────────────────
def test_the_citizen_hangs_up_right_after_answering() -> None:
    assert Story.dialling().answers().hangs_up().end == ("abandoned", "hung_up_waiting")


def test_the_citizen_hangs_up_in_the_queue() -> None:
    story = Story.queued().hangs_up()
    assert story.end == ("abandoned", "hung_up_waiting")
    assert story.call.place is None


def test_the_citizen_hangs_up_while_an_agents_phone_rings() -> None:
    story = Story.queued().offered_to("ann").hangs_up()
    assert story.end == ("abandoned", "hung_up_waiting")
    assert story.call.ringing == ()


def test_a_leg_that_is_gone_without_a_goodbye_was_waiting_too() -> None:
    assert Story.queued().leg_gone(q850=16).end == ("abandoned", "hung_up_waiting")


def test_a_goodbye_alone_ends_nothing_until_the_leg_is_gone() -> None:
    story = Story.queued().says_goodbye()
    assert (story.state, story.verdict) == ("queued", "hung_up_waiting")
    assert story.news[-1] == "call.state_changed"
    assert deadline(story.call) == story.now + seconds(10)


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────
def test_who_joins_is_told_the_place_and_later_the_wait() -> None:
    story = Story.queued()
    assert story.call.place == Place("support", 3)
    story.moves_to(2, likely_s=95, at_most_s=180)
    assert story.news[-1] == "call.queue_updated"
    assert snapshot(story.call)["queue"] == {
        "name": "support",
        "position": 2,
        "wait_s": {"likely": 95, "at_most": 180},
    }


def test_the_same_place_again_is_no_news() -> None:
    story = Story.queued().moves_to(2, 95, 180).moves_to(2, 95, 180)
    assert story.refused == ["the place is known"]


def test_a_place_changes_while_an_agents_phone_rings() -> None:
    story = Story.queued().offered_to("ann").moves_to(1)
    assert story.state == "offered"
    assert story.call.place == Place("support", 1)


def test_joining_the_same_queue_again_is_no_news() -> None:
    assert Story.queued().joins().refused == ["it is in that queue"]


# ── offers ───────────────────────────────────────────────────────────────────────────────────────────────
def test_an_agent_declines_and_the_next_one_answers() -> None:
    story = Story.queued().offered_to("ann").declined_by("ann")
    assert (story.state, story.call.ringing) == ("queued", ())
    story.offered_to("bob").talks_to("bob")
    assert (story.state, story.call.agent) == ("talking", "bob")


def test_an_offer_that_nobody_takes_does_not_lengthen_the_wait() -> None:
    story = Story.queued()
    due = deadline(story.call)
    story.offered_to("ann", after=100)
    assert deadline(story.call) == due
    assert deadline(story.declined_by("ann", after=15).call) == due


def test_two_agents_ring_and_one_declines() -> None:
    story = Story.queued().offered_to("ann").offered_to("bob")
    assert story.call.ringing == ("ann", "bob")
    assert story.news[-1] == "call.updated"
    story.declined_by("ann")
    assert (story.state, story.call.ringing) == ("offered", ("bob",))


def test_two_agents_ring_and_the_one_who_answers_silences_the_other() -> None:
    story = Story.queued().offered_to("ann").offered_to("bob").talks_to("bob").declined_by("ann")
    assert (story.state, story.call.agent, story.call.ringing) == ("talking", "bob", ())
    assert story.refused == ["there is no move for AgentDeclined"]


def test_an_agent_who_rings_already_is_not_counted_twice() -> None:
    story = Story.queued().offered_to("ann").offered_to("ann")
    assert story.call.ringing == ("ann",)
    assert story.refused == ["this agent rings already"]


def test_an_agent_who_does_not_ring_cannot_decline() -> None:
    story = Story.queued().offered_to("ann").declined_by("bob")
    assert (story.state, story.call.ringing) == ("offered", ("ann",))
    assert story.refused == ["this agent does not ring"]


def test_the_talk_shows_the_agent_and_no_place() -> None:
    picture = snapshot(Story.talking("ann").call)
    assert picture["legs"][1] == {"party": "agent", "agent": "ann", "state": "up"}
    assert picture["queue"]["position"] is None


def test_another_agents_goodbye_ends_nobodys_talk() -> None:
    story = Story.talking("ann").agent_leaves("bob")
    assert (story.state, story.verdict) == ("talking", None)
    assert story.refused == ["another agent talks now"]


# ── the queue gives up ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("status", "outcome", "slug"),
    [
        ("TIMEOUT", "queue_timeout", "queue_timeout"),
        ("LEAVEEMPTY", "queue_timeout", "queue_empty"),
        ("LEAVEUNAVAIL", "queue_timeout", "queue_empty"),
        ("CONTINUE", "completed", "agent_hung_up"),
    ],
)
def test_the_queue_lets_a_waiting_citizen_go(status: str, outcome: str, slug: str) -> None:
    story = Story.queued().queue_gives_up(status)
    assert story.verdict == slug
    assert story.leg_gone(q850=16).end == (outcome, slug)


@pytest.mark.parametrize(
    ("status", "outcome", "slug"),
    [
        ("FULL", "congestion", "queue_full"),
        ("JOINEMPTY", "queue_timeout", "queue_empty"),
        ("JOINUNAVAIL", "queue_timeout", "queue_empty"),
        ("UNKNOWN", "failed", "queue_unknown"),
    ],
)
def test_the_queue_does_not_let_the_citizen_in(status: str, outcome: str, slug: str) -> None:
    story = Story.dialling().answers().queue_gives_up(status).leg_gone(q850=16)
    assert story.end == (outcome, slug)
    assert "queued" not in story.path


def test_the_queue_gives_up_while_an_agents_phone_still_rings() -> None:
    story = Story.queued().offered_to("ann").queue_gives_up("TIMEOUT").leg_gone()
    assert story.end == ("queue_timeout", "queue_timeout")


def test_a_queue_that_forgets_its_own_timer_is_helped() -> None:
    story = Story.queued(queue_s=900, grace_s=10)
    joined = story.now
    story.time_passes()
    assert story.now == joined + seconds(910)
    assert (story.verdict, story.last_wish) == ("queue_timeout", HangUp("pb.call_1.1"))
    assert story.leg_gone().end == ("queue_timeout", "queue_timeout")


def test_an_offer_that_outlasts_the_queues_time_is_helped_too() -> None:
    assert Story.queued().offered_to("ann").time_passes().verdict == "queue_timeout"


def test_an_answered_device_that_never_comes_to_a_queue_is_hung_up() -> None:
    story = Story.dialling(prompt_s=60).answers()
    answered = story.now
    story.time_passes()
    assert story.now == answered + seconds(70)
    assert (story.verdict, story.last_wish) == ("stuck", HangUp("pb.call_1.1"))
    assert story.leg_gone().end == ("failed", "stuck")


# ── the time limit ───────────────────────────────────────────────────────────────────────────────────────
def test_the_time_limit_ends_a_talk_by_asterisks_own_timer() -> None:
    story = Story.talking().limit_reached()
    assert (story.state, story.verdict) == ("talking", "time_limit")
    assert story.leg_gone(q850=16).end == ("time_limit", "time_limit")


def test_the_time_limit_ends_a_wait() -> None:
    assert Story.queued().limit_reached().leg_gone().end == ("time_limit", "time_limit")


def test_the_time_limit_goes_before_a_guess_who_hung_up() -> None:
    story = Story.talking("ann").agent_leaves("ann", "caller").limit_reached().leg_gone()
    assert story.end == ("time_limit", "time_limit")


def test_our_own_timer_ends_a_talk_when_asterisks_is_silent() -> None:
    story = Story.talking(time_limit_s=1800, grace_s=10, warn_s=60)
    answered = story.call.answered_at
    story.time_passes()
    assert answered
    assert (story.now, story.news[-1]) == (answered + seconds(1740), "call.limit_warning")
    assert (story.verdict, story.call.warned) == (None, True)
    story.time_passes()
    assert story.now == answered + seconds(1810)
    assert (story.verdict, story.last_wish) == ("time_limit", HangUp("pb.call_1.1"))
    assert story.leg_gone().end == ("time_limit", "time_limit")


def test_a_wait_longer_than_the_limit_ends_by_the_limit() -> None:
    story = Story.queued(time_limit_s=300, queue_s=900).time_passes()
    assert story.verdict == "time_limit"


def test_the_limit_runs_from_the_answer_and_hold_does_not_stop_it() -> None:
    story = Story.talking()
    due = deadline(story.call)
    assert deadline(story.holds(after=60).call) == due
    assert deadline(story.unholds(after=60).call) == due


# ── hold ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_talk_is_held_and_goes_on() -> None:
    story = Story.talking("ann").holds()
    assert story.state == "on_hold"
    assert (story.unholds().state, story.call.agent) == ("talking", "ann")
    assert story.agent_hangs_up().end == ("completed", "agent_hung_up")


def test_the_citizen_hangs_up_on_hold() -> None:
    assert Story.talking().holds().hangs_up().end == ("completed", "citizen_hung_up")


def test_the_agent_hangs_up_on_hold() -> None:
    assert Story.talking("ann").holds().agent_hangs_up("ann").end == ("completed", "agent_hung_up")


def test_the_queues_word_that_the_agent_left_counts_on_hold_too() -> None:
    story = Story.talking().holds().queue_gives_up("CONTINUE")
    assert (story.state, story.verdict) == ("on_hold", "agent_hung_up")


def test_hold_without_a_talk_is_refused() -> None:
    assert Story.queued().holds().refused == ["there is no move for Held"]


# ── facts that overtake each other ───────────────────────────────────────────────────────────────────────
def test_the_queues_word_overtakes_the_devices_answer() -> None:
    story = Story.dialling().rings().joins()
    assert " ".join(story.path) == "requested dialing ringing answered queued"
    assert story.answers().refused == ["there is no move for DeviceAnswered"]
    assert story.state == "queued"


def test_an_agents_answer_overtakes_everything() -> None:
    story = Story.dialling().talks_to("ann")
    assert " ".join(story.path) == "requested dialing answered queued offered talking"
    assert story.call.revision == len(story.news) == 6


def test_an_offer_overtakes_the_join() -> None:
    story = Story.dialling().answers().offered_to("ann")
    assert (story.state, story.call.place) == ("offered", Place("support", 1))


def test_the_citizens_goodbye_overtakes_the_agents_answer() -> None:
    story = Story.queued().offered_to("ann").says_goodbye().talks_to("ann").leg_gone()
    assert story.end == ("completed", "citizen_hung_up")


def test_a_verdict_of_the_queue_overtakes_the_devices_answer() -> None:
    story = Story.dialling().queue_gives_up("FULL").leg_gone()
    assert story.end == ("congestion", "queue_full")
    assert "answered" in story.path


def test_after_the_end_nothing_is_heard_any_more() -> None:
    story = Story.talking().agent_hangs_up()
    over = story.call
    story.agent_leaves("ann").says_goodbye().leg_gone(486, 17).talks_to("bob").aborted()
    assert story.call == over
    assert story.news.count("call.ended") == 1


def test_asterisk_is_lost_in_the_middle_of_a_talk() -> None:
    story = Story.talking()
    story.take(e.LegLost(story.leg))
    assert story.end == ("lost", "asterisk_restarted")


def test_asterisk_is_lost_after_the_citizen_had_said_goodbye() -> None:
    story = Story.talking().says_goodbye()
    story.take(e.LegLost(story.leg))
    assert story.end == ("completed", "citizen_hung_up")
