"""How long somebody at a place in the queue will wait: a likely time and one that is rarely passed.

With every agent busy, the head of the queue moves whenever a talk ends or somebody ahead gives up. At place i that
happens with rate agents / handle time + i · abandon rate; a wait at place n is the sum of n such times. Their means
add up to the likely wait, their variances to the bound. What app_queue announces knows neither the place nor the staff.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil, isfinite, sqrt
from typing import Final, Self

#: So many deviations above the mean lies what nine of ten waits stay below.
BOUND: Final = 1.28
#: An agent's telephone rings for so many seconds before somebody answers it: nobody is answered in no time.
PICK_UP_S: Final = 5.0
#: A person reads the page in steps of so many seconds.
PAGE_STEP_S: Final = 5
#: A longer time is a line that somebody forgot to hang up; it would spoil the mean for hours.
LONGEST_S: Final = 4 * 3600.0


class Why(StrEnum):
    """What an estimate rests on, or why there is none."""

    AGENT_FREE = "agent-free"
    """There are agents free for everybody up to this place."""
    CALLERS_AHEAD = "callers-ahead"
    """Place, staff, handle time and abandonment."""
    NOT_BEFORE = "not-before"
    """Known from elsewhere: it cannot be sooner."""
    NO_AGENTS = "no-agents"
    """Nobody is logged in, or all pause: any number would be invented."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds from now to the agent's answer; both None where nothing honest can be said."""

    likely_s: float | None
    at_most_s: float | None
    why: Why

    @property
    def for_page(self) -> tuple[int, int] | None:
        """Likely and at most in seconds, rounded up to steps of 5: a page must never tell less than is known."""
        return self._rounded(PAGE_STEP_S)

    @property
    def for_speech(self) -> tuple[int, int] | None:
        """Likely and at most in full minutes, rounded up, at least one."""
        pair = self._rounded(60)
        return None if pair is None else (max(1, pair[0] // 60), max(1, pair[1] // 60))

    def _rounded(self, step: int) -> tuple[int, int] | None:
        if self.likely_s is None or self.at_most_s is None:
            return None
        return ceil(self.likely_s / step) * step, ceil(self.at_most_s / step) * step


@dataclass(frozen=True, slots=True)
class Mean:
    """An exponentially weighted quotient: the newest `memory` observations count, older ones fade.

    A prior is nothing but observations that were never made: it fades the same way.
    """

    total: float
    weight: float
    memory: float

    @property
    def value(self) -> float:
        """Total by weight."""
        return self.total / self.weight

    def seen(self, total: float, weight: float = 1.0) -> Self:
        """The quotient after one more observation."""
        kept = 1 - 1 / self.memory
        return replace(self, total=self.total * kept + total, weight=self.weight * kept + weight)


@dataclass(frozen=True, slots=True)
class Learned:
    """What a queue's own calls have taught. Three numbers each, so that it can be stored and taken up again.

    `handle` is seconds per call from the agent's answer until the agent can be offered the next one, wrap-up included.
    `abandon` is people who gave up per second of waiting: who was answered has waited too, and did not give up.
    """

    handle: Mean = Mean(total=10 * 240.0, weight=10.0, memory=100.0)
    abandon: Mean = Mean(total=5.0, weight=5 * 600.0, memory=400.0)

    @classmethod
    def expecting(cls, handle_s: float, patience_s: float) -> Self:
        """The start for a queue of which a mean handle time and a mean patience are guessed (seconds)."""
        fresh = cls()
        return cls(
            handle=replace(fresh.handle, total=fresh.handle.weight * handle_s),
            abandon=replace(fresh.abandon, weight=fresh.abandon.total * patience_s),
        )

    def handled(self, seconds: float) -> Self:
        """An agent has become available again after so many seconds with a call. ValueError for no time at all."""
        return replace(self, handle=self.handle.seen(_time(seconds)))

    def left(self, waited_s: float, *, abandoned: bool) -> Self:
        """Somebody has left the queue after so many seconds, answered or not. ValueError for no time at all."""
        return replace(self, abandon=self.abandon.seen(1.0 if abandoned else 0.0, _time(waited_s)))

    @property
    def handle_s(self) -> float:
        """The mean handle time in seconds; never below one, lest a few lost calls promise the impossible."""
        return max(1.0, self.handle.value)

    @property
    def abandon_rate(self) -> float:
        """How many of those who wait give up in a second, each."""
        return self.abandon.value


@dataclass(frozen=True, slots=True)
class Staff:
    """Agents who are logged in and do not pause, and how many of them are free. `not_before_s` is what is known from
    elsewhere, such as the seconds until the desk opens, `pick_up_s` how long an agent's telephone rings."""

    agents: int
    free: int = 0
    not_before_s: float = 0.0
    pick_up_s: float = PICK_UP_S


def estimate(position: int, staff: Staff, learned: Learned) -> Estimate:
    """The wait at a place, counted from 1. ValueError for a place that nobody can have."""
    if position < 1:
        raise ValueError(f"places count from 1, not {position}")
    if staff.agents <= 0:
        return Estimate(None, None, Why.NO_AGENTS)
    queue = variance = 0.0
    served = staff.agents / learned.handle_s
    # Agents who are free take the first places at once; from there on the queue is one of busy agents.
    for place in range(1, position - staff.free + 1):
        step = 1 / (served + place * learned.abandon_rate)
        queue += step
        variance += step * step
    # Whose agents' telephones ring still count as waiting, so a longer queue has its ringing in it already.
    mean = max(queue, staff.pick_up_s)
    at_most = mean + BOUND * sqrt(variance + staff.pick_up_s**2)
    if mean < staff.not_before_s:
        return Estimate(staff.not_before_s, staff.not_before_s + at_most, Why.NOT_BEFORE)
    return Estimate(mean, at_most, Why.CALLERS_AHEAD if queue else Why.AGENT_FREE)


def _time(seconds: float) -> float:
    if not isfinite(seconds) or seconds < 0:
        raise ValueError(f"{seconds} seconds is no time that can have passed")
    return min(seconds, LONGEST_S)
