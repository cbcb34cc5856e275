"""What a run comes to, in the figures that desks are judged by, and several runs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import ceil, inf
from statistics import fmean, stdev

from ..line.calibration import Held
from .day import HOUR_S, Run
from .people import Citizen, End, Told


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run. Shares are 0 to 1, times are seconds; None: there was nobody of whom to tell it.

    Live callers are those who came into the queue without having been called back; `wait_*_s` counts all of them,
    those who gave up too. `called_wait_*_s` is how long those who were called back then stood in the queue.
    `held*` and `error*_s` are about promises (line.calibration); those with `queued` are of people for whom no agent
    was free, `hold_error_s` is what app_queue would have been wrong by for the same people.
    """

    live: float
    service_level: float | None
    wait_mean_s: float | None
    wait_p50_s: float | None
    wait_p90_s: float | None
    wait_p99_s: float | None
    abandoned: float | None
    occupancy: float | None
    turned_away: float
    overflowed: float
    asked: float
    reached: float
    given_up: float
    left: float
    attempts: float
    called_wait_mean_s: float | None
    called_wait_p90_s: float | None
    drained_95_h: float | None
    drained_h: float | None
    most_ringing: float
    over: float
    most_over: float
    over_s: float
    held: float | None
    error_s: float | None
    held_queued: float | None
    error_queued_s: float | None
    hold_error_s: float | None


def figures(run: Run, within_s: float) -> Figures:
    """Of one run. Whoever still waits at its end is in no wait."""
    live = [each for each in run.citizens if not each.called_back and each.waited_s is not None]
    called = [each for each in run.citizens if each.called_back]
    early = [each for each in called if each.asked_s < run.opens_s]
    waits, stood = _waits(live), _waits([each for each in called if each.answered_s is not None])
    in_time = sum(each.answered_s is not None and (each.waited_s or 0.0) <= within_s for each in live)
    queued = [each for each in run.told if not each.found_free]
    all_held, queued_held = _sum(run.told), _sum(queued)
    ends = {end: sum(each.end is end for each in called) for end in End}
    return Figures(
        live=len(live),
        service_level=_quotient(in_time, len(live)),
        wait_mean_s=fmean(waits) if waits else None,
        wait_p50_s=quantile(waits, 0.5),
        wait_p90_s=quantile(waits, 0.9),
        wait_p99_s=quantile(waits, 0.99),
        abandoned=_quotient(sum(each.end is End.ABANDONED for each in live), len(live)),
        occupancy=_quotient(run.worked_s, run.staffed_s),
        turned_away=sum(each.end is End.TURNED_AWAY for each in run.citizens),
        overflowed=sum(each.end is End.OVERFLOWED for each in run.citizens),
        asked=len(called),
        reached=sum(each.joined_s is not None for each in called),
        given_up=ends[End.UNREACHED] + ends[End.EXPIRED],
        left=run.backlog[-1] if run.backlog else 0,
        attempts=sum(len(each.rung_s) for each in called),
        called_wait_mean_s=fmean(stood) if stood else None,
        called_wait_p90_s=quantile(stood, 0.9),
        drained_95_h=_drained_h(run, early, 0.95),
        drained_h=_drained_h(run, early, 1.0),
        most_ringing=run.most_ringing,
        over=run.over,
        most_over=run.most_over,
        over_s=run.over_s,
        held=all_held.share,
        error_s=all_held.mean_error_s,
        held_queued=queued_held.share,
        error_queued_s=queued_held.mean_error_s,
        hold_error_s=_mean([each.hold_wrong_s for each in queued if each.hold_wrong_s is not None]),
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """Several runs together: the mean, the deviation from run to run (0 for one run), and how many runs could tell."""

    mean: float
    deviation: float
    runs: int


def together(runs: Sequence[Figures]) -> dict[str, Spread | None]:
    """Each figure over all runs; None where none could tell."""
    found: dict[str, Spread | None] = {}
    for each in fields(Figures):
        values = [value for run in runs if (value := getattr(run, each.name)) is not None]
        found[each.name] = _spread(values)
    return found


def _spread(values: list[float]) -> Spread | None:
    return Spread(fmean(values), stdev(values) if len(values) > 1 else 0.0, len(values)) if values else None


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that this share does not pass; None of nothing."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


def _done_s(citizen: Citizen) -> float:
    """When somebody did not wait for a callback any more; endless for who still does."""
    done = citizen.joined_s if citizen.joined_s is not None else citizen.ended_s
    return inf if done is None else done


def _drained_h(run: Run, citizens: Sequence[Citizen], share: float) -> float | None:
    done = quantile(sorted(_done_s(each) for each in citizens), share)
    return None if done is None or done == inf else (done - run.opens_s) / HOUR_S


def _waits(citizens: Sequence[Citizen]) -> list[float]:
    return sorted(each.waited_s for each in citizens if each.waited_s is not None)


def _sum(told: Sequence[Told]) -> Held:
    return sum((each.held for each in told), Held())


def _quotient(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
