"""Which callbacks may ring now.

Somebody who is called back must meet an agent, not a queue; somebody who holds the line must not pay for it. So no more
phones ring than agents are free, or will be by the time the phone is answered, beside those whom live callers will
take. That few answer is no reason to ring more: two who do answer would stand before one agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nsmallest
from math import ceil, expm1, floor


@dataclass(frozen=True, slots=True)
class Rules:
    """How callbacks are tried.

    `pauses_s` lie after the first, second … attempt; the last one repeats. `least` is how many callbacks may ring
    though live callers wait, so that a desk that is overrun all day forgets nobody; with 0 callbacks wait until nobody
    holds the line. Once a live caller has waited `starve_s`, no callback starts, except, unless `least` is 0, one at a
    time and so seldom that callbacks take no more than `share` of the agents.
    """

    attempts: int = 4
    pauses_s: tuple[int, ...] = (900, 3600, 14400)
    starve_s: float = 60.0
    least: int = 0
    share: float = 0.1


@dataclass(frozen=True, slots=True)
class Waiting:
    """A callback that is not over: when it was asked for, and from when on it may ring.

    `not_before` is the latest of everything that forbids to ring: desk hours, the citizen's night, their own wish, the
    pause after an attempt.
    """

    id: str
    asked_at: datetime
    not_before: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk at a moment. `expected` is how many busy agents will be free by the time that a callback is answered,
    `coming` how many live callers will join by then, `longest_wait_s` how long the first live caller has waited.
    `freed` is about how many agents have become free since the last callback began to ring, whoever took them."""

    at: datetime
    free: int
    expected: int
    live: int = 0
    coming: float = 0.0
    longest_wait_s: float = 0.0
    ringing: int = 0
    freed: float = 0.0


def expected_free(busy: int, handle_s: float, horizon_s: float) -> int:
    """How many of so many busy agents will be free within the horizon, on average and rounded down.

    As if talks did not age: how long each has lasted says little, and an agent too many is a citizen who waits.
    """
    return floor(busy * -expm1(-horizon_s / handle_s)) if handle_s > 0 else busy


def room(desk: Desk, rules: Rules) -> int:
    """How many more callbacks may start ringing now."""
    agents = desk.free + desk.expected
    # Where everybody talks and somebody waits, nobody is ever seen free: the agent of a callback is one of many freed.
    owed = int(rules.least > 0 and desk.live > 0 and desk.freed * rules.share >= 1)
    if desk.longest_wait_s >= rules.starve_s and desk.live:
        return max(0, owed - desk.ringing)
    spare = max(floor(agents - desk.live - desk.coming), min(rules.least, agents), owed)
    return max(0, spare - desk.ringing)


def due(backlog: Iterable[Waiting], desk: Desk, rules: Rules) -> tuple[str, ...]:
    """The callbacks to start now, those that were asked for first before all others."""
    places = room(desk, rules)
    if not places:
        return ()
    ready = (each for each in backlog if each.not_before <= desk.at and each.attempts < rules.attempts)
    return tuple(each.id for each in nsmallest(places, ready, key=lambda each: (each.asked_at, each.id)))


def priority(of_service: int, *, called_back: bool) -> int:
    """Where somebody who comes into the queue stands: whoever is called back goes before live callers of the service.

    They asked before them, and did not choose this moment. What live callers lose by it is bounded by `room`.
    """
    return of_service + called_back


def again(waiting: Waiting, failed_at: datetime, rules: Rules) -> datetime | None:
    """When to try again after an attempt that reached nobody; None: that was the last. `waiting` counts it already."""
    if waiting.attempts >= rules.attempts:
        return None
    pause = rules.pauses_s[min(waiting.attempts, len(rules.pauses_s)) - 1]
    return failed_at + timedelta(seconds=pause)


def drained_in_s(waiting: int, agents: int, handle_s: float, answer_rate: float, ring_s: float) -> float | None:
    """About how long agents who do nothing else need for so many callbacks; None: never.

    An attempt that nobody answers holds an agent's place for the whole ringing time.
    """
    if not waiting:
        return 0.0
    if agents <= 0 or answer_rate <= 0:
        return None
    unanswered = (1 - answer_rate) / answer_rate * ring_s
    return ceil(waiting / agents) * (handle_s + unanswered)
