"""The facts that the machine knows. Each says what happened, never what to do about it.

A fact that names its subject (leg, agent) counts only while that subject is the present one.
Facts carry no numbers, names or codes of citizens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .causes import Cause
from .model import Channel, Opening
from .states import State


@dataclass(frozen=True, slots=True)
class Event:
    """Anything that can happen to a call."""


@dataclass(frozen=True, slots=True)
class LegEvent(Event):
    """Something that happened to the citizen's leg `leg` (a channel id)."""

    leg: str


@dataclass(frozen=True, slots=True)
class AgentEvent(LegEvent):
    """Something that happened between the citizen's leg and `agent` (a queue member's name)."""

    agent: str


class Choice(StrEnum):
    """What a citizen can choose by a key."""

    CALLBACK = "callback"
    """Call me back and keep my place."""
    LATER = "later"
    """Not now: call me back later."""
    CANCEL = "cancel"
    """Do not call me back."""


# ── the request ──────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Vouched(Event):
    """The portal answers for a fresh second factor; only the second step itself is awaited."""


@dataclass(frozen=True, slots=True)
class CodeAsked(Event):
    """The citizen asked for another code, or for another way to get it."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class CodeSent(Event):
    """Code `number` is on its way to the citizen."""

    number: int = 1


@dataclass(frozen=True, slots=True)
class CodeNotSent(Event):
    """Code `number` surely did not get through; `why` in words, nothing private."""

    number: int = 1
    why: str = ""


@dataclass(frozen=True, slots=True)
class CodeMismatch(Event):
    """What was typed is not the code."""


@dataclass(frozen=True, slots=True)
class CodeConfirmed(Event):
    """The citizen took the second step; the hours were asked at the same moment."""

    opening: Opening


@dataclass(frozen=True, slots=True)
class Admitted(Event):
    """No code is needed; the hours were asked."""

    opening: Opening


@dataclass(frozen=True, slots=True)
class Due(Event):
    """The time of a scheduled call has come and there is a place for it."""


@dataclass(frozen=True, slots=True)
class Rescheduled(Event):
    """The hours were asked again, or the citizen has another call: a scheduled call waits for another time."""

    opening: Opening


@dataclass(frozen=True, slots=True)
class MoveRequested(Event):
    """The citizen wishes to be called at another time, not before `to`; the hours were asked at the same moment. `by`
    is the client or role, for the audit."""

    by: str
    to: datetime
    opening: Opening


@dataclass(frozen=True, slots=True)
class CallbackRequested(Event):
    """On the page, somebody who waits chose to be called back. `by` as above."""

    by: str


@dataclass(frozen=True, slots=True)
class AbortRequested(Event):
    """Somebody with the right to do so asked to end the call. `by` is the client or role, for the audit."""

    by: str


@dataclass(frozen=True, slots=True)
class RedirectRequested(Event):
    """Somebody with the right to do so asked to bring the citizen to another queue, or to `number` (masked)."""

    by: str
    queue: str = ""
    number: str | None = None


@dataclass(frozen=True, slots=True)
class LimitRequested(Event):
    """Somebody with the right to do so set another time limit: seconds from the device's answer."""

    by: str
    time_limit_s: int


@dataclass(frozen=True, slots=True)
class TimeUp(Event):
    """The deadline of `state` passed. Ignored when the call has left that state since."""

    state: State


# ── the citizen's leg ────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class DeviceRang(LegEvent):
    """The device rings (180 or 183)."""


@dataclass(frozen=True, slots=True)
class DeviceAnswered(LegEvent):
    """The device answered (200)."""


@dataclass(frozen=True, slots=True)
class DeviceHungUp(LegEvent):
    """The far end of the leg said goodbye; the leg itself will be gone in a moment."""


@dataclass(frozen=True, slots=True)
class DeviceGone(LegEvent):
    """The leg is gone. `sip` and `q850` as Asterisk reported them, None where it said nothing."""

    sip: int | None = None
    q850: int | None = None


@dataclass(frozen=True, slots=True)
class NotDialled(LegEvent):
    """The leg never came to be; `cause` says why (refused by Asterisk, no such endpoint, abort came first)."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class EndedUnseen(LegEvent):
    """The leg ended before an answer while nobody watched, and no code was kept."""


@dataclass(frozen=True, slots=True)
class LegLost(LegEvent):
    """Asterisk stopped or was restarted, and the leg with it."""


@dataclass(frozen=True, slots=True)
class MachineAnswered(LegEvent):
    """What answered was a machine, or nobody proved to be human."""


@dataclass(frozen=True, slots=True)
class Chosen(LegEvent):
    """A key was pressed, and the leg is about to end by it."""

    choice: Choice


@dataclass(frozen=True, slots=True)
class Held(LegEvent):
    """The talk is on hold."""


@dataclass(frozen=True, slots=True)
class Unheld(LegEvent):
    """The talk goes on."""


@dataclass(frozen=True, slots=True)
class LimitReached(LegEvent):
    """Asterisk ended the leg because its absolute time limit passed."""


# ── the queue ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class QueueJoined(LegEvent):
    """The citizen is in `queue` at `position` (from 1). Waits in seconds, None without an estimate."""

    queue: str
    position: int
    likely_s: int | None = None
    at_most_s: int | None = None


@dataclass(frozen=True, slots=True)
class QueueMoved(LegEvent):
    """The place changed. Waits in seconds, None without an estimate."""

    position: int
    likely_s: int | None = None
    at_most_s: int | None = None


@dataclass(frozen=True, slots=True)
class QueueLeft(LegEvent):
    """Queue() gave up. `status` is Asterisk's QUEUESTATUS, or UNKNOWN when there is no such queue."""

    status: str


@dataclass(frozen=True, slots=True)
class AgentRang(AgentEvent):
    """The citizen is offered to this agent."""


@dataclass(frozen=True, slots=True)
class AgentDeclined(AgentEvent):
    """The agent declined the offer or let it ring."""


@dataclass(frozen=True, slots=True)
class AgentAnswered(AgentEvent):
    """The agent and the citizen talk."""


@dataclass(frozen=True, slots=True)
class AgentGone(AgentEvent):
    """The agent's part of the talk is over. `why` is Asterisk's word: agent, caller or transfer."""

    why: str


@dataclass(frozen=True, slots=True)
class AgentTransferred(LegEvent):
    """The agent's telephone sends the citizen to somebody else: `to` is the name of a queue, a service or an agent.
    `met`: that agent and the citizen talk already."""

    to: str | None = None
    met: bool = False


@dataclass(frozen=True, slots=True)
class OutsideAnswered(LegEvent):
    """Somebody outside answered, to whom the citizen was sent."""


@dataclass(frozen=True, slots=True)
class TransferFailed(LegEvent):
    """The redirect did not work; the citizen is still here. `returns`: nobody answered, and Asterisk itself brings them
    back to the queue."""

    returns: bool = False


# ── the recording ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class RecordingArmed(LegEvent):
    """The citizen heard to its end that the talk is recorded, and did not refuse."""


@dataclass(frozen=True, slots=True)
class RecordingRefused(LegEvent):
    """The citizen refused by a key."""


@dataclass(frozen=True, slots=True)
class RecordingPaused(Event):
    """Somebody with the right to do so pauses the recording."""

    by: str


@dataclass(frozen=True, slots=True)
class RecordingResumed(Event):
    """Somebody with the right to do so lets it go on."""

    by: str


@dataclass(frozen=True, slots=True)
class ConsentWithdrawn(Event):
    """The citizen, or the portal for them, takes the consent back: nothing more is recorded on this call."""

    by: str


EVENTS: tuple[type[Event], ...] = (
    Vouched, CodeAsked, CodeSent, CodeNotSent, CodeMismatch, CodeConfirmed,
    Admitted, Due, Rescheduled, MoveRequested, CallbackRequested, AbortRequested, RedirectRequested, TimeUp,
    DeviceRang, DeviceAnswered, DeviceHungUp, DeviceGone, NotDialled, EndedUnseen, LegLost, MachineAnswered, Chosen,
    Held, Unheld, LimitReached, QueueJoined, QueueMoved, QueueLeft,
    AgentRang, AgentDeclined, AgentAnswered, AgentGone, AgentTransferred, OutsideAnswered, TransferFailed,
    LimitRequested, RecordingArmed, RecordingRefused, RecordingPaused, RecordingResumed, ConsentWithdrawn,
)  # fmt: skip
