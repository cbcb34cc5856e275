"""A queue as it is seen at a moment, and what the rules of waiting make of it. The service sees Asterisk's queues, the
simulator its own; from here on both go the same way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .estimate import Estimate, Learned, Staff, estimate
from .pacing import Desk, expected_free

#: Until somebody who is rung now stands in the queue (seconds): how far ahead agents are expected.
HORIZON_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Sight:
    """`agents` are logged in and do not pause, `free` of them can be offered a call. `waiting` are all in the queue
    whom no agent has answered yet, `coming` live callers on their way into it, `ringing` callbacks on theirs.
    `longest_wait_s` is that of the first live caller, `quiet_s` the time since a callback last began to ring (0: not
    known). `called_back` of those who wait are callbacks: an agent is spoken for until one has answered them, so they
    count with those that ring, and not with the live."""

    agents: int = 0
    free: int = 0
    waiting: int = 0
    coming: int = 0
    ringing: int = 0
    longest_wait_s: float = 0.0
    quiet_s: float = 0.0
    called_back: int = 0

    def wait(self, position: int, learned: Learned, *, called_back: bool = False) -> Estimate:
        """What somebody at this place is told. Callbacks that ring will stand before a live caller."""
        ahead = 0 if called_back else self.ringing
        return estimate(position + ahead, Staff(self.agents, self.free), learned)

    def newcomer(self, learned: Learned) -> Estimate:
        """What somebody who asks for a call now would be told."""
        return self.wait(self.waiting + self.coming + 1, learned)

    def desk(self, learned: Learned, at: datetime) -> Desk:
        """The queue for the pacing of callbacks."""
        return Desk(
            at,
            free=self.free,
            expected=expected_free(self.agents - self.free, learned.handle_s, HORIZON_S),
            live=self.waiting - self.called_back,
            coming=self.coming,
            longest_wait_s=self.longest_wait_s,
            ringing=self.ringing + self.called_back,
            freed=(self.agents - self.free) * self.quiet_s / learned.handle_s,
        )
