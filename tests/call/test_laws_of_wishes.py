"""Laws of what the machine asks for, of how a call ends, and of what a fact implies."""

from __future__ import annotations

from pbx_bridge.call import events as e
from pbx_bridge.call.attempts import CALLS_BACK
from pbx_bridge.call.causes import Cause, Source
from pbx_bridge.call.commands import Command, Dial, HangUp, PauseRecording, PlayNotice, SendCode
from pbx_bridge.call.machine import has_leg, unfold
from pbx_bridge.call.model import Channel, call_of_leg, code_leg_id, leg_id
from pbx_bridge.call.states import Outcome, State
from tests.call.reach import BEFORE_ANSWER, calls, facts, meetings, slug, steps, taken
from tests.call.story import seconds

#: Only these say that the citizen's leg is not there (any more).
SECOND_STEP = frozenset({State.REQUESTED, State.AWAITING_CODE})
LEG_IS_GONE = (e.DeviceGone, e.NotDialled, e.EndedUnseen, e.LegLost)


# ── wishes ───────────────────────────────────────────────────────────────────────────────────────────────
def _leg_of(command: Command) -> str | None:
    return getattr(command, "leg", None)


def test_every_wish_names_the_present_leg_or_the_present_code() -> None:
    for meeting, step in steps():
        code = meeting.before.confirmation
        for command in step.commands:
            if isinstance(command, SendCode):
                assert step.call.confirmation
                assert command.number == step.call.confirmation.number, meeting
            elif code and command == HangUp(code_leg_id("call_1", code.number)):
                assert code.channel is Channel.VOICE, meeting
            else:
                # What may be left of a leg is hung up before somebody is called back.
                parked = isinstance(command, HangUp) and step.call.state is State.SCHEDULED
                assert _leg_of(command) == (meeting.before.leg if parked else step.call.leg), meeting


def test_a_fact_leads_to_one_wish_and_to_silence_before_it_where_a_code_is_read_or_somebody_recorded() -> None:
    for meeting, step in steps():
        code = meeting.before.confirmation
        read = code is not None and code.channel is Channel.VOICE
        if [type(command) for command in step.commands] == [PauseRecording, PlayNotice]:
            continue
        assert len(step.commands) <= 1 + read, meeting
        if len(step.commands) == 2:
            assert isinstance(step.commands[0], HangUp), meeting


def test_a_telephone_that_reads_a_code_is_told_to_stop_once_the_code_does_not_count() -> None:
    for meeting, step in steps():
        before, after = meeting.before.confirmation, step.call.confirmation
        if before is None or before.channel is not Channel.VOICE:
            continue
        counts = after is not None and after.number == before.number and step.call.state in SECOND_STEP
        silence = HangUp(code_leg_id("call_1", before.number))
        if meeting.before.state in SECOND_STEP:
            assert (silence in step.commands) is not counts, meeting


# ── the second step ──────────────────────────────────────────────────────────────────────────────────────
def test_where_a_second_step_is_asked_for_nothing_is_dialled_or_scheduled_before_it_is_taken() -> None:
    for meeting, step in steps():
        if meeting.before.confirmation and meeting.before.state in SECOND_STEP:
            beyond = step.call.state not in {*SECOND_STEP, State.ENDED}
            dials = any(isinstance(command, Dial) for command in step.commands)
            assert (beyond or dials) <= isinstance(meeting.event, e.CodeConfirmed), meeting


def test_tries_are_used_up_one_by_one_and_never_come_back() -> None:
    for meeting, step in steps():
        before, after = meeting.before.confirmation, step.call.confirmation
        if before and after:
            wrong = isinstance(meeting.event, e.CodeMismatch)
            assert before.tries_left - after.tries_left == (1 if wrong else 0), meeting
            assert (after.tries_left == 0) <= (step.call.outcome is Outcome.DENIED), meeting


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


def test_rounds_are_used_up_one_at_a_time_and_a_wish_of_the_citizen_gives_all_of_them() -> None:
    for meeting, step in steps():
        before, after = meeting.before, step.call
        parked = after.state is State.SCHEDULED and before.state is not State.SCHEDULED
        if isinstance(meeting.event, e.MoveRequested) or (
            parked and (not has_leg(before) or slug(before) in CALLS_BACK)
        ):
            assert after.rounds_left == after.terms.rounds, meeting
        else:
            assert before.rounds_left - after.rounds_left == (1 if parked else 0), meeting


def test_a_call_that_had_not_to_wait_has_no_rounds() -> None:
    for call in calls():
        assert call.rounds_left == 0 or call.callback or call.state in {State.SCHEDULED, State.ENDED}, call.state


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
                after = taken(step.call, event, step.call.state_since + seconds(2))
                assert not any(isinstance(command, Dial) for command in after.commands), (meeting, event)
                assert after.call.state is not State.SCHEDULED, (meeting, event)


def test_a_call_that_is_being_aborted_stays_so_and_ends_cancelled() -> None:
    for meeting, step in steps():
        if slug(meeting.before) == "aborted":
            if step.call.state is State.ENDED:
                assert step.call.outcome is Outcome.CANCELLED, meeting
            else:
                assert slug(step.call) == "aborted", meeting


def test_asterisks_word_about_the_time_limit_stands_unless_an_abort_or_a_choice_came_first() -> None:
    first = {"aborted", "no_device", "callback_chosen", "later_chosen", "callback_cancelled"}
    for meeting, step in steps():
        if isinstance(meeting.event, e.LimitReached):
            known = slug(meeting.before)
            assert slug(step.call) == (known if known in first else "time_limit"), meeting


def test_a_verdict_is_only_dropped_by_who_may() -> None:
    """By Asterisk's time limit, an abort, a choice, a talk or queue that goes on after all, and with the attempt."""
    people = (e.LimitReached, e.AbortRequested, e.Chosen, e.CallbackRequested)
    may = (*people, e.QueueJoined, e.AgentAnswered, e.AgentGone, e.OutsideAnswered, e.AgentTransferred)
    for meeting, step in steps():
        same_attempt = step.call.attempt == meeting.before.attempt and has_leg(step.call)
        if meeting.before.verdict and same_attempt and not isinstance(meeting.event, may):
            assert step.call.verdict == meeting.before.verdict, meeting


def test_no_verdict_is_forgotten_at_the_end() -> None:
    for meeting, step in steps():
        if meeting.before.verdict and step.call.state is State.ENDED:
            assert step.call.cause == meeting.before.verdict.cause, meeting


# ── what must have happened before ───────────────────────────────────────────────────────────────────────
def test_a_fact_is_always_the_last_of_what_it_unfolds_to() -> None:
    for meeting in meetings():
        unfolded = list(unfold(meeting.before, meeting.event))
        assert unfolded[-1] == meeting.event
        assert len(unfolded) <= 4


def test_only_what_the_call_can_take_is_put_before_a_fact() -> None:
    for call in calls():
        for event in facts(call):
            *implied, _ = unfold(call, event)
            now = call
            for each in implied:
                after = taken(now, each, call.state_since + seconds(1)).call
                assert after is not now, (call.state, event, each)
                now = after


def test_a_fact_of_the_queue_that_overtakes_the_devices_answer_shows_every_stage() -> None:
    for call in calls():
        if call.state in BEFORE_ANSWER and call.leg:
            unfolded = list(unfold(call, e.AgentAnswered(call.leg, "ann")))
            assert [type(each) for each in unfolded] == [e.DeviceAnswered, e.QueueJoined, e.AgentRang, e.AgentAnswered]
