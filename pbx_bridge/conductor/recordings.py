"""What is asked of a recording from outside: pause it, let it go on, take the consent back. The call machine decides; a
refusal is told with the reason."""

from __future__ import annotations

from enum import StrEnum

from ..call import events as e
from ..call.consent import FINAL
from ..call.model import Call, RecordingState
from ..call.states import State
from ..ledger import CallFilter, Ledger
from .errors import NotSteerable
from .jobs import TakeFact
from .ports import Clock
from .take import Taker

_LIVING = frozenset(State) - {State.ENDED}


class Ask(StrEnum):
    """What may be asked."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


_WANTED = {
    Ask.PAUSE: (e.RecordingPaused, RecordingState.PAUSED),
    Ask.RESUME: (e.RecordingResumed, RecordingState.ON),
    Ask.STOP: (e.ConsentWithdrawn, RecordingState.WITHDRAWN),
}


class Recordings:
    """Part of the conductor."""

    def __init__(self, ledger: Ledger, taker: Taker, clock: Clock) -> None:
        self._ledger = ledger
        self._taker = taker
        self._clock = clock

    async def ask(self, call_id: str, what: Ask, *, by: str, if_revision: int | None = None) -> Call:
        """Repeating it is harmless. Raises UnknownCall, NotSteerable, RevisionPassed."""
        fact, wanted = _WANTED[what]
        after = await self._taker.submit(TakeFact(call_id, fact(by), self._clock(), by, if_revision))
        if after.recording is None:
            raise NotSteerable("this call is not recorded", after)
        over = what is Ask.STOP and after.recording.state in FINAL
        if after.recording.state is not wanted and not over:
            raise NotSteerable(f"the recording is {after.recording.state.value}", after)
        return after

    async def withdraw(self, client: str, user: str, *, by: str) -> None:
        """The citizen takes back what they agreed to: it counts for every call of theirs that has not ended."""
        cursor: str | None = None
        while True:
            page = await self._ledger.calls(CallFilter(client=client, user=user, states=_LIVING), cursor=cursor)
            for call in page.calls:
                if call.recording is not None:
                    await self._taker.submit(TakeFact(call.id, e.ConsentWithdrawn(by), self._clock(), by))
            cursor = page.next_cursor
            if cursor is None:
                return


__all__ = ["Ask", "Recordings"]
