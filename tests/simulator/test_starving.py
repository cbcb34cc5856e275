"""A desk with more live callers than it can serve, all day, and a backlog.

Callbacks starve when a working hour goes by in which none of them rings. Live callers starve when callbacks take more
from them than `Rules.share` of the agents: so many who would have been served are not.
"""

from __future__ import annotations

import pytest

from pbx_bridge.line.pacing import Rules
from pbx_bridge.simulator.day import HOUR_S, Run
from pbx_bridge.simulator.people import End

from .days import desk_day, run, service

#: Erlangs by agents: one and a half, and three times too many.
LOADS = [1.5, 3.0]
AGENTS = 20
HANDLE_S = 309
SHARE = Rules().share


@pytest.fixture(scope="module", params=LOADS)
def pair(request: pytest.FixtureRequest) -> tuple[Run, Run]:
    """The same callers where callbacks wait until nobody holds the line, and where at least one may ring."""
    per_hour = request.param * AGENTS * 3600 / HANDLE_S
    plan = desk_day(per_hour, 300, called={"overnight": 500}, callers={"keeps": 0}, hours="09:00-20:30")
    never, one = (run(plan, service(least=least)) for least in (0, 1))
    return never, one


def hours_without_a_callback(of: Run) -> int:
    rung = {int(second // HOUR_S) for each in of.citizens for second in each.rung_s}
    return sum(hour not in rung for hour in range(9, 20))


def live_served(of: Run) -> int:
    return sum(each.end is End.SERVED and not each.called_back for each in of.citizens)


def test_callbacks_do_not_starve_where_at_least_one_may_ring(pair: tuple[Run, Run]) -> None:
    never, one = pair
    assert hours_without_a_callback(never) >= 8
    assert hours_without_a_callback(one) == 0


def test_live_callers_do_not_starve_either(pair: tuple[Run, Run]) -> None:
    never, one = pair
    assert live_served(one) >= (1 - SHARE) * live_served(never)


def test_whoever_is_called_back_meets_an_agent_and_not_a_queue(pair: tuple[Run, Run]) -> None:
    _, one = pair
    stood = [each.waited_s or 0.0 for each in one.citizens if each.called_back and each.joined_s is not None]
    assert len(stood) > 100
    assert sum(stood) / len(stood) < 30
