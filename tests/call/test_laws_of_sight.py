"""Laws of what can be seen of a call in each state, and of what is published."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.causes import Source, reason
from pbx_bridge.call.commands import Command, SendCode
from pbx_bridge.call.machine import accept, take_in
from pbx_bridge.call.model import Confirmation, Direction, Terms, call_of_leg, leg_id
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.call.states import WITH_LEG_UP, WITHOUT_LEG, Phase, State
from tests.call.reach import BEFORE_ANSWER, TALK, calls, steps
from tests.call.story import BY_APP, BY_CLICK, BY_SMS, DIGITS, MORNING, request

PHASES = list(Phase)


# ── what a call looks like in each state ─────────────────────────────────────────────────────────────────
def test_outcome_and_end_time_are_there_exactly_in_the_end() -> None:
    for call in calls():
        over = call.state is State.ENDED
        assert (call.outcome is not None) is over
        assert (call.ended_at is not None) is over
        assert call.cause is not None or not over


def test_a_cause_before_the_end_is_the_last_attempts() -> None:
    for call in calls():
        if call.cause and call.state is not State.ENDED:
            assert call.attempt > 1 or call.state is State.SCHEDULED, call.state


def test_the_outcome_is_the_one_that_the_catalogue_gives_the_cause() -> None:
    for call in calls():
        if call.cause and call.outcome:
            assert call.outcome is reason(call.cause).outcome
        if call.verdict:
            assert call.verdict.outcome is reason(call.verdict.cause).outcome


#: Whose word each cause is that the facts of this walk can lead to.
WORDS = {
    Source.NETWORK: {"busy", "rejected", "network_failure", "machine"},
    Source.TIMER: {
        *{"not_started", "code_expired", "callback_expired"},
        *{"no_answer", "silent_device", "queue_timeout", "time_limit", "stuck"},
    },
    Source.CITIZEN: {
        *{"code_refused", "hung_up_waiting", "citizen_hung_up", "machine"},
        *{"callback_chosen", "later_chosen", "callback_cancelled"},
    },
    Source.AGENT: {"agent_hung_up"},
    Source.QUEUE: {"queue_timeout", "queue_unknown"},
    Source.PORTAL: {"aborted", "callback_chosen"},
    Source.SERVICE: {"callback_expired", "no_device", "no_endpoint", "dial_refused", "queue_full"},
    Source.RECOVERY: {"ended_unseen", "asterisk_restarted"},
}


def test_a_cause_says_whose_word_it_is() -> None:
    causes = {call.cause for call in calls() if call.cause} | {call.verdict.cause for call in calls() if call.verdict}
    assert {(cause.source, cause.slug) for cause in causes} == {(who, slug) for who in WORDS for slug in WORDS[who]}


def test_what_belongs_to_one_state_is_not_seen_in_another() -> None:
    for call in calls():
        assert (call.scheduled_for is not None) is (call.state is State.SCHEDULED), call.state
        assert (call.reason is not None) is (call.state is State.SCHEDULED), call.state
        assert call.not_before is not None or call.state is not State.SCHEDULED, call.state
        assert (call.place is not None) is (call.state in {State.QUEUED, State.OFFERED}), call.state
        assert bool(call.ringing) is (call.state is State.OFFERED), call.state
        assert call.partner is not None or call.state not in TALK, call.state
        assert call.agent is None or call.state in TALK | {State.TRANSFERRING, State.ENDED}, call.state
        assert call.verdict is None or call.state not in WITHOUT_LEG, call.state


def test_an_attempt_that_has_not_been_answered_shows_no_answer_and_no_limit() -> None:
    for call in calls():
        if call.state in BEFORE_ANSWER | WITHOUT_LEG:
            assert call.answered_at is None, call.state
            assert call.limit_at is None
            assert call.queued_at is None
        if call.state in WITH_LEG_UP:
            assert call.answered_at is not None
            assert call.dialled_at is not None
            assert call.answered_at >= call.dialled_at


def test_a_talk_that_was_completed_had_somebody_to_talk_to() -> None:
    for call in calls():
        if call.cause and call.cause.slug == "citizen_hung_up":
            assert call.agent is not None


def test_a_call_remembers_where_it_came_from_and_since_when() -> None:
    for meeting, step in steps():
        before, after = meeting.before, step.call
        if after.state is not before.state:
            assert after.previous_state is before.state
            assert after.state_since == meeting.at
        else:
            assert after.previous_state is before.previous_state
            assert after.state_since in (before.state_since, meeting.at)


def test_what_was_accepted_never_changes() -> None:
    for meeting, step in steps():
        for name in ("id", "ticket", "request", "terms", "accepted_at"):
            assert getattr(step.call, name) == getattr(meeting.before, name)


# ── phases and publication ───────────────────────────────────────────────────────────────────────────────
def test_the_phase_never_runs_backwards_within_an_attempt() -> None:
    for meeting, step in steps():
        before, after = meeting.before, step.call
        if after.attempt == before.attempt and after.state is not State.SCHEDULED:
            assert PHASES.index(after.phase) >= PHASES.index(before.phase), meeting


def test_the_revision_grows_by_one_with_news_and_only_then() -> None:
    for meeting, step in steps():
        assert step.call.revision - meeting.before.revision == (1 if step.news else 0), meeting


def test_readers_are_told_whenever_what_they_can_see_has_changed() -> None:
    for meeting, step in steps():
        seen = replace(step.call, revision=meeting.before.revision)
        if snapshot(seen) != snapshot(meeting.before):
            assert step.news, meeting


def test_the_end_is_published_as_such_and_nothing_else_is() -> None:
    for meeting, step in steps():
        assert (step.news == "call.ended") is (step.call.state is State.ENDED), meeting
        changed = step.call.state is not meeting.before.state
        assert (step.news == "call.scheduled") is (changed and step.call.state is State.SCHEDULED), meeting


def test_a_change_of_the_place_alone_is_told_as_such() -> None:
    for meeting, step in steps():
        if isinstance(meeting.event, e.QueueMoved):
            assert step.news == "call.queue_updated", meeting


def test_a_new_attempt_is_told_as_a_new_state() -> None:
    for meeting, step in steps():
        if step.call.attempt != meeting.before.attempt and step.call.state is State.DIALING:
            assert step.news == "call.state_changed", meeting


def test_no_picture_of_a_call_shows_a_number() -> None:
    hidden = [digits[-7:] for digits in DIGITS]
    for call in calls():
        text = json.dumps(snapshot(call), ensure_ascii=False)
        assert not any(digits in text for digits in hidden), text


def test_a_picture_is_plain_json_with_every_name_in_every_state() -> None:
    names = {frozenset(snapshot(call)) for call in calls()}
    assert len(names) == 1
    for call in calls():
        assert json.loads(json.dumps(snapshot(call))) == snapshot(call)


# ── birth ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("confirmation", "wishes"), [(None, ()), (BY_SMS, (SendCode(1),)), (BY_APP, ()), (BY_CLICK, ())]
)
def test_a_call_is_born_accepted_with_its_first_event_and_nothing_rings(
    confirmation: Confirmation | None, wishes: tuple[Command, ...]
) -> None:
    step = accept("call_1", "t", request(2), Terms(rounds=2), MORNING, confirmation=confirmation)
    assert step.news == "call.accepted"
    assert step.commands == wishes
    assert (step.call.revision, step.call.attempt, step.call.rounds_left) == (1, 0, 0)
    assert (step.call.state, step.call.state_since) == (State.REQUESTED, MORNING)


def test_who_dials_in_is_born_with_a_leg_that_is_up_and_rings_nobody() -> None:
    inbound = replace(request(1), direction=Direction.INBOUND)
    step = take_in("call_1", "t", inbound, Terms(rounds=2), MORNING)
    assert (step.news, step.commands) == ("call.accepted", ())
    call = step.call
    assert (call.state, call.attempt, call.leg, call.rounds_left) == (State.ANSWERED, 1, "pb.call_1.1", 0)
    assert call.accepted_at == call.dialled_at == call.answered_at == call.state_since == MORNING


@pytest.mark.parametrize("call_id", ["call_1", "call_01kx.y", "a"])
@pytest.mark.parametrize("attempt", [1, 2, 10])
def test_a_legs_name_tells_its_call(call_id: str, attempt: int) -> None:
    assert call_of_leg(leg_id(call_id, attempt)) == call_id


@pytest.mark.parametrize("channel", ["1768197600.7", "pb.", "pb.call_1", "pb..1", "pb.call_1.x", "xpb.c.1"])
def test_a_channel_that_is_not_ours_belongs_to_no_call(channel: str) -> None:
    assert call_of_leg(channel) is None
