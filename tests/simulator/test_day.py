"""What happens in a simulated day, in small."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from time import process_time

import pytest

from pbx_bridge.directory.service import WhenFull
from pbx_bridge.hours.night import night_until
from pbx_bridge.simulator.day import HOUR_S, Run
from pbx_bridge.simulator.figures import figures, quantile, together
from pbx_bridge.simulator.floor import HoldTime
from pbx_bridge.simulator.people import End

from .days import ALWAYS, desk_day, plan, run, service


def ends(of: Run) -> set[End | None]:
    return {each.end for each in of.citizens}


def test_the_same_seed_gives_the_same_day_and_another_another() -> None:
    one, same, other = (figures(run(desk_day(60), seed=seed), 20) for seed in (7, 7, 8))
    assert one == same != other


def test_whoever_asks_at_night_is_called_in_the_morning_in_order() -> None:
    told = run(plan(callers={"per_hour": [20] * 9 + [0] * 15}))
    first = sorted((each.rung_s[0], each.asked_s) for each in told.citizens if each.rung_s)
    assert len(first) == len(told.citizens) > 100
    assert first[0][0] == 9 * HOUR_S
    assert all(one[1] < other[1] for one, other in pairwise(first))


def test_nobody_is_rung_in_their_night_wherever_they_live() -> None:
    zones = {"Europe/Moscow": 1, "Asia/Kamchatka": 1, "America/New_York": 1, "Europe/Kaliningrad": 1}
    # More than can be called before it is night in Kamchatka, where 22:00 is one o'clock in Moscow.
    told = run(plan(days=2, agents=10, callers={"per_hour": 60, "zones": zones}, called={"overnight": 3000}))
    rung = [(each.zone, second) for each in told.citizens for second in each.rung_s]
    assert {zone for zone, _ in rung} == set(zones)
    assert sum(each.rung_closed for each in told.citizens) == 0
    for zone, second in rung:
        assert night_until(zone, told.start.fromtimestamp(told.start.timestamp() + second, told.start.tzinfo)) is None


def test_a_line_that_is_too_long_turns_newcomers_into_callbacks() -> None:
    told = run(desk_day(400, 300, hours="09:00-20:30"), service(size=10))
    assert max(each.waited_s or 0 for each in told.citizens if not each.called_back) < 900
    assert figures(told, 20).asked > 500


@pytest.mark.parametrize(
    ("then", "end"), [(WhenFull.END, End.TURNED_AWAY), (WhenFull.OVERFLOW, End.OVERFLOWED)], ids=["end", "overflow"]
)
def test_or_sends_them_elsewhere_or_away_as_the_service_says(then: WhenFull, end: End) -> None:
    told = run(desk_day(400, 300), service(size=10, then=then, overflow="second"))
    assert end in ends(told)
    assert figures(told, 20).asked == 0


def test_who_has_waited_long_enough_leaves_the_queue() -> None:
    told = run(desk_day(400, 300), service(queue_s=60, then=WhenFull.END))
    # Whoever an agent's telephone rings for stays until it is picked up.
    assert max(each.waited_s or 0 for each in told.citizens) < 60 + 20
    assert End.TURNED_AWAY in ends(told)


def test_an_agent_whose_shift_is_over_brings_the_call_to_its_end() -> None:
    told = run(plan(agents=3, hours="00:00-06:00", callers={"per_hour": 400}), service(ALWAYS))
    answered = [each.answered_s for each in told.citizens if each.answered_s is not None]
    assert max(answered) < 6 * HOUR_S + 30
    assert told.staffed_s > 3 * 6 * HOUR_S


def test_everybody_has_an_end_or_waits() -> None:
    told = run(desk_day(300, 300, called={"overnight": 200}))
    open_ = [each for each in told.citizens if each.end is None]
    assert len(open_) == told.backlog[-1]


def test_app_queue_forgets_three_quarters_slowly_and_counts_whole_seconds() -> None:
    hold = HoldTime()
    for waited in (10.9, 10, 10):
        hold.answered(waited)
    assert hold.seconds == 5  # 2, 4, 5


def test_two_thousand_callers_and_five_thousand_callbacks_take_a_few_seconds() -> None:
    started = process_time()
    told = run(desk_day(182, called={"overnight": 5000}))
    assert len(told.citizens) > 6800
    assert process_time() - started < 5


def test_several_runs_have_a_mean_and_a_spread() -> None:
    one, other = (figures(run(desk_day(60), seed=seed), 20) for seed in (1, 2))
    spread = together([one, other])
    assert spread["live"] is not None
    assert spread["live"].mean == (one.live + other.live) / 2
    assert spread["live"].runs == 2
    assert spread.keys() == asdict(one).keys()


def test_a_quantile_is_a_value_of_the_sample() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2
    assert quantile([1, 2, 3, 4], 0.99) == 4
    assert quantile([], 0.5) is None
