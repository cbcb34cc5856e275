"""Five thousand asked overnight, twenty agents work, and people go on calling."""

from __future__ import annotations

from itertools import groupby, pairwise
from operator import itemgetter

import pytest

from pbx_bridge.line.pacing import expected_free
from pbx_bridge.line.sight import HORIZON_S
from pbx_bridge.simulator.day import HOUR_S, Run
from pbx_bridge.simulator.figures import figures
from pbx_bridge.simulator.people import Citizen, End

from .days import desk_day, run, service

OVERNIGHT = 5000
#: Agents stay while phones that began to ring before eight are answered.
SHIFT = "09:00-20:30"
THREE_DAYS = {"days": 3, "hours": SHIFT, "called": {"overnight": OVERNIGHT}}


@pytest.fixture(scope="module")
def drained() -> Run:
    return run(desk_day(180, **THREE_DAYS))


def overnight(of: Run) -> list[Citizen]:
    return [each for each in of.citizens if each.asked_s < 0 or (each.called_back and each.asked_s < of.opens_s)]


def test_the_backlog_is_rung_in_the_order_of_the_requests(drained: Run) -> None:
    asked = [each.asked_s for each in sorted(overnight(drained), key=lambda each: each.rung_s[0])]
    assert len(asked) == OVERNIGHT
    assert asked == sorted(asked)


def test_nobody_is_forgotten(drained: Run) -> None:
    for each in overnight(drained):
        assert each.joined_s is not None or (each.end is End.UNREACHED and len(each.rung_s) == 3)
    told = figures(drained, 20)
    assert told.left == 0
    assert told.drained_h is not None


def test_nobody_is_called_twice(drained: Run) -> None:
    for each in overnight(drained):
        assert len(each.rung_s) <= 3
        pauses = [later - sooner for sooner, later in pairwise(each.rung_s)]
        assert all(pause > least for pause, least in zip(pauses, (900, 3600), strict=False))
        assert each.joined_s is None or each.rung_s[-1] < each.joined_s


def test_nobody_is_called_out_of_hours(drained: Run) -> None:
    assert sum(each.rung_closed for each in drained.citizens) == 0
    assert min(min(each.rung_s) for each in overnight(drained)) == drained.opens_s == 9 * HOUR_S


def test_no_phone_begins_to_ring_beyond_the_agents_free_or_expected(drained: Run) -> None:
    assert drained.most_ringing == 20
    assert drained.over == 0


def test_the_agents_free_or_expected_are_passed_only_where_a_live_caller_takes_one_or_talks_grow_longer() -> None:
    """Without the two, at every instant no more phones ring than agents are free or expected."""
    alone = run(desk_day(0, **THREE_DAYS | {"talk": {"mean_s": 120, "cv": 0, "pick_up_s": 0}}), service(handle_s=125))
    assert figures(alone, 20).left == 0
    assert (alone.most_over, alone.over_s) == (0, 0)
    assert most_beyond(alone, agents=20, handle_s=125) == 0


def most_beyond(of: Run, agents: int, handle_s: float) -> int:
    """The same by a second opinion, from what happened to each citizen."""
    ring, talk = [], []
    for each in of.citizens:
        ring += [(second, 1) for second in each.rung_s] + [(second, -1) for second in each.known_s]
        if each.answered_s is not None:
            talk += [(each.answered_s, 1), (each.answered_s + handle_s, -1)]
    ringing, busy, most = 0, 0, -agents
    for _, together in groupby(
        sorted([(at, by, 0) for at, by in ring] + [(at, 0, by) for at, by in talk]), itemgetter(0)
    ):
        for _, rings, talks in together:
            ringing, busy = ringing + rings, busy + talks
        most = max(most, ringing - (agents - busy) - expected_free(busy, handle_s, HORIZON_S))
    return most


def test_with_live_callers_they_are_passed_by_few_and_for_moments(drained: Run) -> None:
    assert drained.most_over <= 3
    assert drained.over_s < 0.01 * 33 * HOUR_S


def test_live_callers_do_not_pay_for_the_backlog(drained: Run) -> None:
    """Whoever holds the line waits less than it takes to stop callbacks, but for one of a hundred."""
    alone = figures(run(desk_day(180, days=3, hours=SHIFT)), 20)
    told = figures(drained, 20)
    assert told.wait_p99_s is not None
    assert told.wait_mean_s is not None
    assert alone.wait_mean_s is not None
    assert told.wait_p99_s < service().callbacks.rules.starve_s
    assert told.wait_mean_s < alone.wait_mean_s + 5
