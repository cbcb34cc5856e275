"""The laws of the table, of time and of subjects, shown for every reachable call and every fact that can meet it."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.attempts import CALLS_BACK
from pbx_bridge.call.causes import Source
from pbx_bridge.call.commands import COMMANDS, HangUp, Redirect, SendCode
from pbx_bridge.call.events import EVENTS
from pbx_bridge.call.machine import NotNow, advance, deadline, has_leg, unfold
from pbx_bridge.call.model import Call
from pbx_bridge.call.states import ACTIVE, PHASE, PHASE_LABEL, WITH_LEG_UP, WITHOUT_LEG, Phase, State
from pbx_bridge.call.table import TABLE
from tests.call.reach import BEFORE_ANSWER, TALK, calls, leg_facts, meetings, steps
from tests.call.story import MORNING, Story, seconds


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


#: What is heard in each of these states whatever else is.
ALWAYS: dict[frozenset[State], set[type[e.Event]]] = {
    frozenset(set(State) - {State.ENDED}): {e.AbortRequested, e.TimeUp},
    BEFORE_ANSWER: {e.DeviceAnswered, e.DeviceGone, e.EndedUnseen, e.LegLost},
    WITH_LEG_UP: {e.DeviceHungUp, e.DeviceGone, e.LegLost, e.LimitReached, e.QueueLeft, e.QueueJoined},
    WITH_LEG_UP - {State.TRANSFERRING}: {e.RedirectRequested},
    TALK: {e.AgentGone},
    frozenset({State.QUEUED, State.OFFERED}): {e.AgentRang, e.QueueMoved},
}


def test_what_can_happen_at_any_time_is_heard_in_every_state() -> None:
    for states, events in ALWAYS.items():
        for state in states:
            assert set(TABLE[state]) >= events, state


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
        chose = call.verdict is not None and call.verdict.cause.slug in CALLS_BACK
        rounds = call.terms.rounds if chose else call.rounds_left
        assert len(path) <= 7 + 3 * len(call.request.devices) * (rounds + 1)


def test_a_leg_of_which_nothing_is_heard_is_hung_up_before_its_call_ends() -> None:
    for meeting, step in steps():
        if isinstance(meeting.event, e.TimeUp) and has_leg(meeting.before) and not meeting.before.verdict:
            leg = meeting.before.leg or ""
            assert step.call.state is not State.ENDED, meeting
            warned = step.news == "call.limit_warning"
            expected = ((),) if warned else ((HangUp(leg),), (Redirect(leg, "support"),))
            assert step.commands in expected, meeting


def test_each_deadline_in_silence_lies_after_the_one_before() -> None:
    for call in calls():
        last = deadline(call)
        for later in silence(call):
            due = deadline(later)
            assert last is not None
            # Who keeps a place in the line may be called back at once.
            kept = later.state is State.SCHEDULED and due == last
            assert due is None or due > last or kept, (call.state, later.state)
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
            # Who was given up by a queue, or chose by a key, is still being spoken to.
            at_the_earliest = call.verdict.at + seconds(call.terms.grace_s)
            assert deadline(call) in (at_the_earliest, at_the_earliest + seconds(call.terms.prompt_s))
            if call.verdict.cause.source in (Source.PORTAL, Source.TIMER, Source.AGENT):
                assert deadline(call) == at_the_earliest


@pytest.mark.parametrize("status", ["TIMEOUT", "FULL", "JOINEMPTY", "LEAVEEMPTY", "UNKNOWN", "CLOSED"])
def test_a_queue_that_gives_up_has_the_time_to_say_so(status: str) -> None:
    story = Story.queued()
    left = story.now
    call = advance(story.call, e.QueueLeft(story.call.leg or "", status), left).call
    assert deadline(call) == left + seconds(call.terms.prompt_s + call.terms.grace_s)


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
