"""What the conductor needs from the edges, in the field's words. The real edge and the fake both keep to this."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ..call.causes import Cause
from ..call.events import Event
from ..call.model import Device, WhenFull
from ..call.recovery import Picture
from ..phone import Phone


class OutOfReach(Exception):
    """Asterisk cannot be asked now. Nothing reached it: asking again later is safe."""


class Unanswered(OutOfReach):
    """The question was sent and no answer came. Whether it was done is not known; look before asking again."""


class DialRefused(Exception):
    """Asterisk said no: no channel came to be, nothing rang."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.slug)
        self.cause = cause


class AlreadyDialled(Exception):
    """A channel with this leg's id exists or existed: the wish was carried out before."""


class NoSuchLeg(Exception):
    """The leg is not there (any more)."""


@dataclass(frozen=True, slots=True)
class DialOrder:
    """Everything that Asterisk must know to bring one device to a queue with no further help of ours.

    `ring_s`, `queue_s` and `time_limit_s` are kept by Asterisk itself. `prove`: whoever answers must press 1 before
    the queue; 2 asks for a call later, 3 for none. After `queue_s` in vain comes what `then` says; `overflow` is the
    queue that takes over. Callers with a higher `priority` go before others. `record`: the citizen hears that the talk
    is recorded, may refuse by a key, and then it is.
    """

    leg: str
    device: Device
    queue: str
    ring_s: int
    queue_s: int
    time_limit_s: int
    ticket: str
    locale: str
    prove: bool = False
    then: WhenFull = WhenFull.END
    overflow: str | None = None
    priority: int = 0
    record: bool = False


@dataclass(frozen=True, slots=True)
class CodeOrder:
    """Ring `phone` as channel `leg` and read `code` to whoever answers: digit by digit, twice, in the language of
    `locale`. Nothing else can come of that call."""

    leg: str
    phone: Phone
    code: str = field(repr=False)
    locale: str
    ring_s: int


@dataclass(frozen=True, slots=True)
class CodeMessage:
    """Send `code` to `phone` as text, in the language of `locale`. A repeated message has the same `key`."""

    phone: Phone
    code: str = field(repr=False)
    locale: str
    key: str


class NotDelivered(Exception):
    """The message was refused for good; another channel is the way. `str()` is for the log: no number, no code."""


class Messenger(Protocol):
    """What carries text to a telephone."""

    async def send_code(self, message: CodeMessage) -> None:
        """Returns when the gateway has taken it. Raises NotDelivered, OutOfReach (nothing was sent, or the same key
        makes it harmless to send again)."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A fact about a call, and when this process heard it (UTC)."""

    call_id: str
    event: Event
    at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """An agent at a queue's desk. `name` is the member's name and the telephone's endpoint.

    `reachable`: the telephone is there. `busy`: it rings or talks, or the agent wraps up. `reason` is why the agent
    pauses, "" where none was given.
    """

    name: str
    reachable: bool = True
    paused: bool = False
    reason: str = ""
    busy: bool = False
    penalty: int = 0

    @property
    def works(self) -> bool:
        """Takes calls, now or when this one is over."""
        return self.reachable and not self.paused


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """A queue as Asterisk has it at this moment: said of each queue after a look, and of one whenever its members
    change or somebody joins or leaves. `waiting` counts all callers, ours or not."""

    queue: str
    members: tuple[Member, ...]
    waiting: int
    at: datetime

    @property
    def agents(self) -> int:
        """Who takes calls."""
        return sum(each.works for each in self.members)

    @property
    def free(self) -> int:
        """Who could take one at once."""
        return sum(each.works and not each.busy for each in self.members)


@dataclass(frozen=True, slots=True)
class Incoming:
    """Somebody dialled the public number `dialled` and was answered. `leg` is ours (call.model.leg_id); `caller` is
    who seems to call, None where the network does not say or it is no number. It is not verified by anybody."""

    leg: str
    dialled: str
    caller: Phone | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Reception:
    """What the dialplan does with somebody who dialled the public number.

    `queue`: where to, None when the desk is closed or the line too long. `opens` are the names of prompts that say why,
    and when the desk opens. `offer`: a callback may be chosen by pressing 1. The others as in DialOrder.
    """

    ticket: str
    locale: str
    queue: str | None
    time_limit_s: int
    queue_s: int
    welcome: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    offer: bool = False
    then: WhenFull = WhenFull.END
    overflow: str | None = None
    priority: int = 0
    record: bool = False


@dataclass(frozen=True, slots=True)
class Announcement:
    """Tell somebody who waits, as channel `leg`, where they stand: the names of prompts, in the language `locale`."""

    leg: str
    prompts: tuple[str, ...]
    locale: str


class NoSuchAgent(Exception):
    """Asterisk has no such member in that queue."""


class Line(Protocol):
    """One unbroken connection to Asterisk. Iterating gives every fact and every change of a queue since it was made,
    and ends when it breaks."""

    async def look(self, since: datetime) -> Picture:
        """What Asterisk has now, and what it remembers of legs that ended since then. Raises OutOfReach."""

    async def queues(self) -> Sequence[QueueSeen]:
        """Every queue as it is. Raises OutOfReach."""

    def __aiter__(self) -> AsyncIterator[Heard | QueueSeen]: ...


class Telephony(Protocol):
    """Asterisk, as the conductor sees it."""

    def connect(self) -> AbstractAsyncContextManager[Line]:
        """Raises OutOfReach when it cannot be had, Replaced when another process took its place."""

    async def dial(self, order: DialOrder) -> None:
        """Ring the device. Raises DialRefused, AlreadyDialled, OutOfReach."""

    async def say_code(self, order: CodeOrder) -> None:
        """Ring and read a code. Raises DialRefused, AlreadyDialled, OutOfReach."""

    async def hang_up(self, leg: str) -> None:
        """Raises NoSuchLeg, OutOfReach."""

    async def redirect(self, leg: str, queue: str) -> None:
        """Raises NoSuchLeg, OutOfReach."""

    async def forward(self, leg: str, number: Phone) -> None:
        """Ring somebody outside for the citizen of an answered leg, away from whoever they talk with. Raises NoSuchLeg,
        DialRefused (no trunk carries that number), OutOfReach."""

    async def set_limit(self, leg: str, time_limit_s: int, left_s: int | None) -> None:
        """Let Asterisk end the leg `time_limit_s` seconds after its answer, which is `left_s` seconds from now where it
        was answered. Raises NoSuchLeg, OutOfReach."""

    async def pause_recording(self, leg: str) -> None:
        """Write nothing of the leg for now; harmless when nothing is written. Raises NoSuchLeg, OutOfReach."""

    async def resume_recording(self, leg: str) -> None:
        """Raises NoSuchLeg, OutOfReach."""

    async def stop_recording(self, leg: str) -> None:
        """Close the file, and let the dialplan begin no other one. Raises NoSuchLeg, OutOfReach."""

    async def play_notice(self, leg: str) -> bool:
        """Tell the citizen, in the middle of a talk, that it is recorded, and begin a new file behind it; whether they
        heard it to its end. Raises NoSuchLeg, OutOfReach."""

    async def announce(self, order: Announcement) -> None:
        """Speak to somebody who waits, over the music; their place stays theirs. Where nobody is, nothing is said; may
        raise NoSuchLeg. Raises OutOfReach."""

    async def hush(self, leg: str) -> None:
        """Nothing more is said to them: an agent is about to speak. Harmless when nothing is. Raises OutOfReach."""

    async def log_in(self, agent: str, queue: str, penalty: int = 0) -> None:
        """The agent takes calls of the queue from now on; harmless when repeated. Raises NoSuchAgent (there is no such
        queue), OutOfReach."""

    async def log_out(self, agent: str, queue: str) -> None:
        """Harmless when repeated. Raises NoSuchAgent (no such queue, or the member is a fixed one), OutOfReach."""

    async def pause(self, agent: str, paused: bool, reason: str = "", queue: str | None = None) -> None:
        """In one queue or in all of the agent's. Raises NoSuchAgent, OutOfReach."""


class Replaced(Exception):
    """Another process listens to Asterisk in our name. Stop: two owners would ring twice."""


class Clock(Protocol):
    """The wall clock, UTC. The only way that time comes into the pure rooms."""

    def __call__(self) -> datetime: ...
