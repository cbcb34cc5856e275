"""What one look at Asterisk tells about one call: the facts, their order and their time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.model import Call
from pbx_bridge.call.recovery import DialWish, LegSeen, LegState, Missed, Picture, Trace, may_dial, missed
from tests.call.story import MORNING, Story, seconds

LEG = "pb.call_1.1"
LONG_AGO = MORNING - timedelta(days=1)
LATER = MORNING + seconds(600)


def picture(
    seen: LegSeen | None = None, trace: Trace | None = None, since: datetime = LONG_AGO, at: datetime = LATER
) -> Picture:
    """Asterisk has this leg, or remembers it, or neither."""
    return Picture(at, since, {LEG: seen} if seen else {}, {LEG: trace} if trace else {})


def facts(call: Call, look: Picture, wish: DialWish = DialWish.SENT) -> list[e.Event]:
    return [each.event for each in missed(call, look, wish)]


# ── nothing to find out ──────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "story",
    [Story.accepted(), Story.dialling(rounds=1).leg_gone(486), Story.dialling().leg_gone(486)],
    ids=lambda story: story.state,
)
def test_a_call_without_a_leg_has_missed_nothing(story: Story) -> None:
    assert facts(story.call, picture()) == []


def test_a_ledger_that_is_up_to_date_has_missed_nothing() -> None:
    waiting = LegSeen(LegState.UP, "support", 3)
    assert facts(Story.queued().call, picture(waiting)) == []
    offered = replace(waiting, ringing=("ann",))
    assert facts(Story.queued().offered_to("ann").call, picture(offered)) == []
    assert facts(Story.talking("ann").call, picture(LegSeen(LegState.UP, agent="ann"))) == []
    assert facts(Story.talking("ann").holds().call, picture(LegSeen(LegState.UP, agent="ann"))) == []
    assert facts(Story.dialling().rings().call, picture(LegSeen(LegState.RINGING))) == []


def test_a_channel_that_is_still_being_set_up_says_nothing_yet() -> None:
    assert facts(Story.dialling().call, picture(LegSeen(LegState.DOWN))) == []


def test_another_calls_leg_is_nothing_to_this_call() -> None:
    look = Picture(LATER, LONG_AGO, {"pb.call_2.1": LegSeen(LegState.UP)}, {"pb.call_3.1": Trace(LATER)})
    assert facts(Story.dialling().call, look, DialWish.NOT_SENT) == []


# ── a living leg ─────────────────────────────────────────────────────────────────────────────────────────
def test_what_is_seen_is_dated_by_the_look() -> None:
    look = picture(LegSeen(LegState.RINGING))
    assert missed(Story.dialling().call, look, DialWish.SENT) == (Missed(e.DeviceRang(LEG), LATER),)


def test_a_device_that_answered_unseen() -> None:
    for story in (Story.dialling(), Story.dialling().rings()):
        assert facts(story.call, picture(LegSeen(LegState.UP))) == [e.DeviceAnswered(LEG)]


def test_a_citizen_who_came_to_the_queue_unseen() -> None:
    look = picture(LegSeen(LegState.UP, "support", 4, ringing=("ann",)))
    joined = [e.QueueJoined(LEG, "support", 4), e.AgentRang(LEG, "ann")]
    assert facts(Story.dialling().call, look) == [e.DeviceAnswered(LEG), *joined]
    assert facts(Story.dialling().answers().call, look) == joined


def test_a_citizen_who_moved_up_unseen() -> None:
    assert facts(Story.queued().call, picture(LegSeen(LegState.UP, "support", 1))) == [e.QueueMoved(LEG, 1)]


def test_a_citizen_who_was_moved_to_another_queue_unseen() -> None:
    look = picture(LegSeen(LegState.UP, "sales", 2, ringing=("bob",)))
    expected = [e.QueueJoined(LEG, "sales", 2), e.AgentRang(LEG, "bob")]
    assert facts(Story.queued().offered_to("ann").call, look) == expected
    assert facts(Story.talking("ann").call, look) == expected


def test_offers_that_changed_unseen_begin_before_others_end() -> None:
    look = picture(LegSeen(LegState.UP, "support", 3, ringing=("bob",)))
    expected = [e.AgentRang(LEG, "bob"), e.AgentDeclined(LEG, "ann")]
    assert facts(Story.queued().offered_to("ann").call, look) == expected


def test_an_agent_who_answered_unseen() -> None:
    look = picture(LegSeen(LegState.UP, agent="ann"))
    assert facts(Story.queued().call, look) == [e.AgentAnswered(LEG, "ann")]
    assert facts(Story.dialling().call, look) == [e.DeviceAnswered(LEG), e.AgentAnswered(LEG, "ann")]


def test_a_redirect_that_arrived_unseen() -> None:
    look = picture(LegSeen(LegState.UP, agent="bob"))
    expected = [e.QueueJoined(LEG, "sales", 1), e.AgentAnswered(LEG, "bob")]
    assert facts(Story.talking("ann").redirected("sales").call, look) == expected


# ── a leg that left a trace ──────────────────────────────────────────────────────────────────────────────
def ended(**words: object) -> Picture:
    return picture(trace=replace(Trace(MORNING + seconds(300)), **words))  # type: ignore[arg-type]


def test_the_networks_codes_are_in_the_trace() -> None:
    assert facts(Story.dialling().call, ended(sip=486, q850=17)) == [e.DeviceGone(LEG, 486, 17)]


def test_a_phone_that_rang_out_unseen_had_rung() -> None:
    gone = e.DeviceGone(LEG, None, 19)
    assert facts(Story.dialling().call, ended(rang=True, q850=19)) == [e.DeviceRang(LEG), gone]
    assert facts(Story.dialling().rings().call, ended(rang=True, q850=19)) == [gone]


def test_a_whole_call_that_nobody_saw_is_told_in_order_and_in_time() -> None:
    answered = MORNING + seconds(100)
    look = ended(answered_at=answered, queue="support", agent="ann", waited_s=20, queue_status="CONTINUE", q850=16)
    assert missed(Story.dialling().call, look, DialWish.SENT) == (
        Missed(e.DeviceAnswered(LEG), answered),
        Missed(e.QueueJoined(LEG, "support", 1), answered),
        Missed(e.AgentAnswered(LEG, "ann"), answered + seconds(20)),
        Missed(e.QueueLeft(LEG, "CONTINUE"), MORNING + seconds(300)),
        Missed(e.DeviceGone(LEG, None, 16), MORNING + seconds(300)),
    )


def test_the_wait_is_counted_from_the_join_when_that_was_heard() -> None:
    story = Story.queued()
    assert story.call.queued_at
    look = ended(answered_at=story.call.answered_at, queue="support", agent="ann", waited_s=7)
    told = missed(story.call, look, DialWish.SENT)
    assert told[0] == Missed(e.AgentAnswered(LEG, "ann"), story.call.queued_at + seconds(7))


def test_a_talk_does_not_begin_after_its_end_however_long_the_wait_was_said_to_be() -> None:
    look = ended(answered_at=MORNING, queue="support", agent="ann", waited_s=9999)
    assert missed(Story.queued().call, look, DialWish.SENT)[0].at == MORNING + seconds(300)


def test_a_trace_without_a_wait_dates_the_talk_by_the_join() -> None:
    story = Story.queued()
    look = ended(answered_at=MORNING, queue="support", agent="ann")
    assert missed(story.call, look, DialWish.SENT)[0].at == story.call.queued_at


def test_who_was_up_and_said_nothing_else_had_hung_up() -> None:
    look = ended(answered_at=MORNING, queue="support")
    assert facts(Story.queued().call, look) == [e.DeviceHungUp(LEG), e.DeviceGone(LEG)]


def test_the_time_limit_goes_before_the_queues_word() -> None:
    look = ended(answered_at=MORNING, queue="support", queue_status="TIMEOUT", limit_reached=True)
    assert facts(Story.queued().call, look) == [e.LimitReached(LEG), e.DeviceGone(LEG)]


@pytest.mark.parametrize("choice", e.Choice)
@pytest.mark.parametrize("limit_reached", [False, True])
def test_a_key_is_the_last_word_even_when_the_time_limit_passed_while_it_was_confirmed(
    choice: e.Choice, limit_reached: bool
) -> None:
    look = ended(answered_at=MORNING, queue_status=choice.value, limit_reached=limit_reached)
    assert facts(Story.dialling(rounds=1).answers().call, look) == [e.Chosen(LEG, choice), e.DeviceGone(LEG)]


def test_the_key_of_somebody_in_the_queue_comes_after_the_join() -> None:
    look = ended(answered_at=MORNING, queue="support", queue_status="callback")
    answered, *rest = facts(Story.dialling().call, look)
    assert answered == e.DeviceAnswered(LEG)
    assert rest == [e.QueueJoined(LEG, "support", 1), e.Chosen(LEG, e.Choice.CALLBACK), e.DeviceGone(LEG)]


def test_silence_where_a_key_was_asked_for_was_a_machine() -> None:
    look = ended(answered_at=MORNING, queue_status="nobody")
    expected = [e.DeviceAnswered(LEG), e.MachineAnswered(LEG), e.DeviceGone(LEG)]
    assert facts(Story.dialling(rounds=1).call, look) == expected


def test_who_dialled_in_while_nobody_listened_and_chose_is_called_back() -> None:
    story = Story.came_in(rounds=1)
    trace = Trace(MORNING + seconds(40), 16, answered_at=MORNING, queue_status="callback")
    for missing in missed(story.call, Picture(LATER, LONG_AGO, {}, {story.leg: trace}), DialWish.SENT):
        story.take(missing.event)
    assert (story.state, story.call.cause and story.call.cause.slug) == ("scheduled", "callback_chosen")


def test_who_dialled_in_while_it_was_closed_and_nobody_listened_was_told_so() -> None:
    story = Story.came_in()
    trace = Trace(MORNING + seconds(40), 16, answered_at=MORNING, queue_status="CLOSED")
    for missing in missed(story.call, Picture(LATER, LONG_AGO, {}, {story.leg: trace}), DialWish.SENT):
        story.take(missing.event)
    assert story.end == ("queue_timeout", "desk_closed")


@pytest.mark.parametrize("status", ["FULL", "JOINEMPTY", "JOINUNAVAIL", "UNKNOWN"])
def test_who_was_not_let_in_never_joined(status: str) -> None:
    look = ended(answered_at=MORNING, queue="support", queue_status=status)
    expected = [e.QueueLeft(LEG, status), e.DeviceGone(LEG)]
    assert facts(Story.dialling().answers().call, look) == expected
    assert facts(Story.talking().redirected("support").call, look) == expected


@pytest.mark.parametrize("status", ["TIMEOUT", "LEAVEEMPTY", "LEAVEUNAVAIL", "CONTINUE"])
def test_whom_the_queue_let_go_had_joined(status: str) -> None:
    look = ended(answered_at=MORNING, queue="support", queue_status=status)
    assert facts(Story.dialling().answers().call, look)[0] == e.QueueJoined(LEG, "support", 1)


def test_a_trace_without_a_queue_tells_of_no_queue() -> None:
    look = ended(answered_at=MORNING)
    assert facts(Story.dialling().answers().call, look) == [e.DeviceHungUp(LEG), e.DeviceGone(LEG)]


def test_a_redirect_that_arrived_before_the_end_was_a_join() -> None:
    look = ended(answered_at=MORNING, queue="sales", agent="ann", waited_s=1)
    expected = [e.QueueJoined(LEG, "sales", 1), e.AgentAnswered(LEG, "ann"), e.DeviceHungUp(LEG), e.DeviceGone(LEG)]
    assert facts(Story.talking("ann").redirected("sales").call, look) == expected


def test_a_redirect_that_never_arrived_was_no_join() -> None:
    look = ended(answered_at=MORNING, queue="support", agent="ann", waited_s=1)
    expected = [e.DeviceHungUp(LEG), e.DeviceGone(LEG)]
    assert facts(Story.talking("ann").redirected("sales").call, look) == expected


def test_a_trace_goes_before_a_sight_because_the_leg_may_have_ended_during_the_look() -> None:
    look = picture(LegSeen(LegState.UP, agent="ann"), Trace(LATER, 16, None, MORNING))
    assert e.DeviceGone(LEG, None, 16) in facts(Story.queued().call, look)


# ── a leg that is neither there nor remembered ───────────────────────────────────────────────────────────
def test_a_dial_that_was_not_sent_will_be() -> None:
    assert facts(Story.dialling().call, picture(), DialWish.NOT_SENT) == []


def test_a_dial_that_may_have_been_sent_is_left_to_whoever_can_tell() -> None:
    assert facts(Story.dialling().call, picture(), DialWish.MAYBE_SENT) == []


def test_a_dial_that_was_sent_and_left_nothing_behind_ended_unseen() -> None:
    expected = [Missed(e.EndedUnseen(LEG), LATER)]
    assert list(missed(Story.dialling().call, picture(), DialWish.SENT)) == expected
    assert list(missed(Story.dialling().rings().call, picture(), DialWish.SENT)) == expected


def test_a_phone_that_had_rung_was_dialled_whatever_the_outbox_knows() -> None:
    assert facts(Story.dialling().rings().call, picture(), DialWish.MAYBE_SENT) == [e.EndedUnseen(LEG)]
    assert facts(Story.dialling().rings().call, picture(), DialWish.NOT_SENT) == [e.EndedUnseen(LEG)]


@pytest.mark.parametrize("story", [Story.dialling().answers(), Story.queued(), Story.talking()], ids=lambda s: s.state)
def test_a_leg_that_was_up_and_left_nothing_behind_is_gone(story: Story) -> None:
    assert missed(story.call, picture(), DialWish.SENT) == (Missed(e.DeviceGone(LEG), LATER),)


@pytest.mark.parametrize("wish", [DialWish.SENT, DialWish.MAYBE_SENT])
@pytest.mark.parametrize("story", [Story.dialling(), Story.dialling().rings(), Story.talking()], ids=lambda s: s.state)
def test_a_leg_older_than_asterisk_is_lost(story: Story, wish: DialWish) -> None:
    for since in (MORNING, MORNING + seconds(60)):
        assert missed(story.call, picture(since=since), wish) == (Missed(e.LegLost(LEG), LATER),)


def test_a_leg_younger_than_asterisk_is_not_lost() -> None:
    look = picture(since=MORNING - seconds(0.001))
    assert facts(Story.dialling().call, look) == [e.EndedUnseen(LEG)]


# ── dialling again ───────────────────────────────────────────────────────────────────────────────────────
def test_a_leg_that_never_was_may_be_dialled() -> None:
    assert may_dial(LEG, MORNING, picture())


def test_a_leg_that_is_there_or_was_there_may_not_be_dialled() -> None:
    assert not may_dial(LEG, MORNING, picture(LegSeen(LegState.DOWN)))
    assert not may_dial(LEG, MORNING, picture(trace=Trace(LATER)))


@pytest.mark.parametrize("since", [MORNING, MORNING + seconds(1)])
def test_after_a_restart_of_asterisk_nobody_knows_and_nobody_rings(since: datetime) -> None:
    assert not may_dial(LEG, MORNING, picture(since=since))
    assert may_dial(LEG, since + seconds(1), picture(since=since))
