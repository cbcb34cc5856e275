"""What a call is. Plain frozen values; `machine.advance` alone makes the next one from the last."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from ..phone import Phone
from .causes import Cause
from .partners import Recording as Recording
from .partners import RecordingState as RecordingState
from .partners import Transfer as Transfer
from .partners import TransferBy as TransferBy
from .states import PHASE, Outcome, Phase, State

LEG_PREFIX = "pb."


def leg_id(call_id: str, attempt: int) -> str:
    """The channel id of the citizen's leg in one attempt; written down before Asterisk is asked to dial."""
    return f"{LEG_PREFIX}{call_id}.{attempt}"


def code_leg_id(call_id: str, number: int) -> str:
    """The channel id of the call that reads code `number` aloud. It is no leg of the citizen's: `call_of_leg` does not
    know it."""
    return f"{LEG_PREFIX}{call_id}.c{number}"


def code_of_leg(channel_id: str) -> tuple[str, int] | None:
    """The call and the number of the code that a channel reads aloud, or None for any other channel."""
    call_id, _, number = channel_id.removeprefix(LEG_PREFIX).rpartition(".c")
    reads = channel_id.startswith(LEG_PREFIX) and call_id and number.isdigit()
    return (call_id, int(number)) if reads else None


def call_of_leg(channel_id: str) -> str | None:
    """The call that owns a channel id, or None for a channel that is not ours."""
    if not channel_id.startswith(LEG_PREFIX):
        return None
    call_id, _, attempt = channel_id[len(LEG_PREFIX) :].rpartition(".")
    return call_id if call_id and attempt.isdigit() else None


class DeviceKind(StrEnum):
    """Ways to reach a citizen."""

    MOBILE = "mobile"
    SIP = "sip"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True)
class Device:
    """One device of the citizen: a `phone` behind a trunk, or the `address` of an endpoint."""

    kind: DeviceKind
    phone: Phone | None = None
    address: str | None = None


class Given(StrEnum):
    """How a citizen's consent came to us."""

    REQUEST = "request"
    """With the request for this call."""
    PROFILE = "profile"
    """Before, for all their calls."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What the citizen agreed to, and to which version of the text. `at` None: when the call was accepted."""

    phone_data: bool
    recording: bool
    text_version: str
    how: Given = Given.REQUEST
    at: datetime | None = None


class Channel(StrEnum):
    """How a one-time code comes to the citizen."""

    SMS = "sms"
    VOICE = "voice"
    TOTP = "totp"


class By(StrEnum):
    """What confirms a request: a one-time code, or just a second step, where the portal answers for the factor."""

    CODE = "code"
    CLICK = "click"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The second step of a call, until it is taken. The code itself is in nobody's memory (codes/code.py).

    `number` counts the codes asked for; only the last one counts, and it lives from `asked_at` or `sent_at` on.
    `undelivered`: it surely did not get through. `tries_left` is for all codes of the call together.
    """

    by: By
    channel: Channel | None = None
    number: int = 1
    tries_left: int = 3
    asked_at: datetime | None = None
    sent_at: datetime | None = None
    undelivered: bool = False


class Direction(StrEnum):
    """Who dialled first: the service for the portal, or the citizen for themselves."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for: by the portal, or by dialling the public number. It never changes once accepted.

    `when`: not before this time; None: now. `callback_url`: where this call is told of, None: where its program is.
    """

    client: str
    user: str
    service: str
    queue: str
    devices: tuple[Device, ...]
    phone: Phone | None = None
    time_zone: str = "Europe/Moscow"
    locale: str = "ru"
    session_id: str | None = None
    subject: str | None = None
    client_ref: str | None = None
    consent: Consent | None = None
    direction: Direction = Direction.OUTBOUND
    when: datetime | None = None
    callback_url: str | None = None


class WhenFull(StrEnum):
    """What becomes of somebody who waited too long or found no place: see Terms."""

    CALLBACK = "callback"
    OVERFLOW = "overflow"
    END = "end"


class Prove(StrEnum):
    """When somebody who was rung must press 1 before an agent is offered."""

    CALLBACKS = "callbacks"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long each kind of waiting may last, in seconds. Fixed when the call is accepted.

    `time_limit_s` counts from the device's answer and is kept by Asterisk itself; `grace_s` is how much later
    than Asterisk's own timer ours speaks, so that ours is heard only when Asterisk is silent. `codes` is no time, but
    how many codes are sent for one call at most.

    A call that had to wait for its time has `rounds` more attempts; `pauses_s` lie between them, the last one repeats.
    It is kept for `keep_s`, and moved by `later_s` where a key asks for it. `then` is what follows `queue_s` in vain;
    `overflow` the queue that takes over where it says so. Callers with a higher `priority` go before others.

    `warn_s` before the time limit its end is announced. `record`: the service records those who have agreed to it.
    """

    time_limit_s: int = 1800
    start_s: int = 60
    code_s: int = 300
    codes: int = 3
    ring_s: int = 45
    prompt_s: int = 60
    queue_s: int = 900
    transfer_s: int = 60
    grace_s: int = 10
    rounds: int = 0
    pauses_s: tuple[int, ...] = (900, 3600, 14400)
    keep_s: int = 14 * 86400
    later_s: int = 3600
    priority: int = 0
    then: WhenFull = WhenFull.END
    overflow: str | None = None
    prove: Prove = Prove.CALLBACKS
    warn_s: int = 60
    record: bool = False


class Why(StrEnum):
    """Why a call is not dialled at once."""

    CLOSED = "closed"
    """The desk is closed."""
    NIGHT = "night"
    """The desk is open, and the citizen's night is not over."""
    CROWDED = "crowded"
    """More wait than the service allows; the place in the order is kept."""
    KEPT = "kept"
    """The citizen chose to be called back instead of holding the line."""
    ASKED = "asked"
    """The citizen named another time."""
    RETRY = "retry"
    """Nobody was reached; the pause before the next attempt."""
    BUSY = "busy"
    """The citizen has another call now."""
    FULL = "full"
    """More wait than the service allows, and it calls nobody back."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The answer of the desk: dial now, or when, and why in words. Without a time: not at all.

    `queue` is another than the service's own where that one overflows.
    """

    open: bool
    next_open_at: datetime | None = None
    why: Why = Why.CLOSED
    ru: str = ""
    en: str = ""
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The place in a queue. `position` counts from 1; waits are seconds, None where no estimate is known."""

    queue: str
    position: int
    likely_s: int | None = None
    at_most_s: int | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """The first wait that the citizen was told: seconds from `at`."""

    at: datetime
    likely_s: int
    at_most_s: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a call is scheduled, and what the citizen is told."""

    why: Why
    ru: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the end will be called once the citizen's leg is gone; set by whoever decided to end the call."""

    outcome: Outcome
    cause: Cause
    at: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """One call, from the request to its end. Its last event has the number `revision` and the time `told_at`.

    While it is scheduled, `not_before` is what pause or wish allow, and `scheduled_for` what the hours make of it;
    `callback`: it was, and whoever answers now has not just pressed a button. The citizen talks with `agent`, or with
    somebody `outside` (a masked number). `time_limit_s` goes before that of the terms.
    """

    id: str
    ticket: str
    request: Request
    terms: Terms
    accepted_at: datetime
    state: State = State.REQUESTED
    previous_state: State | None = None
    outcome: Outcome | None = None
    cause: Cause | None = None
    revision: int = 0
    attempt: int = 0
    device: int = 0
    rounds_left: int = 0
    leg: str | None = None
    place: Place | None = None
    agent: str | None = None
    outside: str | None = None
    ringing: tuple[str, ...] = ()
    state_since: datetime = field(default=datetime.min.replace(tzinfo=UTC))
    dialled_at: datetime | None = None
    answered_at: datetime | None = None
    queued_at: datetime | None = None
    ended_at: datetime | None = None
    scheduled_for: datetime | None = None
    verdict: Verdict | None = None
    redirected_to: str | None = None
    confirmation: Confirmation | None = None
    told_at: datetime | None = None
    callback: bool = False
    not_before: datetime | None = None
    reason: Reason | None = None
    promise: Promise | None = None
    transfer: Transfer | None = None
    time_limit_s: int | None = None
    warned: bool = False
    recording: Recording | None = None

    @property
    def phase(self) -> Phase:
        """What the page shows for this state."""
        return PHASE[self.state]

    @property
    def limit_at(self) -> datetime | None:
        """When Asterisk will end the call by itself; None before the device answered."""
        return self.answered_at and self.answered_at + timedelta(seconds=self.limit_s)

    @property
    def limit_s(self) -> int:
        """How long the call may last from the device's answer."""
        return self.time_limit_s or self.terms.time_limit_s

    @property
    def partner(self) -> str | None:
        """With whom the citizen talks, or did last."""
        return self.agent or self.outside

    @property
    def queue(self) -> str:
        """The queue the call is meant for now."""
        return self.redirected_to or self.request.queue

    @property
    def present_device(self) -> Device | None:
        """The device of this attempt; None when the request named none."""
        devices = self.request.devices
        return devices[self.device] if self.device < len(devices) else None


def deadline_of_code(call: Call) -> datetime:
    """When the present code (or the wait for a click) is over."""
    step = call.confirmation
    since = step and (step.sent_at or step.asked_at)
    return (since or call.state_since) + timedelta(seconds=call.terms.code_s)


#: Fields that only the service sees: a change in them alone is not published.
PRIVATE_FIELDS = frozenset(
    {"verdict", "revision", "rounds_left", "queued_at", "redirected_to", "told_at", "not_before", "promise"}
)


def public_view(call: Call) -> tuple[Any, ...]:
    """What readers can see of a call, for telling whether a step has news."""
    return tuple(getattr(call, name) for name in Call.__dataclass_fields__ if name not in PRIVATE_FIELDS)
