"""What the conductor refuses, in words that the portal turns into problem documents."""

from __future__ import annotations

import math
from datetime import datetime

from ..call.model import Call
from ..codes.tries import Why


class Refused(Exception):
    """A request that cannot be done. `str()` says why; nothing was changed."""


class UnknownCall(Refused):
    """There is no such call (or it is not the asker's to see)."""


class KeyReused(Refused):
    """The idempotency key was used before with another body."""


class KeyInFlight(Refused):
    """The first request with this key has not been answered yet. Ask again in `retry_after_s` seconds."""

    retry_after_s = 1


class CitizenBusy(Refused):
    """The citizen has an active call already: `call_id`."""

    def __init__(self, call_id: str) -> None:
        super().__init__(f"the citizen already has the active call {call_id}")
        self.call_id = call_id


class AlreadyScheduled(Refused):
    """The citizen already waits for a scheduled call of this service: `call_id`."""

    def __init__(self, call_id: str) -> None:
        super().__init__(f"the citizen already waits for the scheduled call {call_id}")
        self.call_id = call_id


class RevisionPassed(Refused):
    """The asker saw revision `seen`, but the call is at `revision` now."""

    def __init__(self, seen: int, revision: int) -> None:
        super().__init__(f"the call is at revision {revision}, not {seen}")
        self.revision = revision


class MustWait(Refused):
    """Too much was asked for, or too much went wrong: `why` (codes.tries.Why). Ask again at `until`."""

    def __init__(self, why: Why, until: datetime, at: datetime) -> None:
        super().__init__(f"{why.value}: not before {until:%H:%M:%S} UTC")
        self.why = why
        self.retry_after_s = max(1, math.ceil((until - at).total_seconds()))


class NotMovable(Refused):
    """A call that cannot be put off, or not to that time; `str()` says why. `call` is how it stands."""

    def __init__(self, why: str, call: Call) -> None:
        super().__init__(why)
        self.call = call


class NotSteerable(Refused):
    """A call that cannot be sent on or limited so (any more); `str()` says why. `call` is how it stands."""

    def __init__(self, why: str, call: Call) -> None:
        super().__init__(why)
        self.call = call


class DeskClosed(NotSteerable):
    """The service to which the citizen was to be sent takes nobody now. `ru` says why, as `str()` does in English."""

    def __init__(self, why: str, call: Call, next_open_at: datetime | None, ru: str) -> None:
        super().__init__(why, call)
        self.next_open_at = next_open_at
        self.ru = ru


class NoAgent(Refused):
    """The directory has no such agent, or not in that queue. `str()` says which."""


class AgentRefused(Refused):
    """Asterisk would not do it. `str()` says why."""


class NothingToConfirm(Refused):
    """The call does not wait for its second step (any more)."""


class CodeNeeded(Refused):
    """The second step of this call is a code; there was none in the request."""


class NoCodes(Refused):
    """No code can be sent this way, or none more for this call. `str()` says which."""


class MemoryUnavailable(Refused):
    """The database does not answer. Nothing is lost; ask again in `retry_after_s` seconds."""

    retry_after_s = 2
