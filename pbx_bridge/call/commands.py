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


@dataclass(frozen=True, slots=True)
class Forward(Command):
    """Bring channel `leg` to somebody outside, whose `number` is masked here: in clear it is in memory only, so that it
    is stored nowhere. Who does not know it any more lets the transfer fail."""

    leg: str
    number: str


@dataclass(frozen=True, slots=True)
class SetLimit(Command):
    """Let Asterisk end channel `leg` `time_limit_s` seconds after its answer."""

    leg: str
    time_limit_s: int


@dataclass(frozen=True, slots=True)
class PauseRecording(Command):
    """Write nothing of channel `leg` for now."""

    leg: str


@dataclass(frozen=True, slots=True)
class ResumeRecording(Command):
    """Go on writing."""

    leg: str


@dataclass(frozen=True, slots=True)
class StopRecording(Command):
    """Write nothing of channel `leg` any more, and begin no other file."""

    leg: str


@dataclass(frozen=True, slots=True)
class PlayNotice(Command):
    """Tell the citizen on channel `leg`, in the middle of a talk, that it is recorded."""

    leg: str


COMMANDS: tuple[type[Command], ...] = (
    SendCode, Dial, HangUp, Redirect, Forward, SetLimit, PauseRecording, ResumeRecording, StopRecording, PlayNotice,
)  # fmt: skip
