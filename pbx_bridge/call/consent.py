"""What may be recorded of a call at all, whatever happens to it."""

from __future__ import annotations

from dataclasses import replace

from .model import Call, Recording, RecordingState, Request, Terms

#: These stand for the rest of the call.
FINAL = frozenset({RecordingState.REFUSED, RecordingState.WITHDRAWN, RecordingState.OVER})


def wanted(request: Request, terms: Terms) -> Recording | None:
    """What a newborn call begins with: None where nothing may ever be recorded."""
    agreed = request.consent is not None and request.consent.recording
    return Recording(RecordingState.ASKED) if agreed and terms.record else None


def may_record(call: Call) -> bool:
    """Whether the leg that is about to be dialled may play the notice and record behind it."""
    return call.recording is not None and call.recording.state not in FINAL


def again(call: Call) -> Recording | None:
    """The same for a new attempt: whoever answers then hears the notice first."""
    known = call.recording
    return replace(known, state=RecordingState.ASKED) if known and known.state not in FINAL else known


def over(call: Call) -> Recording | None:
    """The call has ended."""
    known = call.recording
    return replace(known, state=RecordingState.OVER) if known and known.state not in FINAL else known
