"""Recovery makes facts: what must have happened to a call while nobody listened.

Given what Asterisk has now and what it remembers of legs that ended, `missed` names the facts that the ledger has
not got. They go through `advance` like any others; there is no second machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ..phone import Phone
from . import events as e
from .machine import has_leg
from .model import Call, TransferBy
from .states import State


class LegState(StrEnum):
    """How far a channel has come."""

    DOWN = "down"
    RINGING = "ringing"
    UP = "up"


@dataclass(frozen=True, slots=True)
class CameIn:
    """Somebody dialled the public number `dialled` at that time; `caller` where Asterisk can still tell."""

    dialled: str
    caller: Phone | None
    at: datetime


@dataclass(frozen=True, slots=True)
class LegSeen:
    """A living leg: in `queue` at `position` while waiting, offered to `ringing`, or talking to `agent`. `desk` is the
    queue that led to the talk, where Asterisk can tell."""

    state: LegState
    queue: str | None = None
    position: int = 0
    ringing: tuple[str, ...] = ()
    agent: str | None = None
    came_in: CameIn | None = None
    desk: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Trace:
    """What Asterisk wrote down when a leg ended (dialplan `leg-gone`)."""

    ended_at: datetime
    q850: int | None = None
    sip: int | None = None
    answered_at: datetime | None = None
    queue: str | None = None
    queue_status: str | None = None
    agent: str | None = None
    waited_s: int | None = None
    limit_reached: bool = False
    rang: bool = False
    """It rang, and no word of the network's ended that. (A refusal's code takes the ringing's place.)"""
    came_in: CameIn | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """Asterisk at one moment. `since` is when it was started; a leg dialled before that is gone with it."""

    at: datetime
    since: datetime
    legs: Mapping[str, LegSeen] = field(default_factory=dict)
    traces: Mapping[str, Trace] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Missed:
    """A fact that nobody heard, and when it happened as far as Asterisk can tell."""

    event: e.Event
    at: datetime


class DialWish(StrEnum):
    """What the outbox knows of the wish to dial the present leg."""

    NOT_SENT = "not_sent"
    MAYBE_SENT = "maybe_sent"
    SENT = "sent"


def missed(call: Call, picture: Picture, wish: DialWish) -> tuple[Missed, ...]:
    """The facts to take, oldest first. Empty when the ledger is up to date, or when the dial wish will see to it."""
    if not has_leg(call) or call.leg is None:
        return ()
    trace = picture.traces.get(call.leg)
    if trace:
        return tuple(_from_trace(call, call.leg, trace))
    seen = picture.legs.get(call.leg)
    if seen:
        return tuple(Missed(event, picture.at) for event in _from_sight(call, call.leg, seen))
    return tuple(_from_nothing(call, call.leg, picture, wish))


def may_dial(leg: str, dialled_at: datetime, picture: Picture) -> bool:
    """Whether a wish to dial that may have been sent before can be sent (again) without a second ring.

    Every leg that Asterisk made is there, or left its trace. With neither, it never was; unless Asterisk itself
    was started after the wish: then nobody knows, and nobody rings.
    """
    return leg not in picture.legs and leg not in picture.traces and picture.since < dialled_at


#: The dialplan's word for: somebody answered, and nobody pressed 1.
NOBODY = "nobody"

#: Queue() says these without having let the citizen in.
_NEVER_JOINED = frozenset({"FULL", "JOINEMPTY", "JOINUNAVAIL", "UNKNOWN"})


def _from_sight(call: Call, leg: str, seen: LegSeen) -> list[e.Event]:
    if seen.state is LegState.RINGING and call.state is State.DIALING:
        return [e.DeviceRang(leg)]
    if seen.state is not LegState.UP:
        return []
    facts: list[e.Event] = []
    if call.state in (State.DIALING, State.RINGING):
        facts.append(e.DeviceAnswered(leg))
    if seen.agent:
        facts += _from_talk(call, leg, seen.agent, seen.desk)
    elif seen.queue:
        facts += _from_waiting(call, leg, seen, seen.queue)
    return facts


def _from_talk(call: Call, leg: str, agent: str, desk: str | None) -> list[e.Event]:
    """`agent` has the form of an interface, `PJSIP/…`, where it is nobody of a queue."""
    name = agent.rpartition("/")[2]
    if call.outside and call.state in (State.TALKING, State.ON_HOLD) and name != agent:
        return []
    if call.state is State.TRANSFERRING and call.transfer:
        if call.transfer.number:
            return [e.OutsideAnswered(leg)] if name != agent else []
        if call.transfer.by is TransferBy.AGENT:
            return [e.AgentAnswered(leg, name)] if name != call.agent else []
        if agent == call.agent and desk != call.redirected_to:
            return []  # nobody has sent them on yet: that wish is still open
    facts: list[e.Event] = [e.QueueJoined(leg, call.queue, 1)] if call.state is State.TRANSFERRING else []
    if call.state not in (State.TALKING, State.ON_HOLD) or call.agent not in (agent, name):
        facts.append(e.AgentAnswered(leg, agent))
    return facts


def _from_waiting(call: Call, leg: str, seen: LegSeen, queue: str) -> list[e.Event]:
    facts: list[e.Event] = []
    known = call.ringing
    if call.place is None or call.place.queue != queue:
        facts.append(e.QueueJoined(leg, queue, seen.position))
        known = ()
    elif call.place.position != seen.position:
        facts.append(e.QueueMoved(leg, seen.position))
    facts += [e.AgentRang(leg, agent) for agent in seen.ringing if agent not in known]
    facts += [e.AgentDeclined(leg, agent) for agent in known if agent not in seen.ringing]
    return facts


def _from_trace(call: Call, leg: str, trace: Trace) -> list[Missed]:
    facts: list[Missed] = []
    answered = trace.answered_at
    if trace.rang and not answered and call.state is State.DIALING:
        facts.append(Missed(e.DeviceRang(leg), trace.ended_at))
    if answered and call.state in (State.DIALING, State.RINGING):
        facts.append(Missed(e.DeviceAnswered(leg), answered))
    joined = _joined_unseen(call, trace)
    if joined:
        facts.append(Missed(e.QueueJoined(leg, trace.queue or "", 1), answered or trace.ended_at))
    if trace.agent and (joined or call.agent != trace.agent):
        waited = timedelta(seconds=trace.waited_s or 0)
        connected = min((call.queued_at or answered or trace.ended_at) + waited, trace.ended_at)
        facts.append(Missed(e.AgentAnswered(leg, trace.agent), connected))
    chosen = trace.queue_status in set(e.Choice)  # the limit may have passed while the choice was being confirmed
    if trace.limit_reached and not chosen:
        facts.append(Missed(e.LimitReached(leg), trace.ended_at))
    elif trace.queue_status:
        facts.append(Missed(_last_word(leg, trace.queue_status), trace.ended_at))
    elif answered:
        facts.append(Missed(e.DeviceHungUp(leg), trace.ended_at))
    facts.append(Missed(e.DeviceGone(leg, trace.sip, trace.q850), trace.ended_at))
    return facts


def _last_word(leg: str, status: str) -> e.LegEvent:
    """What the dialplan wrote down last: a key, silence where a key was asked for, or what Queue() said."""
    if status in set(e.Choice):
        return e.Chosen(leg, e.Choice(status))
    return e.MachineAnswered(leg) if status == NOBODY else e.QueueLeft(leg, status)


def _joined_unseen(call: Call, trace: Trace) -> bool:
    """Whether the citizen was let into the queue that the trace names, and the ledger does not know it yet."""
    if not trace.queue or trace.queue_status in _NEVER_JOINED:
        return False
    if call.state is State.TRANSFERRING:
        # Without a redirect that got through, the queue is the one before and the agent still the same.
        return trace.queue == call.redirected_to or trace.agent != call.agent
    return call.state in (State.DIALING, State.RINGING, State.ANSWERED)


def _from_nothing(call: Call, leg: str, picture: Picture, wish: DialWish) -> list[Missed]:
    if call.state is State.DIALING and wish is DialWish.NOT_SENT:
        return []
    if call.dialled_at is None or picture.since >= call.dialled_at:
        return [Missed(e.LegLost(leg), picture.at)]
    if call.state is State.DIALING and wish is DialWish.MAYBE_SENT:
        return []
    if call.state in (State.DIALING, State.RINGING):
        return [Missed(e.EndedUnseen(leg), picture.at)]
    return [Missed(e.DeviceGone(leg), picture.at)]
