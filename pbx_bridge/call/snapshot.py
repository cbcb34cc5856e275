"""The public picture of a call: what every event carries whole, what GET answers, what the history shows.

Numbers are masked here and nowhere later, so nothing that is published or stored as an event can leak one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .causes import Cause, reason
from .model import By, Call, Channel, Device, Place, Reason, Transfer, deadline_of_code
from .states import PHASE_LABEL, WITHOUT_LEG, Phase, State


def snapshot(call: Call) -> dict[str, Any]:
    """The call as JSON values; times are RFC 3339 with offset, waits are seconds."""
    request = call.request
    return {
        "id": call.id,
        "ticket": call.ticket,
        "state": call.state.value,
        "phase": call.phase.value,
        "phase_label": PHASE_LABEL[call.phase],
        "previous_state": call.previous_state.value if call.previous_state else None,
        "outcome": call.outcome.value if call.outcome else None,
        "cause": _cause(call.cause) if call.cause else None,
        "revision": call.revision,
        "attempt": call.attempt,
        "service": request.service,
        "user": {"id": request.user, "phone": request.phone.masked if request.phone else None},
        "confirmation": _confirmation(call),
        "queue": _queue(call),
        "legs": _legs(call),
        "accepted_at": _time(call.accepted_at),
        "answered_at": _time(call.answered_at),
        "ended_at": _time(call.ended_at),
        "scheduled_for": _time(call.scheduled_for),
        "scheduled_because": _reason(call.reason) if call.reason else None,
        "direction": request.direction.value,
        "callback": call.callback,
        "time_limit_s": call.limit_s,
        "limit_at": _time(call.limit_at) if call.phase is not Phase.ENDED else None,
        "transfer": _transfer(call.transfer) if call.transfer else None,
        "recording": _recording(call),
        "session_id": request.session_id,
        "subject": request.subject,
        "client_ref": request.client_ref,
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def _cause(cause: Cause) -> dict[str, Any]:
    row = reason(cause)
    return {
        "slug": cause.slug,
        "source": cause.source.value,
        "words": row.en,
        "words_ru": row.ru,
        "next_ru": row.next_ru or None,
        "sip": cause.sip,
        "q850": cause.q850,
    }


def _reason(reason: Reason) -> dict[str, str]:
    return {"slug": reason.why.value, "words": reason.en, "words_ru": reason.ru}


def _confirmation(call: Call) -> dict[str, Any] | None:
    """What the page must ask for, while it must."""
    step = call.confirmation
    if step is None or call.state not in (State.REQUESTED, State.AWAITING_CODE):
        return None
    phone = call.request.phone
    by_phone = phone and step.channel in (Channel.SMS, Channel.VOICE)
    return {
        "by": step.by.value,
        "channel": step.channel.value if step.channel else None,
        "to": phone.masked if phone and by_phone else None,
        "sent_at": _time(step.sent_at),
        "undelivered": step.undelivered,
        "attempts_left": step.tries_left if step.by is By.CODE else None,
        "codes_left": call.terms.codes - step.number if step.by is By.CODE else None,
        "expires_at": _time(deadline_of_code(call)),
    }


def _queue(call: Call) -> dict[str, Any] | None:
    if call.state in WITHOUT_LEG or call.phase is Phase.ENDED:
        return None
    place = call.place or Place(call.queue, 0)
    wait = {"likely": place.likely_s, "at_most": place.at_most_s} if place.likely_s is not None else None
    return {"name": place.queue, "position": place.position or None, "wait_s": wait}


def _transfer(transfer: Transfer) -> dict[str, Any]:
    return {"by": transfer.by.value, "to": transfer.to, "number": transfer.number}


def _recording(call: Call) -> dict[str, Any] | None:
    """None where nothing may be recorded."""
    consent = call.request.consent
    if call.recording is None or consent is None:
        return None
    return {"state": call.recording.state.value, "parts": call.recording.parts, "text_version": consent.text_version}


def _legs(call: Call) -> list[dict[str, Any]]:
    legs: list[dict[str, Any]] = []
    device = call.present_device
    if call.leg and device:
        legs.append({"party": "citizen", "device": _device(device), "state": _leg_state(call)})
    legs += [{"party": "agent", "agent": agent, "state": "ringing"} for agent in call.ringing]
    if call.agent:
        legs.append({"party": "agent", "agent": call.agent, "state": "gone" if call.outcome else "up"})
    if call.outside:
        legs.append({"party": "outside", "number": call.outside, "state": "gone" if call.outcome else "up"})
    return legs


def _device(device: Device) -> dict[str, Any]:
    return {"kind": device.kind.value, "number": device.phone.masked if device.phone else None}


def _leg_state(call: Call) -> str:
    if call.state in (State.DIALING, State.RINGING):
        return call.state.value
    return "gone" if call.state in (State.ENDED, State.SCHEDULED) else "up"
