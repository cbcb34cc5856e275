"""Recording a call, as far as the call itself goes: nothing without stored consent, nothing before the citizen heard of
it, nothing after they refused or took it back. The verbs are rows of `table.py`.

Asterisk begins a file by itself, behind the notice (dialplan/recording.conf); what it says of it comes here. So a
recording goes on while the service is away, and none begins because of a fact that comes late.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from . import events as e
from .attempts import Result, present_leg
from .commands import Command, PauseRecording, PlayNotice, ResumeRecording, StopRecording
from .consent import FINAL
from .model import Call, Recording, RecordingState
from .refusal import NotNow
from .states import WITHOUT_LEG

_ON, _PAUSED, _ASKED = RecordingState.ON, RecordingState.PAUSED, RecordingState.ASKED


def arm(call: Call, event: e.RecordingArmed, at: datetime) -> Result:
    """A file of its own begins. Where consent is gone meanwhile, Asterisk must not have begun it: it is stopped."""
    known = call.recording
    if known is None or known.state in FINAL:
        return call, (StopRecording(event.leg),)
    return _turned(call, Recording(_ON, known.parts + 1))


def refuse(call: Call, _: e.RecordingRefused, at: datetime) -> Result:
    return _turned(call, replace(_known(call), state=RecordingState.REFUSED))


def told_anew(call: Call) -> Result:
    """Somebody new talks with the citizen, who was told nothing. Fail closed: the silence in the file comes first, the
    notice after it, and only who heard it is recorded. A pause ends with the talk that it was in."""
    known = call.recording
    if known is None or known.state not in (_ON, _PAUSED):
        return call, ()
    leg = present_leg(call)
    return _turned(call, replace(known, state=_ASKED), PauseRecording(leg), PlayNotice(leg))


def pause(call: Call, _: e.RecordingPaused, at: datetime) -> Result:
    if _known(call).state is not _ON:
        raise NotNow(call, "nothing is being recorded")
    return _turned(call, replace(_known(call), state=_PAUSED), PauseRecording(present_leg(call)))


def resume(call: Call, _: e.RecordingResumed, at: datetime) -> Result:
    if _known(call).state is not _PAUSED:
        raise NotNow(call, "the recording is not paused")
    return _turned(call, replace(_known(call), state=_ON), ResumeRecording(present_leg(call)))


def withdraw(call: Call, _: e.ConsentWithdrawn, at: datetime) -> Result:
    if _known(call).state in FINAL:
        raise NotNow(call, "nothing is recorded any more")
    stop: tuple[Command, ...] = () if call.state in WITHOUT_LEG else (StopRecording(present_leg(call)),)
    return _turned(call, replace(_known(call), state=RecordingState.WITHDRAWN), *stop)


def _known(call: Call) -> Recording:
    if call.recording is None:
        raise NotNow(call, "this call is not recorded")
    return call.recording


def _turned(call: Call, to: Recording, *commands: Command) -> Result:
    return replace(call, recording=to), commands


def news(before: Call, after: Call) -> str | None:
    """The type of event that a change of the recording alone is told by."""
    was, now = before.recording, after.recording
    if now is None or now == was:
        return None
    if now.state is _ON:
        return "recording.resumed" if was and was.state is _PAUSED else "recording.started"
    return {
        _PAUSED: "recording.paused",
        RecordingState.REFUSED: "recording.refused",
        RecordingState.WITHDRAWN: "recording.stopped",
        _ASKED: "recording.paused",
    }.get(now.state)
