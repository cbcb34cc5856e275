"""What the conductor needs from the edges, in the field's words. The real edge and the fake both keep to this."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ..call.causes import Cause
from ..call.events import Event
from ..call.model import Device
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

    `ring_s`, `queue_s` and `time_limit_s` are kept by Asterisk itself.
    """

    leg: str
    device: Device
    queue: str
    ring_s: int
    queue_s: int
    time_limit_s: int
    ticket: str
    locale: str


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


class Line(Protocol):
    """One unbroken connection to Asterisk. Iterating gives every fact since it was made, and ends when it breaks."""

    async def look(self, since: datetime) -> Picture:
        """What Asterisk has now, and what it remembers of legs that ended since then. Raises OutOfReach."""

    def __aiter__(self) -> AsyncIterator[Heard]: ...


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


class Replaced(Exception):
    """Another process listens to Asterisk in our name. Stop: two owners would ring twice."""


class Clock(Protocol):
    """The wall clock, UTC. The only way that time comes into the pure rooms."""

    def __call__(self) -> datetime: ...
