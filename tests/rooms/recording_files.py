"""Calls that were recorded, and the files that Asterisk leaves of them."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pbx_bridge.call import events as e
from pbx_bridge.call.machine import NotNow, accept, advance
from pbx_bridge.call.model import Call, Consent, Terms, leg_id
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.ledger import AuditLine, Change, Ledger, NewEvent

from .ledger_calls import NOON, OPEN, request

YES = Consent(phone_data=True, recording=True, text_version="2026-01")
NO = Consent(phone_data=True, recording=False, text_version="2026-01")
CALL = "call_01kerecorded0000000000000"
LEG = leg_id(CALL, 1)
#: When the talk began, and how long after it the call was over.
TALK, OVER = NOON + timedelta(seconds=20), timedelta(seconds=60)


def wav(seconds: float = 1.0, *, closed: bool = True, hz: int = 440) -> bytes:
    """As Asterisk writes it; one that it did not close has no lengths."""
    samples = (int(8000 * math.sin(2 * math.pi * hz * at / 8000)) for at in range(int(8000 * seconds)))
    data = b"".join(struct.pack("<h", sample) for sample in samples)
    size = len(data) if closed else 0
    riff = size + 36 if closed else 0
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data",
                       size) + data  # fmt: skip


def leave(spool: Path, sound: bytes, began_at: datetime = TALK, leg: str = LEG, **age: Any) -> Path:
    """A file of a leg's in the spool, last written to at `written_at`."""
    spool.mkdir(exist_ok=True)
    file = spool / f"{leg}-{int(began_at.timestamp() * 1000)}.wav"
    file.write_bytes(sound)
    written_at: datetime = age.get("written_at", began_at + timedelta(seconds=len(sound) / 16000))
    os.utime(file, (written_at.timestamp(), written_at.timestamp()))
    return file


def facts(*more: tuple[float, e.Event], ended: bool = True) -> list[tuple[float, e.Event]]:
    """A call from its admission on: seconds after noon, and what happened."""
    told: list[tuple[float, e.Event]] = [
        (0, e.Admitted(OPEN)),
        (2, e.DeviceAnswered(LEG)),
        (10, e.RecordingArmed(LEG)),
        (11, e.QueueJoined(LEG, "support", 1)),
        (20, e.AgentAnswered(LEG, "ann")),
        *more,
    ]
    end = [(20 + OVER.total_seconds(), e.DeviceGone(LEG))] if ended else []
    return sorted([*told, *end], key=lambda each: each[0])


def lived(happened: Iterable[tuple[float, e.Event]], consent: Consent | None = YES, *, offered: bool = True) -> Change:
    """The call after all that, as the conductor would have written it; what the machine refuses, it refuses."""
    terms = Terms(record=offered)
    step = accept(CALL, "123456789", request(consent=consent), terms, NOON, confirmation=None)
    events = [_told(step.call, step.news, NOON)]
    for after, fact in happened:
        at = NOON + timedelta(seconds=after)
        try:
            step = advance(step.call, fact, at)
        except NotNow:
            continue
        if step.news:
            events.append(_told(step.call, step.news, at))
    call = step.call
    wake_at, line = None if call.ended_at else call.state_since, AuditLine(NOON, "portal", "open", "taken")
    return Change(call=call, wake_at=wake_at, events=tuple(events), audit=(line,))


def _told(call: Call, news: str | None, at: datetime) -> NewEvent:
    return NewEvent(news or "call.updated", call.revision, at, {"call": snapshot(call)})


async def keep(ledger: Ledger, change: Change) -> None:
    async with ledger.transaction() as transaction:
        await transaction.write([change], NOON)
