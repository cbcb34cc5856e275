"""ARI and AMI are two connections: whichever is quicker, the call ends the same way and its history is whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.states import State
from tests.call.story import Story

LEG = "pb.call_1.1"
RANG, ANSWERED = e.DeviceRang(LEG), e.DeviceAnswered(LEG)
GOODBYE, GONE = e.DeviceHungUp(LEG), e.DeviceGone(LEG, q850=16)
JOINED, OFFERED, DECLINED = e.QueueJoined(LEG, "support", 1), e.AgentRang(LEG, "ann"), e.AgentDeclined(LEG, "ann")
TALK = e.AgentAnswered(LEG, "ann")

#: What is said over ARI before the leg is gone, what over AMI, and how the call ends.
TRUTHS: dict[str, tuple[Sequence[e.Event], Sequence[e.Event], tuple[str, str], str]] = {
    "the agent leaves": (
        [RANG, ANSWERED, e.QueueLeft(LEG, "CONTINUE")],
        [JOINED, OFFERED, TALK, e.AgentGone(LEG, "ann", "agent")],
        ("completed", "agent_hung_up"),
        "dialing answered queued offered talking ended",
    ),
    "the citizen leaves the talk": (
        [RANG, ANSWERED, GOODBYE],
        [JOINED, OFFERED, TALK, e.AgentGone(LEG, "ann", "caller")],
        ("completed", "citizen_hung_up"),
        "dialing answered queued offered talking ended",
    ),
    "the citizen leaves the queue": (
        [RANG, ANSWERED, GOODBYE],
        [JOINED, OFFERED, DECLINED],
        ("abandoned", "hung_up_waiting"),
        "dialing answered queued offered queued ended",
    ),
    "the queue gives up": (
        [RANG, ANSWERED, e.QueueLeft(LEG, "TIMEOUT")],
        [JOINED, OFFERED, DECLINED, OFFERED, DECLINED],
        ("queue_timeout", "queue_timeout"),
        "dialing answered queued offered queued offered queued ended",
    ),
    "the time limit ends the talk": (
        [RANG, ANSWERED, e.LimitReached(LEG)],
        [JOINED, OFFERED, TALK, e.AgentGone(LEG, "ann", "caller")],
        ("time_limit", "time_limit"),
        "dialing answered queued offered talking ended",
    ),
    "the abort ends the talk": (
        [RANG, ANSWERED, e.AbortRequested("citizen")],
        [JOINED, OFFERED, TALK],
        ("cancelled", "aborted"),
        "dialing answered queued offered talking ended",
    ),
}


def merges(one: Sequence[e.Event], other: Sequence[e.Event]) -> Iterator[list[e.Event]]:
    """Every order that keeps the order of each connection."""
    if not one or not other:
        yield [*one, *other]
        return
    for rest in merges(one[1:], other):
        yield [one[0], *rest]
    for rest in merges(one, other[1:]):
        yield [other[0], *rest]


def told(facts: Sequence[e.Event]) -> Story:
    story = Story.dialling()
    for fact in facts:
        story.take(fact)
    return story


@pytest.mark.parametrize("name", TRUTHS)
def test_every_order_of_the_two_connections_gives_the_same_end_and_the_same_stages(name: str) -> None:
    ari, ami, end, stages = TRUTHS[name]
    for facts in merges(ari, ami):
        story = told([*facts, GONE])
        assert story.end == end, facts
        # A ring that is heard after the answer is not a stage any more.
        path = [state for state in story.path[1:] if state is not State.RINGING]
        assert " ".join(path) == stages, facts


@pytest.mark.parametrize("name", TRUTHS)
def test_when_the_legs_end_overtakes_the_queue_the_call_ends_once_and_early_words_count(name: str) -> None:
    ari, ami, _, _ = TRUTHS[name]
    for facts in merges([*ari, GONE], ami):
        story = told(facts)
        assert story.state == "ended"
        assert story.news.count("call.ended") == 1
        assert story.call.revision == len(story.news)


#: What is said over ARI by somebody who chooses a callback; over AMI an agent is being rung meanwhile.
KEEPERS: dict[str, Sequence[e.Event]] = {
    "in the queue": [RANG, ANSWERED, e.Chosen(LEG, e.Choice.CALLBACK), GOODBYE],
    "after a wait in vain": [RANG, ANSWERED, e.QueueLeft(LEG, "TIMEOUT"), e.Chosen(LEG, e.Choice.CALLBACK)],
}


@pytest.mark.parametrize("name", KEEPERS)
def test_a_choice_is_kept_in_every_order_of_the_two_connections(name: str) -> None:
    for facts in merges([*KEEPERS[name], GONE], [JOINED, OFFERED, DECLINED]):
        story = told(facts)
        assert story.state == "scheduled", facts
        assert story.call.cause
        assert story.call.cause.slug == "callback_chosen"
        assert story.call.revision == len(story.news)


def test_a_callback_whose_proof_is_heard_late_is_a_talk_in_every_order() -> None:
    ari = [e.DeviceRang(LEG), ANSWERED, GOODBYE]
    ami = [JOINED, OFFERED, TALK, e.AgentGone(LEG, "ann", "caller")]
    for facts in merges(ari, ami):
        story = Story.dialling(rounds=1)
        for fact in [*facts, GONE]:
            story.take(fact)
        assert story.end == ("completed", "citizen_hung_up"), facts
