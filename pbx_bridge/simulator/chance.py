"""What nobody decides: when people call, how patient they are, how long they talk, whether they answer.

Each kind has a stream of its own, so that a change of one rule does not change who calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from math import inf, log1p, sqrt
from random import Random
from typing import Final

from .plan import Called, Callers, Talk

#: A talk is never shorter (seconds).
_SHORTEST_S: Final = 1.0
_DAY_S: Final = 86400.0
#: How much those who answer a telephone differ: deviation by mean.
_HASTE: Final = 0.5


class Reach(StrEnum):
    """What an attempt comes to."""

    CITIZEN = "citizen"
    MACHINE = "machine"
    NOBODY = "nobody"


class Chance:
    """All streams of one run. The same seed gives the same day, on every machine."""

    def __init__(self, seed: int) -> None:
        self._come, self._homes, self._patience, self._talks, self._reach, self._keys, self._pick = (
            Random(f"{seed}:{stream}")  # noqa: S311 - nothing here is secret
            for stream in ("come", "homes", "patience", "talks", "reach", "keys", "pick")
        )

    def arrivals(self, per_hour: tuple[float, ...]) -> Iterator[float]:
        """The moments of one day (seconds after its midnight) at which somebody calls: Poisson, slot by slot."""
        slot_s = _DAY_S / len(per_hour)
        for number, rate in enumerate(per_hour):
            at = number * slot_s
            while rate > 0:
                at += self._come.expovariate(rate / 3600)
                if at >= (number + 1) * slot_s:
                    break
                yield at

    def between(self, start: float, end: float, count: int) -> list[float]:
        """So many moments in a stretch of time, sorted."""
        return sorted(self._come.uniform(start, end) for _ in range(count))

    def zone(self, callers: Callers) -> str:
        """Where somebody lives."""
        return self._homes.choices(list(callers.zones), list(callers.zones.values()))[0]

    def patience_s(self, callers: Callers) -> float:
        """How long somebody holds the line."""
        return inf if callers.scale_s == inf else self._patience.weibullvariate(callers.scale_s, callers.patience_shape)

    def talk_s(self, talk: Talk) -> float:
        """How long somebody talks."""
        if talk.kind == "exponential":
            return self._talks.expovariate(1 / talk.mean_s)
        return max(_SHORTEST_S, _lognormal(self._talks, talk.mean_s, talk.cv))

    def pick_up_s(self, talk: Talk) -> float:
        """How long an agent's telephone rings."""
        return _lognormal(self._pick, talk.pick_up_s, _HASTE)

    def attempt(self, called: Called) -> tuple[Reach, float]:
        """Whom an attempt reaches, and after how many seconds it is known."""
        luck, answered = self._reach.random(), _lognormal(self._reach, called.answers_s, _HASTE)
        if luck >= called.answers + called.machines:
            return Reach.NOBODY, called.ring_s
        reach = Reach.CITIZEN if luck < called.answers else Reach.MACHINE
        return reach, min(answered, called.ring_s) + called.prove_s

    def keeps(self, callers: Callers) -> bool:
        """Whether somebody would rather be called back."""
        return self._keys.random() < callers.keeps


def _lognormal(luck: Random, mean: float, cv: float) -> float:
    if mean <= 0:
        return 0.0
    if cv <= 0:
        return mean
    variance = log1p(cv * cv)
    # A lognormal's mean lies half its variance above its middle.
    return mean * luck.lognormvariate(-variance / 2, sqrt(variance))
