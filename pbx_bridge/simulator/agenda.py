"""The virtual clock: what is to happen next, and nothing happens in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count


class Agenda:
    """`now` is seconds since `start`. What is due at the same moment happens in the order in which it was noted."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.now = 0.0
        self._numbers = count()
        self._notes: list[tuple[float, int, Callable[[], None]]] = []

    @property
    def at(self) -> datetime:
        """Now, as the rules want it."""
        return self.when(self.now)

    def when(self, second: float) -> datetime:
        """The moment of a second."""
        return self.start + timedelta(seconds=second)

    def second(self, at: datetime) -> float:
        """The second of a moment."""
        return (at - self.start).total_seconds()

    def note(self, second: float, action: Callable[[], None]) -> None:
        """Let this happen then; what is past happens next."""
        heappush(self._notes, (max(second, self.now), next(self._numbers), action))

    def step(self, until: float) -> bool:
        """Let the next thing happen; False when there is none before `until`, where the clock stops then."""
        if not self._notes or self._notes[0][0] > until:
            self.now = until
            return False
        self.now, _, action = heappop(self._notes)
        action()
        return True
