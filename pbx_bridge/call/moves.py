"""What each fact does to a call. Every function is one row's verb in `table.py`; none is called elsewhere. Other
rooms have verbs of their own: second_step.py the second step of a request, transfers.py what leads from one human to
another, recording.py the recording.

Two rules run through all of them:

- A call ends when its citizen's leg is gone, not before: whoever decides the end (abort, time limit, the agent
  hanging up) only writes a *verdict*, and the leg's end carries it out. So a call that reads `ended` has no phone
  still ringing, and facts that overtake each other on Asterisk's two connections cannot change the outcome.
- The first verdict stands, with four exceptions: Asterisk's own word about the time limit goes before a guess who
  hung up; a citizen's choice goes before a wait in vain; an abort goes before a verdict after which somebody would
  be rung again, or may still choose to be; and what turns out not to have been the end (the citizen is back in a
  queue, the goodbye overtook the queue or an agent's answer) is judged anew.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from . import events as e
from .attempts import (
    CALLS_BACK,
    TRIES_AGAIN,
    UNREACHED,
    Result,
    at_time,
    dial,
    end,
    end_as_judged,
    given_up,
    in_time,
    judge,
    must_prove,
    next_try,
    park,
    present_leg,
)
from .causes import Cause, Source, from_codes
from .commands import HangUp
from .model import Call, Opening, Place, Promise, Reason, Verdict, Why
from .refusal import NotNow
from .states import State
from .transfers import talk_with, warn, warns_at

#: The word for a key.
CHOICES = {
    e.Choice.CALLBACK: "callback_chosen",
    e.Choice.LATER: "later_chosen",
    e.Choice.CANCEL: "callback_cancelled",
}

#: Who has chosen is still being spoken to for a while; the time limit that passes then changes nothing.
DECIDED = frozenset({"aborted", "no_device", *CHOICES.values()})

#: Verdicts of a queue that gave up, before which a wish for a callback goes.
GAVE_UP = frozenset({"queue_timeout", "queue_full", "queue_empty", "desk_closed"})

#: Verdicts before which a key goes. What our own timers said may have crossed it.
IN_VAIN = GAVE_UP | UNREACHED

#: Asterisk's QUEUESTATUS → slug.
QUEUE_STATUS = {
    "TIMEOUT": "queue_timeout",
    "FULL": "queue_full",
    "JOINEMPTY": "queue_empty",
    "LEAVEEMPTY": "queue_empty",
    "JOINUNAVAIL": "queue_empty",
    "LEAVEUNAVAIL": "queue_empty",
    "CONTINUE": "agent_hung_up",
    # The dialplan's own word (hotline.conf): Queue() was never asked.
    "CLOSED": "desk_closed",
}


# ── the request ──────────────────────────────────────────────────────────────────────────────────────────
def admit(call: Call, event: e.Admitted | e.CodeConfirmed, at: datetime) -> Result:
    opening: Opening = event.opening
    if not call.request.devices:
        return end(call, at, Cause("no_device", Source.SERVICE))
    if opening.open:
        elsewhere = opening.queue if opening.queue != call.request.queue else None
        return dial(replace(call, redirected_to=elsewhere), at, 0)
    if not in_time(call, opening):
        return end(call, at, Cause("queue_full" if opening.why is Why.FULL else "callback_expired", Source.SERVICE))
    from_ = max(at, call.request.when or at)
    parked, commands = park(replace(call, rounds_left=call.terms.rounds), from_, Reason(opening.why))
    return at_time(parked, opening), commands


def start_scheduled(call: Call, _: e.Due, at: datetime) -> Result:
    return dial(replace(call, callback=True), at, 0)


def reschedule(call: Call, event: e.Rescheduled, at: datetime) -> Result:
    if not in_time(call, event.opening):
        return end(call, at, Cause("callback_expired", Source.SERVICE))
    after = at_time(call, event.opening)
    if after == call:
        raise NotNow(call, "the time is known")
    return after, ()


def move(call: Call, event: e.MoveRequested, at: datetime) -> Result:
    """Its own wish, so the attempts count anew. The place in the order stays."""
    if not in_time(call, event.opening):
        raise NotNow(call, "there is no such time")
    return at_time(replace(call, not_before=event.to, rounds_left=call.terms.rounds), event.opening), ()


# ── the leg before an answer ─────────────────────────────────────────────────────────────────────────────
def ring(call: Call, _: e.DeviceRang, at: datetime) -> Result:
    return replace(call, state=State.RINGING), ()


def answer(call: Call, _: e.DeviceAnswered, at: datetime) -> Result:
    return replace(call, state=State.ANSWERED, answered_at=at), ()


def fail_attempt(call: Call, event: e.DeviceGone, at: datetime) -> Result:
    if call.verdict:
        return next_try(call, at, call.verdict.cause)
    rang = call.state is State.RINGING
    # Asterisk reports its own timeout as 480 (or nothing): any other code is the network's own word.
    elapsed = at - call.dialled_at if call.dialled_at else timedelta(0)
    timed_out = event.sip in (None, 480) and elapsed >= timedelta(seconds=call.terms.ring_s)
    return next_try(call, at, from_codes(event.sip, event.q850, rang=rang, timed_out=timed_out))


def fail_undialled(call: Call, event: e.NotDialled, at: datetime) -> Result:
    return next_try(call, at, call.verdict.cause if call.verdict else event.cause)


def fail_unseen(call: Call, _: e.EndedUnseen, at: datetime) -> Result:
    return next_try(call, at, call.verdict.cause if call.verdict else Cause("ended_unseen", Source.RECOVERY))


def lose(call: Call, _: e.LegLost, at: datetime) -> Result:
    judged = judge(call, at, Cause("asterisk_restarted", Source.RECOVERY))
    return end_as_judged(judged, at)


# ── verdicts ─────────────────────────────────────────────────────────────────────────────────────────────
def abort(call: Call, _: e.AbortRequested, at: datetime) -> Result:
    if call.verdict and call.verdict.cause.slug == "aborted":
        raise NotNow(call, "it is being aborted already")
    if call.verdict and call.verdict.cause.slug in TRIES_AGAIN | GAVE_UP:
        call = replace(call, verdict=None)
    return judge(call, at, Cause("aborted", Source.PORTAL)), (HangUp(present_leg(call)),)


def overdue(call: Call, _: e.TimeUp, at: datetime) -> Result:
    """Asterisk's own timer should have spoken before ours: hang up, and if even that stays unanswered, end."""
    if call.verdict:
        return given_up(call, at)
    if warns_at(call) and call.limit_at and at < call.limit_at:
        return warn(call)
    past_limit = call.limit_at is not None and at >= call.limit_at
    slug = "time_limit" if past_limit else {
        State.DIALING: "silent_device",
        State.RINGING: "no_answer",
        State.QUEUED: "queue_timeout",
        State.OFFERED: "queue_timeout",
    }.get(call.state, "stuck")  # fmt: skip
    return judge(call, at, Cause(slug, Source.TIMER)), (HangUp(present_leg(call)),)


#: A goodbye before anybody pressed 1: most likely a machine, or somebody who took it for one.
_NOBODY_PROVED = Cause("machine", Source.CITIZEN)


def part(call: Call, _: e.DeviceHungUp, at: datetime) -> Result:
    if must_prove(call):
        return judge(call, at, _NOBODY_PROVED), ()
    return judge(call, at, Cause("citizen_hung_up" if call.partner else "hung_up_waiting", Source.CITIZEN)), ()


def choose(call: Call, event: e.Chosen, at: datetime) -> Result:
    """What the citizen chose goes before a queue that gave up: that is when they are asked."""
    if call.verdict and call.verdict.cause.slug in IN_VAIN:
        call = replace(call, verdict=None)
    slug = CHOICES[event.choice]
    if slug in CALLS_BACK and not call.request.devices:
        return judge(call, at, Cause("no_device", Source.SERVICE)), ()
    return judge(call, at, Cause(slug, Source.CITIZEN)), ()


def keep_place(call: Call, _: e.CallbackRequested, at: datetime) -> Result:
    if call.verdict and call.verdict.cause.slug not in GAVE_UP:
        raise NotNow(call, "it is ending")
    if not call.request.devices:
        raise NotNow(call, "there is no device to call back")
    cause = Cause("callback_chosen", Source.PORTAL)
    return judge(replace(call, verdict=None), at, cause), (HangUp(present_leg(call)),)


def reach_limit(call: Call, _: e.LimitReached, at: datetime) -> Result:
    if call.verdict and call.verdict.cause.slug in DECIDED:
        return call, ()  # the time may pass while a citizen who chose by a key is still being spoken to
    return judge(replace(call, verdict=None), at, Cause("time_limit", Source.TIMER)), ()


def reject_machine(call: Call, _: e.MachineAnswered, at: datetime) -> Result:
    return judge(call, at, Cause("machine", Source.NETWORK)), (HangUp(present_leg(call)),)


def leave_queue(call: Call, event: e.QueueLeft, at: datetime) -> Result:
    return _leave(call, at, QUEUE_STATUS.get(event.status, "queue_unknown"))


def leave_talk(call: Call, event: e.QueueLeft, at: datetime) -> Result:
    """Mostly CONTINUE; another word is that of a queue to which the talk was redirected and which let nobody in."""
    return _leave(call, at, QUEUE_STATUS.get(event.status, "agent_hung_up"))


def _leave(call: Call, at: datetime, slug: str) -> Result:
    return judge(call, at, Cause(slug, Source.AGENT if slug == "agent_hung_up" else Source.QUEUE)), ()


# ── the leg's end after an answer ────────────────────────────────────────────────────────────────────────
def finish(call: Call, event: e.DeviceGone, at: datetime) -> Result:
    """Asterisk itself ended a talk when no goodbye of the citizen came first: then the agent had hung up."""
    if call.partner:
        guess = Cause("agent_hung_up", Source.AGENT, event.sip, event.q850)
    elif must_prove(call):
        guess = Cause("machine", Source.CITIZEN, event.sip, event.q850)
    else:
        guess = Cause("hung_up_waiting", Source.CITIZEN, event.sip, event.q850)
    judged = judge(call, at, guess)
    if judged.verdict and judged.verdict.cause.slug == "machine" and not judged.partner:
        return next_try(judged, at, judged.verdict.cause)
    return end_as_judged(judged, at)


# ── the queue ────────────────────────────────────────────────────────────────────────────────────────────
def join(call: Call, event: e.QueueJoined, at: datetime) -> Result:
    """From the answer, by a redirect of ours, or because somebody at Asterisk moved the citizen by hand.

    A queue that lets nobody in leads back to the call's own one, so where a redirect ends is what Asterisk says.
    """
    if call.place and call.place.queue == event.queue:
        raise NotNow(call, "it is in that queue")
    joined = replace(
        call,
        state=State.QUEUED,
        queued_at=at,
        agent=None,
        outside=None,
        transfer=None,
        ringing=(),
        place=Place(event.queue, event.position, event.likely_s, event.at_most_s),
        promise=_promise(replace(call, promise=None), at, event.likely_s, event.at_most_s),
        redirected_to=None if event.queue == call.request.queue else event.queue,
        verdict=_judged_anew(call),
    )
    return joined, ()


def _judged_anew(call: Call) -> Verdict | None:
    """What a verdict is worth once the citizen is heard to be in a queue."""
    known = call.verdict
    if known and known.cause.slug in ("agent_hung_up", "citizen_hung_up"):
        return None  # whoever had left the talk did not end the call after all
    if known and known.cause == _NOBODY_PROVED:
        # They had pressed 1: the goodbye overtook the queue's word on the other connection.
        return judge(replace(call, verdict=None), known.at, Cause("hung_up_waiting", Source.CITIZEN)).verdict
    return known


def move_up(call: Call, event: e.QueueMoved, at: datetime) -> Result:
    queue = call.place.queue if call.place else call.queue
    place = Place(queue, event.position, event.likely_s, event.at_most_s)
    if place == call.place:
        raise NotNow(call, "the place is known")
    return replace(call, place=place, promise=_promise(call, at, event.likely_s, event.at_most_s)), ()


def _promise(call: Call, at: datetime, likely_s: int | None, at_most_s: int | None) -> Promise | None:
    """The first wait that was told counts, however it was corrected later."""
    if call.promise or likely_s is None or at_most_s is None:
        return call.promise
    return Promise(at, likely_s, at_most_s)


def offer(call: Call, event: e.AgentRang, at: datetime) -> Result:
    if event.agent in call.ringing:
        raise NotNow(call, "this agent rings already")
    return replace(call, state=State.OFFERED, ringing=(*call.ringing, event.agent)), ()


def decline(call: Call, event: e.AgentDeclined, at: datetime) -> Result:
    if event.agent not in call.ringing:
        raise NotNow(call, "this agent does not ring")
    others = tuple(agent for agent in call.ringing if agent != event.agent)
    return replace(call, state=State.OFFERED if others else State.QUEUED, ringing=others), ()


def connect(call: Call, event: e.AgentAnswered, at: datetime) -> Result:
    talk = talk_with(call, agent=event.agent)
    if call.verdict and call.verdict.cause.slug == "hung_up_waiting":
        # The goodbye overtook the agent's answer on the other connection.
        parted = replace(talk, verdict=None)
        return judge(parted, call.verdict.at, Cause("citizen_hung_up", Source.CITIZEN)), ()
    return talk, ()


# ── the talk ─────────────────────────────────────────────────────────────────────────────────────────────
def hold(call: Call, _: e.Held, at: datetime) -> Result:
    return replace(call, state=State.ON_HOLD), ()


def unhold(call: Call, _: e.Unheld, at: datetime) -> Result:
    return replace(call, state=State.TALKING), ()
