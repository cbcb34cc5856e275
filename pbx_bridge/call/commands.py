"""The wishes that the machine may utter. Each can be repeated without harm; the conductor carries them out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """Something the outside world is asked to do for a call."""


@dataclass(frozen=True, slots=True)
class SendCode(Command):
    """Send the citizen one-time code `number`, unless a later one was asked for meanwhile."""

    number: int = 1


@dataclass(frozen=True, slots=True)
class Dial(Command):
    """Ring device number `device` of the request as channel `leg`. At most one ring follows, ever."""

    leg: str
    device: int


@dataclass(frozen=True, slots=True)
class HangUp(Command):
    """End channel `leg`; a channel that is already gone is a success."""

    leg: str


@dataclass(frozen=True, slots=True)
class Redirect(Command):
    """Bring channel `leg` to `queue`, out of wherever it is."""

    leg: str
    queue: str


COMMANDS: tuple[type[Command], ...] = (SendCode, Dial, HangUp, Redirect)
