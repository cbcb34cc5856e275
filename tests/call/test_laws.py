"""The laws of the call machine, each shown for every reachable call and every fact that can meet it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.causes import Cause, Source, reason
from pbx_bridge.call.commands import COMMANDS, Command, Dial, HangUp, Redirect, SendCode
from pbx_bridge.call.events import EVENTS
from pbx_bridge.call.machine import NotNow, Step, accept, advance, deadline, has_leg, unfold
from pbx_bridge.call.model import Call, Opening, Terms, call_of_leg, leg_id
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.call.states import ACTIVE, PHASE, PHASE_LABEL, WITH_LEG_UP, WITHOUT_LEG, Outcome, Phase, State
from pbx_bridge.call.table import TABLE
from tests.call.reach import Meeting, calls, facts, leg_facts, meetings
from tests.call.story import DIGITS, MORNING, request, seconds

PHASES = list(Phase)
BEFORE_ANSWER = {State.DIALING, State.RINGING}
TALK = {State.TALKING, State.ON_HOLD}
#: Only these say that the citizen's leg is not there (any more).
LEG_IS_GONE = (e.DeviceGone, e.NotDialled, e.EndedUnseen, e.LegLost)


def steps() -> Iterator[tuple[Meeting, Step]]:
    """The meetings in which something was taken."""
    return ((meeting, meeting.step) for meeting in meetings() if meeting.step)


def slug(call: Call) -> str | None:
    """The present verdict's."""
    return call.verdict.cause.slug if call.verdict else None


def silence(call: Call) -> list[Call]:
    """What becomes of a call of which nothing is ever heard again; our timers alone speak."""
    path: list[Call] = []
    while (due := deadline(call)) is not None:
        assert len(path) < 20, f"silence does not end {call.state}"
        too_old = call.state is State.SCHEDULED and due >= call.accepted_at + seconds(call.terms.keep_s)
        alarm = e.Due() if call.state is State.SCHEDULED and not too_old else e.TimeUp(call.state)
        call = advance(call, alarm, due).call
        path.append(call)
    return path


# ── the table's laws ─────────────────────────────────────────────────────────────────────────────────────
def test_a_pair_that_is_not_in_the_table_is_refused() -> None:
    for meeting in meetings():
        if type(meeting.event) not in TABLE[meeting.before.state]:
            assert meeting.step is None, meeting


def test_a_refusal_names_the_call_its_state_and_a_reason() -> None:
    call = calls()[0]
    with pytest.raises(NotNow, match="call_1 is requested: there is no move for Held") as refusal:
        advance(call, e.Held("pb.call_1.1"), MORNING)
    assert refusal.value.call is call
    assert refusal.value.why == "there is no move for Held"


def test_the_end_is_left_by_nothing() -> None:
    assert TABLE[State.ENDED] == {}
    for meeting in meetings():
        if meeting.before.state is State.ENDED:
            assert meeting.step is None, meeting


def test_a_move_ends_in_one_of_the_states_that_its_row_names() -> None:
    for meeting, step in steps():
        assert step.call.state in TABLE[meeting.before.state][type(meeting.event)].to, meeting


def test_every_row_is_needed_and_reaches_every_state_that_it_names() -> None:
    named = {(state, event, to) for state, row in TABLE.items() for event, move in row.items() for to in move.to}
    reached = {(meeting.before.state, type(meeting.event), step.call.state) for meeting, step in steps()}
    assert reached == named


def test_every_state_has_its_row_and_its_phase_and_every_phase_its_label() -> None:
    assert set(TABLE) == set(PHASE) == set(State)
    assert set(PHASE_LABEL) == set(Phase)
    assert {call.state for call in calls()} == set(State)


def test_every_class_of_fact_is_in_the_table_and_met_here() -> None:
    assert {event for row in TABLE.values() for event in row} == set(EVENTS)
    assert {type(meeting.event) for meeting in meetings()} == set(EVENTS)


def test_every_class_of_wish_is_uttered() -> None:
    uttered = {type(command) for _, step in steps() for command in step.commands}
    assert uttered | {SendCode} == set(COMMANDS)


def test_a_state_has_no_leg_may_have_one_or_has_one_that_is_up() -> None:
    assert WITHOUT_LEG | BEFORE_ANSWER | WITH_LEG_UP | {State.ENDED} == set(State)
    assert set(State) - {State.SCHEDULED, State.ENDED} == ACTIVE
    for call in calls():
        assert has_leg(call) is (call.state in BEFORE_ANSWER | WITH_LEG_UP), call.state
        assert (call.leg is not None) or not has_leg(call), call.state


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_every_state_but_the_end_has_a_deadline() -> None:
    for call in calls():
        assert (deadline(call) is None) is (call.state is State.ENDED)


def test_a_silent_world_ends_every_call_within_a_few_steps_for_each_attempt_left() -> None:
    for call in calls():
        path = silence(call)
        assert call.state is State.ENDED or path[-1].state is State.ENDED
        assert len(path) <= 4 + 3 * len(call.request.devices) * (call.rounds_left + 1)


def test_a_leg_of_which_nothing_is_heard_is_hung_up_before_its_call_ends() -> None:
    for meeting, step in steps():
        if isinstance(meeting.event, e.TimeUp) and has_leg(meeting.before) and not meeting.before.verdict:
            leg = meeting.before.leg or ""
            assert step.call.state is not State.ENDED, meeting
            assert step.commands in ((HangUp(leg),), (Redirect(leg, "support"),)), meeting


def test_each_deadline_in_silence_lies_after_the_one_before() -> None:
    for call in calls():
        last = deadline(call)
        for later in silence(call):
            due = deadline(later)
            assert last is not None
            assert due is None or due > last, (call.state, later.state)
            last = due


def test_no_alarm_rings_before_its_time() -> None:
    for call in calls():
        due = deadline(call)
        if due is None or call.state is State.SCHEDULED:
            continue
        with pytest.raises(NotNow):
            advance(call, e.TimeUp(call.state), due - seconds(0.001))
        assert advance(call, e.TimeUp(call.state), due)


def test_an_alarm_of_a_state_that_was_left_wakes_nobody() -> None:
    for meeting in meetings():
        if isinstance(meeting.event, e.TimeUp) and meeting.event.state is not meeting.before.state:
            assert meeting.step is None, meeting


def test_after_the_answer_nothing_waits_longer_than_the_time_limit() -> None:
    for call in calls():
        due = deadline(call)
        if call.state in WITH_LEG_UP and not call.verdict and due:
            assert call.limit_at
            assert due <= call.limit_at + seconds(call.terms.grace_s), call.state


def test_once_the_end_is_decided_it_waits_only_for_asterisks_word() -> None:
    for call in calls():
        if call.verdict and call.state is not State.ENDED:
            assert deadline(call) == call.verdict.at + seconds(call.terms.grace_s)


# ── subjects ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("stranger", ["pb.call_1.0", "pb.call_1.9", "pb.call_2.1", "1768197600.7", ""])
def test_a_fact_about_another_leg_changes_nothing(stranger: str) -> None:
    for call in calls():
        for event in leg_facts(stranger):
            assert list(unfold(call, event)) == [event]
            with pytest.raises(NotNow):
                advance(call, event, call.state_since + seconds(1))


def test_a_goodbye_of_an_agent_who_does_not_talk_changes_nothing() -> None:
    for meeting in meetings():
        if isinstance(meeting.event, e.AgentGone) and meeting.event.agent != meeting.before.agent:
            assert meeting.step is None, meeting


def test_only_an_agent_who_rings_can_decline_and_then_rings_no_more() -> None:
    for meeting in meetings():
        event, before = meeting.event, meeting.before
        if isinstance(event, e.AgentDeclined):
            assert (meeting.step is not None) is (event.agent in before.ringing), meeting
            if meeting.step:
                assert set(meeting.step.call.ringing) == set(before.ringing) - {event.agent}


def test_nobody_rings_twice_at_once() -> None:
    for call in calls():
        assert len(set(call.ringing)) == len(call.ringing)


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


def test_what_belongs_to_one_state_is_not_seen_in_another() -> None:
    for call in calls():
        assert (call.scheduled_for is not None) is (call.state is State.SCHEDULED), call.state
        assert (call.place is not None) is (call.state in {State.QUEUED, State.OFFERED}), call.state
        assert bool(call.ringing) is (call.state is State.OFFERED), call.state
        assert call.agent is not None or call.state not in TALK, call.state
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


# ── wishes ───────────────────────────────────────────────────────────────────────────────────────────────
def _leg_of(command: Command) -> str | None:
    return command.leg if isinstance(command, Dial | HangUp | Redirect) else None


def test_every_wish_names_the_present_leg() -> None:
    for meeting, step in steps():
        assert len(step.commands) <= 1
        for command in step.commands:
            assert _leg_of(command) == step.call.leg, meeting


def test_one_attempt_is_one_wish_to_dial_on_a_leg_of_its_own() -> None:
    for meeting, step in steps():
        before, after = meeting.before, step.call
        dials = [command for command in step.commands if isinstance(command, Dial)]
        assert after.attempt - before.attempt == len(dials), meeting
        for dial in dials:
            assert dial == Dial(leg_id(after.id, after.attempt), after.device)
            assert dial.device < len(after.request.devices)
            assert call_of_leg(dial.leg) == after.id


def test_nobody_is_rung_while_a_leg_may_live() -> None:
    for meeting, step in steps():
        if any(isinstance(command, Dial) for command in step.commands) and has_leg(meeting.before):
            assert isinstance(meeting.event, LEG_IS_GONE), meeting


def test_a_round_of_devices_starts_with_the_first_and_goes_on_in_order() -> None:
    for meeting, step in steps():
        if step.call.attempt != meeting.before.attempt:
            first = not has_leg(meeting.before)
            assert step.call.device == (0 if first else meeting.before.device + 1), meeting


def test_rounds_are_used_up_one_at_a_time() -> None:
    for meeting, step in steps():
        parked = has_leg(meeting.before) and step.call.state is State.SCHEDULED
        assert meeting.before.rounds_left - step.call.rounds_left == (1 if parked else 0), meeting


# ── the end, and who decides it ──────────────────────────────────────────────────────────────────────────
def test_a_call_with_a_leg_ends_only_when_the_leg_is_gone_or_nothing_was_heard_of_it_twice() -> None:
    for meeting, step in steps():
        if has_leg(meeting.before) and not has_leg(step.call):
            overdue = isinstance(meeting.event, e.TimeUp) and meeting.before.verdict is not None
            assert overdue or isinstance(meeting.event, LEG_IS_GONE), meeting


def test_an_abort_is_taken_at_once_or_hangs_up() -> None:
    for meeting, step in steps():
        if isinstance(meeting.event, e.AbortRequested):
            if has_leg(meeting.before):
                assert step.commands == (HangUp(meeting.before.leg or ""),)
                assert step.call.state is meeting.before.state
            else:
                assert step.call.cause == Cause("aborted", Source.PORTAL)


def test_after_an_abort_no_device_is_rung_whatever_comes_next() -> None:
    for meeting, step in steps():
        if isinstance(meeting.event, e.AbortRequested) and has_leg(step.call):
            for event in facts(step.call):
                after = _taken(step.call, event, step.call.state_since + seconds(2))
                assert not any(isinstance(command, Dial) for command in after.commands), (meeting, event)
                assert after.call.state is not State.SCHEDULED, (meeting, event)


def test_a_call_that_is_being_aborted_stays_so_and_ends_cancelled() -> None:
    for meeting, step in steps():
        if slug(meeting.before) == "aborted":
            if step.call.state is State.ENDED:
                assert step.call.outcome is Outcome.CANCELLED, meeting
            else:
                assert slug(step.call) == "aborted", meeting


def test_asterisks_word_about_the_time_limit_stands_unless_an_abort_came_first() -> None:
    for meeting, step in steps():
        if isinstance(meeting.event, e.LimitReached):
            assert slug(step.call) == ("aborted" if slug(meeting.before) == "aborted" else "time_limit"), meeting


def test_a_verdict_is_only_dropped_by_who_may() -> None:
    """By Asterisk's time limit, an abort, a talk or queue that goes on after all, and with the attempt itself."""
    may = (e.LimitReached, e.AbortRequested, e.QueueJoined, e.AgentAnswered, e.AgentGone)
    for meeting, step in steps():
        same_attempt = step.call.attempt == meeting.before.attempt and has_leg(step.call)
        if meeting.before.verdict and same_attempt and not isinstance(meeting.event, may):
            assert step.call.verdict == meeting.before.verdict, meeting


def test_no_verdict_is_forgotten_at_the_end() -> None:
    for meeting, step in steps():
        if meeting.before.verdict and step.call.state is State.ENDED:
            assert step.call.cause == meeting.before.verdict.cause, meeting


def _taken(call: Call, event: e.Event, at: datetime) -> Step:
    try:
        return advance(call, event, at)
    except NotNow:
        return Step(call)


# ── what must have happened before ───────────────────────────────────────────────────────────────────────
def test_a_fact_is_always_the_last_of_what_it_unfolds_to() -> None:
    for meeting in meetings():
        unfolded = list(unfold(meeting.before, meeting.event))
        assert unfolded[-1] == meeting.event
        assert len(unfolded) <= 4


def test_what_a_fact_implies_is_taken_whenever_the_fact_is() -> None:
    for call in calls():
        for event in facts(call):
            *implied, last = unfold(call, event)
            taken, now = [], call
            for each in (*implied, last):
                step = _taken(now, each, call.state_since + seconds(1))
                taken.append(step.call is not now)
                now = step.call
            assert all(taken) or not taken[-1] or not implied, (call.state, event)


def test_a_fact_of_the_queue_that_overtakes_the_devices_answer_shows_every_stage() -> None:
    for call in calls():
        if call.state in BEFORE_ANSWER and call.leg:
            unfolded = list(unfold(call, e.AgentAnswered(call.leg, "ann")))
            assert [type(each) for each in unfolded] == [e.DeviceAnswered, e.QueueJoined, e.AgentRang, e.AgentAnswered]


# ── birth ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("needs_code", [True, False])
def test_a_call_is_born_accepted_with_its_first_event_and_nothing_rings(needs_code: bool) -> None:
    step = accept("call_1", "t", request(2), Terms(rounds=2), MORNING, needs_code=needs_code)
    assert step.news == "call.accepted"
    assert step.commands == ((SendCode(),) if needs_code else ())
    assert (step.call.revision, step.call.attempt, step.call.rounds_left) == (1, 0, 2)
    assert (step.call.state, step.call.state_since) == (State.REQUESTED, MORNING)


@pytest.mark.parametrize("call_id", ["call_1", "call_01kx.y", "a"])
@pytest.mark.parametrize("attempt", [1, 2, 10])
def test_a_legs_name_tells_its_call(call_id: str, attempt: int) -> None:
    assert call_of_leg(leg_id(call_id, attempt)) == call_id


@pytest.mark.parametrize("channel", ["1768197600.7", "pb.", "pb.call_1", "pb..1", "pb.call_1.x", "xpb.c.1"])
def test_a_channel_that_is_not_ours_belongs_to_no_call(channel: str) -> None:
    assert call_of_leg(channel) is None


def test_hours_that_know_no_next_opening_end_the_call() -> None:
    call = calls()[0]
    born = accept("c", "t", request(), Terms(), MORNING, needs_code=False).call
    assert advance(born, e.Admitted(Opening(open=False)), MORNING).call.outcome is Outcome.EXPIRED
    assert call.id == "call_1"
