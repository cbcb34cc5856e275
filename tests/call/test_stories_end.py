"""Stories of those who interfere: aborts and redirects, and the races they run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.commands import Dial, HangUp, Redirect
from pbx_bridge.call.machine import deadline
from pbx_bridge.call.model import Place
from pbx_bridge.call.snapshot import snapshot
from tests.call.story import Story, seconds

WITH_A_LEG: dict[str, Callable[[], Story]] = {
    "dialing": lambda: Story.dialling(count=2, rounds=1),
    "ringing": lambda: Story.dialling(count=2, rounds=1).rings(),
    "answered": lambda: Story.dialling(count=2).answers(),
    "queued": Story.queued,
    "offered": lambda: Story.queued().offered_to("ann"),
    "talking": Story.talking,
    "on_hold": lambda: Story.talking().holds(),
    "transferring": lambda: Story.talking().redirected(),
}
UP = [name for name in WITH_A_LEG if name not in ("dialing", "ringing")]


# ── abort ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("state", WITH_A_LEG)
def test_an_abort_hangs_up_and_the_call_ends_when_the_leg_is_gone(state: str) -> None:
    story = WITH_A_LEG[state]()
    assert story.state == state
    before = story.call.revision
    story.aborted()
    assert (story.state, story.verdict, story.last_wish) == (state, "aborted", HangUp("pb.call_1.1"))
    assert story.call.revision == before
    story.leg_gone(q850=16)
    assert story.end == ("cancelled", "aborted")
    assert [type(wish) for wish in story.wishes].count(Dial) == 1


@pytest.mark.parametrize("state", WITH_A_LEG)
def test_a_second_abort_changes_nothing(state: str) -> None:
    story = WITH_A_LEG[state]().aborted()
    wishes = list(story.wishes)
    story.aborted()
    assert story.wishes == wishes
    assert story.refused == ["it is being aborted already"]


@pytest.mark.parametrize("state", WITH_A_LEG)
def test_an_abort_whose_hang_up_stays_unanswered_ends_after_the_grace(state: str) -> None:
    story = WITH_A_LEG[state]().aborted()
    wishes = list(story.wishes)
    assert deadline(story.call) == story.now + seconds(10)
    assert story.time_passes().end == ("cancelled", "aborted")
    assert story.wishes == wishes


@pytest.mark.parametrize("state", WITH_A_LEG)
def test_an_abort_during_which_asterisk_is_lost_is_still_an_abort(state: str) -> None:
    story = WITH_A_LEG[state]().aborted()
    story.take(e.LegLost(story.leg))
    assert story.end == ("cancelled", "aborted")


def test_an_abort_that_comes_before_the_device_was_dialled_at_all() -> None:
    story = Story.dialling(count=2).aborted()
    assert story.call.verdict
    story.take(e.NotDialled(story.leg, story.call.verdict.cause))
    assert story.end == ("cancelled", "aborted")


def test_a_device_that_answers_at_the_moment_of_the_abort_is_hung_up_all_the_same() -> None:
    story = Story.dialling(count=2).rings().aborted().answers().joins().offered_to("ann").leg_gone()
    assert story.end == ("cancelled", "aborted")


def test_an_agent_who_answers_at_the_moment_of_the_abort_does_not_change_the_end() -> None:
    story = Story.queued().offered_to("ann").aborted().talks_to("ann").agent_leaves("ann").leg_gone()
    assert story.end == ("cancelled", "aborted")


def test_a_device_that_is_busy_at_the_moment_of_the_abort_is_the_last_one() -> None:
    story = Story.dialling(count=3, rounds=2).aborted().leg_gone(486, 17)
    assert story.end == ("cancelled", "aborted")
    assert story.wishes == [Dial("pb.call_1.1", 0), HangUp("pb.call_1.1")]


def test_an_abort_after_our_timer_hung_up_stops_the_next_device() -> None:
    story = Story.dialling(count=2).rings().time_passes().aborted().leg_gone()
    assert story.end == ("cancelled", "aborted")
    assert [type(wish) for wish in story.wishes] == [Dial, HangUp, HangUp]


def test_an_abort_after_a_machine_was_found_stops_the_next_device() -> None:
    story = Story.dialling(count=2, rounds=1).answers().machine_answers().aborted().leg_gone()
    assert story.end == ("cancelled", "aborted")


def test_an_abort_that_lost_against_the_time_limit_does_not_claim_the_end() -> None:
    story = Story.talking().limit_reached().aborted().leg_gone()
    assert story.end == ("time_limit", "time_limit")


def test_a_time_limit_that_lost_against_an_abort_does_not_claim_the_end() -> None:
    assert Story.talking().aborted().limit_reached().leg_gone().end == ("cancelled", "aborted")


def test_a_citizen_who_hangs_up_before_the_abort_is_heard_has_ended_the_call() -> None:
    assert Story.talking().says_goodbye().aborted().leg_gone().end == ("completed", "citizen_hung_up")


def test_an_abort_after_the_end_is_refused() -> None:
    assert Story.dialling().leg_gone(486).aborted().refused == ["there is no move for AbortRequested"]


# ── redirect ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("state", [name for name in UP if name != "transferring"])
def test_a_citizen_can_be_redirected_from_the_answer_on(state: str) -> None:
    story = WITH_A_LEG[state]().redirected("sales")
    assert (story.state, story.last_wish) == ("transferring", Redirect("pb.call_1.1", "sales"))
    assert (story.call.place, story.call.ringing) == (None, ())
    queue = snapshot(story.call)["queue"]
    assert queue == {"name": "sales", "position": None, "wait_s": None}
    story.joins("sales", 2)
    assert (story.state, story.call.place, story.call.agent) == ("queued", Place("sales", 2), None)


def test_before_the_answer_there_is_nobody_to_redirect() -> None:
    story = Story.dialling().rings().redirected("sales")
    assert story.refused == ["there is no move for RedirectRequested"]


def test_two_redirects_at_once_are_refused() -> None:
    story = Story.talking().redirected("sales").redirected("support")
    assert story.refused == ["there is no move for RedirectRequested"]
    assert story.call.redirected_to == "sales"


def test_who_is_being_aborted_is_not_redirected_any_more() -> None:
    story = Story.talking().aborted().redirected("sales")
    assert story.refused == ["it is ending"]
    assert isinstance(story.last_wish, HangUp)


def test_a_redirected_citizen_is_served_by_the_other_queue() -> None:
    story = Story.talking("ann").redirected("sales").joins("sales", 1).offered_to("bob").talks_to("bob")
    assert (story.state, story.call.agent) == ("talking", "bob")
    assert story.agent_hangs_up("bob").end == ("completed", "agent_hung_up")


def test_the_old_agents_goodbye_comes_late_and_ends_nobodys_talk() -> None:
    story = Story.talking("ann").redirected("sales").joins("sales", 1).offered_to("bob").talks_to("bob")
    story.agent_leaves("ann", "agent")
    assert (story.state, story.verdict) == ("talking", None)
    assert story.refused == ["another agent talks now"]


def test_a_redirected_citizen_waits_with_a_new_deadline() -> None:
    story = Story.queued(queue_s=900, grace_s=10)
    story.redirected("sales", after=500).joins("sales", 1)
    assert deadline(story.call) == story.now + seconds(910)


def test_a_citizen_who_hangs_up_on_the_way_to_another_queue_without_having_talked_has_abandoned() -> None:
    assert Story.queued().redirected("sales").hangs_up().end == ("abandoned", "hung_up_waiting")


def test_a_citizen_who_hangs_up_on_the_way_to_another_queue_after_a_talk_was_served() -> None:
    assert Story.talking().redirected("sales").hangs_up().end == ("completed", "citizen_hung_up")


def test_a_leg_that_is_gone_on_the_way_to_another_queue() -> None:
    assert Story.queued().redirected("sales").leg_gone().end == ("abandoned", "hung_up_waiting")
    assert Story.talking().redirected("sales").leg_gone().end == ("completed", "agent_hung_up")


def test_neither_the_other_queue_nor_the_own_one_lets_the_citizen_in() -> None:
    story = Story.talking().redirected("sales").queue_gives_up("JOINEMPTY").leg_gone()
    assert story.end == ("queue_timeout", "queue_empty")


def test_a_redirect_that_fails_leaves_the_citizen_with_the_agent() -> None:
    story = Story.talking("ann").redirected("sales")
    story.take(e.TransferFailed(story.leg))
    assert (story.state, story.call.agent, story.call.queue) == ("talking", "ann", "support")


def test_a_redirect_that_fails_brings_a_waiting_citizen_back_to_the_own_queue() -> None:
    story = Story.queued().redirected("sales")
    story.take(e.TransferFailed(story.leg), after=5)
    assert (story.state, story.last_wish) == ("transferring", Redirect("pb.call_1.1", "support"))
    assert story.call.state_since == story.now
    assert story.joins("support", 4).call.place == Place("support", 4)


def test_a_redirect_that_fails_twice_hangs_up() -> None:
    story = Story.queued().redirected("sales")
    for _ in range(2):
        story.take(e.TransferFailed(story.leg))
    assert (story.verdict, story.last_wish) == ("stuck", HangUp("pb.call_1.1"))
    assert story.leg_gone().end == ("failed", "stuck")


def test_a_redirect_of_which_nothing_is_heard_is_taken_back_and_then_given_up() -> None:
    story = Story.talking(transfer_s=60, grace_s=10).redirected("sales")
    asked = story.now
    story.time_passes()
    assert story.now == asked + seconds(70)
    assert (story.last_wish, story.call.agent) == (Redirect("pb.call_1.1", "support"), None)
    story.time_passes()
    assert story.now == asked + seconds(140)
    assert (story.verdict, story.last_wish) == ("stuck", HangUp("pb.call_1.1"))
    assert story.time_passes().end == ("failed", "stuck")


def test_a_failed_redirect_of_a_citizen_who_hangs_up_does_not_end_the_call_before_the_leg_is_gone() -> None:
    story = Story.talking().redirected("sales").says_goodbye()
    story.take(e.TransferFailed(story.leg))
    assert (story.state, story.refused) == ("transferring", ["it is ending"])
    assert story.leg_gone().end == ("completed", "citizen_hung_up")


def test_an_abort_is_not_forgotten_when_the_redirect_arrives_after_all() -> None:
    story = Story.talking().redirected("sales").aborted().joins("sales", 1).leg_gone()
    assert story.end == ("cancelled", "aborted")


def test_an_agent_of_the_old_queue_who_answers_too_late_does_not_get_the_call() -> None:
    story = Story.queued().offered_to("ann").redirected("sales").talks_to("ann")
    assert (story.state, story.call.agent) == ("transferring", "ann")
    story.joins("sales", 1).offered_to("bob").talks_to("bob")
    assert " ".join(story.path[-4:]) == "transferring queued offered talking"
    assert story.call.agent == "bob"


def test_an_agent_of_the_old_queue_who_answered_in_time_keeps_the_call_when_the_redirect_fails() -> None:
    story = Story.queued().offered_to("ann").redirected("sales").talks_to("ann")
    story.take(e.TransferFailed(story.leg))
    assert (story.state, story.call.agent) == ("talking", "ann")


def test_the_old_queues_word_that_comes_late_does_not_stay() -> None:
    story = Story.dialling().answers().redirected("sales").joins("support", 1).joins("sales", 2)
    assert story.refused == []
    assert (story.state, story.call.place, story.call.queue) == ("queued", Place("sales", 2), "sales")


def test_a_queue_that_lets_nobody_in_leads_the_redirected_citizen_back() -> None:
    story = Story.talking("ann").redirected("sales").joins("support", 4)
    assert (story.state, story.call.place, story.call.queue) == ("queued", Place("support", 4), "support")
    assert story.offered_to("bob").talks_to("bob").call.queue == "support"


# ── what agents and engineers do by themselves ───────────────────────────────────────────────────────────
def test_an_agent_transfers_the_citizen_to_another_queue() -> None:
    story = Story.talking("ann").agent_leaves("ann", "transfer")
    assert (story.state, story.verdict) == ("transferring", None)
    story.joins("sales", 2).offered_to("bob").talks_to("bob")
    assert (story.state, story.call.agent) == ("talking", "bob")


def test_an_agents_transfer_of_which_nothing_is_heard_ends() -> None:
    story = Story.talking("ann").agent_leaves("ann", "transfer").time_passes()
    assert (story.verdict, story.last_wish) == (None, Redirect("pb.call_1.1", "support"))
    story.time_passes()
    assert (story.verdict, story.last_wish) == ("stuck", HangUp("pb.call_1.1"))


def test_an_engineer_moves_a_waiting_citizen_by_hand() -> None:
    story = Story.queued().offered_to("ann").joins("sales", 5)
    assert (story.state, story.call.place, story.call.ringing) == ("queued", Place("sales", 5), ())
    assert story.moves_to(4).call.place == Place("sales", 4)


@pytest.mark.parametrize("why", ["agent", "caller"])
def test_an_engineer_moves_a_citizen_out_of_a_talk_by_hand(why: str) -> None:
    story = Story.talking("ann").agent_leaves("ann", why).joins("sales", 1)
    assert (story.state, story.call.agent, story.verdict) == ("queued", None, None)
    assert story.hangs_up().end == ("abandoned", "hung_up_waiting")


def test_an_engineer_moves_a_held_citizen_by_hand() -> None:
    assert Story.talking().holds().joins("sales", 1).state == "queued"
