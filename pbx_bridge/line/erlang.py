"""Erlang's formulas, to compare a simulated day with what telephone engineers reckon by.

Erlang C: nobody gives up; Erlang A: patience is exponential. Both know one steady load, no days. Sources: A. K. Erlang
1917; A. Mandelbaum, S. Zeltyn, "Service engineering in action: the Palm/Erlang-A queue" (2007). The recursions never
form a factorial, and integrals are scaled by their peak, so 500 agents overflow nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import exp, expm1, inf, log
from typing import Final

#: Weights are brought down before they pass what a float holds.
_HUGE: Final = 1e200


@dataclass(frozen=True, slots=True)
class Load:
    """A steady load: calls in a second, the mean handle time in seconds, agents. ValueError for what cannot be."""

    arrivals_per_s: float
    handle_s: float
    agents: int

    def __post_init__(self) -> None:
        if self.agents < 1 or self.arrivals_per_s <= 0 or self.handle_s <= 0:
            raise ValueError("a load needs agents, calls and a handle time")

    @property
    def erlangs(self) -> float:
        """How many agents it keeps busy on average, were there enough."""
        return self.arrivals_per_s * self.handle_s


@dataclass(frozen=True, slots=True)
class Figures:
    """What a formula says: shares of all calls, and the mean wait of all, in seconds."""

    waiting: float
    """The share of calls that find no agent free."""
    within: float
    """The share answered within the time asked about."""
    mean_wait_s: float
    abandoned: float
    occupancy: float


def erlang_b(erlangs: float, lines: int) -> float:
    """The share of calls that find all lines taken where nobody waits."""
    blocked = 1.0
    for line in range(1, lines + 1):
        blocked = erlangs * blocked / (line + erlangs * blocked)
    return blocked


def erlang_c(load: Load, within_s: float) -> Figures:
    """Nobody gives up: with more load than agents the queue grows for ever."""
    spare = load.agents - load.erlangs
    if spare <= 0:
        return Figures(waiting=1.0, within=0.0, mean_wait_s=inf, abandoned=0.0, occupancy=1.0)
    blocked = erlang_b(load.erlangs, load.agents)
    occupancy = load.erlangs / load.agents
    waiting = blocked / (1 - occupancy * (1 - blocked))
    within = 1 - waiting * exp(-spare * within_s / load.handle_s)
    return Figures(waiting, within, waiting * load.handle_s / spare, 0.0, occupancy)


def erlang_a(load: Load, patience_s: float, within_s: float) -> Figures:
    """People give up after an exponential time with the given mean (seconds)."""
    if patience_s <= 0:
        raise ValueError("patience must be longer than nothing")
    blocked = erlang_b(load.erlangs, load.agents)
    one, mass, queue = _queue_states(load, patience_s)
    # All weights are relative to "every agent busy, nobody waits"; times `blocked`, what is below them sums to 1.
    whole = (1 - blocked) * one + mass * blocked
    waiting = mass * blocked / whole
    mean_wait = queue * blocked / whole / load.arrivals_per_s
    abandoned = mean_wait / patience_s
    within = _answered_within(load, patience_s, within_s, waiting, abandoned)
    occupancy = min(1.0, load.erlangs * (1 - abandoned) / load.agents)
    return Figures(waiting, within, mean_wait, abandoned, occupancy)


def _queue_states(load: Load, patience_s: float) -> tuple[float, float, float]:
    """The weights of 0, 1, 2 … people waiting: that of 0, their sum, and the sum of people times weight."""
    one = weight = mass = 1.0
    queue = 0.0
    length = 0
    while True:
        length += 1
        ratio = load.arrivals_per_s / (load.agents / load.handle_s + length / patience_s)
        weight *= ratio
        mass += weight
        queue += length * weight
        if weight > _HUGE:
            one, weight, mass, queue = one / _HUGE, weight / _HUGE, mass / _HUGE, queue / _HUGE
        # Only beyond the peak, where what follows shrinks faster than a geometric series.
        if ratio < 1 and weight * (length + 1) < 1e-13 * (1 - ratio) * mass:
            return one, mass, queue


def _answered_within(load: Load, patience_s: float, within_s: float, waiting: float, abandoned: float) -> float:
    """At once, or after a wait that is short enough and shorter than the own patience.

    Who waits does so with a density like exp(λ/θ·(1 − e^(−θx)) − nμx), and is still there with e^(−θx); over all times
    that comes to those who wait and do not give up, which saves the constant in front.
    """
    answered_later = waiting - abandoned
    if answered_later <= 0 or within_s < 0:
        return 1 - waiting
    service = load.agents / load.handle_s
    peak = max(0.0, patience_s * log(load.arrivals_per_s / service))
    height = _log_density(load, patience_s, peak)

    def density(wait: float) -> float:
        return exp(_log_density(load, patience_s, wait) - wait / patience_s - height)

    end = peak + 1.0
    while density(end) > 1e-12 * density(peak):
        end = peak + (end - peak) * 1.5
    split = sorted({0.0, min(within_s, end), peak, end})
    parts = [(low, high, _simpson(density, low, high)) for low, high in pairwise(split)]
    whole = sum(area for _, _, area in parts)
    early = sum(area for _, high, area in parts if high <= within_s)
    return 1 - waiting + answered_later * early / whole


def _log_density(load: Load, patience_s: float, wait: float) -> float:
    growth = load.arrivals_per_s * patience_s * -expm1(-wait / patience_s)
    return growth - load.agents / load.handle_s * wait


def _simpson(curve: Callable[[float], float], low: float, high: float, steps: int = 2000) -> float:
    width = (high - low) / steps
    inner = sum((4 if step % 2 else 2) * curve(low + step * width) for step in range(1, steps))
    return (curve(low) + inner + curve(high)) * width / 3
