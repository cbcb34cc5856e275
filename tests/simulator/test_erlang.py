"""Below capacity the simulated desk is Erlang's: C without end of patience, A with an exponential one.

Tolerances come from the sample: the mean of N independent days lies within t · s/√N of the truth, s being their own
deviation and t Student's quantile for N - 1, exceeded by chance once in a thousand.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, sqrt
from statistics import fmean, stdev

import pytest

from pbx_bridge.line.erlang import Load, erlang_a, erlang_c
from pbx_bridge.simulator.figures import Figures, figures

from .days import PLAIN_DESK, plain_day, run

DAYS = 16
#: Student's t, 15 degrees of freedom, 0.999 on both sides together.
T = 4.073
AGENTS, PER_HOUR, TALK_S, WITHIN_S = 14, 200, 180, 20
LOAD = Load(PER_HOUR / 3600, TALK_S, AGENTS)


def days(patience_s: float, **other: float) -> list[Figures]:
    asked = {"agents": AGENTS, "per_hour": PER_HOUR, "talk_s": TALK_S, "patience_s": patience_s} | other
    plan = plain_day(**asked)  # type: ignore[arg-type]
    return [figures(run(plan, PLAIN_DESK, seed), WITHIN_S) for seed in range(DAYS)]


def near(sample: list[Figures], of: Callable[[Figures], float | None], truth: float, coarsest: float) -> None:
    """`coarsest` is how far a tolerance may reach before the sample proves too little."""
    values = [value for each in sample if (value := of(each)) is not None]
    assert len(values) == DAYS
    tolerance = T * stdev(values) / sqrt(DAYS)
    assert tolerance < coarsest
    assert fmean(values) == pytest.approx(truth, abs=tolerance)


def test_who_never_gives_up_waits_as_long_as_erlang_c_says() -> None:
    sample, truth = days(inf), erlang_c(LOAD, WITHIN_S)
    near(sample, lambda day: day.service_level, truth.within, 0.02)
    near(sample, lambda day: day.wait_mean_s, truth.mean_wait_s, 2.0)
    near(sample, lambda day: day.occupancy, truth.occupancy, 0.015)
    assert {day.abandoned for day in sample} == {0.0}


def test_with_exponential_patience_it_is_erlang_a() -> None:
    sample, truth = days(120.0), erlang_a(LOAD, 120, WITHIN_S)
    near(sample, lambda day: day.service_level, truth.within, 0.02)
    near(sample, lambda day: day.wait_mean_s, truth.mean_wait_s, 1.0)
    near(sample, lambda day: day.abandoned, truth.abandoned, 0.01)


def test_beyond_capacity_erlang_a_still_holds() -> None:
    sample, truth = days(240.0, per_hour=340.0), erlang_a(Load(340 / 3600, TALK_S, AGENTS), 240, WITHIN_S)
    near(sample, lambda day: day.abandoned, truth.abandoned, 0.02)
    near(sample, lambda day: day.wait_mean_s, truth.mean_wait_s, 4.0)
    near(sample, lambda day: day.occupancy, truth.occupancy, 0.01)
