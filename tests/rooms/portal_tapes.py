"""What the house knows of recordings, in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from pbx_bridge.call.model import Call
from pbx_bridge.conductor.recordings import Ask, Recordings
from pbx_bridge.ledger import KeptRecording, Unreadable

BEGAN = datetime(2026, 1, 12, 5, 50, tzinfo=UTC)
SOUND = b"RIFF" + bytes(100)


def kept(call_id: str, **changes: Any) -> KeptRecording:
    """A recording of this call, that can be heard."""
    id_ = f"rec_{call_id.removeprefix('call_')}_{int(BEGAN.timestamp() * 1000)}"
    plain = KeptRecording(
        id_, call_id, "support", BEGAN, 1500, len(SOUND), "a" * 64, "b" * 64, b"k" * 32, BEGAN, "request", "2026-01",
        BEGAN, BEGAN.replace(month=4),
    )  # fmt: skip
    return replace(plain, **changes)


@dataclass
class Tapes:
    """`tapes` are what is kept; `broken` what somebody has changed. `withdrawn` are citizens who took it back."""

    tapes: dict[str, KeptRecording] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    withdrawn: list[tuple[str, str]] = field(default_factory=list)

    def tape(self, recording: KeptRecording) -> str:
        self.tapes[recording.id] = recording
        return recording.id

    async def recording(self, id_: str) -> KeptRecording | None:
        return self.tapes.get(id_)

    async def recordings_of_call(self, call_id: str) -> list[KeptRecording]:
        return [each for each in self.tapes.values() if each.call_id == call_id]

    async def sound(self, recording: KeptRecording) -> AsyncIterator[bytes]:
        if recording.id in self.broken:
            raise Unreadable("its checksum differs")
        yield SOUND[:50]
        yield SOUND[50:]

    async def steer_recording(self, call_id: str, what: Ask, *, by: str, if_revision: int | None = None) -> Call:
        here: Any = self  # it writes by itself
        return await Recordings(here, here, here.clock).ask(call_id, what, by=by, if_revision=if_revision)

    async def withdraw_consent(self, client: str, user: str, *, by: str) -> None:
        self.withdrawn.append((client, user))
