"""The same day by Erlang's formulas: each hour as if it had always been so, and hours weighted by their calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf

from ..directory.service import Service
from ..line.erlang import Figures, Load, erlang_a, erlang_c
from .day import HOUR_S, Run
from .plan import Plan, staffing


@dataclass(frozen=True, slots=True)
class Beside:
    """`c`: nobody gives up; `a`: patience is exponential. None: no hour has agents and live callers. Callbacks, which
    fill what live callers leave, are in neither."""

    c: Figures | None
    a: Figures | None
    hours: int


def beside(plan: Plan, service: Service, runs: Sequence[Run]) -> Beside:
    """What the formulas say of the live callers who came. An hour that nobody works is left out."""
    loads = _loads(plan, service, runs)
    weights = [load.arrivals_per_s for load in loads]
    c = _weighted([erlang_c(load, plan.within_s) for load in loads], weights)
    if plan.callers.patience_s == inf:
        return Beside(c, c, len(loads))
    a = _weighted([erlang_a(load, plan.callers.patience_s, plan.within_s) for load in loads], weights)
    return Beside(c, a, len(loads))


def _loads(plan: Plan, service: Service, runs: Sequence[Run]) -> list[Load]:
    if not runs:
        return []
    handle_s = plan.talk.mean_s + plan.talk.pick_up_s + service.wrap_up_s
    hours = int(runs[0].lasts_s // HOUR_S)
    calls = [0] * hours
    for run in runs:
        for each in run.citizens:
            if not each.called_back and each.joined_s is not None and each.joined_s < hours * HOUR_S:
                calls[int(each.joined_s // HOUR_S)] += 1
    agents = _agents(plan, service, runs[0], hours)
    return [
        Load(count / len(runs) / HOUR_S, handle_s, working)
        for count, working in zip(calls, agents, strict=True)
        if count and working
    ]


def _agents(plan: Plan, service: Service, run: Run, hours: int) -> list[int]:
    """How many agents are there in each hour, on average and rounded."""
    changes = [((at - run.start).total_seconds(), agents) for at, agents in staffing(plan, service.hours.zone)]
    found = []
    for hour in range(hours):
        begin, end, total = hour * HOUR_S, (hour + 1) * HOUR_S, 0.0
        for number, (since, agents) in enumerate(changes):
            until = changes[number + 1][0] if number + 1 < len(changes) else inf
            total += agents * max(0.0, min(end, until) - max(begin, since))
        found.append(round(total / timedelta(hours=1).total_seconds()))
    return found


def _weighted(parts: list[Figures], weights: list[float]) -> Figures | None:
    if not parts:
        return None
    whole = sum(weights)

    def mean(name: str) -> float:
        return sum(weight * float(getattr(part, name)) for weight, part in zip(weights, parts, strict=True)) / whole

    return Figures(mean("waiting"), mean("within"), mean("mean_wait_s"), mean("abandoned"), mean("occupancy"))
