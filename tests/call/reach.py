"""Every call that can be reached, as far as the laws can tell two calls apart, and every fact that can meet it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from pbx_bridge.call import attempts
from pbx_bridge.call import events as e
from pbx_bridge.call.causes import Cause, Source
from pbx_bridge.call.machine import NotNow, Step, accept, advance, deadline, take_in
from pbx_bridge.call.model import Call, Channel, Consent, Direction, Prove, Terms, WhenFull, leg_id
from pbx_bridge.call.states import WITHOUT_LEG, State
from tests.call.story import (
    BY_APP,
    BY_CLICK,
    BY_SMS,
    BY_VOICE,
    CLOSED_FOR_EVER,
    CLOSED_TILL_NOON,
    LINE_FULL,
    MORNING,
    OPEN,
    request,
    seconds,
)

NOON = MORNING + seconds(6 * 3600)
BEFORE_ANSWER = frozenset({State.DIALING, State.RINGING})
TALK = frozenset({State.TALKING, State.ON_HOLD})
AGENTS = ("ann", "bob")
QUEUES = ("support", "sales")


@dataclass(frozen=True)
class Meeting:
    """A call, a fact, and what came of it: a step, or None when it was refused."""

    before: Call
    event: e.Event
    at: datetime
    step: Step | None

    def __str__(self) -> str:
        verdict = self.before.verdict.cause.slug if self.before.verdict else None
        return f"{self.before.state} (verdict {verdict}) + {self.event}"


def births() -> Iterator[Call]:
    """No device, two with a second round, one that proves to be there in every call, one for each kind of second step,
    callers of the public number with and without a number, and one that may be recorded: together they see every kind
    of next try."""
    for count, rounds in ((0, 0), (2, 1)):
        yield accept("call_1", "t", request(count), Terms(rounds=rounds), MORNING, confirmation=None).call
    for count in (0, 1):
        inbound = replace(request(count), direction=Direction.INBOUND)
        yield take_in("call_1", "t", inbound, Terms(rounds=1, then=WhenFull.CALLBACK), MORNING).call
    everybody = Terms(prove=Prove.ALWAYS)
    yield accept("call_1", "t", request(1), everybody, MORNING, confirmation=None).call
    agreed = replace(request(1), consent=Consent(phone_data=True, recording=True, text_version="2026-01"))
    yield accept("call_1", "t", agreed, Terms(record=True), MORNING, confirmation=None).call
    yield accept("call_1", "t", agreed, Terms(record=True), MORNING, confirmation=BY_CLICK).call
    for step in (BY_SMS, BY_VOICE, BY_APP, BY_CLICK):
        yield accept("call_1", "t", request(1), Terms(), MORNING, confirmation=step).call


def facts(call: Call) -> Iterator[e.Event]:
    """Every class of fact, with every value that matters, about the present leg."""
    yield from (e.Vouched(), e.CodeMismatch(), e.Due(), e.AbortRequested("client:portal"))
    yield from (e.CodeAsked(channel) for channel in Channel)
    yield from (fact(number) for fact in (e.CodeSent, e.CodeNotSent) for number in (1, 2))
    for opening in (OPEN, CLOSED_TILL_NOON, CLOSED_FOR_EVER, LINE_FULL):
        yield from (e.CodeConfirmed(opening), e.Admitted(opening), e.Rescheduled(opening))
        yield e.MoveRequested("client:portal", NOON, opening)
    yield e.CallbackRequested("client:portal")
    yield from (e.RedirectRequested("supervisor", queue) for queue in QUEUES)
    yield e.RedirectRequested("supervisor", number="+7495***0000")
    yield e.LimitRequested("supervisor", 3600)
    yield from (e.RecordingPaused("supervisor"), e.RecordingResumed("supervisor"), e.ConsentWithdrawn("client:portal"))
    yield from (e.TimeUp(state) for state in State)
    yield from leg_facts(call.leg or leg_id(call.id, 1))


def leg_facts(leg: str) -> Iterator[e.LegEvent]:
    """Every class of fact about a leg."""
    yield from (e.DeviceRang(leg), e.DeviceAnswered(leg), e.DeviceHungUp(leg), e.EndedUnseen(leg), e.LegLost(leg))
    yield from (e.DeviceGone(leg, sip) for sip in (None, 486, 603))
    yield from (e.NotDialled(leg, Cause(slug, Source.SERVICE)) for slug in ("no_endpoint", "dial_refused"))
    yield from (e.Chosen(leg, choice) for choice in e.Choice)
    yield from (e.MachineAnswered(leg), e.Held(leg), e.Unheld(leg), e.LimitReached(leg))
    yield from (e.TransferFailed(leg), e.TransferFailed(leg, returns=True), e.OutsideAnswered(leg))
    yield from (e.AgentTransferred(leg, "sales"), e.AgentTransferred(leg, "bob", met=True))
    yield from (e.RecordingArmed(leg), e.RecordingRefused(leg))
    yield from (e.QueueJoined(leg, queue, 2) for queue in QUEUES)
    yield from (e.QueueMoved(leg, position) for position in (2, 1))
    yield from (e.QueueLeft(leg, status) for status in ("TIMEOUT", "CONTINUE", "UNKNOWN"))
    for agent in AGENTS:
        yield from (e.AgentRang(leg, agent), e.AgentDeclined(leg, agent), e.AgentAnswered(leg, agent))
        yield from (e.AgentGone(leg, agent, why) for why in ("agent", "caller", "transfer"))


def moments(call: Call, event: e.Event) -> tuple[datetime, ...]:
    """Soon, and for facts that time gives another meaning: when the present state's time is up."""
    soon = call.state_since + seconds(1)
    due = deadline(call)
    if due is None or not isinstance(event, e.TimeUp | e.DeviceGone):
        return (soon,)
    return (soon, max(due, soon), max(due, MORNING + seconds(15 * 86400)))


def steps() -> Iterator[tuple[Meeting, Step]]:
    """The meetings in which something was taken."""
    return ((meeting, meeting.step) for meeting in meetings() if meeting.step)


def taken(call: Call, event: e.Event, at: datetime) -> Step:
    """What comes of a fact; the call as it was when the fact is refused."""
    return _meet(call, event, at) or Step(call)


def slug(call: Call) -> str | None:
    """The present verdict's."""
    return call.verdict.cause.slug if call.verdict else None


@cache
def meetings() -> tuple[Meeting, ...]:
    """All of them, found by walking from every birth."""
    found: list[Meeting] = []
    known: set[object] = set()
    ahead = list(births())
    while ahead:
        call = ahead.pop()
        if _alike(call) in known:
            continue
        known.add(_alike(call))
        for event in facts(call):
            for at in moments(call, event):
                meeting = Meeting(call, event, at, _meet(call, event, at))
                found.append(meeting)
                if meeting.step:
                    ahead.append(meeting.step.call)
    return tuple(found)


def calls() -> list[Call]:
    """Every reachable call once."""
    return list({id(meeting.before): meeting.before for meeting in meetings()}.values())


def _meet(call: Call, event: e.Event, at: datetime) -> Step | None:
    try:
        return advance(call, event, at)
    except NotNow:
        return None


def _alike(call: Call) -> object:
    """Two calls that agree in this have the same future, as far as the table goes."""
    if call.state is State.ENDED:
        return call.cause
    if call.recording:
        # A recording has no say in what becomes of the call: those that have one need not be told apart so finely.
        return call.state, call.recording.state, call.verdict is None, call.partner is None
    # Which device it was matters as long as another may be rung.
    early = call.state in WITHOUT_LEG | BEFORE_ANSWER | {State.ANSWERED} or slug(call) in attempts.TRIES_AGAIN
    return (
        (len(call.request.devices), call.device, call.rounds_left) if early else None,
        call.state,
        call.verdict and (call.verdict.cause.slug, call.verdict.cause.source),
        call.partner is None,
        call.outside is None if call.state is State.TALKING and not call.verdict else None,
        call.transfer and (call.transfer.by, call.transfer.number is None),
        call.warned and call.state is State.TALKING and not call.verdict,
        len(call.ringing),
        call.place.queue if call.place else None,
        call.redirected_to,
        call.answered_at is None,
        call.queued_at is None,
        call.callback,
        call.request.direction,
        call.terms.prove,
        call.terms.rounds,
        call.rounds_left > 0,
        len(call.request.devices) > 0,
        call.confirmation
        and (
            call.confirmation.by,
            call.confirmation.channel,
            call.confirmation.number,
            call.confirmation.tries_left,
            call.confirmation.sent_at is None,
        ),
    )
