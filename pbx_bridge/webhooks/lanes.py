"""Whose turn it is. One receiver that is slow or down never costs another one time. Pure: time comes from outside.

A receiver has a few tries under way at once. The first of them never waits for others' seats; further ones share a
bounded number. One that keeps failing has a single try under way, after pauses that rise: the others of its deliveries
wait, and lose none of their own tries by it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..ledger.postings import Lane

#: Tries under way at one receiver, and beside the first ones at all together.
MOST_OF_LANE, MOST_TOGETHER = 4, 32
#: So many failures in a row, and a receiver is only probed.
AILING = 4
#: Seconds between two probes: the first, and the longest.
PROBE_S, LONGEST_PROBE_S = 1.0, 30.0
#: So many moments are remembered of a lane; others are found by looking (courier.LOOK_S).
TIMES = 100


@dataclass(slots=True)
class _State:
    times: list[datetime] = field(default_factory=list)
    """A heap of moments at which a look is worth it."""
    under_way: int = 0
    failures: int = 0
    not_before: datetime | None = None


class Lanes:
    """All receivers that are owed something."""

    def __init__(self) -> None:
        self._states: dict[Lane, _State] = {}

    def owed(self, lane: Lane, due: datetime) -> None:
        """It is worth looking at this lane then."""
        state = self._states.setdefault(lane, _State())
        if due not in state.times and (len(state.times) < TIMES or due < state.times[0]):
            heapq.heappush(state.times, due)

    def wanted(self, at: datetime) -> list[tuple[Lane, int]]:
        """How many deliveries each lane may begin now, where it may begin any."""
        spare = self._spare()
        found = []
        for lane, state in self._states.items():
            free_at = _next(state)
            if free_at is None or free_at > at:
                continue
            first = 1 if state.under_way == 0 else 0
            more = min(_seats(state) - state.under_way - first, spare)
            if first + max(more, 0) > 0:
                found.append((lane, first + max(more, 0)))
                spare -= max(more, 0)
        return found

    def begun(self, asked: Iterable[tuple[Lane, int]], begun: Mapping[Lane, int], at: datetime) -> None:
        """What came of `wanted` at that moment. A lane that gave less than it was asked for has no more that is due."""
        for lane, seats in asked:
            state = self._states[lane]
            state.under_way += begun.get(lane, 0)
            if begun.get(lane, 0) < seats:
                while state.times and state.times[0] <= at:
                    heapq.heappop(state.times)
            self._forget(lane)

    def rest(self, lane: Lane) -> None:
        """Nothing can be sent there now; somebody will say when (`owed`)."""
        if lane in self._states:
            self._states[lane].times.clear()
            self._forget(lane)

    def ended(self, lane: Lane, at: datetime, *, failed: bool, asked_s: float = 0.0) -> bool:
        """A try is over; the receiver asked to be left alone for so long. Whether it just began or ceased to ail."""
        state = self._states.setdefault(lane, _State())
        ailed = state.failures >= AILING
        state.under_way = max(0, state.under_way - 1)
        state.failures = state.failures + 1 if failed else 0
        probe_s = min(PROBE_S * 2.0 ** min(state.failures - AILING, 10), LONGEST_PROBE_S) if _ails(state) else 0.0
        pause_s = max(probe_s, asked_s)
        state.not_before = at + timedelta(seconds=pause_s) if pause_s else None
        return ailed is not _ails(state)

    def ails(self, lane: Lane) -> bool:
        """Whether it is only probed."""
        return lane in self._states and _ails(self._states[lane])

    def next_at(self) -> datetime | None:
        """When something can begin; None while only the end of a try, or news, can change that."""
        spare = self._spare()
        free = [
            each for each in self._states.values() if not each.under_way or (spare and each.under_way < _seats(each))
        ]
        return min((at for state in free if (at := _next(state))), default=None)

    def _spare(self) -> int:
        """Seats for second and further tries that nobody has."""
        return max(0, MOST_TOGETHER - sum(max(0, state.under_way - 1) for state in self._states.values()))

    def _forget(self, lane: Lane) -> None:
        state = self._states[lane]
        if not state.times and not state.under_way and not state.failures:
            del self._states[lane]


def _ails(state: _State) -> bool:
    return state.failures >= AILING


def _seats(state: _State) -> int:
    return 1 if _ails(state) else MOST_OF_LANE


def _next(state: _State) -> datetime | None:
    if not state.times:
        return None
    return max(state.times[0], state.not_before) if state.not_before else state.times[0]
