"""Laws of those who are called back: nobody is forgotten, nobody rings twice at once, and no mailbox meets an agent."""

from __future__ import annotations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.attempts import CALLS_BACK, LAST_WORDS, NOT_NOW, UNREACHED
from pbx_bridge.call.causes import Cause, Source
from pbx_bridge.call.commands import Dial, HangUp
from pbx_bridge.call.machine import Step, advance, has_leg, merged, timed
from pbx_bridge.call.model import Call, Direction, Opening, Prove, Why
from pbx_bridge.call.moves import must_prove
from pbx_bridge.call.states import State
from tests.call.reach import NOON, calls, facts, meetings, slug, steps, taken
from tests.call.story import CLOSED_FOR_EVER, CLOSED_TILL_NOON, MORNING, OPEN, seconds


def chosen(call: Call) -> bool:
    """Whether the citizen is to be called back once the leg is gone."""
    return slug(call) in CALLS_BACK


# ── a choice ─────────────────────────────────────────────────────────────────────────────────────────────
def test_who_chose_to_be_called_back_is_called_back_whatever_comes_but_an_abort() -> None:
    for meeting, step in steps():
        if chosen(meeting.before):
            if isinstance(meeting.event, e.AbortRequested):
                assert slug(step.call) == "aborted", meeting
            else:
                parked = step.call.state is State.SCHEDULED
                assert parked or step.call.verdict == meeting.before.verdict, meeting


def test_what_is_heard_of_a_leg_that_ended_leads_from_the_choice_to_the_callback() -> None:
    for call in calls():
        if chosen(call) and call.leg:
            for end in (e.DeviceGone(call.leg), e.LegLost(call.leg)):
                after = taken(call, end, call.state_since + seconds(1)).call
                assert (after.state, after.cause) == (State.SCHEDULED, call.verdict and call.verdict.cause), end


def test_only_who_can_be_rung_has_chosen_to_be_called_back() -> None:
    for call in calls():
        if chosen(call) or call.state is State.SCHEDULED:
            assert call.request.devices, call.state


def test_a_key_counts_wherever_somebody_waits_for_an_agent() -> None:
    for meeting in meetings():
        waits = meeting.before.state in {State.ANSWERED, State.QUEUED, State.OFFERED, State.TRANSFERRING}
        if isinstance(meeting.event, e.Chosen) and waits and meeting.before.verdict is None:
            assert meeting.step, meeting
            assert meeting.step.call.verdict, meeting
            assert meeting.step.commands == (), meeting


def test_a_choice_on_the_page_hangs_up_and_is_refused_where_nobody_could_be_rung() -> None:
    for meeting in meetings():
        if isinstance(meeting.event, e.CallbackRequested):
            if not meeting.before.request.devices:
                assert meeting.step is None, meeting
            if meeting.step:
                assert meeting.step.commands == (HangUp(meeting.before.leg or ""),), meeting
                assert slug(meeting.step.call) == "callback_chosen", meeting


def test_an_abort_is_not_undone_by_a_later_choice() -> None:
    for call in calls():
        if slug(call) == "aborted":
            for event in facts(call):
                if isinstance(event, e.Chosen | e.CallbackRequested):
                    assert slug(taken(call, event, call.state_since + seconds(1)).call) == "aborted", call.state


# ── attempts ─────────────────────────────────────────────────────────────────────────────────────────────
def test_an_attempt_that_reached_nobody_does_not_end_a_call_that_has_rounds_left() -> None:
    nobody = UNREACHED | NOT_NOW | {"busy", "network_failure", "no_endpoint"}
    for meeting, step in steps():
        waits = meeting.before.rounds_left > 0 and has_leg(meeting.before) and meeting.before.partner is None
        if waits and step.call.state is State.ENDED:
            assert step.call.cause
            assert step.call.cause.slug not in nobody, meeting


def test_after_a_last_word_nobody_waits_for_another_attempt() -> None:
    for meeting, step in steps():
        if has_leg(meeting.before) and not has_leg(step.call) and step.call.cause:
            last = step.call.cause.slug in LAST_WORDS
            assert not last or step.call.state is State.ENDED, meeting


def test_what_may_be_left_of_a_leg_is_hung_up_before_anybody_waits_for_another_one() -> None:
    for meeting, step in steps():
        unheard = isinstance(meeting.event, e.TimeUp) and has_leg(meeting.before)
        if unheard and step.call.state is State.SCHEDULED:
            assert step.commands == (HangUp(meeting.before.leg or ""),), meeting


def test_a_scheduled_call_is_rung_when_it_is_due_and_never_before() -> None:
    for meeting, step in steps():
        if meeting.before.state is State.SCHEDULED:
            rings = any(isinstance(command, Dial) for command in step.commands)
            assert rings is isinstance(meeting.event, e.Due), meeting


def test_who_waited_for_their_time_is_known_by_it_from_the_first_ring_on() -> None:
    for meeting, step in steps():
        due = isinstance(meeting.event, e.Due)
        assert step.call.callback is (meeting.before.callback or due), meeting


# ── the proof ────────────────────────────────────────────────────────────────────────────────────────────
def test_nobody_is_brought_to_a_queue_by_us_before_they_have_proved_to_be_there() -> None:
    for meeting in meetings():
        if isinstance(meeting.event, e.RedirectRequested) and must_prove(meeting.before):
            assert meeting.step is None, meeting


def test_a_hang_up_before_the_proof_is_a_machines() -> None:
    for meeting, step in steps():
        before, end = meeting.before, step.call
        if must_prove(before) and before.verdict is None and isinstance(meeting.event, e.DeviceGone):
            assert end.cause
            assert end.cause.slug == "machine", meeting
            assert (end.state is State.ENDED) <= (before.rounds_left == 0), meeting


def test_a_proof_is_asked_of_those_who_are_called_back_or_of_everybody_but_never_of_who_dialled_in() -> None:
    for call in calls():
        if call.state is State.ANSWERED:
            dialled_in = call.request.direction is Direction.INBOUND and not call.callback
            everybody = call.terms.prove is Prove.ALWAYS
            assert must_prove(call) is (not dialled_in and (call.callback or everybody))
        else:
            assert not must_prove(call)


def test_a_verdict_of_a_machine_that_hung_up_is_dropped_once_the_queue_is_heard() -> None:
    for meeting, step in steps():
        guessed = meeting.before.verdict and meeting.before.verdict.cause.slug == "machine"
        if guessed and isinstance(meeting.event, e.QueueJoined) and meeting.before.state is State.ANSWERED:
            network = meeting.before.verdict and meeting.before.verdict.cause.source == "network"
            assert slug(step.call) == ("machine" if network else "hung_up_waiting"), meeting


# ── the desk's word ──────────────────────────────────────────────────────────────────────────────────────
def parkings() -> list[Step]:
    """Every step that makes a call with a leg wait for its time; the desk was not asked yet."""
    return [step for meeting, step in steps() if has_leg(meeting.before) and step.call.state is State.SCHEDULED]


def test_the_desk_gives_a_parked_call_its_time_and_its_reason() -> None:
    opening = Opening(False, MORNING + seconds(12 * 86400), Why.NIGHT, "Ночь.", "night")
    for step in parkings():
        told = timed(step, opening)
        assert told.call.scheduled_for == opening.next_open_at
        assert told.call.reason
        assert (told.call.reason.why, told.call.reason.ru, told.call.reason.en) == (Why.NIGHT, "Ночь.", "night")
        assert (told.commands, told.news, told.call.not_before) == (step.commands, step.news, step.call.not_before)


@pytest.mark.parametrize("opening", [CLOSED_FOR_EVER, Opening(False, MORNING + seconds(14 * 86400))])
def test_where_the_desk_knows_no_time_in_time_the_parked_call_ends_and_says_so(opening: Opening) -> None:
    for step in parkings():
        told = timed(step, opening)
        assert (told.call.state, told.news) == (State.ENDED, "call.ended")
        assert told.call.cause
        assert told.call.cause.slug == "callback_expired"
        assert (told.call.revision, told.commands) == (step.call.revision, step.commands)
        assert (told.call.scheduled_for, told.call.reason) == (None, None)


def test_the_desk_changes_nothing_about_a_call_that_is_not_parked() -> None:
    for _, step in steps():
        if step.call.state is not State.SCHEDULED:
            assert timed(step, CLOSED_TILL_NOON) is step


def test_a_second_callback_of_one_citizen_ends_instead_of_waiting() -> None:
    for step in parkings():
        told = merged(step, step.call.state_since)
        assert (told.call.state, told.news, told.commands) == (State.ENDED, "call.ended", step.commands)
        assert told.call.cause == Cause("callback_merged", Source.SERVICE)


@pytest.mark.parametrize("kind", [e.Rescheduled, e.MoveRequested])
def test_a_time_after_the_request_is_too_old_is_no_time(kind: type[e.Event]) -> None:
    waiting = next(call for call in calls() if call.state is State.SCHEDULED)
    too_late = Opening(False, waiting.accepted_at + seconds(waiting.terms.keep_s))
    just = Opening(False, waiting.accepted_at + seconds(waiting.terms.keep_s - 1))
    for opening, kept in ((just, True), (too_late, False), (CLOSED_FOR_EVER, False)):
        moved = e.MoveRequested("client:portal", NOON, opening)
        event = e.Rescheduled(opening) if kind is e.Rescheduled else moved
        after = taken(waiting, event, waiting.state_since + seconds(1)).call
        if kept:
            assert after.scheduled_for == opening.next_open_at
        elif kind is e.Rescheduled:
            assert after.cause
            assert (after.state, after.cause.slug) == (State.ENDED, "callback_expired")
        else:
            assert after == waiting


def test_a_request_without_a_device_is_told_so_at_once_and_not_in_the_morning() -> None:
    for call in calls():
        if call.state is State.REQUESTED and not call.request.devices:
            for opening in (OPEN, CLOSED_TILL_NOON):
                after = advance(call, e.Admitted(opening), MORNING).call
                assert after.cause
                assert after.cause.slug == "no_device"
