"""The clock's part: calls whose deadline passed. Scheduled calls are the business of callbacks.py.

Deadlines live in the database, so they pass while the service is down too, and ring when it is back. Calls with
a leg are judged only while Asterisk is heard: silence of a cut connection is not silence of the call. And not in the
first moment of hearing: wishes that waited for Asterisk go first, so that no call ends whose hang-up was never sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog

from ..call import events as e
from ..call.machine import has_leg
from ..call.model import Call
from ..ledger import Ledger, LedgerUnavailable
from .jobs import TakeFact
from .ports import Clock
from .take import Taker

log = structlog.get_logger(__name__)

#: Never look more often than this, nor less often (seconds).
SHORTEST_S, LONGEST_S = 0.05, 5.0
#: Seconds of hearing after which calls with a leg are judged: twice what a waiting wish waits between two tries.
SETTLE_S = 1.0
#: Calls woken by one look.
AT_ONCE = 500


class Alarms:
    """Wakes calls. `hears` is told by the listener: yes after the first look, no when deaf."""

    def __init__(self, ledger: Ledger, taker: Taker, clock: Clock) -> None:
        self._ledger = ledger
        self._taker = taker
        self._clock = clock
        self._next: datetime | None = None
        self._sooner = asyncio.Event()
        self._judges_from: float | None = None

    def hears(self, hearing: bool) -> None:
        """Whether Asterisk is heard, from now on."""
        if not hearing:
            self._judges_from = None
        elif self._judges_from is None:
            # Not the wall clock: it may be set while the service waits.
            self._judges_from = asyncio.get_running_loop().time() + SETTLE_S

    def set(self, at: datetime) -> None:
        """A deadline was committed."""
        if self._next is None or at < self._next:
            self._next = at
            self._sooner.set()

    async def run(self) -> None:
        """Ring until cancelled."""
        while True:
            try:
                self._next = await self._ledger.next_wake()
                self._sooner.clear()
                if await self._has_come():
                    await asyncio.sleep(SHORTEST_S)
                    await self.ring()
            except LedgerUnavailable:
                await asyncio.sleep(1.0)

    async def _has_come(self) -> bool:
        """Wait for the next deadline. False when it is time to read it anew: not every commit can be heard of."""
        loop = asyncio.get_running_loop()
        read_again = loop.time() + LONGEST_S
        while (seconds := self._seconds_left()) > 0:
            if loop.time() >= read_again:
                return False
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with what it waits for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(seconds, read_again - loop.time())):
                    await self._sooner.wait()
            self._sooner.clear()
        return True

    def _seconds_left(self) -> float:
        if self._next is None:
            return LONGEST_S
        return (self._next - self._clock()).total_seconds()

    async def ring(self) -> int:
        """Wake every call that is due now; returns how many facts came of it."""
        now = self._clock()
        facts = []
        for call in await self._ledger.due(now, AT_ONCE):
            event = self._event(call, now)
            if event:
                facts.append(TakeFact(call.id, event, now, "alarm"))
        if facts:
            await asyncio.gather(*(self._taker.submit(fact) for fact in facts))
        elif not self._may_judge():
            await asyncio.sleep(LONGEST_S / 10)  # what is due must wait until Asterisk is heard
        return len(facts)

    def _event(self, call: Call, now: datetime) -> e.Event | None:
        if not has_leg(call) or self._may_judge():
            return e.TimeUp(call.state)
        return e.LegLost(call.leg) if call.leg and now >= certain_end(call) else None

    def _may_judge(self) -> bool:
        return self._judges_from is not None and asyncio.get_running_loop().time() >= self._judges_from


def certain_end(call: Call) -> datetime:
    """When the call is over for certain though nobody heard it: Asterisk itself keeps all these limits."""
    terms = call.terms
    started = call.answered_at or (call.dialled_at or call.state_since) + timedelta(seconds=terms.ring_s)
    return started + timedelta(seconds=call.limit_s + terms.grace_s)
